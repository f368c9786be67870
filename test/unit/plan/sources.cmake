list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/run_files_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/train_memory_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/train_plan_test.cpp)
