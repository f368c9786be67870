#include "lintorch/ops/softmax_attention.h"

#include <ATen/Context.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "lintorch/core/shape_check.h"

namespace lintorch::ops {
namespace {

void allow(bool flash, bool memory_efficient, bool cudnn, bool math) {
  at::Context& context = at::globalContext();
  context.setSDPUseFlash(flash);
  context.setSDPUseMemEfficient(memory_efficient);
  context.setSDPUseCuDNN(cudnn);
  context.setSDPUseMath(math);
}

}  // namespace

SoftmaxBackendGuard::SoftmaxBackendGuard(SoftmaxBackend backend)
    : flash_(at::globalContext().userEnabledFlashSDP()),
      memory_efficient_(at::globalContext().userEnabledMemEfficientSDP()),
      cudnn_(at::globalContext().userEnabledCuDNNSDP()),
      math_(at::globalContext().userEnabledMathSDP()) {
  if (backend == SoftmaxBackend::kAuto) return;
  allow(backend == SoftmaxBackend::kFlash, backend == SoftmaxBackend::kMemoryEfficient,
        backend == SoftmaxBackend::kCudnn, backend == SoftmaxBackend::kMath);
}

SoftmaxBackendGuard::~SoftmaxBackendGuard() { allow(flash_, memory_efficient_, cudnn_, math_); }

at::Tensor softmax_attention(const at::Tensor& q_BLNK, const at::Tensor& k_BSNK, const at::Tensor& v_BSNV,
                             SoftmaxBackend backend) {
  check_shape(q_BLNK, {-1, -1, -1, -1}, "softmax_attention: q");
  const int64_t B = q_BLNK.size(0), N = q_BLNK.size(2);
  check_shape(k_BSNK, {B, -1, N, q_BLNK.size(3)}, "softmax_attention: k");
  check_shape(v_BSNV, {B, k_BSNK.size(1), N, -1}, "softmax_attention: v");
  std::optional<SoftmaxBackendGuard> guard;
  if (backend != SoftmaxBackend::kAuto && q_BLNK.is_cuda()) guard.emplace(backend);
  return at::scaled_dot_product_attention(q_BLNK.transpose(1, 2), k_BSNK.transpose(1, 2), v_BSNV.transpose(1, 2))
      .transpose(1, 2);
}

}  // namespace lintorch::ops
