#pragma once

#include <torch/nn/module.h>

namespace lintorch::layers {

/// The exchangeable heart of a self-attention layer: everything between RoPE and the output projection.
class AttentionCore : public torch::nn::Module {
 public:
  /// q_BLNK, k_BLNK: after RMSNorm and RoPE; v_BLNV; all of one dtype -> o_BLNV. rope_2L1P: the table (ops::rope_3d_table)
  /// that rotated q and k, for cores that place the rotation elsewhere; the others work without.
  at::Tensor forward(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                     const at::Tensor& rope_2L1P = {}) {
    return attend(q_BLNK, k_BLNK, v_BLNV, rope_2L1P);
  }

 private:
  /// forward() of the core; rope_2L1P may be undefined.
  virtual at::Tensor attend(const at::Tensor& q_BLNK, const at::Tensor& k_BLNK, const at::Tensor& v_BLNV,
                            const at::Tensor& rope_2L1P) = 0;
};

}  // namespace lintorch::layers
