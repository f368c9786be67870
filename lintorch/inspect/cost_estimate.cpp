#include "lintorch/inspect/cost_estimate.h"

#include <algorithm>

namespace lintorch::inspect {
namespace {

// What the allocator holds over the tensors alive: 1.45 for 1.3B at 480p and 1.46 for 14B at 720p on one H100
// (docs/results/full_size.md).
constexpr double kAllocator = 1.45;

double real(int64_t n) { return static_cast<double>(n); }

}  // namespace

double forward_activation_bytes(const wan::WanDitConfig& config, int64_t tokens, int64_t text_tokens, int64_t b) {
  const double L = real(tokens), S = real(text_tokens), D = real(config.width()), F = real(config.ffn_dim);
  const double patch = real(config.patch_size[0] * config.patch_size[1] * config.patch_size[2]);
  const double layer = L * (20 * D + 2 * F) + 6 * S * D;
  const double ends = L * (2 * D + patch * real(config.in_channels + config.out_channels));
  const double text = S * (real(config.text_dim) + 3 * D);
  return real(b) * (real(config.num_layers) * layer + ends + text);
}

double inference_activation_bytes(const wan::WanDitConfig& config, int64_t tokens, int64_t b) {
  const double D = real(config.width()), F = real(config.ffn_dim), bytes = real(b);
  const double feed_forward = (4 + bytes) * D + 2 * bytes * F;
  const double attention = (12 + 4 * bytes) * D;
  return kAllocator * real(tokens) * (4 * D + std::max(feed_forward, attention));
}

double training_activation_bytes(const wan::WanDitConfig& config, int64_t tokens) {
  return real(config.num_layers) * real(tokens) * (56 * real(config.width()) + 4 * real(config.ffn_dim));
}

}  // namespace lintorch::inspect
