list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/activation_checkpoint_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/fp8_weight_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/linear_core_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lora_adapter_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/module_state_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rms_norm_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/softmax_core_test.cpp)
