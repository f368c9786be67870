list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/broken_checkpoints_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/generate_video_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/load_memory_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/model_layouts_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/prompt_file_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sampling_choice_test.cpp)
