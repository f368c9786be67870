list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/alarms_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/autocast_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ema_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gradient_buckets_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/lr_schedule_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/metrics_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/nonfinite_guard_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/optimizer_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/ranks_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/rollback_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/run_lock_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/tensorboard_writer_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/train_checkpoint_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/trainer_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/trainer_process_test.cpp)
