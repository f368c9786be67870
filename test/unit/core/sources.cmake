list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/config_fields_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/prefetcher_test.cpp)
