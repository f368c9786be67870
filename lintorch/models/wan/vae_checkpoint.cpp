#include "lintorch/models/wan/vae_checkpoint.h"

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/wan/vae_key_map.h"

namespace lintorch::wan {
namespace {

constexpr const char* kStem = "diffusion_pytorch_model";

TensorMap rename_official(const TensorMap& official, const WanVaeConfig& config, const std::string& where) {
  const io::KeyMap key_map = vae_key_map(config);
  TensorMap state;
  for (const auto& [name, tensor] : official) {
    const auto renamed = key_map.forward(name);
    LT_CHECK(renamed, CheckpointError, "[load_wan_vae] {}: tensor {} is not a name of the official Wan VAE", where,
             name);
    state[*renamed] = tensor;
  }
  return state;
}

}  // namespace

WanVae load_wan_vae(const std::filesystem::path& folder, at::ScalarType dtype, c10::Device device) {
  WanVae vae(read_vae_config(folder / "config.json"));
  vae->to(device, dtype);
  TensorMap state = io::read_checkpoint(folder, kStem);
  if (state.contains("encoder.conv1.weight")) state = rename_official(state, vae->config(), folder.string());
  layers::load_module_state(*vae, state, "load_wan_vae: " + folder.string());
  vae->eval();
  return vae;
}

void save_wan_vae(const std::filesystem::path& folder, WanVae& vae, at::ScalarType dtype,
                  const io::Metadata& metadata) {
  TensorMap state = layers::module_state(*vae);
  for (auto& [name, tensor] : state) tensor = tensor.to(dtype);
  io::write_checkpoint(folder, kStem, state, metadata);
  write_json_file(folder / "config.json", vae_config_json(vae->config()));
}

}  // namespace lintorch::wan
