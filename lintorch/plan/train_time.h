#pragma once

#include <filesystem>
#include <optional>

#include "lintorch/plan/train_memory.h"

namespace lintorch::plan {

/// FLOP/s that a training step is assumed to reach on one H100 or H200 under bf16, all told. An assumption for estimates
/// before anything ran; the first log points of a run replace it.
inline constexpr double kAssumedFlops = 500e12;

/// Floating point operations of one step on each rank: forwards and backwards of all networks that the objective evaluates,
/// both branches of every student layer, recomputation. A backward counts 2 forwards for projections, 2.5 for attention. Of
/// the transfer phase; warm-up steps cost less.
double step_flops(const TrainRunConfig& config, const RunShape& shape);

/// Seconds per step between the first and the last line of run_dir/metrics.jsonl; nullopt with fewer than two lines.
std::optional<double> measured_step_seconds(const std::filesystem::path& run_dir);

}  // namespace lintorch::plan
