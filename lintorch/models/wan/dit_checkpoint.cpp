#include "lintorch/models/wan/dit_checkpoint.h"

#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/core/logging.h"
#include "lintorch/io/mapped_file.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/linear_core.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/layers/softmax_core.h"
#include "lintorch/layers/uninitialized.h"
#include "lintorch/models/component_weights.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "lintorch/models/wan/dit_original_config.h"
#include "lintorch/models/wan/dit_shapes.h"
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
           "[load_wan_dit] {}: expected num_layers = {} blocks as the config says, got {}; {}", where,
           config.num_layers, num_layers, nearest_dit_preset(state));
  std::vector<int64_t> surplus, lacking;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    const bool linear =
        config.attention_of(layer) == AttentionKind::kLinear && ops::has_weights(config.linear_attention.feature_map);
    if (has_core[layer] && !linear) surplus.push_back(layer);
    if (!has_core[layer] && linear) lacking.push_back(layer);
  }
  LT_CHECK(surplus.empty() && lacking.empty(), CheckpointError,
           "[load_wan_dit] {}: the file and the \"attention\" list of its config disagree: linear-attention weights in "
           "softmax layers [{}], none in linear layers [{}]",
           where, fmt::join(surplus, ", "), fmt::join(lacking, ", "));
}

bool core_matches(const layers::AttentionCore& core, const WanDitConfig& config, AttentionKind kind) {
  if (kind == AttentionKind::kSoftmax) return dynamic_cast<const layers::SoftmaxCore*>(&core) != nullptr;
  const auto* linear = dynamic_cast<const layers::LinearCore*>(&core);
  return linear && linear->feature_map() == config.linear_attention.feature_map &&
         linear->rope() == config.linear_attention.rope;
}

at::ScalarType storage_dtype(std::string_view name, at::ScalarType dtype) {
  return keeps_fp32(name) ? ops::accumulate_dtype(dtype) : dtype;
}

// The config, and where it comes from.
std::pair<WanDitConfig, std::string> find_config(const std::optional<Json>& json, const DitSource& source,
                                                 const std::string& where, bool folder) {
  if (json) {
    const std::string in_file = where + "/" + kConfigFile + ":";
    if (!is_original_dit_config(*json)) return {wan_dit_config_from_json(*json, in_file), kConfigFile};
    if (const auto config = original_dit_config(*json, source.state, in_file)) return {*config, kConfigFile};
    log_warning("{} lacks sizes of the model: taking them from the shapes of the weights", in_file);
  }
  if (const auto carried = config_in_metadata(source.metadata, "[load_wan_dit] " + where))
    return {wan_dit_config_from_json(*carried, where + ", metadata:"), "the metadata of the file"};
  if (const auto preset = matching_dit_preset(source.state))
    return {preset->second, "the shapes, preset " + preset->first};
  const std::string message = fmt::format(
      "[load_wan_dit] {}: there is no {}, and the shapes are those of no preset; {}", where,
      folder ? "config.json" : "config in the metadata", nearest_dit_preset(source.state, /*with_differences=*/true));
  if (folder) throw IoError(message);
  throw CheckpointError(message);
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

WanDit empty_wan_dit(const WanDitConfig& config, at::ScalarType dtype, c10::Device device) {
  WanDit dit = [&] {
    const layers::Uninitialized uninitialized;
    return WanDit(config);
  }();
  for (auto& item : dit->named_parameters()) {
    const auto options = at::TensorOptions().dtype(storage_dtype(item.key(), dtype)).device(device);
    item.value().set_data(at::empty(item.value().sizes(), options));
  }
  dit->eval();
  return dit;
}

DitSource open_wan_dit(const std::filesystem::path& path) {
  const std::string where = path.string();
  const bool folder = std::filesystem::is_directory(path);
  std::optional<Json> json;
  const std::filesystem::path config_path = path / kConfigFile;
  if (folder && std::filesystem::exists(config_path)) {
    json = read_json_file(config_path);
    // Before the weights, so that a file that describes no transformer is named as such.
    if (!is_original_dit_config(*json)) wan_dit_config_from_json(*json, config_path.string() + ":");
  }
  const TensorMap stored = io::read_checkpoint(path, kWeightsStem);
  DitSource source;
  source.metadata = io::read_checkpoint_metadata(path, kWeightsStem);
  source.state = dit_state_to_diffusers(stored, "load_wan_dit: " + where);
  const auto [config, origin] = find_config(json, source, where, folder);
  source.config = config;
  check_layers(source.state, source.config, where);
  const auto report = layers::compare_state(dit_shapes(source.config), source.state);
  LT_CHECK(report.fits(), CheckpointError, "[load_wan_dit] {}: expected the tensors of {} exactly, got{}\n  {}", where,
           origin, report.text(), nearest_dit_preset(source.state));
  log_info("{}: Wan transformer, {}, {} layers of width {}, config from {}", where,
           detect_dit_naming(stored, where).description(), source.config.num_layers, source.config.width(), origin);
  return source;
}

WanDit load_wan_dit(const std::filesystem::path& path, at::ScalarType dtype, c10::Device device) {
  return load_wan_dit(open_wan_dit(path), dtype, device);
}

WanDit load_wan_dit(const DitSource& source, at::ScalarType dtype, c10::Device device) {
  WanDit dit = empty_wan_dit(source.config, dtype, device);
  layers::load_module_state(*dit, source.state, "load_wan_dit", io::release_pages);
  return dit;
}

void write_wan_dit(const std::filesystem::path& folder, const WanDitConfig& config, const TensorMap& state,
                   const WeightFormat& format) {
  const bool original = format.layout == ModelLayout::kOriginal;
  const Json json = wan_dit_config_to_json(config);
  io::Metadata metadata = format.metadata;
  metadata[kConfigMetadata] = json.dump();
  io::StoredDtype stored_dtype;
  if (format.dtype)
    stored_dtype = [&](const std::string& name, at::ScalarType) {
      return storage_dtype(original ? *dit_key_to_diffusers(name) : name, *format.dtype);
    };
  io::write_checkpoint(folder, kWeightsStem, original ? dit_state_to_original(state) : state, metadata,
                       format.max_shard_bytes, stored_dtype);
  write_json_file(folder / kConfigFile, original ? original_dit_config_json(config) : json);
}

void save_wan_dit(const std::filesystem::path& folder, const WanDit& dit, at::ScalarType dtype,
                  const std::map<std::string, std::string>& metadata) {
  const WanDitConfig& config = dit->config();
  for (int64_t layer = 0; layer < dit->num_layers(); ++layer)
    LT_CHECK(core_matches(*dit->block(layer)->attn1->core(), config, config.attention_of(layer)), CheckpointError,
             "[save_wan_dit] layer {}: expected the core that the config names ({}), got another", layer,
             enum_name(config.attention_of(layer)));
  write_wan_dit(folder, config, layers::module_state(*dit), {.dtype = dtype, .metadata = metadata});
}

}  // namespace lintorch::wan
