list(APPEND unit_tests
  ${CMAKE_CURRENT_LIST_DIR}/base64_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/gif_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/image_test.cpp
  ${CMAKE_CURRENT_LIST_DIR}/video_writer_test.cpp)
if(LINTORCH_WITH_FFMPEG)
  set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/gif_test.cpp ${CMAKE_CURRENT_LIST_DIR}/image_test.cpp
    ${CMAKE_CURRENT_LIST_DIR}/video_writer_test.cpp PROPERTIES COMPILE_DEFINITIONS LINTORCH_WITH_FFMPEG)
endif()
