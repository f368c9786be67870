#include "lintorch/layers/module_state.h"

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <vector>

#include "lintorch/core/error.h"

namespace lintorch::layers {
namespace {

// "3 missing: a, b, c" or "9 missing: a, ..., h, ..."; "" for none.
std::string describe(const std::vector<std::string>& names, std::string_view kind) {
  constexpr size_t kShown = 8;
  if (names.empty()) return "";
  const std::vector<std::string> shown(names.begin(), names.begin() + std::min(names.size(), kShown));
  return fmt::format("\n  {} {}: {}{}", names.size(), kind, fmt::join(shown, ", "),
                     names.size() > kShown ? ", ..." : "");
}

// A text encoder's embedding is a fifth of the whole: copied at once, its source would count twice.
constexpr int64_t kPieceBytes = int64_t{8} << 20;

void copy_in_pieces(const at::Tensor& target, const at::Tensor& value,
                    const std::function<void(const at::Tensor&)>& done) {
  const int64_t rows = value.dim() == 0 ? 1 : value.size(0);
  const auto bytes = static_cast<int64_t>(value.numel() * value.element_size());
  const int64_t step = bytes <= kPieceBytes ? rows : std::max<int64_t>(1, kPieceBytes / (bytes / rows));
  if (step >= rows) {
    target.copy_(value);
    if (done) done(value);
    return;
  }
  for (int64_t row = 0; row < rows; row += step) {
    const int64_t count = std::min(step, rows - row);
    target.narrow(0, row, count).copy_(value.narrow(0, row, count));
    if (done) done(value);
  }
}

}  // namespace

TensorMap module_state(const torch::nn::Module& module) {
  TensorMap state;
  for (const auto& item : module.named_parameters()) state.emplace(item.key(), item.value().detach());
  for (const auto& item : module.named_buffers()) state.emplace(item.key(), item.value().detach());
  return state;
}

ShapeMap shapes_of(const TensorMap& state) {
  ShapeMap shapes;
  for (const auto& [name, tensor] : state) shapes.emplace(name, tensor.sizes().vec());
  return shapes;
}

std::string StateReport::text() const {
  return describe(missing, "missing") + describe(unexpected, "unexpected") + describe(mis_shaped, "mis-shaped") +
         describe(mis_typed, "of a wrong number format");
}

StateReport compare_state(const ShapeMap& expected, const TensorMap& state) {
  StateReport report;
  for (const auto& [name, shape] : expected) {
    const auto it = state.find(name);
    if (it == state.end()) {
      report.missing.push_back(name);
      continue;
    }
    const at::Tensor& tensor = it->second;
    if (tensor.sizes() != at::IntArrayRef(shape))
      report.mis_shaped.push_back(
          fmt::format("{} (expected [{}], got [{}])", name, fmt::join(shape, ", "), fmt::join(tensor.sizes(), ", ")));
    const auto dtype = tensor.scalar_type();
    if (dtype != at::kFloat && dtype != at::kBFloat16 && dtype != at::kHalf && dtype != at::kDouble)
      report.mis_typed.push_back(
          fmt::format("{} (expected fp32, bf16, fp16 or fp64, got {})", name, c10::toString(dtype)));
  }
  for (const auto& [name, tensor] : state)
    if (!expected.contains(name)) report.unexpected.push_back(name);
  return report;
}

void load_module_state(torch::nn::Module& module, const TensorMap& state, std::string_view what,
                       const std::function<void(const at::Tensor&)>& done) {
  const TensorMap own = module_state(module);
  const StateReport report = compare_state(shapes_of(own), state);
  LT_CHECK(report.fits(), CheckpointError, "[{}] expected the tensors of the model exactly, got{}", what,
           report.text());
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) {
    copy_in_pieces(tensor, state.at(name), done);
  }
}

}  // namespace lintorch::layers
