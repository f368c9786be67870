list(APPEND parity_tests ${CMAKE_CURRENT_LIST_DIR}/unipc_sampler_test.cpp)
