#pragma once

#include <cstdint>

#include "lintorch/models/wan/config.h"

namespace lintorch::plan {

// Letters: L tokens of the batch, D width, F inner width of the FFN, N heads, b bytes per value of the matrix products (2
// under bf16 autocast). Residual stream and norms are fp32.

/// What the attention cores of a student keep.
enum class CoreKind {
  kSoftmax,
  kMixed,  ///< both branches and their mixture
};

/// What one block keeps for the backward, read off the operators' saved tensors: three states of the residual stream 12 D;
/// three normed inputs 3 b D; q, k before and after norm and rotation, and v 5 b D; attention's output b D and, for softmax,
/// 4 N; to_out b D; cross-attention 3 b D; both sides of the GELU 2 b F; ffn_out b D; mixed: linear output and mixture 2 b D.
double block_activation_bytes(const wan::WanDitConfig& model, int64_t tokens, int64_t b, CoreKind core);

/// What the block inputs take under activation checkpointing: 4 L D per layer.
double checkpoint_bytes(const wan::WanDitConfig& model, int64_t tokens);

/// Largest set of gradients inside one block: both sides of the GELU 2 b F, or dq, dk, dv with fp32 sums (3 b + 4) D; and the
/// residual stream's 8 D.
double backward_workspace_bytes(const wan::WanDitConfig& model, int64_t tokens, int64_t b);

}  // namespace lintorch::plan
