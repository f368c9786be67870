#include "lintorch/layers/module_state.h"

#include <ATen/core/grad_mode.h>
#include <fmt/ranges.h>

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

}  // namespace

TensorMap module_state(const torch::nn::Module& module) {
  TensorMap state;
  for (const auto& item : module.named_parameters()) state.emplace(item.key(), item.value().detach());
  for (const auto& item : module.named_buffers()) state.emplace(item.key(), item.value().detach());
  return state;
}

void load_module_state(torch::nn::Module& module, const TensorMap& state, std::string_view what) {
  const TensorMap own = module_state(module);
  std::vector<std::string> missing, unexpected, mis_shaped;
  for (const auto& [name, tensor] : own) {
    const auto it = state.find(name);
    if (it == state.end())
      missing.push_back(name);
    else if (it->second.sizes() != tensor.sizes())
      mis_shaped.push_back(fmt::format("{} (expected [{}], got [{}])", name, fmt::join(tensor.sizes(), ", "),
                                       fmt::join(it->second.sizes(), ", ")));
  }
  for (const auto& [name, tensor] : state)
    if (!own.contains(name)) unexpected.push_back(name);
  LT_CHECK(missing.empty() && unexpected.empty() && mis_shaped.empty(), CheckpointError,
           "[{}] expected the tensors of the model exactly, got{}{}{}", what, describe(missing, "missing"),
           describe(unexpected, "unexpected"), describe(mis_shaped, "mis-shaped"));
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) tensor.copy_(state.at(name));
}

}  // namespace lintorch::layers
