// Part of liblintorch_cuda.so.
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <dlfcn.h>

#include <cstring>
#include <utility>

#include "lintorch/core/error.h"
#include "lintorch/dist/connect.h"
#include "lintorch/dist/nccl_api.h"

namespace lintorch::dist {

namespace {

const NcclApi& nccl() {
  static const NcclApi api = [] {
    NcclApi found{};
    const auto load = [](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(RTLD_DEFAULT, name));
      LT_CHECK(function != nullptr, NotSupportedError, "[dist] libnccl.so.2 has no {}", name);
    };
    load(found.get_unique_id, "ncclGetUniqueId");
    load(found.comm_init_rank, "ncclCommInitRank");
    load(found.comm_destroy, "ncclCommDestroy");
    load(found.all_reduce, "ncclAllReduce");
    load(found.reduce_scatter, "ncclReduceScatter");
    load(found.all_gather, "ncclAllGather");
    load(found.broadcast, "ncclBroadcast");
    load(found.error_string, "ncclGetErrorString");
    return found;
  }();
  return api;
}

void check(int result, const char* what) {
  LT_CHECK(result == 0, Error, "[dist] NCCL: {} failed: {} (NCCL_DEBUG=INFO says more)", what,
           nccl().error_string(result));
}

int nccl_dtype(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kFloat:
      return kNcclFloat32;
    case at::kDouble:
      return kNcclFloat64;
    case at::kBFloat16:
      return kNcclBfloat16;
    case at::kHalf:
      return kNcclFloat16;
    case at::kInt:
      return kNcclInt32;
    case at::kLong:
      return kNcclInt64;
    case at::kByte:
    case at::kBool:
      return kNcclUint8;
    case at::kChar:
      return kNcclInt8;
    default:
      throw NotSupportedError(fmt::format("[dist] NCCL has no {}", c10::toString(tensor.scalar_type())));
  }
}

/// Collectives on a stream of their own. The mesh ends the process when another rank dies: a kernel that waits for it would
/// never return.
class NcclGroup : public Group {
 public:
  NcclGroup(std::unique_ptr<Mesh> mesh, c10::Device device)
      : Group(std::move(mesh)),
        device_(device),
        stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index())) {
    const c10::cuda::CUDAGuard guard(device_);
    NcclUniqueId id{};
    if (rank() == 0) check(nccl().get_unique_id(&id), "ncclGetUniqueId");
    const std::string text = gather_text(std::string(id.internal, sizeof id.internal)).front();
    std::memcpy(id.internal, text.data(), sizeof id.internal);
    this->mesh().watch();
    // Sets up the connections; waits for all ranks.
    check(nccl().comm_init_rank(&comm_, size(), id, rank()), "ncclCommInitRank");
  }

  ~NcclGroup() override {
    if (!closed_) return;  // others may be dead, and destroying the communicator would wait for them
    const c10::cuda::CUDAGuard guard(device_);
    nccl().comm_destroy(comm_);
  }

  void all_reduce(const at::Tensor& values) override {
    launch({values}, "ncclAllReduce", [&](cudaStream_t stream) {
      return nccl().all_reduce(values.data_ptr(), values.data_ptr(), static_cast<size_t>(values.numel()),
                               nccl_dtype(values), kNcclSum, comm_, stream);
    });
  }

  void reduce_scatter(const at::Tensor& shard, const at::Tensor& whole) override {
    check_sizes(whole, shard, "reduce_scatter");
    launch({shard, whole}, "ncclReduceScatter", [&](cudaStream_t stream) {
      return nccl().reduce_scatter(whole.data_ptr(), shard.data_ptr(), static_cast<size_t>(shard.numel()),
                                   nccl_dtype(whole), kNcclSum, comm_, stream);
    });
  }

  void all_gather(const at::Tensor& whole, const at::Tensor& shard) override {
    check_sizes(whole, shard, "all_gather");
    launch({whole, shard}, "ncclAllGather", [&](cudaStream_t stream) {
      return nccl().all_gather(shard.data_ptr(), whole.data_ptr(), static_cast<size_t>(shard.numel()),
                               nccl_dtype(shard), comm_, stream);
    });
  }

  void broadcast(const at::Tensor& values, int root) override {
    launch({values}, "ncclBroadcast", [&](cudaStream_t stream) {
      return nccl().broadcast(values.data_ptr(), values.data_ptr(), static_cast<size_t>(values.numel()),
                              nccl_dtype(values), root, comm_, stream);
    });
  }

  void wait() override { wait_for(last_); }

  void wait_for_earlier() override { wait_for(before_last_); }

  void close() override {
    wait();
    c10::cuda::getCurrentCUDAStream(device_.index()).synchronize();
    Group::close();
    closed_ = true;
  }

 private:
  void wait_for(at::cuda::CUDAEvent& end) const {
    if (end.isCreated()) end.block(c10::cuda::getCurrentCUDAStream(device_.index()));
  }

  void check_sizes(const at::Tensor& whole, const at::Tensor& shard, const char* what) const {
    LT_CHECK(whole.numel() == shard.numel() * size(), Error, "[{}] expected {} values, got {}", what,
             shard.numel() * size(), whole.numel());
  }

  template <class F>
  void launch(const std::vector<at::Tensor>& tensors, const char* what, const F& call) {
    const c10::cuda::CUDAGuard guard(device_);
    at::cuda::CUDAEvent ready;
    ready.record(c10::cuda::getCurrentCUDAStream(device_.index()));
    ready.block(stream_);
    for (const auto& tensor : tensors) {
      LT_CHECK(tensor.device() == device_ && tensor.is_contiguous(), Error, "[{}] expected a contiguous tensor on {}",
               what, device_.str());
      // Its memory may be freed on the caller's stream while this one still works on it.
      c10::cuda::CUDACachingAllocator::recordStream(tensor.storage().data_ptr(), stream_);
    }
    check(call(stream_.stream()), what);
    std::swap(before_last_, last_);
    last_.record(stream_);
  }

  c10::Device device_;
  c10::cuda::CUDAStream stream_;
  at::cuda::CUDAEvent last_, before_last_;  ///< ends of the collectives queued last
  NcclComm comm_ = nullptr;
  bool closed_ = false;
};

}  // namespace

}  // namespace lintorch::dist

extern "C" lintorch::dist::Group* lintorch_make_nccl_group(std::unique_ptr<lintorch::dist::Mesh> mesh,
                                                           c10::Device device) {
  return new lintorch::dist::NcclGroup(std::move(mesh), device);
}
