list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/backward_simulation_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/distill_export_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/distill_ranks_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/distill_unit_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/few_step_toy_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gan_head_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/networks_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/regression_unit_test.cpp)
