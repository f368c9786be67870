#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lintorch::judge {

/// Garment classes, in the label order of Fashion-MNIST, as captions name them ("a pair of trousers").
inline constexpr int64_t kNumClasses = 10;
/// Motion directions: 0 right, then counter-clockwise on the screen: 1 up-right, 2 up, ... 7 down-right.
inline constexpr int64_t kNumDirections = 8;

enum class Speed { kSlow, kMedium, kFast };
enum class Edge { kLeft, kRight, kTop, kBottom };

/// What a caption says about one object.
struct ObjectMotion {
  int64_t class_id = 0;   ///< 0 .. kNumClasses - 1
  int64_t direction = 0;  ///< 0 .. kNumDirections - 1, of the motion before any bounce
  Speed speed = Speed::kMedium;
  std::vector<Edge> bounces;  ///< edges hit, in order of time
};

/// Short names for reports: "t-shirt", "trousers", ...
const std::array<std::string_view, kNumClasses>& class_names();
/// Short names for reports: "right", "up-right", ...
const std::array<std::string_view, kNumDirections>& direction_names();

/// Unit vector of a direction in pixels: x to the right, y down.
std::array<double, 2> direction_vector(int64_t direction);

/// One English sentence for one or two objects: "A sneaker drifts slowly up and left while a bag moves right."
/// `variation` picks among the wordings; the same value gives the same sentence.
/// Throws Error for another number of objects or an id out of range.
std::string describe_motion(const std::vector<ObjectMotion>& objects, uint64_t variation);

/// The objects of a sentence of describe_motion's grammar, in order of mention; case and punctuation do not matter.
/// nullopt for any other text.
std::optional<std::vector<ObjectMotion>> parse_prompt(std::string_view text);

}  // namespace lintorch::judge
