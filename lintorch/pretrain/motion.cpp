#include "lintorch/pretrain/motion.h"

#include <algorithm>
#include <cmath>

#include "lintorch/core/error.h"

namespace lintorch::pretrain {
namespace {

using judge::Edge;
using judge::Speed;

constexpr double kEarliestBounce = 0.80;  // of the path length
constexpr double kLatestBounce = 0.92;

bool is_horizontal(Edge edge) { return edge == Edge::kLeft || edge == Edge::kRight; }

Edge draw_edge(RandomStream& random, int64_t direction) {
  const auto [x, y] = judge::direction_vector(direction);
  const bool horizontal = y == 0 || (x != 0 && random.below(2) == 0);
  if (horizontal) return x > 0 ? Edge::kRight : Edge::kLeft;
  return y > 0 ? Edge::kBottom : Edge::kTop;
}

// A start from which `displacement` stays inside, or, with a bounce, reaches the end after `bounce_at` of the way.
double draw_start(RandomStream& random, double low, double high, double displacement, std::optional<double> bounce_at) {
  if (bounce_at) return displacement > 0 ? high - *bounce_at * displacement : low - *bounce_at * displacement;
  return random.uniform(std::max(low, low - displacement), std::min(high, high - displacement));
}

}  // namespace

std::vector<MotionPlan> draw_plans(RandomStream& random, double two_object_fraction, double bounce_probability) {
  const int64_t count = random.uniform() < two_object_fraction ? 2 : 1;
  std::vector<MotionPlan> plans;
  for (int64_t i = 0; i < count; ++i) {
    MotionPlan plan;
    plan.class_id = random.below(judge::kNumClasses - i);
    if (i == 1 && plan.class_id >= plans[0].class_id) ++plan.class_id;
    plan.direction = random.below(judge::kNumDirections);
    plan.speed = static_cast<Speed>(random.below(3));
    const bool bounces = random.uniform() < bounce_probability;
    const Edge edge = draw_edge(random, plan.direction);
    if (bounces && plan.speed != Speed::kSlow) plan.bounce = edge;
    plans.push_back(plan);
  }
  return plans;
}

int advance(Axis& axis) {
  axis.position += axis.velocity;
  if (axis.position < axis.low) {
    axis.position = 2 * axis.low - axis.position;
    axis.velocity = -axis.velocity;
    return -1;
  }
  if (axis.position > axis.high) {
    axis.position = 2 * axis.high - axis.position;
    axis.velocity = -axis.velocity;
    return 1;
  }
  return 0;
}

Path draw_path(RandomStream& random, const MotionPlan& plan, double width, double height, double half_width,
               double half_height, double travel, int64_t frames) {
  const auto unit = judge::direction_vector(plan.direction);
  const double fraction = random.uniform(kEarliestBounce, kLatestBounce);
  Axis axes[2] = {{0, unit[0] * travel / (frames - 1), half_width, width - half_width},
                  {0, unit[1] * travel / (frames - 1), half_height, height - half_height}};
  for (int i = 0; i < 2; ++i) {
    LT_ASSERT(axes[i].high - axes[i].low >= std::abs(unit[i]) * travel);
    const bool bounces = plan.bounce && is_horizontal(*plan.bounce) == (i == 0);
    axes[i].position = draw_start(random, axes[i].low, axes[i].high, unit[i] * travel,
                                  bounces ? std::optional(fraction) : std::nullopt);
    // Rounding must not make an object that only touches the edge bounce off it.
    axes[i].low -= 1e-6;
    axes[i].high += 1e-6;
  }
  Path path;
  path.centres.push_back({axes[0].position, axes[1].position});
  for (int64_t frame = 1; frame < frames; ++frame) {
    if (const int hit = advance(axes[0])) path.bounces.push_back(hit < 0 ? Edge::kLeft : Edge::kRight);
    if (const int hit = advance(axes[1])) path.bounces.push_back(hit < 0 ? Edge::kTop : Edge::kBottom);
    path.centres.push_back({axes[0].position, axes[1].position});
  }
  return path;
}

}  // namespace lintorch::pretrain
