#include "lintorch/core/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>

#include "lintorch/core/error.h"

namespace lintorch {

namespace {

/// Opens liblintorch_cuda.so beside this library; it brings LibTorch's CUDA half with it. Empty string on success.
std::string load_cuda_library() {
  static std::once_flag once;
  static std::string problem;
  std::call_once(once, [] {
    Dl_info info{};
    dladdr(reinterpret_cast<const void*>(&load_cuda_library), &info);
    const auto path = std::filesystem::path(info.dli_fname ? info.dli_fname : "").parent_path() / "liblintorch_cuda.so";
    if (!std::filesystem::exists(path)) {
      problem = path.string() + " does not exist: lintorch was built without CUDA";
    } else if (!dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) {
      problem = dlerror();
    } else if (!at::hasCUDA() || at::detail::getCUDAHooks().getNumGPUs() == 0) {
      problem = "no CUDA device is visible";
    }
  });
  return problem;
}

/// Asks liblintorch_cuda.so; the device's number if that is not loaded.
std::string cuda_device_name(c10::Device device) {
  using Name = const char*(int);
  auto* name = reinterpret_cast<Name*>(dlsym(RTLD_DEFAULT, "lintorch_cuda_device_name"));
  return name && device.is_cuda() ? name(std::max<int>(device.index(), 0)) : device.str();
}

/// Null on the CPU.
c10::DeviceAllocator* allocator_of(c10::Device device) {
  return device.is_cpu() ? nullptr : dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(c10::kCUDA));
}

/// All zero on the CPU.
c10::CachingDeviceAllocator::DeviceStats memory_stats(c10::Device device) {
  auto* allocator = allocator_of(device);
  return allocator ? allocator->getDeviceStats(device.index()) : c10::CachingDeviceAllocator::DeviceStats{};
}

}  // namespace

c10::Device resolve_device(const std::string& name) {
  if (name == "cpu") return c10::kCPU;
  const bool automatic = name == "auto";
  int index = 0;
  if (!automatic && name != "cuda") {
    LT_CHECK(
        name.starts_with("cuda:") && name.size() > 5 && name.find_first_not_of("0123456789", 5) == std::string::npos,
        ConfigError, "[device] expected auto, cpu, cuda or cuda:N, got \"{}\"", name);
    index = std::stoi(name.substr(5));
  }
  const std::string problem = load_cuda_library();
  if (!problem.empty()) {
    LT_CHECK(automatic, NotSupportedError, "[device] {} asked for, but {}", name, problem);
    return c10::kCPU;
  }
  const int count = at::detail::getCUDAHooks().getNumGPUs();
  LT_CHECK(index < count, NotSupportedError, "[device] {} asked for, but the machine has {} CUDA device(s)", name,
           count);
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

void synchronize(c10::Device device) {
  if (!device.is_cpu()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

int64_t peak_memory_bytes(c10::Device device) { return memory_stats(device).reserved_bytes[0].peak; }

int64_t peak_tensor_bytes(c10::Device device) { return memory_stats(device).allocated_bytes[0].peak; }

void reset_peak_memory(c10::Device device) {
  if (auto* allocator = allocator_of(device)) allocator->resetPeakStats(device.index());
}

int64_t available_memory_bytes(c10::Device device) {
  auto* allocator = allocator_of(device);
  if (!allocator) return std::numeric_limits<int64_t>::max();
  const auto stats = memory_stats(device);
  return static_cast<int64_t>(allocator->getMemoryInfo(device.index()).first) + stats.reserved_bytes[0].current -
         stats.allocated_bytes[0].current;
}

void release_cached_memory(c10::Device device) {
  if (auto* allocator = allocator_of(device)) allocator->emptyCache();
}

std::string device_description(c10::Device device) {
  if (!device.is_cpu()) return cuda_device_name(device);
  std::ifstream info("/proc/cpuinfo");
  std::string line, model = "CPU";
  while (std::getline(info, line))
    if (line.starts_with("model name")) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  return fmt::format("{} ({} threads)", model, at::get_num_threads());
}

}  // namespace lintorch
