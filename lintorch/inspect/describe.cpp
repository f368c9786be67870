#include "lintorch/inspect/describe.h"

#include <algorithm>
#include <array>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/inspect/cost_estimate.h"
#include "lintorch/inspect/part_configs.h"
#include "lintorch/inspect/tensor_spec.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/flops.h"
#include "lintorch/models/wan/vae_tiling.h"
#include "lintorch/pipeline/video_model.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::inspect {
namespace {

// Bytes per parameter in linearization: the teacher in fp32; weight, gradient and the two moments of AdamW.
constexpr int64_t kTeacherBytes = 4, kStudentBytes = 4 + 4 + 8;

/// Bytes of the weights in memory: some stay fp32.
double transformer_bytes(const wan::WanDitConfig& config, int64_t b) {
  int64_t bytes = 0;
  for (const auto& spec : wan_dit_tensors(config))
    bytes += spec.numel() * (wan::keeps_fp32(spec.name) ? std::max<int64_t>(b, 4) : b);
  return static_cast<double>(bytes);
}

/// T, H, W of the latent; checks the sizes as generation does.
std::array<int64_t, 3> latent_size(const ModelConfigs& configs, const pipeline::VideoSize& video) {
  const int64_t space = configs.vae.spatial_factor(), time = configs.vae.temporal_factor();
  const auto& patch = configs.transformer.patch_size;
  LT_CHECK(video.frames >= 1 && (video.frames - 1) % time == 0, ConfigError,
           "frames: expected 1 + a multiple of {}, got {}", time, video.frames);
  LT_CHECK(video.width > 0 && video.width % (space * patch[2]) == 0, ConfigError,
           "size: expected a width that is a multiple of {}, got {}", space * patch[2], video.width);
  LT_CHECK(video.height > 0 && video.height % (space * patch[1]) == 0, ConfigError,
           "size: expected a height that is a multiple of {}, got {}", space * patch[1], video.height);
  return {(video.frames - 1) / time + 1, video.height / space, video.width / space};
}

}  // namespace

void DescribeConfig::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  LT_CHECK(!steps || *steps >= 1, ConfigError, "{}: expected at least 1, got {}", at("steps"), *steps);
  LT_CHECK(text_length >= 1, ConfigError, "{}: expected at least 1, got {}", at("text_length"), text_length);
  LT_CHECK(ranks >= 1, ConfigError, "{}: expected at least 1, got {}", at("ranks"), ranks);
  LT_CHECK(trajectories >= 1, ConfigError, "{}: expected at least 1, got {}", at("trajectories"), trajectories);
  dtype_from_name(dtype);
}

Json describe_model(const DescribeConfig& config) {
  LT_CHECK(!config.model.empty(), ConfigError, "model: expected a model folder, got none");
  const ModelConfigs configs = read_model_configs(config.model, config.components);
  const auto& dit = configs.transformer;
  const auto video = pipeline::choose_size(configs.defaults, config.size, config.frames);
  const int64_t steps = config.steps.value_or(configs.defaults.steps);
  const auto [T, H, W] = latent_size(configs, video);
  const int64_t tokens = T * H * W / (dit.patch_size[0] * dit.patch_size[1] * dit.patch_size[2]);
  const auto b = static_cast<int64_t>(c10::elementSize(dtype_from_name(config.dtype)));
  const int64_t branches = configs.defaults.guidance == 1.0 ? 1 : 2;

  std::string attention;
  for (int64_t layer = 0; layer < dit.num_layers; ++layer)
    attention += dit.attention_of(layer) == wan::AttentionKind::kLinear ? 'L' : 'S';
  const int64_t dit_parameters = count_parameters(wan_dit_tensors(dit));
  const int64_t text_parameters = configs.text_encoder ? count_parameters(umt5_tensors(*configs.text_encoder)) : 0;
  const int64_t vae_count = vae_values(configs.vae);
  const auto flops = wan::wan_dit_flops(dit, T, H, W, config.text_length);
  const double weights = transformer_bytes(dit, b), text = static_cast<double>(text_parameters * b);
  const double vae = static_cast<double>(vae_count * 4);
  const double working = static_cast<double>(branches) * inference_activation_bytes(dit, tokens, b);
  const double decode = static_cast<double>(
      wan::decode_memory_bytes(configs.vae, video.height, video.width, static_cast<int64_t>(sizeof(float))));
  const double optimizer = static_cast<double>(dit_parameters * (kTeacherBytes + kStudentBytes));
  const double stored = training_activation_bytes(dit, tokens);
  // As linvideo's store: steps + 1 states and a velocity per step and branch, in two bytes.
  const double latent_values = static_cast<double>(dit.in_channels * T * H * W);
  const double trajectory = 2 * latent_values * static_cast<double>(steps + 1 + branches * steps);

  Json json;
  json["transformer"] = wan::wan_dit_config_to_json(dit);
  json["attention"] = attention;
  json["parameters"] = {{"transformer", dit_parameters}, {"text_encoder", text_parameters}, {"vae", vae_count}};
  json["video"] = {{"width", video.width},  {"height", video.height}, {"frames", video.frames},
                   {"latent", {T, H, W}},   {"tokens", tokens},       {"text_tokens", config.text_length},
                   {"dtype", config.dtype}, {"steps", steps},         {"branches", branches}};
  json["forward"] = {{"flops", flops.total()},
                     {"flops_projections", flops.projections},
                     {"flops_softmax_attention", flops.softmax_attention},
                     {"flops_linear_attention", flops.linear_attention},
                     {"flops_cross_attention", flops.cross_attention},
                     {"bytes_weights", weights},
                     {"bytes_activations", forward_activation_bytes(dit, tokens, config.text_length, b)}};
  json["generate"] = {{"transformer", weights},
                      {"text_encoder", text},
                      {"vae", vae},
                      {"transformer_activations", working},
                      {"vae_decode", decode},
                      {"peak_all_resident", weights + text + vae + std::max(working, decode)},
                      {"peak_one_at_a_time", std::max({text, weights + working, vae + decode})}};
  json["train"] = {{"teacher_student_optimizer", optimizer}, {"activations", stored}, {"peak", optimizer + stored}};
  json["memory_counted"] = {
      {"transformer", "weights: time path, modulation, norms and head in fp32, the rest in " + config.dtype},
      {"text_encoder", configs.text_encoder ? "weights in " + config.dtype : "none: not in this model"},
      {"vae", "weights in fp32"},
      {"transformer_activations", fmt::format("largest set alive in one layer and the allocator's share, {} sample{}",
                                              branches, branches == 1 ? "" : "s of guidance")},
      {"vae_decode", "one latent frame at a time, untiled, in fp32, as measured on an H100"},
      {"teacher_student_optimizer", "fp32: teacher, student, its gradients, AdamW's two moments"},
      {"activations", "kept for the backward pass, bf16 autocast, batch 1, nothing recomputed"},
      {"left_out", "text encoder's activations, in training the allocator, libraries, CUDA context"}};
  json["trajectories"] = {{"count", config.trajectories},
                          {"bytes_each", trajectory},
                          {"bytes", trajectory * static_cast<double>(config.trajectories)}};
  return json;
}

}  // namespace lintorch::inspect
