list(APPEND parity_tests
  ${CMAKE_CURRENT_LIST_DIR}/adm_gaussian_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/objective_gradients_test.cpp)
