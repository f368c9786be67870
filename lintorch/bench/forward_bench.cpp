#include "lintorch/bench/forward_bench.h"

#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <c10/core/InferenceMode.h>

#include "lintorch/bench/random_weights.h"
#include "lintorch/bench/restore_setting.h"
#include "lintorch/bench/result_row.h"
#include "lintorch/core/device.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/version.h"
#include "lintorch/models/wan/flops.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::bench {
namespace {

// The backend serves cross-attention too, which stays out of FP8.
std::string softmax_name(const ForwardResult& r) {
  return fmt::format("{}{}", r.fp8_attention ? "fp8+" : "", enum_name(r.softmax));
}

std::string row_name(const ForwardResult& r) {
  return fmt::format("{} linear, fp8 {}, kernels {}, softmax {}{}", r.linear_layers, enum_name(r.fp8),
                     enum_name(r.fused_kernels), softmax_name(r),
                     r.residual == wan::ResidualFormat::kFp32 ? "" : ", residual in bf16");
}

/// What is to be timed with so many linear layers and these weights in FP8.
std::vector<ForwardResult> settings(const ForwardBenchConfig& config, int64_t linear_layers, wan::Fp8Layers fp8) {
  std::vector<ForwardResult> all;
  for (const bool fp8_attention : config.fp8_attention)
    for (const auto residual : config.residual)
      for (const auto fused : config.fused_kernels)
        for (const auto softmax : config.softmax)
          all.push_back({.linear_layers = linear_layers,
                         .fp8 = fp8,
                         .fp8_attention = fp8_attention,
                         .residual = residual,
                         .fused_kernels = fused,
                         .softmax = softmax});
  return all;
}

}  // namespace

void ForwardBenchConfig::validate(const std::string& path) const {
  const auto model = pipeline::preset_model(preset);
  for (const int64_t count : linear_layers)
    LT_CHECK(count >= 0 && count <= model.transformer.num_layers, ConfigError,
             "{}.linear_layers: expected 0 to {}, got {}", path, model.transformer.num_layers, count);
  LT_CHECK(dtype == "fp32" || dtype == "bf16", ConfigError, "{}.dtype: expected fp32 or bf16, got \"{}\"", path, dtype);
  LT_CHECK(warmup >= 0 && repeats > 0 && batch > 0 && text_tokens > 0 && feature_dim > 0, ConfigError,
           "{}: expected warmup >= 0 and repeats, batch, text_tokens, feature_dim above 0", path);
}

ForwardReport run_forward_bench(const ForwardBenchConfig& config) {
  config.validate("bench");
  const c10::InferenceMode inference;
  const c10::Device device = resolve_device(config.device);
  const auto model = pipeline::preset_model(config.preset);
  pipeline::VideoSize size{0, 0, config.frames};
  pipeline::parse_size(config.size, size.width, size.height);
  const auto shape = pipeline::latent_shape(model.transformer, model.vae, size);
  const int64_t B = config.batch;
  const auto random = [&](at::IntArrayRef sizes) {
    return at::randn(sizes, at::TensorOptions(at::kFloat).device(device));
  };
  const at::Tensor latent = random({B, shape[0], shape[1], shape[2], shape[3]});
  const at::Tensor text = random({B, config.text_tokens, model.transformer.text_dim});
  const at::Tensor timestep = at::full({B}, 500.0, latent.options());

  const RestoreSetting restore;
  ForwardReport report;
  report.device = device_description(device);
  report.model = fmt::format("{} {}x{} {}{}", enum_name(config.preset), config.size, config.frames, config.dtype,
                             B == 1 ? "" : fmt::format(" batch {}", B));
  report.tokens = pipeline::num_tokens(model.transformer, shape);
  for (const int64_t count : config.linear_layers) {
    const auto dit_config = with_linear_layers(model.transformer, count, config.feature_dim);
    wan::WanDit dit = random_dit(dit_config, dtype_from_name(config.dtype), device);
    at::Tensor exact;
    for (const auto fp8 : config.fp8) {
      wan::quantize_wan_dit(dit, fp8);
      for (ForwardResult& result : settings(config, count, fp8)) {
        log_info("{}: {}", report.model, row_name(result));
        wan::set_fp8_attention(dit, result.fp8_attention);
        dit->set_residual_format(result.residual);
        ops::set_fused_kernels(result.fused_kernels);
        const ops::SoftmaxBackendGuard guard(result.softmax);
        reset_peak_memory(device);
        at::Tensor velocity;
        result.time = time_calls([&](int64_t) { velocity = dit->forward(latent, timestep, text); }, device,
                                 config.warmup, config.repeats);
        result.peak_bytes = peak_memory_bytes(device);
        result.flops = static_cast<double>(B) *
                       wan::wan_dit_flops(dit_config, shape[1], shape[2], shape[3], config.text_tokens).total();
        if (!exact.defined()) exact = velocity;
        result.error = ((velocity - exact).norm() / exact.norm()).item<double>();
        report.results.push_back(result);
      }
    }
    dit = nullptr;
    release_cached_memory(device);
  }
  return report;
}

std::string forward_table(const ForwardReport& report) {
  std::string table = fmt::format(
      "{}, commit {}; {}, {} tokens\n{:>6} {:<12} {:<8} {:<7} {:<16} {:>10} {:>8} {:>8} {:>9} {:>9} {:>9}\n",
      report.device, git_commit(), report.model, report.tokens, "linear", "fp8", "residual", "kernels", "softmax", "ms",
      "+-", "TFLOP/s", "peak GiB", "speed-up", "error");
  for (const ForwardResult& r : report.results)
    table += fmt::format("{:>6} {:<12} {:<8} {:<7} {:<16} {:>10.2f} {:>8.2f} {:>8.0f} {:>9.2f} {:>8.2f}x {:>9.2g}\n",
                         r.linear_layers, enum_name(r.fp8), enum_name(r.residual), enum_name(r.fused_kernels),
                         softmax_name(r), r.time.median, r.time.deviation, r.flops / r.time.median * 1e-9,
                         static_cast<double>(r.peak_bytes) / (1 << 30),
                         report.results.front().time.median / r.time.median, r.error);
  return table;
}

Json forward_json(const ForwardReport& report, const std::string& command) {
  Json rows = Json::array();
  for (const ForwardResult& r : report.results) {
    const auto add = [&](const std::string& metric, double mean, double deviation, int64_t n, const std::string& unit) {
      rows.push_back(result_row("forward " + report.model, {row_name(r), metric, mean, deviation, n, unit},
                                report.device, command));
    };
    add("time", r.time.median, r.time.deviation, r.time.count, "ms");
    add("matrix products", r.flops, 0, 1, "FLOP");
    add("peak memory", static_cast<double>(r.peak_bytes), 0, 1, "B");
    add("error", r.error, 0, 1, "");
  }
  return rows;
}

}  // namespace lintorch::bench
