# lintorch_add_tests(tier SOURCES...): one Catch2 binary per tier (unit, parity, integration, gpu), one ctest entry per
# source file (filtered by the file's tag), all labelled with the tier.
#
# Convention: every TEST_CASE in foo_test.cpp carries the tag [foo].
find_path(LINTORCH_CATCH2_INCLUDE catch2/catch.hpp REQUIRED)
add_library(lintorch_test_main OBJECT ${PROJECT_SOURCE_DIR}/test/support/main.cpp)
target_include_directories(lintorch_test_main SYSTEM PUBLIC ${LINTORCH_CATCH2_INCLUDE})
target_link_libraries(lintorch_test_main PUBLIC lintorch)
target_compile_definitions(lintorch_test_main PRIVATE LINTORCH_PROJECT_ROOT="${PROJECT_SOURCE_DIR}")
lintorch_set_compile_options(lintorch_test_main)

add_library(lintorch_gpu_test_main OBJECT ${PROJECT_SOURCE_DIR}/test/support/gpu_main.cpp)
target_link_libraries(lintorch_gpu_test_main PUBLIC lintorch)
target_include_directories(lintorch_gpu_test_main SYSTEM PUBLIC ${LINTORCH_CATCH2_INCLUDE})
lintorch_set_compile_options(lintorch_gpu_test_main)

function(lintorch_add_tests tier)
  set(target lintorch_${tier}_tests)
  add_executable(${target} ${ARGN})
  lintorch_set_compile_options(${target})
  lintorch_use_torch_pch(${target})
  target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fPIC>)
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  if(tier STREQUAL "gpu")
    target_link_libraries(${target} PRIVATE lintorch_gpu_test_main fmt::fmt)
  else()
    target_link_libraries(${target} PRIVATE lintorch_test_main fmt::fmt)
  endif()
  # Relative to the source folder, where test/support/main.cpp goes first.
  file(RELATIVE_PATH apps_dir ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/apps)
  target_compile_definitions(${target} PRIVATE LINTORCH_TEST_DATA="test/data" LINTORCH_SOURCE_DIR="."
    LINTORCH_APPS_DIR="${apps_dir}")
  foreach(source IN LISTS ARGN)
    cmake_path(GET source STEM LAST_ONLY name)
    string(REGEX REPLACE "_test$" "" tag ${name})
    add_test(NAME ${tier}.${tag} COMMAND ${target} "[${tag}]")
    set_tests_properties(${tier}.${tag} PROPERTIES LABELS ${tier} TIMEOUT 900 SKIP_RETURN_CODE 77)
  endforeach()
endfunction()
