#include "lintorch/models/judge/scoring.h"

#include <algorithm>

namespace lintorch::judge {

Recognition& Recognition::operator+=(const Recognition& other) {
  objects += other.objects;
  classes += other.classes;
  directions += other.directions;
  return *this;
}

Recognition recognise(const JudgeOutput& output, const std::vector<std::vector<ObjectMotion>>& objects) {
  LT_CHECK(output.class_logits.size(0) == static_cast<int64_t>(objects.size()), Error,
           "[recognise] expected captions for {} clips, got {}", output.class_logits.size(0), objects.size());
  const at::Tensor ranked = output.class_logits.argsort(1, /*descending=*/true).cpu();
  const at::Tensor likely_direction = output.direction_logits.argmax(2).cpu();
  const auto rank = ranked.accessor<int64_t, 2>();
  const auto direction = likely_direction.accessor<int64_t, 2>();
  Recognition result;
  for (size_t i = 0; i < objects.size(); ++i) {
    const auto clip = static_cast<int64_t>(i);
    for (const ObjectMotion& object : objects[i]) {
      ++result.objects;
      for (size_t k = 0; k < objects[i].size(); ++k)
        result.classes += rank[clip][static_cast<int64_t>(k)] == object.class_id;
      result.directions += direction[clip][object.class_id] == object.direction;
    }
  }
  return result;
}

}  // namespace lintorch::judge
