#pragma once

#include <torch/nn/module.h>

namespace lintorch::layers {

/// The exchangeable heart of a self-attention layer: everything between RoPE and the output projection.
class AttentionCore : public torch::nn::Module {
 public:
  /// q_BLNK, k_BLNK: after RMSNorm and RoPE; v_BLNV; all of one dtype -> o_BLNV.
  virtual at::Tensor forward(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV) = 0;
};

}  // namespace lintorch::layers
