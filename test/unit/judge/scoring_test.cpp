#include "lintorch/models/judge/scoring.h"

#include <catch2/catch.hpp>

using namespace lintorch;
using namespace lintorch::judge;

TEST_CASE("recognise counts classes among the k best and the direction of the captioned class", "[scoring]") {
  JudgeOutput output{at::zeros({2, 10}), at::zeros({2, 10, 8}), at::zeros({2, 128})};
  output.class_logits[0][4] = 3;  // clip 0: 4 first, then 7
  output.class_logits[0][7] = 2;
  output.class_logits[1][1] = 1;  // clip 1: only 1
  output.direction_logits[0][7][5] = 1;
  output.direction_logits[1][2][6] = 1;
  const std::vector<std::vector<ObjectMotion>> told = {{{7, 5}, {3, 1}}, {{2, 6}}};
  const Recognition result = recognise(output, told);
  CHECK(result.objects == 3);
  CHECK(result.classes == 1);     // 7 is second of two; 3 and 2 are not found
  CHECK(result.directions == 2);  // 7 -> 5 and 2 -> 6; 3 -> 1 is not
  CHECK(result.class_accuracy() == Approx(1.0 / 3));
  Recognition total = result;
  total += result;
  CHECK(total.directions == 4);
  CHECK(Recognition{}.class_accuracy() == 0);
  CHECK_THROWS_AS(recognise(output, {}), Error);
}
