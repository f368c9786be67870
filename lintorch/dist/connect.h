#pragma once

#include <c10/core/Device.h>

#include <chrono>
#include <memory>

#include "lintorch/dist/group.h"

namespace lintorch::dist {

/// Meets the other processes and returns their group: NCCL for a CUDA device (in liblintorch_cuda.so), sockets for the CPU.
/// timeout: for meeting, and for a rank that lives but stays silent. Throws Error naming what is missing.
std::unique_ptr<Group> connect(const Launch& launch, c10::Device device,
                               std::chrono::seconds timeout = std::chrono::minutes(30));

/// What liblintorch_cuda.so exports, by name, as `lintorch_make_nccl_group`.
using MakeNcclGroup = Group*(std::unique_ptr<Mesh> mesh, c10::Device device);

}  // namespace lintorch::dist
