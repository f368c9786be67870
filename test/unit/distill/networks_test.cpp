#include "lintorch/distill/networks.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/rng.h"
#include "lintorch/linvideo/dmd_objective.h"
#include "test/unit/distill/distill_fixture.h"

using namespace lintorch;
using namespace lintorch::distill;
using linvideo::TrainableKind;

TEST_CASE("generator and critic start as they should and share what does not train", "[networks]") {
  test::DistillFixture f;
  f.write_linear_start("linear");
  auto teacher = test::micro_dit();
  const auto memory = [](const wan::WanDit& dit) { return dit->proj_out->weight.data_ptr(); };

  TrainedNetwork generator = make_generator_network(f.config, teacher);
  CHECK(generator.weights.size() == teacher->parameters().size());
  CHECK(memory(generator.dit) != memory(teacher));
  CHECK(torch::equal(generator.dit->proj_out->weight, teacher->proj_out->weight));

  f.config.critic.trainable = TrainableKind::kLora;
  f.config.critic.lora.rank = 2;
  TrainedNetwork critic = make_critic_network(f.config, teacher);
  CHECK(memory(critic.dit) == memory(teacher));
  CHECK(critic.weights.size() == 4 * 4 * 2);  // A and B on four layers of each of four blocks
  for (const auto& [name, weight] : critic.weights) CHECK_THAT(name, Catch::Contains(".lora."));

  f.config.teacher = f.config.model;
  f.config.model = f.path("linear");
  generator = make_generator_network(f.config, teacher);
  CHECK(generator.dit->config().attention_of(3) == wan::AttentionKind::kLinear);
  CHECK(generator.weights.size() == generator.dit->parameters().size());
  CHECK(make_critic_network(f.config, teacher).dit->config().attention_of(3) == wan::AttentionKind::kSoftmax);
  f.config.critic.start = CriticStart::kGenerator;
  critic = make_critic_network(f.config, teacher);
  CHECK(critic.dit->config().attention_of(3) == wan::AttentionKind::kLinear);
  // The generator trains: its memory may not be the critic's.
  CHECK(memory(critic.dit) != memory(generator.dit));
  CHECK(memory(critic.dit) != memory(teacher));

  f.config.critic.trainable = TrainableKind::kAttention;
  for (const auto& [name, weight] : make_critic_network(f.config, teacher).weights)
    CHECK_THAT(name, Catch::Contains(".attn1."));
}

TEST_CASE("the guided velocity of long samples is that of short ones", "[networks]") {
  auto teacher = test::micro_dit(1);
  torch::manual_seed(4);
  const torch::NoGradGuard no_grad;
  const at::Tensor text = torch::randn({1, 5, 16}), uncond = torch::randn({1, 5, 16});
  const at::Tensor timestep = torch::full({1}, 400.0);
  for (const int64_t side : {62, 64}) {  // 3,844 and 4,096 tokens
    const at::Tensor x = torch::randn({1, 4, 4, side, side});
    const at::Tensor cond = teacher->forward(x, timestep, text), empty = teacher->forward(x, timestep, uncond);
    const at::Tensor expected = empty + 3.5 * (cond - empty);
    const at::Tensor velocity = guided_velocity(teacher, uncond, 3.5)(x, timestep, text);
    // fp32 through a network, in batches of another size.
    CHECK((velocity - expected).norm().item<double>() < 1e-4 * expected.norm().item<double>());
  }
}

TEST_CASE("L_DMD with the guided teacher has the gradient of its definition", "[networks]") {
  auto teacher = test::micro_dit(1), critic = test::micro_dit(2);
  torch::manual_seed(3);
  const at::Tensor text = torch::randn({2, 5, 16}), uncond = torch::randn({1, 5, 16});
  const at::Tensor x0 = torch::randn({2, 4, 2, 4, 4}).requires_grad_(true);
  const double guidance = 3.5, t = 0.45;
  linvideo::DmdConfig config;
  config.min_t = t - 1e-9;  // clamps every time to t
  config.max_t = t;
  auto random = make_generator(7);
  linvideo::dmd_objective(x0, text, guided_velocity(critic, {}, 1), guided_velocity(teacher, uncond, guidance), config,
                          3, random)
      .backward();

  // The same noise: the objective draws the times first.
  auto again = make_generator(7);
  torch::rand({2}, again, torch::TensorOptions(torch::kDouble));
  const at::Tensor noise = torch::randn({2, 4, 2, 4, 4}, again);
  const torch::NoGradGuard no_grad;
  const at::Tensor x = (1 - t) * x0 + t * noise, timestep = torch::full({2}, 1000 * t);
  const at::Tensor cond = teacher->forward(x, timestep, text);
  const at::Tensor empty = teacher->forward(x, timestep, uncond.expand({2, 5, 16}));
  const at::Tensor x0_real = x - t * (empty + guidance * (cond - empty));
  const at::Tensor x0_fake = x - t * critic->forward(x, timestep, text);
  for (int64_t b = 0; b < 2; ++b) {
    const at::Tensor d = (x0_fake[b] - x0_real[b]) / (x0[b] - x0_real[b]).abs().mean();
    // fp32 through a network, in batches of another size.
    CHECK((x0.grad()[b] * x0.numel() - d).norm().item<double>() < 1e-4 * d.norm().item<double>());
  }
}
