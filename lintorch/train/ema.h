#pragma once

#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/train/parameter_group.h"

namespace lintorch::train {

/// Exponential moving average of the parameters of the groups that want one:
/// e <- d e + (1 - d) p with d = min(decay, (1 + n) / (10 + n)) at update n, so that early averages follow quickly.
class Ema {
 public:
  /// decay in [0,1); 0 keeps nothing.
  Ema(const std::vector<ParameterGroup>& groups, double decay);

  bool enabled() const { return decay_ > 0; }
  void update();

  /// Averages under the parameters' names.
  TensorMap state() const;
  int64_t num_updates() const { return num_updates_; }
  /// Throws CheckpointError for a tensor that is missing or of another shape.
  void load_state(const TensorMap& state, int64_t num_updates);

  /// Exchanges averages and live parameters; calling it twice restores them.
  void swap();

 private:
  double decay_;
  int64_t num_updates_ = 0;
  std::vector<std::string> names_;
  std::vector<at::Tensor> parameters_, averages_;
};

}  // namespace lintorch::train
