list(APPEND parity_tests
  ${CMAKE_CURRENT_LIST_DIR}/fp8_attention_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/hedgehog_attention_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/hedgehog_attention_bf16_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/linear_attention_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/residual_layer_norm_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rms_norm_rope_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rope_3d_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/softmax_attention_test.cpp)
