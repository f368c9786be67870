#include "lintorch/plan/activation_bytes.h"

#include <algorithm>

namespace lintorch::plan {

double block_activation_bytes(const wan::WanDitConfig& model, int64_t tokens, int64_t b, CoreKind core) {
  const auto D = static_cast<double>(model.width()), F = static_cast<double>(model.ffn_dim);
  const auto N = static_cast<double>(model.num_attention_heads), bytes = static_cast<double>(b);
  const double mixture = core == CoreKind::kMixed ? 2 * bytes * D : 0;
  return static_cast<double>(tokens) * (12 * D + 14 * bytes * D + 2 * bytes * F + 4 * N + mixture);
}

double checkpoint_bytes(const wan::WanDitConfig& model, int64_t tokens) {
  return 4.0 * static_cast<double>(tokens * model.width() * model.num_layers);
}

double backward_workspace_bytes(const wan::WanDitConfig& model, int64_t tokens, int64_t b) {
  const auto D = static_cast<double>(model.width()), F = static_cast<double>(model.ffn_dim);
  const auto bytes = static_cast<double>(b);
  return static_cast<double>(tokens) * (8 * D + std::max(2 * bytes * F, (3 * bytes + 4) * D));
}

}  // namespace lintorch::plan
