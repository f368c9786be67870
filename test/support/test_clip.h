#pragma once

#include <torch/types.h>

namespace lintorch::test {

/// A smooth moving clip, uint8 [frames, height, width, 3]; gray, or in slowly varying colours.
inline at::Tensor test_clip(int64_t frames, int64_t height, int64_t width, bool gray) {
  const auto f = at::arange(frames, at::kFloat).view({-1, 1, 1});
  const auto y = at::arange(height, at::kFloat).view({1, -1, 1}) / height;
  const auto x = at::arange(width, at::kFloat).view({1, 1, -1}) / width;
  const auto wave = [&](double phase) { return (at::sin(6 * x + 4 * y + 0.3 * f + phase) + 1) * 127.5; };
  const auto red = wave(0);
  return at::stack({red, gray ? red : wave(2), gray ? red : wave(4)}, -1).to(at::kByte).contiguous();
}

/// Peak signal-to-noise ratio of uint8 tensors in dB.
inline double psnr(const at::Tensor& a, const at::Tensor& b) {
  const double error = (a.to(at::kFloat) - b.to(at::kFloat)).square().mean().item<double>();
  return 10 * std::log10(255.0 * 255.0 / error);
}

}  // namespace lintorch::test
