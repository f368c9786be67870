#include "lintorch/linvideo/objective.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <optional>

#include "lintorch/linvideo/adm_objective.h"
#include "lintorch/linvideo/distribution_matching.h"
#include "lintorch/linvideo/dmd_objective.h"
#include "lintorch/linvideo/feature_matching.h"
#include "lintorch/linvideo/mse_objective.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/train/timed_part.h"

namespace lintorch::linvideo {

namespace {

VelocityFunction timed(VelocityFunction velocity, const char* part, train::MetricBag& metrics) {
  return [=, &metrics](const at::Tensor& x, const at::Tensor& timestep, const at::Tensor& text) {
    const train::TimedPart timed(metrics, part, x.device());
    return velocity(x, timestep, text);
  };
}

}  // namespace

Objective::Objective(const ObjectiveConfig& config, wan::WanDit& teacher, wan::WanDit& student,
                     const std::function<std::unique_ptr<AveragedStudent>()>& make_averaged, double shift)
    : config_(config), teacher_(teacher), student_(student), shift_(shift) {
  const bool adm = config.kind == ObjectiveKind::kAdm;
  if (adm && config.adm.score == ScoreSource::kEma) averaged_ = make_averaged();
  if (config.kind == ObjectiveKind::kDmd || (adm && config.adm.score == ScoreSource::kNetwork))
    score_network_ = std::make_unique<ScoreNetwork>(teacher, config.score_network);
}

VelocityFunction Objective::student_score(train::MetricBag& metrics) {
  wan::WanDit source = averaged_ ? averaged_->dit() : score_network_ ? score_network_->dit() : student_;
  return timed(velocity_of(source), "student_score", metrics);
}

at::Tensor Objective::update_score_network(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW,
                                           at::Generator& generator) {
  const AdmConfig& adm = config_.adm;
  const bool euler = config_.kind == ObjectiveKind::kAdm && adm.reading == AdmReading::kEuler;
  const bool dmd = config_.kind == ObjectiveKind::kDmd;
  const double min_t = dmd ? config_.dmd.min_t : adm.min_t, max_t = dmd ? config_.dmd.max_t : adm.max_t;
  at::Tensor sum;
  for (int64_t i = 0; i < config_.score_network.updates; ++i) {
    const FlowPair pair =
        euler ? euler_pair(batch, velocity_hat_BCTHW, adm_times(batch, adm, shift_, generator), generator)
              : renoised_pair(clean_estimate(batch, velocity_hat_BCTHW.detach()), batch.text_BSD, min_t, max_t, shift_,
                              generator);
    const at::Tensor loss = score_network_->update(pair);
    sum = sum.defined() ? sum + loss : loss;
  }
  return sum / static_cast<double>(config_.score_network.updates);
}

StudentOutput Objective::run_student(const StateBatch& batch, bool chosen) {
  StudentOutput output;
  std::optional<BlockFeatures> features;
  if (config_.feature_weight > 0 && (chosen || config_.features_during_choice)) features.emplace();
  output.velocity_BCTHW = student_->forward(batch.x_BCTHW, batch.timestep_B, batch.text_BSD);
  if (features) output.features = features->values();
  return output;
}

bool Objective::reads_teacher_velocity() const { return config_.kind == ObjectiveKind::kMse || config_.mse_anchor > 0; }

at::Tensor Objective::loss(StateBatch& batch, const StudentOutput& student, bool train_score, at::Generator& generator,
                           train::MetricBag& metrics) {
  const auto teacher = timed(velocity_of(teacher_), "teacher", metrics);
  const at::Tensor& velocity_hat_BCTHW = student.velocity_BCTHW;
  if (score_network_ && train_score)
    metrics.add("loss/score_network", update_score_network(batch, velocity_hat_BCTHW, generator));
  at::Tensor loss;
  if (config_.kind == ObjectiveKind::kAdm) {
    loss = adm_objective(batch, velocity_hat_BCTHW, student_score(metrics), teacher, config_.adm, shift_, generator);
    metrics.add("loss/adm", loss.detach());
  } else if (config_.kind == ObjectiveKind::kDmd) {
    // Choice: DMD lets a few-step generator run to its end; here x^_0 comes from whatever time the state has, and no
    // gradient goes through the trajectory before it.
    loss = dmd_objective(clean_estimate(batch, velocity_hat_BCTHW), batch.text_BSD, student_score(metrics), teacher,
                         config_.dmd, shift_, generator);
    metrics.add("loss/dmd", loss.detach());
  }

  std::vector<at::Tensor> features;
  const bool matches_features = !student.features.empty();
  if (matches_features || (reads_teacher_velocity() && !batch.velocity_BCTHW.defined())) {
    const at::NoGradGuard no_grad;
    const BlockFeatures recorded;
    const at::Tensor velocity_BCTHW = teacher(batch.x_BCTHW, batch.timestep_B, batch.text_BSD);
    if (!batch.velocity_BCTHW.defined()) batch.velocity_BCTHW = velocity_BCTHW;
    if (matches_features) features = recorded.values();
  }
  if (reads_teacher_velocity()) {
    const at::Tensor mse = mse_objective(velocity_hat_BCTHW, batch.velocity_BCTHW);
    metrics.add("loss/mse", mse.detach());
    loss = loss.defined() ? loss + config_.mse_anchor * mse : mse;
  }
  if (matches_features) {
    const at::Tensor error = feature_matching_loss(student.features, features);
    metrics.add("loss/features", error.detach());
    loss = loss + config_.feature_weight * error;
  }
  return loss;
}

void Objective::after_step() {
  if (averaged_) averaged_->update();
}

TensorMap Objective::state() const {
  if (averaged_) return averaged_->state();
  return score_network_ ? score_network_->state() : TensorMap();
}

void Objective::load_state(const TensorMap& state) {
  if (averaged_) averaged_->load_state(state);
  if (score_network_) score_network_->load_state(state);
}

}  // namespace lintorch::linvideo
