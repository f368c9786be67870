#include "lintorch/train/alarms.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::train {

namespace {

double median(const std::deque<double>& values) {
  std::vector<double> sorted(values.begin(), values.end());
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

}  // namespace

void AlarmConfig::validate(const std::string& path) const {
  const auto at = [&](const char* field) { return detail::join_path(path, field); };
  const auto check_factor = [&](const char* field, double factor) {
    LT_CHECK(factor == 0 || factor > 1, ConfigError, "{}: expected 0 or a number above 1, got {}", at(field), factor);
  };
  check_factor("loss_factor", loss_factor);
  check_factor("grad_norm_factor", grad_norm_factor);
  check_factor("held_out_factor", held_out_factor);
  LT_CHECK(window >= 1, ConfigError, "{}: expected at least 1, got {}", at("window"), window);
  LT_CHECK(min_points >= 1 && min_points <= window, ConfigError, "{}: expected a value in [1, window], got {}",
           at("min_points"), min_points);
}

std::optional<Alarm> AlarmWatch::compare(const std::string& name, double value, double factor) {
  if (!std::isfinite(value)) return std::nullopt;  // NonfiniteGuard's; and JSON has no such numbers
  auto& window = windows_[name];
  if (factor > 0 && static_cast<int64_t>(window.size()) >= config_.min_points) {
    const double usual = median(window);
    if (usual > 0 && value > factor * usual)
      return Alarm{fmt::format("{} {:.4g} is {:.1f} times its median of the last {} log points ({:.4g})", name, value,
                               value / usual, window.size(), usual)};
  }
  window.push_back(value);
  if (static_cast<int64_t>(window.size()) > config_.window) window.pop_front();
  return std::nullopt;
}

std::optional<Alarm> AlarmWatch::observe(const std::string& phase, const std::map<std::string, double>& means) {
  if (phase != phase_) windows_.clear();
  phase_ = phase;
  if (auto alarm = compare("loss", means.at("loss"), config_.loss_factor)) return alarm;
  if (auto alarm = compare("grad_norm", means.at("grad_norm"), config_.grad_norm_factor)) return alarm;
  for (const auto& [name, value] : means)
    if (name.starts_with("held_out/"))
      if (auto alarm = compare(name, value, config_.held_out_factor)) return alarm;
  return std::nullopt;
}

Json AlarmWatch::state() const { return {{"phase", phase_}, {"windows", windows_}}; }

void AlarmWatch::load_state(const Json& state) {
  phase_ = state.value("phase", "");
  windows_.clear();
  const Json windows = state.value("windows", Json::object());
  for (const auto& [name, values] : windows.items())
    for (const auto& value : values)
      if (value.is_number()) windows_[name].push_back(value.get<double>());
}

}  // namespace lintorch::train
