list(APPEND parity_tests
  ${CMAKE_CURRENT_LIST_DIR}/umt5_encoder_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/umt5_key_map_test.cpp)
