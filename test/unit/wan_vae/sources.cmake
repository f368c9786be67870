list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/wan_vae_test.cpp)
