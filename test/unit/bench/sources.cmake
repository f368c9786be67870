list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/model_bench_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/op_bench_test.cpp)
