list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/group_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/launch_test.cpp)
