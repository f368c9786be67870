#include "lintorch/linvideo/guidance_ratio.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/files.h"
#include "lintorch/linvideo/collect.h"
#include "lintorch/linvideo/selective_transfer.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using namespace lintorch::linvideo;

TEST_CASE("the ratio of guidance is that of its definition, and 1 for the teacher", "[guidance_ratio]") {
  const test::TempDir folder;
  test::write_micro_model(folder / "model");
  write_file_atomic(folder / "prompts.txt", "a red circle moves left\na blue square\n");
  const auto collect = [&](const char* output, StoreContent content) {
    CollectConfig config;
    config.model = (folder / "model").string();
    config.prompts = (folder / "prompts.txt").string();
    config.output = (folder / output).string();
    config.guidance = 3;
    config.content = content;
    config.storage_dtype = "fp32";
    config.device = "cpu";
    collect_trajectories(config);
  };
  collect("store", StoreContent::kStatesAndVelocities);
  collect("states", StoreContent::kStates);
  const TrajectoryStore store(folder / "store"), states(folder / "states");
  auto teacher = wan::load_wan_dit(folder / "model/transformer", at::kFloat, at::kCPU);
  auto student = copy_wan_dit(teacher);
  SelectiveTransferConfig config;
  config.target = 2;
  SelectiveTransfer transfer(student, teacher->config().linear_attention, config, 1);
  const auto indices = spread_states(store.manifest(), 0, 2, 5);
  const torch::NoGradGuard no_grad;

  // D is a difference of nearly equal velocities: its relative error is larger than theirs.
  CHECK(guidance_ratio(teacher, store, indices, 2, at::kCPU).item<double>() == Approx(1).epsilon(1e-4));

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
  const double ratio = guidance_ratio(student, store, indices, 2, at::kCPU).item<double>();
  CHECK(ratio == Approx(product / square).epsilon(1e-3));
  CHECK(std::abs(ratio - 1) > 1e-3);  // a layer that is not the teacher's changes it

  // What is not stored is the teacher's.
  const VelocityFunction asked = velocity_of(teacher);
  CHECK(guidance_ratio(student, states, indices, 2, at::kCPU, asked).item<double>() == Approx(ratio).epsilon(1e-3));
}
