#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/models/wan/dit.h"

namespace lintorch::linvideo {

/// An exponential moving average of the student, a network of its own that can be evaluated at any time:
///
///   average <- decay average + (1 - decay) weight,   after every step.
///
/// The gates are the student's, not averaged.
class AveragedStudent {
 public:
  /// twin: built like the student (same names; a step changes only `trained`); its trained weights become the average,
  /// which starts at the student's weights.
  AveragedStudent(wan::WanDit twin, NamedTensors trained, double decay);

  void update();

  wan::WanDit& dit() { return twin_; }

  /// Averages by name. Loading throws CheckpointError for what is missing or of another shape.
  TensorMap state() const;
  void load_state(const TensorMap& state);

 private:
  wan::WanDit twin_;
  double decay_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> averages_, weights_;
};

}  // namespace lintorch::linvideo
