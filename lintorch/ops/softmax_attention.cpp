#include "lintorch/ops/softmax_attention.h"

#include <ATen/Context.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "lintorch/core/shape_check.h"

namespace lintorch::ops {
namespace {

// Allows exactly one implementation while alive.
class BackendGuard {
 public:
  explicit BackendGuard(SoftmaxBackend backend) : context_(at::globalContext()) {
    flash_ = context_.userEnabledFlashSDP();
    memory_efficient_ = context_.userEnabledMemEfficientSDP();
    cudnn_ = context_.userEnabledCuDNNSDP();
    math_ = context_.userEnabledMathSDP();
    set(backend == SoftmaxBackend::kFlash, backend == SoftmaxBackend::kMemoryEfficient,
        backend == SoftmaxBackend::kCudnn, backend == SoftmaxBackend::kMath);
  }
  ~BackendGuard() { set(flash_, memory_efficient_, cudnn_, math_); }
  BackendGuard(const BackendGuard&) = delete;
  BackendGuard& operator=(const BackendGuard&) = delete;

 private:
  void set(bool flash, bool memory_efficient, bool cudnn, bool math) {
    context_.setSDPUseFlash(flash);
    context_.setSDPUseMemEfficient(memory_efficient);
    context_.setSDPUseCuDNN(cudnn);
    context_.setSDPUseMath(math);
  }
  at::Context& context_;
  bool flash_, memory_efficient_, cudnn_, math_;
};

}  // namespace

at::Tensor softmax_attention(const at::Tensor& q_BLNK, const at::Tensor& k_BSNK, const at::Tensor& v_BSNV,
                             SoftmaxBackend backend) {
  check_shape(q_BLNK, {-1, -1, -1, -1}, "softmax_attention: q");
  const int64_t B = q_BLNK.size(0), N = q_BLNK.size(2);
  check_shape(k_BSNK, {B, -1, N, q_BLNK.size(3)}, "softmax_attention: k");
  check_shape(v_BSNV, {B, k_BSNK.size(1), N, -1}, "softmax_attention: v");
  std::optional<BackendGuard> guard;
  if (backend != SoftmaxBackend::kAuto && q_BLNK.is_cuda()) guard.emplace(backend);
  return at::scaled_dot_product_attention(q_BLNK.transpose(1, 2), k_BSNK.transpose(1, 2), v_BSNV.transpose(1, 2))
      .transpose(1, 2);
}

}  // namespace lintorch::ops
