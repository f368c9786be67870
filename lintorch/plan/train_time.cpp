#include "lintorch/plan/train_time.h"

#include <algorithm>
#include <sstream>

#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/models/wan/flops.h"

namespace lintorch::plan {

namespace {

constexpr int64_t kTextTokens = 512;

/// One forward of one sample.
struct ForwardFlops {
  double projections = 0, attention = 0;
  double forward() const { return projections + attention; }
  double backward() const { return 2 * projections + 2.5 * attention; }
};

ForwardFlops forward_flops(wan::WanDitConfig model, const std::vector<int64_t>& latent_shape, bool both_branches) {
  const auto count = [&](const wan::WanDitConfig& config) {
    return wan::wan_dit_flops(config, latent_shape[1], latent_shape[2], latent_shape[3], kTextTokens);
  };
  const auto flops = count(model);
  ForwardFlops result{flops.projections, flops.softmax_attention + flops.linear_attention + flops.cross_attention};
  if (both_branches) {
    model.attention.assign(static_cast<size_t>(model.num_layers), wan::AttentionKind::kLinear);
    result.attention += count(model).linear_attention;
  }
  return result;
}

double linearize_flops(const linvideo::LinearizeConfig& config, const RunShape& shape) {
  using linvideo::ObjectiveKind;
  using linvideo::StateSource;
  const auto& objective = config.objective;
  wan::WanDitConfig with_maps = shape.model;
  with_maps.linear_attention = config.linear_attention;
  const double teacher = forward_flops(shape.model, shape.latent_shape, false).forward();
  const ForwardFlops student = forward_flops(with_maps, shape.latent_shape, true);
  double flops = student.forward() * (config.activation_checkpointing ? 2 : 1) + student.backward();
  const bool at_states = objective.kind == ObjectiveKind::kMse || objective.mse_anchor > 0;
  // Stores of states alone, pools and hidden states need the teacher at the states of the batch.
  const bool evaluates =
      objective.feature_weight > 0 || objective.states != StateSource::kStored || !shape.stored_velocities;
  if (evaluates && (at_states || objective.feature_weight > 0 || objective.states == StateSource::kOnline))
    flops += teacher;
  if (objective.kind != ObjectiveKind::kMse) flops += teacher + student.forward();
  if (objective.states == StateSource::kOnline) flops += teacher;
  if (objective.states == StateSource::kOnPolicy) flops += student.forward();
  const bool network =
      objective.kind == ObjectiveKind::kDmd ||
      (objective.kind == ObjectiveKind::kAdm && objective.adm.score == linvideo::ScoreSource::kNetwork);
  if (network) {
    const ForwardFlops score = forward_flops(shape.model, shape.latent_shape, false);
    flops += static_cast<double>(objective.score_network.updates) * (score.forward() + score.backward());
  }
  return flops * static_cast<double>(config.batch_size);
}

double distill_flops(const distill::DistillConfig& config, const RunShape& shape) {
  const ForwardFlops teacher = forward_flops(shape.model, shape.latent_shape, false);
  const ForwardFlops generator = forward_flops(shape.student, shape.latent_shape, false);
  const ForwardFlops critic = config.critic.start == distill::CriticStart::kTeacher ? teacher : generator;
  const double again = config.activation_checkpointing ? 1 : 0;
  if (config.objective == distill::DistillObjective::kRegression)
    return static_cast<double>(config.batch_size) * ((1 + again) * generator.forward() + generator.backward());
  const auto updates = static_cast<double>(config.critic.updates);
  // On average the backward simulation ends in the middle of the steps.
  const double simulation = generator.forward() * (static_cast<double>(config.steps.size()) + 1) / 2;
  const double branches = config.guidance.value_or(0) == 1 ? 1 : 2;
  const double generator_step =
      simulation + again * generator.forward() + generator.backward() + branches * teacher.forward() + critic.forward();
  const double critic_step = simulation + (1 + again) * critic.forward() + critic.backward();
  return static_cast<double>(config.batch_size) * (generator_step + updates * critic_step) / (updates + 1);
}

}  // namespace

double step_flops(const TrainRunConfig& config, const RunShape& shape) {
  const double micro = config.method == Method::kDistill ? distill_flops(config.distill, shape)
                                                         : linearize_flops(config.linearize, shape);
  return micro * static_cast<double>(config.train.accumulate) / static_cast<double>(shape.ranks);
}

std::optional<double> measured_step_seconds(const std::filesystem::path& run_dir) {
  const auto file = run_dir / "metrics.jsonl";
  if (!std::filesystem::exists(file)) return std::nullopt;
  std::istringstream lines(read_file(file));
  std::optional<std::pair<double, double>> first, last;  // step, seconds
  for (std::string line; std::getline(lines, line);) {
    const Json record = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!record.is_object() || !record.contains("step") || !record.contains("seconds")) continue;
    last = {record["step"].get<double>(), record["seconds"].get<double>()};
    if (!first) first = last;
  }
  if (!first || last->first <= first->first || last->second <= first->second) return std::nullopt;
  return (last->second - first->second) / (last->first - first->first);
}

}  // namespace lintorch::plan
