#pragma once

#include <vector>

#include "lintorch/models/judge/judge.h"
#include "lintorch/models/judge/motion_prompt.h"

namespace lintorch::judge {

/// How many of the captioned objects of some clips the judge recognised.
struct Recognition {
  int64_t objects = 0;
  int64_t classes = 0;     ///< objects whose class is among the k most likely ones, k = number of objects in the clip
  int64_t directions = 0;  ///< objects whose direction is the most likely one for their class

  double class_accuracy() const { return objects ? static_cast<double>(classes) / static_cast<double>(objects) : 0; }
  double direction_accuracy() const {
    return objects ? static_cast<double>(directions) / static_cast<double>(objects) : 0;
  }
  Recognition& operator+=(const Recognition& other);
};

/// Compares the judge's answers with the captioned objects, one list per clip. Brings the logits to the CPU.
Recognition recognise(const JudgeOutput& output, const std::vector<std::vector<ObjectMotion>>& objects);

}  // namespace lintorch::judge
