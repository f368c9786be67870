list(APPEND parity_tests
  ${CMAKE_CURRENT_LIST_DIR}/published_keys_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_dit_golden_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_dit_key_map_test.cpp)
