#include "lintorch/linvideo/velocity_error.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/layers/module_state.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "test/unit/linvideo/linearize_fixture.h"

using namespace lintorch;
using namespace lintorch::linvideo;

TEST_CASE("a block's error is that of the ordinary model with this layer alone linear", "[velocity_error]") {
  LinearizeFixture f;
  const TrajectoryStore store(f.folder / "store");
  wan::WanDit teacher = f.teacher.dit;
  auto student = copy_wan_dit(teacher);
  SelectiveTransferConfig config;
  config.selection = SelectionKind::kGreedy;
  config.target = 2;
  SelectiveTransfer transfer(student, teacher->config().linear_attention, config, 1);
  CHECK_FALSE(transfer.frozen());

  const auto indices = spread_states(store.manifest(), 0, 2, 5);
  const auto errors = measure_block_errors(student, transfer, store, indices, 2, at::kCPU);
  REQUIRE(errors.size() == 4);
  const torch::NoGradGuard no_grad;
  for (int64_t layer = 0; layer < 4; ++layer) {
    wan::WanDitConfig hybrid_config = teacher->config();
    hybrid_config.attention.assign(4, wan::AttentionKind::kSoftmax);
    hybrid_config.attention[layer] = wan::AttentionKind::kLinear;
    wan::WanDit hybrid(hybrid_config);
    TensorMap state = layers::module_state(*hybrid);
    for (const auto& [name, value] : layers::module_state(*teacher)) state[name] = value;
    layers::load_module_state(*hybrid, state, "test");
    double sum = 0;
    for (const auto& [trajectory, step, dropped] : indices) {
      const at::Tensor velocity = hybrid->forward(store.state(trajectory, step).unsqueeze(0),
                                                  torch::tensor({store.manifest().timesteps[step]}, at::kFloat),
                                                  store.text(trajectory).unsqueeze(0));
      sum += (velocity[0] - store.conditional_velocity(trajectory, step)).square().mean().item<double>();
    }
    // Batches of two against single samples: fp32 sums in another order.
    CHECK(errors[layer] == Approx(sum / 5).epsilon(1e-4));
    CHECK(errors[layer] > 0);
  }
  // Not frozen, and all gates in use again.
  transfer.freeze(LayerAssignment(4, wan::AttentionKind::kSoftmax));
  CHECK(velocity_error(student, store, indices, 2, at::kCPU).item<double>() < 1e-9);
}
