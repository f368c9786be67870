list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/fashion_images_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/moving_fashion_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/pretrain_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/prompts_test.cpp)
