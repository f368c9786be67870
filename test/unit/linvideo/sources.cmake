list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/adm_objective_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/collect_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/export_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/fingerprint_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/layer_assignment_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/linearize_unit_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/linvideo_config_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/mixed_core_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/mse_objective_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/paper_map_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rollout_pool_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/selection_losses_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/selective_transfer_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/trajectory_store_test.cpp)
