// core/device looks this up by name: it must not link LibTorch's CUDA half.
#include <ATen/cuda/CUDAContext.h>

extern "C" const char* lintorch_cuda_device_name(int index) {
  return at::cuda::getDeviceProperties(static_cast<c10::DeviceIndex>(index))->name;
}
