#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <memory>

#include "lintorch/layers/attention_core.h"
#include "lintorch/layers/rms_norm.h"
#include "lintorch/models/wan/config.h"

namespace lintorch::wan {

/// Self-attention of a block: q, k, v projections, RMSNorm of q and k over the full width, 3-D RoPE, the core, output
/// projection. Registered names are Diffusers' (to_q, to_k, to_v, to_out.0, norm_q, norm_k) plus "core".
/// Reference: wan/modules/model.py, WanSelfAttention.
class WanSelfAttentionImpl : public torch::nn::Module {
 public:
  /// `kind` chooses the core.
  WanSelfAttentionImpl(const WanDitConfig& config, AttentionKind kind);
  /// x_BLD; rope_2L1P: ops::rope_3d_table -> [B, L, D] in the compute dtype.
  at::Tensor forward(const at::Tensor& x_BLD, const at::Tensor& rope_2L1P);

  std::shared_ptr<layers::AttentionCore> core() const { return core_; }
  /// Replaces the core, registered as "core".
  void set_core(std::shared_ptr<layers::AttentionCore> core);

  torch::nn::Linear to_q{nullptr}, to_k{nullptr}, to_v{nullptr}, to_out{nullptr};
  layers::RmsNorm norm_q{nullptr}, norm_k{nullptr};

 private:
  int64_t num_heads_;
  std::shared_ptr<layers::AttentionCore> core_;
};
TORCH_MODULE(WanSelfAttention);

/// What cross-attention needs of the text, [B, S, D] each: k after its RMSNorm, and v.
struct TextKeysValues {
  at::Tensor k_BSD, v_BSD;
};

/// Cross-attention to the text: q from the video, k and v from the text, no RoPE, no mask (padded text rows take part).
/// Reference: wan/modules/model.py, WanT2VCrossAttention.
class WanCrossAttentionImpl : public torch::nn::Module {
 public:
  explicit WanCrossAttentionImpl(const WanDitConfig& config);
  /// text_BSD: embedded to the model width. Depends on neither video nor time: one result serves a whole generation.
  TextKeysValues project_text(const at::Tensor& text_BSD);
  /// x_BLD -> [B, L, D] in the compute dtype.
  at::Tensor forward(const at::Tensor& x_BLD, const TextKeysValues& text);

  torch::nn::Linear to_q{nullptr}, to_k{nullptr}, to_v{nullptr}, to_out{nullptr};
  layers::RmsNorm norm_q{nullptr}, norm_k{nullptr};

 private:
  int64_t num_heads_;
};
TORCH_MODULE(WanCrossAttention);

/// A LinearCore or SoftmaxCore as the config describes it.
std::shared_ptr<layers::AttentionCore> make_attention_core(const WanDitConfig& config, AttentionKind kind);

}  // namespace lintorch::wan
