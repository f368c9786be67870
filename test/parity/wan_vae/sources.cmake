list(APPEND parity_tests
  ${CMAKE_CURRENT_LIST_DIR}/wan_vae_parity_test.cpp)
