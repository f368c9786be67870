#include "lintorch/bench/generate_bench.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/randint.h>
#include <c10/core/InferenceMode.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "lintorch/bench/random_weights.h"
#include "lintorch/bench/result_row.h"
#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/version.h"
#include "lintorch/media/image.h"
#include "lintorch/media/video_writer.h"
#include "lintorch/models/umt5/encode_text.h"
#include "lintorch/pipeline/text_to_video.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::bench {
namespace {

namespace fs = std::filesystem;

umt5::TokenBatch random_prompt(const pipeline::PresetModel& model, int64_t tokens) {
  const int64_t S = model.text_tokens;
  return {at::randint(2, model.text_encoder.vocab_size, {1, S}, at::kLong),
          (at::arange(S) < std::min(tokens, S)).to(at::kLong).unsqueeze(0)};
}

/// A file that goes away with it, unless the user named one.
class VideoFile {
 public:
  explicit VideoFile(const std::optional<std::string>& wanted)
      : path_(wanted ? fs::path(*wanted)
                     : fs::temp_directory_path() /
                           fmt::format("lintorch_bench_{}{}", ::getpid(), media::video_extension())),
        keep_(wanted.has_value()) {
    media::check_video_path(path_);
  }
  ~VideoFile() {
    std::error_code ignored;
    if (!keep_) fs::remove(path_, ignored);
  }
  VideoFile(const VideoFile&) = delete;
  VideoFile& operator=(const VideoFile&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  bool keep_;
};

struct Generation {
  pipeline::VideoModel model;
  umt5::TokenBatch prompt, negative_prompt;
  at::Tensor noise_BCTHW;
  pipeline::SampleOptions options;
  fs::path video;

