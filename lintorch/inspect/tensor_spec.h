#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lintorch/models/umt5/config.h"
#include "lintorch/models/wan/config.h"

namespace lintorch::inspect {

/// One tensor of a checkpoint that need not exist yet, and how random values for it are drawn.
struct TensorSpec {
  std::string name;
  std::vector<int64_t> shape;
  double mean = 0;
  double std = 0;         ///< of a normal distribution; 0: constant
  bool identity = false;  ///< mean 0, std 0, plus the unit matrix in the last two dimensions

  int64_t numel() const;
};

/// All tensors of a transformer under Diffusers' names, in their order. Values: matrices Xavier (as the official code, here the head too,
/// which there starts at zero and would hide the rest), time and text embedding N(0, 0.02), biases 0, norms 1,
/// modulation N(0, 1/D), feature maps as config.linear_attention.init says.
std::vector<TensorSpec> wan_dit_tensors(const wan::WanDitConfig& config);

/// All tensors of a text encoder under transformers' names, in their order, with transformers' initial scales.
std::vector<TensorSpec> umt5_tensors(const umt5::Umt5Config& config);

/// Sum of numel().
int64_t count_parameters(const std::vector<TensorSpec>& tensors);

}  // namespace lintorch::inspect
