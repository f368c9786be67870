#include "lintorch/bench/op_bench.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "lintorch/bench/attention_cases.h"
#include "lintorch/bench/elementwise_cases.h"
#include "lintorch/bench/restore_setting.h"
#include "lintorch/bench/result_row.h"
#include "lintorch/core/device.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/version.h"
#include "lintorch/ops/fused_kernels.h"

namespace lintorch::bench {
namespace {

at::ScalarType scalar_type(const std::string& name) { return name == "bf16" ? at::kBFloat16 : at::kFloat; }

double copy_bandwidth(c10::Device device, const BenchConfig& config) {
  const int64_t count = device.is_cpu() ? 1 << 25 : 1 << 28;
  const at::Tensor from = at::empty({count}, at::TensorOptions(at::kFloat).device(device)).fill_(1);
  const at::Tensor to = at::empty_like(from);
  const Timing timing = time_calls([&](int64_t) { to.copy_(from); }, device, config.warmup, config.repeats);
  return 8.0 * static_cast<double>(count) / (timing.median * 1e-3);
}

struct Passes {
  Timing forward, backward;
};

// Calls take the input sets in turn, so that no cache holds the inputs of the next call.
Passes time_passes(const OpCase& op, const std::vector<OpCase::Tensors>& sets, ops::FusedKernels mode,
                   c10::Device device, const BenchConfig& config) {
  ops::set_fused_kernels(mode);
  const auto turn = [&](int64_t i) { return static_cast<size_t>(i) % sets.size(); };
  Passes passes;
  {
    const at::NoGradGuard no_grad;
    passes.forward = time_calls([&](int64_t i) { op.forward(sets[turn(i)]); }, device, config.warmup, config.repeats);
  }
  std::vector<OpCase::Tensors> outputs, directions;
  for (const OpCase::Tensors& inputs : sets) {
    outputs.push_back(op.forward(inputs));
    directions.emplace_back();
    for (const at::Tensor& output : outputs.back()) directions.back().push_back(at::randn_like(output));
  }
  passes.backward = time_calls(
      [&](int64_t i) {
        torch::autograd::grad(outputs[turn(i)], sets[turn(i)], directions[turn(i)], /*retain_graph=*/true);
      },
      device, config.warmup, config.repeats);
  return passes;
}

std::optional<double> error_of(const OpCase& op, const OpCase::Tensors& inputs, ops::FusedKernels mode) {
  if (!op.error) return std::nullopt;
  const at::NoGradGuard no_grad;
  ops::set_fused_kernels(mode);
  return op.error(inputs, op.forward(inputs));
}

double gigabytes_per_second(const OpResult& result, const Timing& timing) {
  return result.bytes / timing.median * 1e-6;
}

}  // namespace

OpReport run_op_bench(const BenchConfig& config) {
  config.validate("bench");
  const RestoreSetting restore;
  const c10::Device device = resolve_device(config.device);
  const c10::DeviceGuard guard(device);
  const auto cases = [&](const BenchSize& size) {
    auto all = elementwise_cases(size, scalar_type(config.stream_dtype), scalar_type(config.dtype), device);
    for (auto& op : attention_cases(size, scalar_type(config.dtype), device)) all.push_back(std::move(op));
    for (auto& op : dense_cases(size, scalar_type(config.dtype), device)) all.push_back(std::move(op));
    return all;
  };
  const auto known = cases({"", 1, 1, 16, 16});
  for (const std::string& name : config.ops) {
    LT_CHECK(std::any_of(known.begin(), known.end(), [&](const OpCase& op) { return op.name == name; }), ConfigError,
             "[ops] no op is called \"{}\"", name);
  }
  OpReport report{device_description(device), copy_bandwidth(device, config), {}};
  for (const std::string& size_name : config.sizes) {
    const BenchSize size = bench_size(size_name);
    for (const OpCase& op : cases(size)) {
      if (!config.ops.empty() && std::find(config.ops.begin(), config.ops.end(), op.name) == config.ops.end()) continue;
      log_info("{} at {}", op.name, size.name);
      std::vector<OpCase::Tensors> sets;
      for (int64_t i = 0; i < config.input_sets; ++i) sets.push_back(op.draw_inputs());
      const Passes fused = time_passes(op, sets, ops::FusedKernels::kAuto, device, config);
      const Passes composed = time_passes(op, sets, ops::FusedKernels::kOff, device, config);
      report.results.push_back({op.name, "forward", size.name, op.forward_bytes, op.forward_flops, fused.forward,
                                composed.forward, error_of(op, sets[0], ops::FusedKernels::kAuto),
                                error_of(op, sets[0], ops::FusedKernels::kOff)});
      report.results.push_back(
          {op.name, "backward", size.name, op.backward_bytes, op.backward_flops, fused.backward, composed.backward});
    }
  }
  return report;
}

std::string op_table(const OpReport& report) {
  std::string table = fmt::format(
      "{}, commit {}; copy {:.0f} GB/s\n{:<22} {:<9} {:<14} {:>9} {:>8} {:>7} {:>7} {:>8} {:>12} {:>9} {:>8} {:>8}\n",
      report.device, git_commit(), report.copy_bytes_per_s * 1e-9, "op", "pass", "size", "ms", "+-", "GB/s", "% copy",
      "TFLOP/s", "composed ms", "speed-up", "error", "composed");
  const auto error = [](const std::optional<double>& value) { return value ? fmt::format("{:.2g}", *value) : "-"; };
  for (const OpResult& r : report.results) {
    const double rate = gigabytes_per_second(r, r.fused);
    table += fmt::format(
        "{:<22} {:<9} {:<14} {:>9.4f} {:>8.4f} {:>7.0f} {:>7.1f} {:>8.1f} {:>12.4f} {:>8.2f}x {:>8} {:>8}\n", r.op,
        r.pass, r.size, r.fused.median, r.fused.deviation, rate, 1e11 * rate / report.copy_bytes_per_s,
        r.flops / r.fused.median * 1e-9, r.composed.median, r.composed.median / r.fused.median, error(r.fused_error),
        error(r.composed_error));
  }
  return table;
}

Json op_json(const OpReport& report, const std::string& command) {
  Json rows = Json::array();
  const auto add = [&](const std::string& row, const std::string& metric, double mean, double deviation, int64_t n,
                       const std::string& unit) {
    rows.push_back(result_row("op", {row, metric, mean, deviation, n, unit}, report.device, command));
  };
  add("copy", "bandwidth", report.copy_bytes_per_s, 0, 1, "B/s");
  for (const OpResult& r : report.results) {
    const std::string row = r.op + " " + r.pass + " " + r.size;
    add(row, "kernel time", r.fused.median, r.fused.deviation, r.fused.count, "ms");
    add(row, "composition time", r.composed.median, r.composed.deviation, r.composed.count, "ms");
    add(row, "least traffic", r.bytes, 0, 1, "B");
    if (r.flops > 0) add(row, "matrix products", r.flops, 0, 1, "FLOP");
    if (r.fused_error) add(row, "kernel error", *r.fused_error, 0, 1, "");
    if (r.composed_error) add(row, "composition error", *r.composed_error, 0, 1, "");
  }
  return rows;
}

}  // namespace lintorch::bench
