#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "lintorch/core/tensor_map.h"
#include "lintorch/train/parameter_group.h"

namespace lintorch::train {

/// Exponential moving average of the parameters of the groups that want one:
/// e <- d e + (1 - d) p with d = min(decay, (1 + n) / (10 + n)) at a group's update n = 1, 2, ..., so that early
/// averages follow quickly; its first update (n = 0) copies the parameters.
class Ema {
 public:
  /// decay in [0,1); 0 keeps nothing.
  Ema(const std::vector<ParameterGroup>& groups, double decay);

  bool enabled() const { return decay_ > 0; }

  /// Averages the groups that stepped; one flag for each group given to the constructor.
  void update(const std::vector<bool>& stepped);

  /// Averages under the parameters' names; the parameters themselves where no update has happened yet.
  TensorMap state() const;
  /// Updates by group.
  std::map<std::string, int64_t> num_updates() const;
  /// Throws CheckpointError for a tensor that is missing or of another shape.
  void load_state(const TensorMap& state, const std::map<std::string, int64_t>& num_updates);

  /// Exchanges averages and live parameters; calling it twice restores them.
  void swap();

 private:
  struct Group {
    size_t index;  // among the groups given
    std::string name;
    std::vector<std::string> names;
    std::vector<at::Tensor> parameters, averages;
    int64_t num_updates = 0;
  };
  double decay_;
  std::vector<Group> groups_;
};

}  // namespace lintorch::train
