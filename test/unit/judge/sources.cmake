list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/judge_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/motion_prompt_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/scoring_test.cpp)
