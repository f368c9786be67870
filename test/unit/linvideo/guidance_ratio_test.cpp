#include "lintorch/linvideo/guidance_ratio.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/linvideo/selective_transfer.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "lintorch/linvideo/velocity_error.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

TEST_CASE("the ratio of guidance is that of its definition, and 1 for the teacher", "[guidance_ratio]") {
  LinearizeFixture f;
  f.collect("states", 3, StoreContent::kStates);
  const TrajectoryStore store(f.folder / "store"), states(f.folder / "states");
  wan::WanDit teacher = f.teacher.dit;
  auto student = copy_wan_dit(teacher);
  SelectiveTransferConfig config;
  config.target = 2;
  SelectiveTransfer transfer(student, teacher->config().linear_attention, config, 1);
  const auto indices = spread_states(store.manifest(), 0, 2, 5);
  const torch::NoGradGuard no_grad;

  // D is a difference of nearly equal velocities: its relative error is larger than theirs.
  CHECK(guided_errors(teacher, store, indices, 2, at::kCPU).guidance_ratio.item<double>() == Approx(1).epsilon(1e-4));

  transfer.set_only_linear(0);
  double product = 0, square = 0;
  for (const auto& [trajectory, step, dropped] : indices) {
    const auto velocity = [&](const at::Tensor& text) {
      return student
          ->forward(store.state(trajectory, step).unsqueeze(0),
                    torch::tensor({store.manifest().timesteps[step]}, at::kFloat), text.unsqueeze(0))[0]
          .to(at::kDouble);
    };
    const auto hat = velocity(store.text(trajectory)) - velocity(store.unconditional_text());
    const auto exact = store.conditional_velocity(trajectory, step).to(at::kDouble) -
                       store.unconditional_velocity(trajectory, step).to(at::kDouble);
    product += (hat * exact).sum().item<double>();
    square += exact.square().sum().item<double>();
  }
  const double ratio = guided_errors(student, store, indices, 2, at::kCPU).guidance_ratio.item<double>();
  CHECK(ratio == Approx(product / square).epsilon(1e-3));
  CHECK(torch::equal(guided_errors(student, store, indices, 2, at::kCPU).velocity_mse,
                     velocity_error(student, store, indices, 2, at::kCPU)));
  CHECK(std::abs(ratio - 1) > 1e-3);  // a layer that is not the teacher's changes it

  // What is not stored is the teacher's.
  const VelocityFunction asked = velocity_of(teacher);
  CHECK(guided_errors(student, states, indices, 2, at::kCPU, asked).guidance_ratio.item<double>() ==
        Approx(ratio).epsilon(1e-3));
}
