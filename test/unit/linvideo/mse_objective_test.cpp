#include "lintorch/linvideo/mse_objective.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;

TEST_CASE("L_mse is the mean squared velocity error; the teacher gets no gradient", "[mse_objective]") {
  const at::Tensor student = torch::tensor({1.0, 2.0, 4.0}, torch::kDouble).requires_grad_(true);
  const at::Tensor teacher = torch::tensor({1.0, 0.0, 1.0}, torch::kDouble).requires_grad_(true);
  const at::Tensor loss = linvideo::mse_objective(student, teacher);
  CHECK(loss.item<double>() == Approx(13.0 / 3));
  loss.backward();
  CHECK(torch::allclose(student.grad(), torch::tensor({0.0, 4.0 / 3, 2.0}, torch::kDouble)));
  CHECK_FALSE(teacher.grad().defined());
  CHECK_THROWS_AS(linvideo::mse_objective(student, torch::zeros({2})), Error);
}
