#pragma once

#include <cstdint>
#include <vector>

#include "lintorch/models/wan/config.h"

namespace lintorch::inspect {

// Letters: L tokens, S text tokens, D width, F inner width of the FFN, b bytes per value of the weights' dtype. All results
// are bytes of one sample, counted from the shapes.

/// What the matrix products of one forward pass read and write beside their weights, each operand once, attention
/// fused: b (L (20 D + 2 F) + 6 S D) per layer, and the embeddings and head.
double forward_activation_bytes(const wan::WanDitConfig& config, int64_t tokens, int64_t text_tokens, int64_t b);

/// Largest set of activations alive at once during inference: fp32 residual stream, plus the larger of
/// normed values and both sides of the GELU (4 + b) D + 2 b F, and q, k, v with the fp32 copies of norm and RoPE
/// (12 + 4 b) D, per token; times what the allocator holds on top, which was measured.
double inference_activation_bytes(const wan::WanDitConfig& config, int64_t tokens, int64_t b);

/// What one training step keeps for the backward pass, under bf16 autocast with an fp32 residual stream and without
/// recomputation: L (56 D + 4 F) per layer.
double training_activation_bytes(const wan::WanDitConfig& config, int64_t tokens);

}  // namespace lintorch::inspect
