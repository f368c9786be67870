#include "lintorch/linvideo/selective_transfer.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/linvideo/student.h"
#include "test/support/micro_model.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

struct Fixture {
  explicit Fixture(SelectiveTransferConfig config) {
    teacher = test::micro_dit();
    student = copy_wan_dit(teacher);
    transfer = std::make_unique<SelectiveTransfer>(student, teacher->config().linear_attention, config, 11);
    latent = torch::randn({2, 4, 2, 4, 4});
    timestep = torch::tensor({900.f, 300.f});
    text = torch::randn({2, 5, 16});
  }
  at::Tensor velocity(wan::WanDit& dit) {
    torch::NoGradGuard no_grad;
    return dit->forward(latent, timestep, text);
  }
  wan::WanDit teacher{nullptr}, student{nullptr};
  std::unique_ptr<SelectiveTransfer> transfer;
  at::Tensor latent, timestep, text;
};

SelectiveTransferConfig with(int64_t target, double init, double noise = 0) {
  SelectiveTransferConfig config;
  config.target = target;
  config.init = init;
  config.init_noise = noise;
  return config;
}

}  // namespace

TEST_CASE("with r = 1 in all layers the student is the teacher bit for bit", "[selective_transfer]") {
  Fixture f(with(2, 1.0));
  CHECK(torch::equal(f.velocity(f.student), f.velocity(f.teacher)));
  f.transfer->set_distilling(true);
  CHECK(torch::equal(f.velocity(f.student), f.velocity(f.teacher)));
}

TEST_CASE("gates start at init with bounded, reproducible noise", "[selective_transfer]") {
  const Fixture a(with(2, 0.9, 0.01)), b(with(2, 0.9, 0.01));
  const at::Tensor gates = a.transfer->gates();
  CHECK(torch::equal(gates, b.transfer->gates()));
  CHECK((gates - 0.9).abs().max().item<double>() <= 0.0101);
  CHECK(gates.max().item<double>() > gates.min().item<double>());
  CHECK(gates.requires_grad());
}

TEST_CASE("maps of a Kaiming start are those of the seed, another in every layer", "[selective_transfer]") {
  const auto maps = [](uint64_t seed) {
    auto student = test::micro_dit();
    auto linear = student->config().linear_attention;
    linear.init = layers::FeatureMapInit::kKaiming;
    const SelectiveTransfer transfer(student, linear, with(2, 0.9), seed);
    std::vector<at::Tensor> maps;
    for (const auto& p : student->named_parameters())
      if (p.key().find("w_q") != std::string::npos || p.key().find("w_k") != std::string::npos)
        maps.push_back(p.value());
    return maps;
  };
  const auto first = maps(11), again = maps(11), other = maps(12);
  REQUIRE(first.size() == 8);
  for (size_t i = 0; i < first.size(); ++i) {
    CHECK(torch::equal(first[i], again[i]));
    CHECK_FALSE(torch::equal(first[i], other[i]));
    if (i > 0) CHECK_FALSE(torch::equal(first[i], first[i - 1]));
  }
}

TEST_CASE("freezing gives exactly target linear layers and switches the other branch off", "[selective_transfer]") {
  for (int64_t target = 0; target <= 4; ++target) {
    Fixture f(with(target, 0.5, 0.2));
    const at::Tensor before = f.transfer->gates().detach().clone();
    f.transfer->freeze();
    CHECK(f.transfer->frozen());
    CHECK(count_linear(f.transfer->assignment()) == target);
    CHECK(f.transfer->num_linear().item<int64_t>() == target);
    CHECK((f.transfer->assignment() == assign_smallest(before, target)));
    const at::Tensor gates = f.transfer->gates().detach();
    CHECK((gates * (1 - gates)).abs().max().item<double>() == 0);
    f.student->forward(f.latent, f.timestep, f.text).sum().backward();
    CHECK_FALSE(f.transfer->gates().grad().defined());
  }
}

TEST_CASE("frozen gates stay at 0 and 1, free ones are clamped to [0,1]", "[selective_transfer]") {
  Fixture f(with(2, 0.5, 0.2));
  {
    torch::NoGradGuard no_grad;
    f.transfer->gates().copy_(torch::tensor({-0.5, 0.25, 1.5, 1.0}));
  }
  f.transfer->project_gates();
  CHECK(torch::equal(f.transfer->gates().detach(), torch::tensor({0.0f, 0.25f, 1.0f, 1.0f})));
  f.transfer->freeze();
  {
    torch::NoGradGuard no_grad;
    f.transfer->gates().add_(0.3);
  }
  f.transfer->project_gates();
  CHECK(torch::equal(f.transfer->gates().detach(), torch::tensor({0.0f, 0.0f, 1.0f, 1.0f})));
}

TEST_CASE("the selection loss is lambda (L_con + L_reg), each of which can be off", "[selective_transfer]") {
  auto config = with(2, 0.9);
  config.lambda = 0.1;
  const auto value = [&] { return Fixture(config).transfer->losses(1.0).weighted.item<double>(); };
  // All four gates round to softmax: (0 - 2)^2 = 4; L_reg at alpha = 2: 4 (1 - 0.64) = 1.44.
  CHECK(value() == Approx(0.1 * 5.44));
  config.constraint = false;
  CHECK(value() == Approx(0.1 * 1.44));
  config.regularizer = false;
  CHECK(value() == 0);
  CHECK(Fixture(config).transfer->losses(0.0).alpha == 20);
}

TEST_CASE("a fixed alpha (4 to 4) is the same at every progress", "[selective_transfer]") {
  auto config = with(2, 0.25);
  config.alpha_start = config.alpha_end = 4;
  const Fixture f(config);
  for (const double progress : {0.0, 0.3, 0.5, 1.0}) {
    const auto losses = f.transfer->losses(progress);
    CHECK(losses.alpha == 4);
    CHECK(losses.regularization.item<double>() == Approx(4 * (1 - 0.0625)));  // |2 r - 1|^4 at r = 1/4
  }
}

TEST_CASE("a fixed selection is final from the start", "[selective_transfer]") {
  auto config = with(2, 0.9);
  config.selection = SelectionKind::kLast;
  const Fixture f(config);
  CHECK(f.transfer->frozen());
  CHECK(describe_linear_layers(f.transfer->assignment()) == "2, 3");
}

TEST_CASE("a target beyond the layers and a hybrid teacher are refused", "[selective_transfer]") {
  CHECK_THROWS_WITH(Fixture(with(5, 0.9)), Catch::Contains("target: expected at most 4"));
  auto config = test::micro_dit_config();
  config.attention = {wan::AttentionKind::kSoftmax, wan::AttentionKind::kLinear, wan::AttentionKind::kSoftmax,
                      wan::AttentionKind::kSoftmax};
  wan::WanDit hybrid(config);
  CHECK_THROWS_AS(SelectiveTransfer(hybrid, config.linear_attention, with(1, 0.9), 0), NotSupportedError);
}
