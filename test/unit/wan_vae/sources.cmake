list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/wan_vae_checkpoint_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_vae_config_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_vae_key_map_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_vae_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_vae_tiling_test.cpp)
