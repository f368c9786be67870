list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/compare_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/describe_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/random_model_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/run_component_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/video_metadata_test.cpp)
