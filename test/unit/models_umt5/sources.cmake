list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/encode_text_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/prompt_cleaning_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/relative_position_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/tokenizer_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/umt5_checkpoint_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/umt5_config_test.cpp)
