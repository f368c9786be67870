list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/motion_prompt_test.cpp)
