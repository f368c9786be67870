#include "lintorch/inspect/compare.h"

#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include <filesystem>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/inspect/part_configs.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/models/wan/block_observer.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_config.h"
#include "lintorch/pipeline/model_parts.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::inspect {
namespace {

struct Outputs {
  std::vector<at::Tensor> blocks;  // on the CPU
  at::Tensor velocity;
};

std::filesystem::path transformer_of(const std::string& model) {
  return pipeline::find_model_part(model, &pipeline::ModelParts::transformer);
}

TensorMap random_input(const CompareConfig& config, const wan::WanDitConfig& dit) {
  const auto parts = pipeline::list_model_parts(config.a);
  const wan::WanVaeConfig vae = parts && !parts->vae.empty() ? read_vae_config(parts->vae) : wan::t2v_vae();
  int64_t width = 0, height = 0;
  pipeline::parse_size(config.size, width, height);
  const std::vector<int64_t> latent = {1, dit.in_channels, (config.frames - 1) / vae.temporal_factor() + 1,
                                       height / vae.spatial_factor(), width / vae.spatial_factor()};
  auto generator = make_generator(static_cast<uint64_t>(config.seed));
  const auto hidden_states = at::randn(latent, generator, at::kFloat);
  return {{"hidden_states", hidden_states},
          {"timestep", at::full({1}, config.timestep, at::kDouble)},
          {"encoder_hidden_states", at::randn({1, config.text_length, dit.text_dim}, generator, at::kFloat)}};
}

TensorMap read_input(const std::string& path) {
  const TensorMap input = io::SafetensorsFile(path).load();
  for (const char* name : {"hidden_states", "timestep", "encoder_hidden_states"})
    LT_CHECK(input.contains(name), CheckpointError, "[compare_models] {} has no tensor \"{}\"", path, name);
  return input;
}

Outputs run(wan::WanDit& dit, const TensorMap& input, c10::Device device) {
  Outputs outputs;
  const wan::BlockObserver observer([&](int64_t, const at::Tensor& x_BLD) {
    outputs.blocks.push_back(x_BLD.to(at::kCPU, x_BLD.scalar_type(), /*non_blocking=*/false, /*copy=*/true));
  });
  outputs.velocity = dit->forward(input.at("hidden_states").to(device), input.at("timestep").to(device),
                                  input.at("encoder_hidden_states").to(device))
                         .to(at::kCPU);
  return outputs;
}

double relative_error(const at::Tensor& value, const at::Tensor& reference) {
  const auto a = reference.to(at::kDouble);
  return ((value.to(at::kDouble) - a).norm() / a.norm()).item<double>();
}

std::vector<std::string> layer_kinds(const wan::WanDitConfig& config) {
  std::vector<std::string> kinds;
  for (int64_t layer = 0; layer < config.num_layers; ++layer) kinds.emplace_back(enum_name(config.attention_of(layer)));
  return kinds;
}

}  // namespace

void CompareConfig::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  LT_CHECK(timestep >= 0 && timestep <= 1000, ConfigError, "{}: expected 0 to 1000, got {}", at("timestep"), timestep);
  LT_CHECK(frames >= 1, ConfigError, "{}: expected at least 1, got {}", at("frames"), frames);
  LT_CHECK(text_length >= 1, ConfigError, "{}: expected at least 1, got {}", at("text_length"), text_length);
  LT_CHECK(seed >= 0, ConfigError, "{}: expected 0 or more, got {}", at("seed"), seed);
}

Comparison compare_models(const CompareConfig& config) {
  LT_CHECK(!config.a.empty() && !config.b.empty(), ConfigError, "expected two models, a and b");
  config.validate("");
  c10::InferenceMode inference;
  const auto device = resolve_device(config.device);
  const auto dtype = dtype_from_name(config.dtype);
  Comparison result;
  TensorMap input;
  Outputs a;
  int64_t width = 0;
  {
    auto dit = wan::load_wan_dit(transformer_of(config.a), dtype, device);
    input = config.input ? read_input(*config.input) : random_input(config, dit->config());
    a = run(dit, input, device);
    result.layers_a = layer_kinds(dit->config());
    width = dit->config().width();
  }
  auto dit = wan::load_wan_dit(transformer_of(config.b), dtype, device);
  result.layers_b = layer_kinds(dit->config());
  LT_CHECK(dit->config().width() == width && result.layers_b.size() == result.layers_a.size(), ConfigError,
           "[compare_models] expected models of one shape, got {} layers of width {} and {} layers of width {}",
           result.layers_a.size(), width, result.layers_b.size(), dit->config().width());
  const Outputs b = run(dit, input, device);
  for (size_t layer = 0; layer < a.blocks.size(); ++layer)
    result.blocks.push_back(relative_error(b.blocks[layer], a.blocks[layer]));
  result.velocity = relative_error(b.velocity, a.velocity);
  return result;
}

Json comparison_json(const Comparison& comparison) {
  return {{"blocks", comparison.blocks},
          {"velocity", comparison.velocity},
          {"layers_a", comparison.layers_a},
          {"layers_b", comparison.layers_b}};
}

std::string comparison_text(const Comparison& comparison) {
  std::string text = fmt::format("{:8} {:8} {:8} relative error\n", "block", "a", "b");
  for (size_t layer = 0; layer < comparison.blocks.size(); ++layer)
    text += fmt::format("{:<8} {:8} {:8} {:.3e}\n", layer, comparison.layers_a[layer], comparison.layers_b[layer],
                        comparison.blocks[layer]);
  return text + fmt::format("{:26} {:.3e}\n", "velocity", comparison.velocity);
}

}  // namespace lintorch::inspect
