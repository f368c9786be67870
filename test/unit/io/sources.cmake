list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/atomic_dir_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/key_map_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/safetensors_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/sharded_index_test.cpp)
list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/torch_archive_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/torch_archive_writer_test.cpp)
