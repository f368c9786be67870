target_sources(lintorch PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/vae.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_blocks.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_checkpoint.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_config.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_conv.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_decoder.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_encoder.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_key_map.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_resample.cpp
  ${CMAKE_CURRENT_LIST_DIR}/vae_tiling.cpp)
