#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>

#include "lintorch/core/json.h"

namespace lintorch::train {

/// When the numbers of a run count as diverging. Looked at at every log point, on its means.
struct AlarmConfig {
  double loss_factor = 0;
  double grad_norm_factor = 0;
  double held_out_factor = 0;
  int64_t window = 50;
  int64_t min_points = 10;

  template <class V>
  void visit(V& v) {
    v("loss_factor", loss_factor, "alarm when the loss exceeds this many times its running median; 0 = off");
    v("grad_norm_factor", grad_norm_factor,
      "alarm when the gradient norm (before clipping) exceeds this many times its running median; 0 = off");
    v("held_out_factor", held_out_factor,
      "alarm when a metric held_out/... exceeds this many times its running median; 0 = off");
    v("window", window, "log points in a running median");
    v("min_points", min_points, "log points before a median counts");
  }
  /// Throws ConfigError naming the field.
  void validate(const std::string& path) const;
};

/// Something is wrong with a run. One that is not fatal ends a run never: it is a warning once no roll-back is left.
struct Alarm {
  std::string reason;
  bool fatal = true;
};

/// Compares loss, gradient norm and held-out metrics with their medians over the last log points of the same phase. A value that raises an
/// alarm does not enter the median.
class AlarmWatch {
 public:
  explicit AlarmWatch(const AlarmConfig& config) : config_(config) {}

  /// means: of a log point, with "loss" and "grad_norm"; "held_out/..." where one was measured. A new phase starts new medians, because losses of two phases do
  /// not compare.
  std::optional<Alarm> observe(const std::string& phase, const std::map<std::string, double>& means);

  /// The windows, for a checkpoint: a resumed run raises the alarms of an uninterrupted one.
  Json state() const;
  void load_state(const Json& state);

 private:
  std::optional<Alarm> compare(const std::string& name, double value, double factor);

  AlarmConfig config_;
  std::string phase_;
  std::map<std::string, std::deque<double>> windows_;
};

}  // namespace lintorch::train
