# Finds the headers of cuDNN and of its frontend: LINTORCH_CUDNN_INCLUDE, LINTORCH_CUDNN_FRONTEND_INCLUDE. Looked for, in this
# order: these variables, the project's .deps folder (scripts/setup.sh), the wheels beside torch, the system's places. The
# library itself is the one that libtorch_cuda.so loads.
cmake_path(GET LINTORCH_TORCH_ROOT PARENT_PATH site_packages)
set(cudnn_hints "${CMAKE_CURRENT_LIST_DIR}/../.deps/cudnn/include" "${site_packages}/nvidia/cudnn/include"
  "${site_packages}/include" ${CUDAToolkit_INCLUDE_DIRS})
find_path(LINTORCH_CUDNN_INCLUDE cudnn.h HINTS ${cudnn_hints})
find_path(LINTORCH_CUDNN_FRONTEND_INCLUDE cudnn_frontend.h HINTS ${cudnn_hints})
if(NOT LINTORCH_CUDNN_INCLUDE OR NOT LINTORCH_CUDNN_FRONTEND_INCLUDE)
  message(FATAL_ERROR "cudnn.h and cudnn_frontend.h, which the CUDA kernels need, were not found. Run scripts/setup.sh, or pass "
    "-DLINTORCH_CUDNN_INCLUDE=... and -DLINTORCH_CUDNN_FRONTEND_INCLUDE=..., or -DLINTORCH_CUDA=OFF")
endif()
file(STRINGS "${LINTORCH_CUDNN_INCLUDE}/cudnn_version.h" cudnn_version_lines REGEX "#define CUDNN_(MAJOR|MINOR)")
string(REGEX REPLACE ".*CUDNN_MAJOR ([0-9]+).*CUDNN_MINOR ([0-9]+).*" "\\1.\\2" LINTORCH_CUDNN_VERSION
  "${cudnn_version_lines}")
if(NOT LINTORCH_CUDNN_VERSION MATCHES "^9\\.")
  message(FATAL_ERROR "${LINTORCH_CUDNN_INCLUDE}/cudnn.h is of cuDNN '${LINTORCH_CUDNN_VERSION}', LibTorch "
    "${LINTORCH_TORCH_VERSION} has cuDNN 9")
endif()
