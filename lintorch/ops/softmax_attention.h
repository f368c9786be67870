#pragma once

#include <ATen/core/Tensor.h>

#include "lintorch/core/enum_names.h"

namespace lintorch {
namespace ops {

/// Implementation of scaled dot product attention. kAuto lets LibTorch choose; the others allow only the named one
/// and make LibTorch throw where it does not fit. CPU tensors always take LibTorch's CPU kernel.
enum class SoftmaxBackend { kAuto, kFlash, kMemoryEfficient, kCudnn, kMath };

/// While alive, LibTorch may use this implementation only (kAuto: as before), in the whole process.
class SoftmaxBackendGuard {
 public:
  explicit SoftmaxBackendGuard(SoftmaxBackend backend);
  ~SoftmaxBackendGuard();
  SoftmaxBackendGuard(const SoftmaxBackendGuard&) = delete;
  SoftmaxBackendGuard& operator=(const SoftmaxBackendGuard&) = delete;

 private:
  bool flash_, memory_efficient_, cudnn_, math_;
};

/// o_i = sum_j softmax_j(q_i . k_j / sqrt(K)) v_j; bidirectional, no mask.
/// q_BLNK, k_BSNK, v_BSNV of one dtype -> o_BLNV. Source: LinVideo (arXiv:2510.08318) Eq. 4.
at::Tensor softmax_attention(const at::Tensor& q_BLNK, const at::Tensor& k_BSNK, const at::Tensor& v_BSNV,
                             SoftmaxBackend backend = SoftmaxBackend::kAuto);

}  // namespace ops

template <>
struct EnumNames<ops::SoftmaxBackend> {
  static constexpr std::pair<ops::SoftmaxBackend, std::string_view> table[] = {
      {ops::SoftmaxBackend::kAuto, "auto"},
      {ops::SoftmaxBackend::kFlash, "flash"},
      {ops::SoftmaxBackend::kMemoryEfficient, "memory_efficient"},
      {ops::SoftmaxBackend::kCudnn, "cudnn"},
      {ops::SoftmaxBackend::kMath, "math"}};
};

}  // namespace lintorch
