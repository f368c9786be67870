#include "lintorch/bench/block_bench.h"

#include <ATen/core/grad_mode.h>
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
#include "lintorch/ops/rope_3d.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::bench {
namespace {

std::string row_name(const BlockResult& r) {
  return fmt::format("{}, kernels {}", enum_name(r.attention), enum_name(r.fused_kernels));
}

struct BlockInputs {
  at::Tensor x_BLD, text_BSD, modulation_B6D, rope_2L1P;
};

at::Tensor run_block(wan::WanBlock& block, const BlockInputs& in) {
  return block->forward(in.x_BLD, block->attn2->project_text(in.text_BSD), in.modulation_B6D, in.rope_2L1P);
}

void time_block(wan::WanBlock& block, BlockInputs in, c10::Device device, const BlockBenchConfig& config,
                BlockResult& result) {
  {
    const c10::InferenceMode inference;
    reset_peak_memory(device);
    result.inference = time_calls([&](int64_t) { run_block(block, in); }, device, config.warmup, config.repeats);
    result.inference_peak_bytes = peak_memory_bytes(device);
  }
  in.x_BLD = in.x_BLD.detach().requires_grad_();
  const at::Tensor direction = at::randn(in.x_BLD.sizes(), in.x_BLD.options().requires_grad(false));
  reset_peak_memory(device);
  result.training = time_calls(
      [&](int64_t) {
        in.x_BLD.mutable_grad().reset();
        block->zero_grad();
        run_block(block, in).backward(direction);
      },
      device, config.warmup, config.repeats);
  result.training_peak_bytes = peak_memory_bytes(device);
}

/// Of one sample: what a second block adds to a model of one.
double block_flops(wan::WanDitConfig config, const std::vector<int64_t>& shape, int64_t text_tokens) {
  const auto total = [&](int64_t layers) {
    config.num_layers = layers;
    config.attention.resize(layers, config.attention.front());
    return wan::wan_dit_flops(config, shape[1], shape[2], shape[3], text_tokens).total();
  };
  const double one = total(1);
  return total(2) - one;
}

double gibibytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

}  // namespace

void BlockBenchConfig::validate(const std::string& path) const {
  LT_CHECK(dtype == "fp32" || dtype == "bf16", ConfigError, "{}.dtype: expected fp32 or bf16, got \"{}\"", path, dtype);
  LT_CHECK(warmup >= 0 && repeats > 0 && batch > 0 && feature_dim > 0, ConfigError,
           "{}: expected warmup >= 0 and repeats, batch, feature_dim above 0", path);
}

BlockReport run_block_bench(const BlockBenchConfig& config) {
  config.validate("bench");
  const c10::Device device = resolve_device(config.device);
  const auto preset = pipeline::preset_model(config.preset);
  const auto size = pipeline::choose_size(preset.defaults, config.size, config.frames);
  const auto shape = pipeline::latent_shape(preset.transformer, preset.vae, size);
  const at::ScalarType dtype = dtype_from_name(config.dtype);
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(device);
  wan::WanDitConfig dit_config = preset.transformer;
  dit_config.num_layers = 1;
  const int64_t D = dit_config.width();
  const auto& patch = dit_config.patch_size;

  const RestoreSetting restore;
  BlockReport report;
  report.device = device_description(device);
  report.model =
      fmt::format("block of {} {}x{}x{} {}{}", enum_name(config.preset), size.width, size.height, size.frames,
                  config.dtype, config.batch == 1 ? "" : fmt::format(" batch {}", config.batch));
  report.tokens = pipeline::num_tokens(dit_config, shape);
  const BlockInputs inputs{at::randn({config.batch, report.tokens, D}, options),
                           at::randn({config.batch, preset.text_tokens, D}, options).to(dtype),
                           at::randn({config.batch, 6, D}, options),
                           ops::rope_3d_table({shape[1] / patch[0], shape[2] / patch[1], shape[3] / patch[2]},
                                              dit_config.attention_head_dim, at::kFloat, device)};
  for (const auto kind : config.attention)
    for (const auto fused : config.fused_kernels) {
      BlockResult result{.attention = kind, .fused_kernels = fused};
      log_info("{}: {}", report.model, row_name(result));
      dit_config = with_linear_layers(dit_config, kind == wan::AttentionKind::kLinear, config.feature_dim);
      wan::WanDit dit = random_dit(dit_config, dtype, device);
      wan::WanBlock block = dit->block(0);
      ops::set_fused_kernels(fused);
      time_block(block, inputs, device, config, result);
      result.flops = static_cast<double>(config.batch) * block_flops(dit_config, shape, preset.text_tokens);
      report.results.push_back(result);
    }
  return report;
}

std::string block_table(const BlockReport& report) {
  std::string table =
      fmt::format("{}, commit {}; {}, {} tokens\n{:<10} {:<7} {:>13} {:>8} {:>8} {:>12} {:>8} {:>8} {:>9}\n",
                  report.device, git_commit(), report.model, report.tokens, "attention", "kernels", "inference ms",
                  "+-", "TFLOP/s", "training ms", "+-", "TFLOP/s", "peak GiB");
  for (const BlockResult& r : report.results)
    table += fmt::format("{:<10} {:<7} {:>13.3f} {:>8.3f} {:>8.0f} {:>12.3f} {:>8.3f} {:>8.0f} {:>9.2f}\n",
                         enum_name(r.attention), enum_name(r.fused_kernels), r.inference.median, r.inference.deviation,
                         r.flops / r.inference.median * 1e-9, r.training.median, r.training.deviation,
                         3 * r.flops / r.training.median * 1e-9, gibibytes(r.training_peak_bytes));
  return table;
}

Json block_json(const BlockReport& report, const std::string& command) {
  Json rows = Json::array();
  for (const BlockResult& r : report.results) {
    const auto add = [&](const std::string& metric, double mean, double deviation, int64_t n, const std::string& unit) {
      rows.push_back(result_row(report.model, {row_name(r), metric, mean, deviation, n, unit}, report.device, command));
    };
    add("inference time", r.inference.median, r.inference.deviation, r.inference.count, "ms");
    add("training time", r.training.median, r.training.deviation, r.training.count, "ms");
    add("matrix products of a forward", r.flops, 0, 1, "FLOP");
    add("inference peak memory", static_cast<double>(r.inference_peak_bytes), 0, 1, "B");
    add("training peak memory", static_cast<double>(r.training_peak_bytes), 0, 1, "B");
  }
  return rows;
}

}  // namespace lintorch::bench
