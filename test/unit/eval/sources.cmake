list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/frechet_distance_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/video_metrics_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gate_trajectories_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/diversity_test.cpp)
