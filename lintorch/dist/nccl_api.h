#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace lintorch::dist {

// What is used of NCCL's C interface, which has kept these forms since 2.0. Declared here because LibTorch's wheel brings the
// library (libnccl.so.2) and not its header.
struct NcclUniqueId {
  char internal[128];
};
using NcclComm = void*;
enum NcclDataType : int {
  kNcclInt8 = 0,
  kNcclUint8 = 1,
  kNcclInt32 = 2,
  kNcclInt64 = 4,
  kNcclFloat16 = 6,
  kNcclFloat32 = 7,
  kNcclFloat64 = 8,
  kNcclBfloat16 = 9
};
inline constexpr int kNcclSum = 0;

struct NcclApi {
  int (*get_unique_id)(NcclUniqueId*);
  int (*comm_init_rank)(NcclComm*, int size, NcclUniqueId, int rank);
  int (*comm_destroy)(NcclComm);
  int (*all_reduce)(const void*, void*, size_t count, int dtype, int op, NcclComm, cudaStream_t);
  int (*reduce_scatter)(const void*, void*, size_t receive_count, int dtype, int op, NcclComm, cudaStream_t);
  int (*all_gather)(const void*, void*, size_t send_count, int dtype, NcclComm, cudaStream_t);
  int (*broadcast)(const void*, void*, size_t count, int dtype, int root, NcclComm, cudaStream_t);
  const char* (*error_string)(int);
};

}  // namespace lintorch::dist
