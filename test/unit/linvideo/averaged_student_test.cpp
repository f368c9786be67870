#include "lintorch/linvideo/averaged_student.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/linvideo/selective_transfer.h"
#include "test/support/micro_model.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

struct Fixture {
  Fixture() {
    teacher = test::micro_dit();
    student = copy_wan_dit(teacher);
    SelectiveTransferConfig config;
    config.target = 2;
    config.init = 0.5;
    config.init_noise = 0.2;
    transfer = std::make_unique<SelectiveTransfer>(student, teacher->config().linear_attention, config, 1);
    twin = copy_wan_dit(teacher);
    transfer->attach(twin);
    for (auto& p : student->named_parameters()) trained.emplace_back(p.key(), p.value());
  }
  static at::Tensor velocity(wan::WanDit& dit) {
    const torch::NoGradGuard no_grad;
    torch::manual_seed(2);
    return dit->forward(torch::randn({1, 4, 2, 4, 4}), torch::full({1}, 500.f), torch::randn({1, 5, 16}));
  }
  void move_student() {
    const torch::NoGradGuard no_grad;
    for (auto& [name, weight] : trained) weight.add_(0.1 * torch::randn_like(weight));
  }

  wan::WanDit teacher{nullptr}, student{nullptr}, twin{nullptr};
  std::unique_ptr<SelectiveTransfer> transfer;
  NamedTensors trained;
};

}  // namespace

TEST_CASE("the averaged student starts as the student and follows the exponential average", "[averaged_student]") {
  Fixture f;
  f.move_student();  // W~ too, which a fresh twin would have at its start
  AveragedStudent averaged(f.twin, f.trained, 0.75);
  CHECK(torch::equal(f.velocity(averaged.dit()), f.velocity(f.student)));
  std::vector<std::vector<at::Tensor>> history;
  const auto note = [&] {
    history.emplace_back();
    for (const auto& [name, weight] : f.trained) history.back().push_back(weight.detach().to(at::kDouble).clone());
  };
  note();
  for (int i = 0; i < 3; ++i) {
    f.move_student();
    note();
    averaged.update();
  }
  const TensorMap state = averaged.state();
  for (size_t i = 0; i < f.trained.size(); ++i) {
    const at::Tensor expected = 0.421875 * history[0][i] + 0.140625 * history[1][i] + 0.1875 * history[2][i] +
                                0.25 * history[3][i];  // 0.75^3, 0.25 * 0.75^2, 0.25 * 0.75, 0.25
    CHECK((state.at(f.trained[i].first) - expected).abs().max().item<double>() < 1e-6);  // a few fp32 roundings
  }
  CHECK_FALSE(torch::equal(f.velocity(averaged.dit()), f.velocity(f.student)));
}

TEST_CASE("the averaged student uses the gates and the branches of the student", "[averaged_student]") {
  Fixture f;
  AveragedStudent averaged(f.twin, f.trained, 0.5);
  {
    const torch::NoGradGuard no_grad;
    f.transfer->gates().fill_(0.25);
  }
  CHECK(torch::equal(f.velocity(averaged.dit()), f.velocity(f.student)));
  f.transfer->freeze();
  CHECK(torch::equal(f.velocity(averaged.dit()), f.velocity(f.student)));
  CHECK_FALSE(torch::equal(f.velocity(averaged.dit()), f.velocity(f.teacher)));
}

TEST_CASE("averages are loaded by name and checked", "[averaged_student]") {
  Fixture f, g;
  AveragedStudent averaged(f.twin, f.trained, 0.5), loaded(g.twin, g.trained, 0.5);
  f.move_student();
  averaged.update();
  loaded.load_state(averaged.state());
  CHECK(torch::equal(f.velocity(averaged.dit()), f.velocity(loaded.dit())));
  TensorMap state = averaged.state();
  state["proj_out.weight"] = torch::zeros({1});
  CHECK_THROWS_WITH(loaded.load_state(state), Catch::Contains("proj_out.weight has another shape"));
  state.erase("proj_out.weight");
  CHECK_THROWS_AS(loaded.load_state(state), CheckpointError);
}
