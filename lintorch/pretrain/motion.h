#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "lintorch/core/rng.h"
#include "lintorch/models/judge/motion_prompt.h"

namespace lintorch::pretrain {

/// Deterministic numbers from a seed, the same on every platform.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) : seed_(seed) {}
  uint64_t next() { return mix_seed(seed_, counter_++); }
  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in 0 .. count - 1.
  int64_t below(int64_t count) { return static_cast<int64_t>(next() % static_cast<uint64_t>(count)); }

 private:
  uint64_t seed_;
  uint64_t counter_ = 0;
};

/// What was drawn for one object before it is simulated.
struct MotionPlan {
  int64_t class_id = 0;
  int64_t direction = 0;
  judge::Speed speed = judge::Speed::kMedium;
  std::optional<judge::Edge> bounce;  ///< edge that the object shall hit
};

/// Draws the plans of one clip: one or two objects of distinct classes.
/// Each object that is not slow shall bounce with probability `bounce_probability`.
std::vector<MotionPlan> draw_plans(RandomStream& random, double two_object_fraction, double bounce_probability);

/// One coordinate of a moving box centre.
struct Axis {
  double position = 0;
  double velocity = 0;  ///< pixels per frame
  double low = 0;       ///< the centre stays in [low, high]
  double high = 0;
};

/// One frame further; reflects elastically. Returns -1 / +1 if the low / high end was hit, else 0.
int advance(Axis& axis);

/// Centre of an object in every frame and the edges it hit.
struct Path {
  std::vector<std::array<double, 2>> centres;  ///< x, y in pixels, per frame
  std::vector<judge::Edge> bounces;
};

/// Draws a start for the plan and simulates it.
/// width, height: canvas. half_width, half_height: half extents of the object. travel: length of the path in pixels.
/// Without a planned bounce the whole path fits on the canvas; with one, the edge is hit after 80 to 92 % of the path,
/// so that the initial direction stays the direction of the clip. Requires travel <= free height and free width.
Path draw_path(RandomStream& random, const MotionPlan& plan, double width, double height, double half_width,
               double half_height, double travel, int64_t frames);

}  // namespace lintorch::pretrain