  void run(pipeline::StageCosts& costs) {
    const bool guided = options.guidance != 1.0;
    const auto [cond, uncond] = costs.run("text encoder", [&] {
      return std::pair(umt5::encode_text(model.text_encoder, prompt),
                       guided ? umt5::encode_text(model.text_encoder, negative_prompt) : at::Tensor());
    });
    const at::Tensor latents = costs.run("transformer", [&, &cond = cond, &uncond = uncond] {
      return pipeline::generate_latents(model.dit, cond, uncond, noise_BCTHW, options);
    });
    const at::Tensor frames = costs.run(
        "autoencoder", [&] { return media::to_frames_u8(pipeline::decode_latents(model, latents)[0]).cpu(); });
    costs.run("video file", [&] { media::write_video(video, frames, {.fps = model.defaults.fps}); });
  }
};

double total_seconds(const GenerateResult& result) {
  double total = 0;
  for (const auto& stage : result.stages) total += stage.seconds;
  return total;
}

int64_t peak_bytes(const GenerateResult& result) {
  int64_t peak = 0;
  for (const auto& stage : result.stages) peak = std::max(peak, stage.peak_bytes);
  return peak;
}

}  // namespace

void GenerateBenchConfig::validate(const std::string& path) const {
  const auto model = pipeline::preset_model(preset);
  for (const int64_t count : linear_layers)
    LT_CHECK(count >= 0 && count <= model.transformer.num_layers, ConfigError,
             "{}.linear_layers: expected 0 to {}, got {}", path, model.transformer.num_layers, count);
  for (const auto& [name, value] : {std::pair("dtype", dtype), std::pair("vae_dtype", vae_dtype)})
    LT_CHECK(value == "fp32" || value == "bf16", ConfigError, "{}.{}: expected fp32 or bf16, got \"{}\"", path, name,
             value);
  LT_CHECK(steps.value_or(1) > 0 && guidance.value_or(1) >= 1 && prompt_tokens > 0 && feature_dim > 0, ConfigError,
           "{}: expected steps, prompt_tokens and feature_dim above 0 and guidance of 1 or more", path);
}

GenerateReport run_generate_bench(const GenerateBenchConfig& config) {
  config.validate("bench");
  const c10::InferenceMode inference;
  const c10::Device device = resolve_device(config.device);
  const auto preset = pipeline::preset_model(config.preset);
  const auto size = pipeline::choose_size(preset.defaults, config.size, config.frames);
  const auto shape = pipeline::latent_shape(preset.transformer, preset.vae, size);
  const VideoFile file(config.video);
  const at::ScalarType dtype = dtype_from_name(config.dtype);

  Generation generation;
  generation.model.text_encoder = random_text_encoder(preset.text_encoder, dtype, device);
  generation.model.vae = random_vae(preset.vae, dtype_from_name(config.vae_dtype), device);
  generation.model.defaults = preset.defaults;
  generation.prompt = random_prompt(preset, config.prompt_tokens);
  generation.negative_prompt = random_prompt(preset, config.prompt_tokens);
  generation.noise_BCTHW = pipeline::make_noise({1}, shape, device);
  generation.options.sampler = config.sampler;
  generation.options.shift = preset.flow_shift;
  generation.options.guidance = config.guidance.value_or(preset.defaults.guidance);
  generation.video = file.path();

  GenerateReport report;
  report.device = device_description(device);
  report.steps = config.steps.value_or(preset.defaults.steps);
  report.model =
      fmt::format("{} {}x{}x{} {}{}, {} steps, guidance {}, {} file", enum_name(config.preset), size.width, size.height,
                  size.frames, config.dtype,
                  (config.fp8 == wan::Fp8Layers::kNone ? "" : fmt::format(" fp8 {}", enum_name(config.fp8))) +
                      (config.fp8_attention ? " fp8 attention" : ""),
                  report.steps, generation.options.guidance, file.path().extension().string());
  report.tokens = pipeline::num_tokens(preset.transformer, shape);
  for (const int64_t count : config.linear_layers) {
    log_info("{}: {} linear layers", report.model, count);
    generation.model.dit = random_dit(with_linear_layers(preset.transformer, count, config.feature_dim), dtype, device);
    generation.model.dit->set_residual_format(config.residual);
    wan::quantize_wan_dit(generation.model.dit, config.fp8);
    wan::set_fp8_attention(generation.model.dit, config.fp8_attention);
    generation.options.steps = 1;
    pipeline::StageCosts warmup(device), costs(device);
    generation.run(warmup);
    generation.options.steps = report.steps;
    generation.run(costs);
    report.results.push_back({count, costs.stages()});
    generation.model.dit = nullptr;
    release_cached_memory(device);
  }
  return report;
}

std::string generate_table(const GenerateReport& report) {
  std::string table = fmt::format("{}, commit {}; {}, {} tokens\n{:>6}", report.device, git_commit(), report.model,
                                  report.tokens, "linear");
  for (const auto& stage : report.results.front().stages) table += fmt::format(" {:>14}", stage.stage + " s");
  table += fmt::format(" {:>10} {:>9} {:>9} {:>9}\n", "ms a step", "all s", "peak GiB", "speed-up");
  for (const auto& result : report.results) {
    table += fmt::format("{:>6}", result.linear_layers);
    double transformer = 0;
    for (const auto& stage : result.stages) {
      table += fmt::format(" {:>14.3f}", stage.seconds);
      if (stage.stage == "transformer") transformer = stage.seconds;
    }
    table +=
        fmt::format(" {:>10.2f} {:>9.2f} {:>9.2f} {:>8.2f}x\n", 1e3 * transformer / static_cast<double>(report.steps),
                    total_seconds(result), static_cast<double>(peak_bytes(result)) / (1 << 30),
                    total_seconds(report.results.front()) / total_seconds(result));
  }
  return table;
}

Json generate_json(const GenerateReport& report, const std::string& command) {
  Json rows = Json::array();
  for (const auto& result : report.results) {
    const std::string row = fmt::format("{} linear", result.linear_layers);
    const auto add = [&](const std::string& metric, double value, const std::string& unit) {
      rows.push_back(result_row("generate " + report.model, {row, metric, value, 0, 1, unit}, report.device, command));
    };
    for (const auto& stage : result.stages) {
      add(stage.stage + " time", stage.seconds, "s");
      add(stage.stage + " peak memory", static_cast<double>(stage.peak_bytes), "B");
    }
    add("time", total_seconds(result), "s");
    add("peak memory", static_cast<double>(peak_bytes(result)), "B");
  }
  return rows;
}

}  // namespace lintorch::bench
