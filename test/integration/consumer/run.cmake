# cmake -DBUILD_DIR=... -DWORK_DIR=... -DLAUNCHER=... -P run.cmake
# Installs the build tree into a fresh prefix, builds the consumer against it alone, runs it and the installed programs.
function(run)
  list(JOIN ARGN " " shown)
  message(STATUS "${shown}")
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(REMOVE_RECURSE ${WORK_DIR})
set(prefix ${WORK_DIR}/prefix)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD_DIR} --prefix ${prefix} OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK_DIR}/build -G Ninja -DCMAKE_BUILD_TYPE=Release
  -DCMAKE_PREFIX_PATH=${prefix} "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}")
run(${CMAKE_COMMAND} --build ${WORK_DIR}/build)
run(${WORK_DIR}/build/consumer)

# Nothing may depend on the build tree or on LD_LIBRARY_PATH.
file(GLOB programs ${prefix}/bin/lintorch-*)
foreach(program IN LISTS programs)
  run(${CMAKE_COMMAND} -E env --unset=LD_LIBRARY_PATH ${program} --version)
endforeach()
file(GLOB_RECURSE package_files ${prefix}/*.cmake)
foreach(file IN LISTS package_files)
  file(READ ${file} text)
  string(FIND "${text}" "${BUILD_DIR}/" found)
  if(NOT found EQUAL -1)
    message(FATAL_ERROR "${file} refers to the build tree")
  endif()
endforeach()
