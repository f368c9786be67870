#include "lintorch/inspect/run_component.h"

#include <ATen/ops/clamp.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <c10/core/InferenceMode.h>
#include <fmt/ranges.h>

#include <set>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/diffusion/scheduler_config.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/tokenizer.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"
#include "lintorch/pipeline/prompt_file.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::inspect {
namespace {

namespace fs = std::filesystem;
using pipeline::ModelParts;

/// The input tensors of one component: named access, complaints about what is missing or left over.
class Inputs {
 public:
  Inputs(const TensorMap& tensors, Component component, std::set<std::string> known)
      : tensors_(tensors), component_(enum_name(component)) {
    for (const auto& [name, tensor] : tensors)
      LT_CHECK(known.contains(name), Error, "[run_component] {}: expected inputs {}, got \"{}\" too", component_,
               fmt::join(known, ", "), name);
  }

  const at::Tensor& get(const std::string& name) const {
    const auto it = tensors_.find(name);
    LT_CHECK(it != tensors_.end(), Error, "[run_component] {}: expected an input \"{}\", got none", component_, name);
    return it->second;
  }

  const at::Tensor& get(const std::string& name, int64_t dimensions) const {
    const at::Tensor& tensor = get(name);
    LT_CHECK(tensor.dim() == dimensions, Error, "[run_component] {}: {}: expected {} dimensions, got {}", component_,
             name, dimensions, tensor.dim());
    return tensor;
  }

  at::Tensor get_or(const std::string& name, const at::Tensor& fallback) const {
    return tensors_.contains(name) ? tensors_.at(name) : fallback;
  }

 private:
  const TensorMap& tensors_;
  std::string component_;
};

fs::path part(const RunConfig& config, fs::path ModelParts::*part) {
  return pipeline::find_model_part(config.model, part, config.components);
}

// A Diffusers folder's scheduler/, that folder alone, or what the original layout implies.
diffusion::SchedulerConfig read_scheduler(const fs::path& model) {
  const auto parts = pipeline::list_model_parts(model);
  if (parts && parts->layout == ModelLayout::kOriginal)
    return pipeline::read_generation_settings(model, ModelLayout::kOriginal).first;
  return diffusion::read_scheduler_config(parts || fs::exists(model / "scheduler") ? model / "scheduler" : model);
}

TensorMap run_transformer(const RunConfig& config, const Inputs& inputs, at::ScalarType dtype, c10::Device device) {
  auto dit = wan::load_wan_dit(part(config, &ModelParts::transformer), dtype, device);
  dit->set_residual_format(config.residual);
  const auto hidden_states = inputs.get("hidden_states", 5).to(device);
  const auto timestep = inputs.get("timestep", 1).to(device);
  const auto text = inputs.get("encoder_hidden_states", 3).to(device);
  return {{"sample", dit->forward(hidden_states, timestep, text)}};
}

TensorMap run_vae(const RunConfig& config, const Inputs& inputs, at::ScalarType dtype, c10::Device device) {
  auto vae = wan::load_wan_vae(part(config, &ModelParts::vae), dtype, device);
  if (config.component == Component::kVaeDecode) {
    const auto z = inputs.get("z", 5).to(device, dtype);
    const auto sample = config.tiled_decode ? wan::decode_raw_tiled(vae, z, config.tiles, config.clip_mode)
                                            : vae->decode_raw(z, config.clip_mode);
    return {{"sample", at::clamp(sample, -1, 1)}};
  }
  const auto moments = vae->encode_moments(inputs.get("x", 5).to(device, dtype), config.clip_mode).chunk(2, 1);
  return {{"mean", moments[0]}, {"logvar", moments[1]}};
}

TensorMap run_text_encoder(const RunConfig& config, const Inputs& inputs, at::ScalarType dtype, c10::Device device) {
  auto encoder = umt5::load_umt5(part(config, &ModelParts::text_encoder), dtype, device);
  const auto ids = inputs.get("input_ids", 2).to(at::kLong);
  const auto mask = inputs.get_or("attention_mask", at::ones_like(ids));
  LT_CHECK(
      ids.numel() > 0 && ids.min().item<int64_t>() >= 0 && ids.max().item<int64_t>() < encoder->config().vocab_size,
      Error, "[run_component] text_encoder: input_ids: expected ids from 0 to {}", encoder->config().vocab_size - 1);
  return {{"last_hidden_state", encoder(ids.to(device), mask.to(device))}};
}

TensorMap tokenize(const RunConfig& config, const std::vector<std::string>& prompts) {
  const auto batch = umt5::Tokenizer::load(part(config, &ModelParts::tokenizer)).encode(prompts);
  return {{"input_ids", batch.ids_BS}, {"attention_mask", batch.mask_BS}};
}

TensorMap run_tokenizer(const RunConfig& config, const Inputs& inputs) {
  const auto bytes = inputs.get("text", 1).contiguous();
  LT_CHECK(bytes.scalar_type() == at::kByte, Error, "[run_component] tokenizer: text: expected uint8, got {}",
           c10::toString(bytes.scalar_type()));
  const auto lengths = inputs.get_or("lengths", at::tensor({bytes.numel()}, at::kLong)).to(at::kLong).contiguous();
  const bool fits = lengths.dim() == 1 && lengths.numel() > 0 && lengths.min().item<int64_t>() >= 0 &&
                    lengths.sum().item<int64_t>() == bytes.numel();
  LT_CHECK(fits, Error, "[run_component] tokenizer: lengths: expected byte counts of the prompts that add up to {}",
           bytes.numel());
  const auto* next = reinterpret_cast<const char*>(bytes.data_ptr<uint8_t>());
  std::vector<std::string> prompts;
  for (int64_t b = 0; b < lengths.numel(); ++b) {
    const auto size = static_cast<size_t>(lengths.data_ptr<int64_t>()[b]);
    prompts.emplace_back(next, size);
    next += size;
  }
  return tokenize(config, prompts);
}

TensorMap run_scheduler(const RunConfig& config, const Inputs& inputs, c10::Device device) {
  const auto scheduler = read_scheduler(config.model);
  at::Tensor x = inputs.get("sample").to(device);
  const at::Tensor outputs = inputs.get("model_outputs", x.dim() + 1).to(device);
  const auto sampler = diffusion::make_sampler(config.sampler.value_or(scheduler.sampler), outputs.size(0),
                                               config.shift.value_or(scheduler.flow_shift), config.sigma_convention);
  std::vector<at::Tensor> samples;
  std::vector<double> timesteps;
  for (int64_t i = 0; i < sampler->num_steps(); ++i) {
    x = sampler->step(outputs[i], i, x);
    samples.push_back(x);
    timesteps.push_back(sampler->timestep(i));
  }
  return {{"samples", at::stack(samples)},
          {"sigmas", at::tensor(sampler->sigmas(), at::kDouble)},
          {"timesteps", at::tensor(timesteps, at::kDouble)}};
}

void check_complete(const RunConfig& config) {
  LT_CHECK(config.component.has_value(), ConfigError, "component: expected one of {}, got none",
           enum_choices<Component>());
  LT_CHECK(!config.model.empty(), ConfigError, "model: expected a model folder, got none");
}

}  // namespace

