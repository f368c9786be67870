#include "lintorch/models/wan/vae_checkpoint.h"

#include <ATen/ops/empty.h>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/core/logging.h"
#include "lintorch/io/mapped_file.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/layers/nearest_shapes.h"
#include "lintorch/layers/uninitialized.h"
#include "lintorch/models/component_weights.h"
#include "lintorch/models/wan/vae_key_map.h"

namespace lintorch::wan {
namespace {

constexpr const char* kStem = "diffusion_pytorch_model";
constexpr const char* kOriginalMarker = "encoder.conv1.weight";
constexpr const char* kDiffusersMarker = "encoder.conv_in.weight";

WanVae uninitialized_vae(const WanVaeConfig& config) {
  const layers::Uninitialized uninitialized;
  return WanVae(config);
}

layers::ShapeMap vae_shapes(const WanVaeConfig& config) {
  return layers::shapes_of(layers::module_state(*uninitialized_vae(config)));
}

bool has_original_names(const TensorMap& state, const std::string& where) {
  const bool original = state.contains(kOriginalMarker), diffusers = state.contains(kDiffusersMarker);
  LT_CHECK(
      original || diffusers, CheckpointError,
      "[load_wan_vae] {}: this is no Wan autoencoder: expected a tensor {} (original names) or {} (Diffusers names)",
      where, kOriginalMarker, kDiffusersMarker);
  LT_CHECK(!(original && diffusers), CheckpointError, "[load_wan_vae] {}: ambiguous: it has both {} and {}", where,
           kOriginalMarker, kDiffusersMarker);
  return original;
}

// A name without a counterpart stays as it is, to be reported as unexpected.
TensorMap to_diffusers_names(const TensorMap& official, const WanVaeConfig& config, const std::string& where) {
  const io::KeyMap key_map = vae_key_map(config);
  TensorMap state;
  for (const auto& [name, tensor] : official) {
    const std::string target = key_map.forward(name).value_or(name);
    LT_CHECK(state.emplace(target, tensor).second, CheckpointError,
             "[load_wan_vae] {}: expected one tensor for {}, got a second: {}", where, target, name);
  }
  return state;
}

std::string nearest_preset(const TensorMap& state) {
  return layers::nearest_preset(state, {{"t2v_vae", vae_shapes(t2v_vae())}, {"tiny_vae", vae_shapes(tiny_vae())}});
}

// The config, and where it comes from.
std::pair<WanVaeConfig, std::string> find_config(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) return {read_vae_config(path / "config.json"), "config.json"};
  const auto json = config_in_metadata(io::read_checkpoint_metadata(path, kStem), "[load_wan_vae] " + path.string());
  if (json) return {vae_config_from_json(*json, path.string() + ", metadata:"), "the metadata of the file"};
  return {t2v_vae(), "the preset t2v_vae, as the file has none"};
}

}  // namespace

VaeSource open_wan_vae(const std::filesystem::path& path) {
  const std::string where = path.string();
  LT_CHECK(std::filesystem::exists(path), IoError, "[load_wan_vae] {} does not exist", where);
  const auto [config, origin] = find_config(path);
  VaeSource source{config, io::read_checkpoint(path, kStem)};
  const bool original = has_original_names(source.state, where);
  if (original) source.state = to_diffusers_names(source.state, config, where);
  const auto report = layers::compare_state(vae_shapes(config), source.state);
  LT_CHECK(report.fits(), CheckpointError, "[load_wan_vae] {}: expected the tensors of {} exactly, got{}\n  {}", where,
           origin, report.text(), nearest_preset(source.state));
  log_info("{}: Wan autoencoder, {} names, config from {}", where, original ? "original" : "Diffusers", origin);
  return source;
}

WanVae load_wan_vae(const std::filesystem::path& path, at::ScalarType dtype, c10::Device device) {
  return load_wan_vae(open_wan_vae(path), dtype, device);
}

WanVae load_wan_vae(const VaeSource& source, at::ScalarType dtype, c10::Device device) {
  WanVae vae = uninitialized_vae(source.config);
  for (auto& parameter : vae->parameters())
    parameter.set_data(at::empty(parameter.sizes(), at::TensorOptions().dtype(dtype).device(device)));
  layers::load_module_state(*vae, source.state, "load_wan_vae", io::release_pages);
  vae->eval();
  return vae;
}

void write_wan_vae(const std::filesystem::path& folder, const WanVaeConfig& config, const TensorMap& state,
                   const WeightFormat& format) {
  const io::KeyMap names = vae_key_map(config);
  write_component(folder, {kStem, kOriginalVaeStem, names}, state, vae_config_json(config), format, "write_wan_vae");
}

void save_wan_vae(const std::filesystem::path& folder, WanVae& vae, at::ScalarType dtype,
                  const io::Metadata& metadata) {
  write_wan_vae(folder, vae->config(), layers::module_state(*vae), {.dtype = dtype, .metadata = metadata});
}

}  // namespace lintorch::wan
