#include "lintorch/linvideo/lora.h"

#include <ATen/Functions.h>

#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/layers/lora_adapter.h"

namespace lintorch::linvideo {

namespace {

constexpr std::string_view kEndOfA = ".lora.a";

double scale_of(const LoraConfig& config) { return config.alpha / static_cast<double>(config.rank); }

/// The linear layers of a block by their names in it.
std::map<std::string, std::shared_ptr<torch::nn::LinearImpl>> linear_layers(const wan::WanBlock& block) {
  std::map<std::string, std::shared_ptr<torch::nn::LinearImpl>> layers;
  for (const auto& module : block->named_modules())
    if (auto linear = std::dynamic_pointer_cast<torch::nn::LinearImpl>(module.value()))
      layers[module.key()] = std::move(linear);
  return layers;
}

}  // namespace

void add_lora(wan::WanDit& dit, const LoraConfig& config, uint64_t seed) {
  uint64_t index = 0;
  for (int64_t layer = 0; layer < dit->num_layers(); ++layer) {
    const auto layers = linear_layers(dit->block(layer));
    for (const std::string& name : config.modules) {
      const auto it = layers.find(name);
      if (it == layers.end()) {
        std::vector<std::string> names;
        for (const auto& [known, module] : layers) names.push_back(known);
        throw ConfigError(
            fmt::format("lora.modules: expected linear layers of a block ({}), got {}", fmt::join(names, ", "), name));
      }
      const at::Tensor& weight = it->second->weight;
      const double bound = 1.0 / std::sqrt(static_cast<double>(weight.size(1)));
      auto generator = make_generator(mix_seed(seed, index++));
      const at::Tensor uniform = at::rand({config.rank, weight.size(1)}, generator, at::TensorOptions(at::kFloat));
      const auto dtype = weight.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
      const at::Tensor a = ((2 * uniform - 1) * bound).to(weight.device(), dtype);
      layers::add_lora_adapter(*it->second, layers::LoraAdapter(a, weight.size(0), scale_of(config)));
    }
  }
}

bool is_lora_parameter(std::string_view name) { return name.find(".lora.") != std::string_view::npos; }

void merge_lora(TensorMap& state, const TensorMap& trained, const LoraConfig& config) {
  for (const auto& [name, a] : trained) {
    if (!name.ends_with(kEndOfA)) continue;
    const std::string layer = name.substr(0, name.size() - kEndOfA.size());
    const auto weight = state.find(layer + ".weight");
    const auto b = trained.find(layer + ".lora.b");
    LT_CHECK(weight != state.end() && b != trained.end(), CheckpointError,
             "[merge_lora] the checkpoint holds {}, but not its other half, or the model has no layer {}", name, layer);
    weight->second = weight->second + scale_of(config) * at::matmul(b->second, a);
  }
}

}  // namespace lintorch::linvideo