TensorMap run_component(const RunConfig& config, const TensorMap& tensors) {
  check_complete(config);
  c10::InferenceMode inference;
  const auto device = resolve_device(config.device);
  const auto dtype = dtype_from_name(config.dtype);
  const Component component = *config.component;
  const auto inputs = [&](std::set<std::string> known) { return Inputs(tensors, component, std::move(known)); };
  switch (component) {
    case Component::kTransformer:
      return run_transformer(config, inputs({"hidden_states", "timestep", "encoder_hidden_states"}), dtype, device);
    case Component::kVaeEncode:
      return run_vae(config, inputs({"x"}), dtype, device);
    case Component::kVaeDecode:
      return run_vae(config, inputs({"z"}), dtype, device);
    case Component::kTextEncoder:
      return run_text_encoder(config, inputs({"input_ids", "attention_mask"}), dtype, device);
    case Component::kTokenizer:
      return run_tokenizer(config, inputs({"text", "lengths"}));
    case Component::kScheduler:
      return run_scheduler(config, inputs({"sample", "model_outputs"}), device);
  }
  LT_ASSERT(false);
}

void run_component_files(const RunConfig& config) {
  check_complete(config);
  LT_CHECK(!config.input.empty(), ConfigError, "input: expected a file, got none");
  LT_CHECK(!config.output.empty(), ConfigError, "output: expected a file, got none");
  const bool prompt_file = config.component == Component::kTokenizer && fs::path(config.input).extension() == ".txt";
  const TensorMap outputs = prompt_file ? tokenize(config, pipeline::read_prompts(config.input))
                                        : run_component(config, io::SafetensorsFile(config.input).load());
  io::write_safetensors(config.output, outputs, {{"run", config_to_json(config).dump()}});
}

}  // namespace lintorch::inspect
