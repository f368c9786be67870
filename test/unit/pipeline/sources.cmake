list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/prompt_file_test.cpp)
