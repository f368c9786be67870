list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/wan_attention_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_config_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_dit_checkpoint_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_dit_fused_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_dit_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_flops_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/wan_fp8_test.cpp)
list(APPEND unit_tests ${CMAKE_CURRENT_LIST_DIR}/wan_dit_source_test.cpp)
