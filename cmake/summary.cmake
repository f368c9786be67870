# Prints what was resolved, so that AUTO is never silent.
message(STATUS "lintorch ${PROJECT_VERSION}")
message(STATUS "  build type      ${CMAKE_BUILD_TYPE}  sanitize='${LINTORCH_SANITIZE}'  ccache=${LINTORCH_CCACHE}")
message(STATUS "  LibTorch        ${LINTORCH_TORCH_FOUND_VERSION} in ${LINTORCH_TORCH_ROOT}")
message(STATUS "  CUDA kernels    ${LINTORCH_WITH_CUDA}  architectures=${CMAKE_CUDA_ARCHITECTURES}  cuDNN headers=${LINTORCH_CUDNN_VERSION}")
message(STATUS "  FFmpeg (mp4)    ${LINTORCH_WITH_FFMPEG}")
message(STATUS "  apps ${LINTORCH_BUILD_APPS}  tests ${LINTORCH_BUILD_TESTS}")
