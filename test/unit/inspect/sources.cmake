list(APPEND unit_tests ${CMAKE_CURRENT_LIST_DIR}/run_component_test.cpp)
