#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/linvideo/averaged_student.h"
#include "lintorch/linvideo/config.h"
#include "lintorch/linvideo/score_network.h"
#include "lintorch/linvideo/state_batch.h"
#include "lintorch/models/wan/dit.h"
#include "lintorch/train/metric_bag.h"

namespace lintorch::linvideo {

/// One forward of the student at the states of a batch, with gradients.
struct StudentOutput {
  at::Tensor velocity_BCTHW;
  std::vector<at::Tensor> features;  ///< hidden states after each block; empty unless the objective matches them
};

/// The loss that brings the student to its teacher: velocity matching, ADM or DMD, an anchor of L_mse beside the
/// latter two, and the matching of hidden states beside any. Owns whatever stands in for the student's score: the averaged student or the score network.
class Objective {
 public:
  /// make_averaged: builds the average of the student; called if the config asks for one.
  /// shift: the time shift of the trajectories.
  Objective(const ObjectiveConfig& config, wan::WanDit& teacher, wan::WanDit& student,
            const std::function<std::unique_ptr<AveragedStudent>()>& make_averaged, double shift);

  /// The student at the states of a batch. chosen: whether the choice of layers is final (features_during_choice).
  StudentOutput run_student(const StateBatch& batch, bool chosen);

  /// student: run_student of the batch. train_score: whether the score network, if there is one, makes its updates first,
  /// on the student's samples at these states. The batch gets the teacher's velocity where it was evaluated.
  /// Metrics: loss/mse, loss/adm, loss/dmd, loss/score_network, loss/features; seconds/teacher, seconds/student_score.
  at::Tensor loss(StateBatch& batch, const StudentOutput& student, bool train_score, at::Generator& generator,
                  train::MetricBag& metrics);

  /// Call after each step of the student.
  void after_step();

  /// The averaged student or the score network; empty with neither.
  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  VelocityFunction student_score(train::MetricBag& metrics);
  at::Tensor update_score_network(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW,
                                  at::Generator& generator);
  bool reads_teacher_velocity() const;

  ObjectiveConfig config_;
  wan::WanDit teacher_, student_;
  double shift_;
  std::unique_ptr<AveragedStudent> averaged_;
  std::unique_ptr<ScoreNetwork> score_network_;
};

}  // namespace lintorch::linvideo
