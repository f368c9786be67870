# LINTORCH_GIT_COMMIT: abbreviated commit at configure time, "-dirty" with local changes, "unknown" outside a checkout.
set(LINTORCH_GIT_COMMIT unknown)
find_package(Git QUIET)
if(Git_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} describe --always --dirty --abbrev=12 --exclude *
    WORKING_DIRECTORY ${CMAKE_CURRENT_LIST_DIR} OUTPUT_VARIABLE described
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(described)
    set(LINTORCH_GIT_COMMIT ${described})
  endif()
endif()
