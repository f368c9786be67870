#include "lintorch/models/wan/dit_checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/linear_core.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/layers/softmax_core.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "lintorch/ops/bmm_accumulate.h"

namespace lintorch::wan {
namespace {

constexpr const char* kConfigFile = "config.json";
constexpr const char* kWeightsStem = "diffusion_pytorch_model";

// "blocks.<layer>." -> layer; -1 for other names.
int64_t layer_of(std::string_view name) {
  constexpr std::string_view kBlocks = "blocks.";
  if (!name.starts_with(kBlocks)) return -1;
  const std::string_view rest = name.substr(kBlocks.size());
  int64_t layer = 0;
  size_t i = 0;
  for (; i < rest.size() && rest[i] >= '0' && rest[i] <= '9' && i < 6; ++i) layer = 10 * layer + (rest[i] - '0');
  return i > 0 && i < rest.size() && rest[i] == '.' ? layer : -1;
}

// The layer map of the config against the weights of the file, before names are compared one by one.
void check_layers(const TensorMap& state, const WanDitConfig& config, const std::string& where) {
  int64_t num_layers = 0;
  std::vector<bool> has_core(config.num_layers, false);
  for (const auto& [name, tensor] : state) {
    const int64_t layer = layer_of(name);
    num_layers = std::max(num_layers, layer + 1);
    if (layer >= 0 && layer < config.num_layers && name.find(".attn1.core.") != std::string::npos)
      has_core[layer] = true;
  }
  LT_CHECK(num_layers == config.num_layers, CheckpointError,
           "[load_wan_dit] {}: expected num_layers = {} blocks as config.json says, got {}", where, config.num_layers,
           num_layers);
  std::vector<int64_t> surplus, lacking;
  const bool map_has_weights = config.linear_attention.feature_map == ops::FeatureMap::kHedgehog;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const bool linear = config.attention_of(layer) == AttentionKind::kLinear && map_has_weights;
    if (has_core[layer] && !linear) surplus.push_back(layer);
    if (!has_core[layer] && linear) lacking.push_back(layer);
  }
  LT_CHECK(
      surplus.empty() && lacking.empty(), CheckpointError,
      "[load_wan_dit] {}: the file and the \"attention\" list of config.json disagree: linear-attention weights in "
      "softmax layers [{}], none in linear layers [{}]",
      where, fmt::join(surplus, ", "), fmt::join(lacking, ", "));
}

bool core_matches(const layers::AttentionCore& core, const WanDitConfig& config, AttentionKind kind) {
  if (kind == AttentionKind::kSoftmax) return dynamic_cast<const layers::SoftmaxCore*>(&core) != nullptr;
  const auto* linear = dynamic_cast<const layers::LinearCore*>(&core);
  return linear && linear->feature_map() == config.linear_attention.feature_map;
}

at::ScalarType storage_dtype(std::string_view name, at::ScalarType dtype) {
  return keeps_fp32(name) ? ops::accumulate_dtype(dtype) : dtype;
}

}  // namespace

bool keeps_fp32(std::string_view name) {
  return name.starts_with("proj_out.") || name.ends_with("scale_shift_table") ||
         name.find(".time_embedder.") != std::string_view::npos || name.find(".time_proj.") != std::string_view::npos ||
         name.find(".norm") != std::string_view::npos;
}

void cast_wan_dit(WanDit& dit, at::ScalarType dtype, c10::Device device) {
  for (auto& item : dit->named_parameters())
    item.value().set_data(item.value().detach().to(device, storage_dtype(item.key(), dtype)));
}

WanDit load_wan_dit(const std::filesystem::path& folder, at::ScalarType dtype, c10::Device device) {
  const std::filesystem::path config_path = folder / kConfigFile;
  const WanDitConfig config = wan_dit_config_from_json(read_json_file(config_path), config_path.string() + ":");
  const TensorMap state = dit_state_to_diffusers(io::read_checkpoint(folder, kWeightsStem));
  check_layers(state, config, folder.string());
  WanDit dit(config);
  cast_wan_dit(dit, dtype, device);
  layers::load_module_state(*dit, state, "load_wan_dit: " + folder.string());
  dit->eval();
  return dit;
}

void save_wan_dit(const std::filesystem::path& folder, const WanDit& dit, at::ScalarType dtype,
                  const std::map<std::string, std::string>& metadata) {
  const WanDitConfig& config = dit->config();
  for (int64_t layer = 0; layer < dit->num_layers(); ++layer)
    LT_CHECK(core_matches(*dit->block(layer)->attn1->core(), config, config.attention_of(layer)), CheckpointError,
             "[save_wan_dit] layer {}: expected the core that the config names ({}), got another", layer,
             enum_name(config.attention_of(layer)));
  TensorMap state = layers::module_state(*dit);
  for (auto& [name, tensor] : state) tensor = tensor.to(storage_dtype(name, dtype));
  io::write_checkpoint(folder, kWeightsStem, state, metadata);
  write_json_file(folder / kConfigFile, wan_dit_config_to_json(config));
}

}  // namespace lintorch::wan
