#pragma once

#include <cstdint>
#include <vector>

namespace lintorch::diffusion {

/// One UniPC update written as a weighted sum: x_new = x * x_from + sum_j m[j] * m_j, where m_j are x0 predictions.
struct UniPcUpdate {
  double x;
  std::vector<double> m;
};

/// From s_i to s_{i+1}. order 1: m = {m_i}; order 2: m = {m_i, m_{i-1}}.
/// s_{i+1} = 0 (the last step, where the log-SNR is infinite) gives x_new = m_i and needs order 1.
UniPcUpdate unipc_predictor(const std::vector<double>& sigmas, int64_t i, int order);

/// Redoes the step from s_{i-1} to s_i with the prediction at s_i known. order: that of the predictor it corrects.
/// order 1: m = {m_{i-1}, m_i}; order 2: m = {m_{i-1}, m_i, m_{i-2}}. Needs s_i > 0.
UniPcUpdate unipc_corrector(const std::vector<double>& sigmas, int64_t i, int order);

}  // namespace lintorch::diffusion
