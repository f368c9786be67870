#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>
#include <torch/nn/pimpl.h>

#include "lintorch/models/wan/attention.h"

namespace lintorch::wan {

/// One transformer block:
///   m = scale_shift_table + e;  x += m2 * attn1(LN(x) (1 + m1) + m0);  x += attn2(norm2(x), text);
///   x += m5 * ffn(LN(x) (1 + m4) + m3).
/// The residual stream, norms and modulation are fp32 (official Wan). Registered names are Diffusers', where "norm2" is
/// the affine LayerNorm before the cross-attention (the original's norm3).
class WanBlockImpl : public torch::nn::Module {
 public:
  WanBlockImpl(const WanDitConfig& config, AttentionKind kind);
  /// x_BLD fp32; text: attn2->project_text of the embedded text; modulation_B6D fp32: the time embedding e, with 1 already added to rows 1 and
  /// 4 (the scales); rope_2L1P -> x_BLD fp32.
  at::Tensor forward(const at::Tensor& x_BLD, const TextKeysValues& text, const at::Tensor& modulation_B6D,
                     const at::Tensor& rope_2L1P);

  WanSelfAttention attn1{nullptr};
  WanCrossAttention attn2{nullptr};
  torch::nn::LayerNorm norm2{nullptr};  ///< null if !cross_attn_norm
  torch::nn::Linear ffn_in{nullptr}, ffn_out{nullptr};
  at::Tensor scale_shift_table;  ///< [1, 6, D]: shift, scale, gate of attn1, then of ffn

 private:
  double eps_;
};
TORCH_MODULE(WanBlock);

}  // namespace lintorch::wan
