#pragma once

#include <c10/core/Device.h>

#include <string>

namespace lintorch {

/// "auto" (CUDA if there is a usable GPU, else CPU), "cpu", "cuda" or "cuda:N". Loads the CUDA libraries when needed.
/// Throws ConfigError for another name, NotSupportedError when CUDA is asked for and cannot be had (and says why).
c10::Device resolve_device(const std::string& name);

/// Waits until all work queued on the device is done. No-op on the CPU.
void synchronize(c10::Device device);

/// Highest number of bytes the device's allocator held since the last reset, with blocks kept for reuse; 0 on the CPU.
int64_t peak_memory_bytes(c10::Device device);
/// The same of tensors alone. What the allocator held beyond them was in pieces that no tensor fitted in, or kept.
int64_t peak_tensor_bytes(c10::Device device);
void reset_peak_memory(c10::Device device);

/// Bytes that can still be allocated on the device: free ones and those the allocator keeps for reuse. The largest number on
/// the CPU, which is not watched.
int64_t available_memory_bytes(c10::Device device);

/// Gives memory that the allocator keeps for reuse back to the device. No-op on the CPU.
void release_cached_memory(c10::Device device);

/// E.g. "NVIDIA H100 80GB HBM3", or the CPU's model name and its thread count.
std::string device_description(c10::Device device);

}  // namespace lintorch
