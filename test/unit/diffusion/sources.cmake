list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/flow_match_schedule_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sampler_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/scheduler_config_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/renoise_sampler_test.cpp)
