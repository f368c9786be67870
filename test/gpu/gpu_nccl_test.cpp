#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/device.h"
#include "lintorch/dist/connect.h"
#include "lintorch/train/gradient_buckets.h"
#include "lintorch/train/trainer.h"
#include "test/support/ranks.h"
#include "test/unit/train/tiny_unit.h"

namespace lintorch::train {
namespace {

std::unique_ptr<dist::Group> one_rank() {
  dist::Launch launch;
  launch.port = static_cast<uint16_t>(test::free_port());
  return dist::connect(launch, resolve_device("cuda:0"), std::chrono::seconds(60));
}

/// TinyUnit on the GPU.
class GpuUnit : public TinyUnit {
 public:
  GpuUnit() : TinyUnit(4) {
    const torch::NoGradGuard no_grad;
    for (auto* tensor : {&w1, &w2, &gate}) *tensor = tensor->to(torch::kCUDA).requires_grad_();
    use_noise = false;
  }
  at::Tensor training_loss(int64_t step, int64_t micro_step, MetricBag& metrics) override {
    auto generator = make_generator(mix_seed(3, 0, static_cast<uint64_t>(step)));
    const auto x = at::randn({16, 6}, generator).narrow(0, micro_step * 4, 4).to(torch::kCUDA);
    const auto y = at::matmul(at::tanh(at::matmul(x, w1)), w2) * gate;
    return (y - x.sum(1).sin()).square().mean();
  }
};

TEST_CASE("NCCL collectives of one rank leave its values", "[gpu_nccl]") {
  const auto group = one_rank();
  const auto options = torch::device(torch::kCUDA);
  const at::Tensor values = torch::randn({1000}, options), copy = values.clone();
  group->all_reduce(values);
  group->broadcast(values, 0);
  at::Tensor shard = torch::empty({1000}, options), whole = torch::empty({1000}, options);
  group->reduce_scatter(shard, values);
  group->all_gather(whole, shard);
  group->wait();
  CHECK(values.equal(copy));
  CHECK(whole.equal(copy));
  for (const auto dtype : {torch::kBFloat16, torch::kHalf, torch::kDouble, torch::kLong}) {
    const at::Tensor other = (100 * torch::randn({77}, options)).to(dtype), before = other.clone();
    group->all_reduce(other);
    group->wait();
    CHECK(other.equal(before));
  }
  CHECK_FALSE(group->any(false));
  group->close();
}

TEST_CASE("one NCCL rank trains the model of a process alone", "[gpu_nccl]") {
  const auto shard = GENERATE(ShardKind::kNone, ShardKind::kOptimizer, ShardKind::kGradients);
  const TemporaryFolder folder;
  auto config = tiny_config(12);
  config.accumulate = 4;
  GpuUnit alone, ranked;
  Trainer(config, alone, folder.path / "alone").run();
  config.shard = shard;
  const auto group = one_rank();
  Trainer(config, ranked, folder.path / "ranked", group.get()).run();
  group->close();
  // One addend per sum: the gradients are the same, and the norm differs by the order of its squares.
  CHECK((alone.w1 - ranked.w1).abs().max().item<double>() < 1e-6);
  CHECK((alone.w2 - ranked.w2).abs().max().item<double>() < 1e-6);
}

TEST_CASE("gradients do not change on their way through two buffers", "[gpu_nccl]") {
  // Buckets of 16 MB: a copy into a buffer takes less time than the collective that still reads it.
  const auto group = one_rank();
  ParameterGroup weights{.name = "weights"};
  std::vector<at::Tensor> factors;
  for (int i = 0; i < 40; ++i) {
    weights.parameters.emplace_back("w" + std::to_string(i), torch::zeros({1 << 22}, torch::kCUDA).requires_grad_());
    factors.push_back(torch::randn({1 << 22}, torch::kCUDA));
  }
  const std::vector<ParameterGroup> groups{weights};
  GradientBuckets buckets(groups, *group, ShardKind::kGradients, 16 << 20);
  for (int step = 0; step < 3; ++step) {
    buckets.clear();
    buckets.begin_last_backward();
    at::Tensor loss = torch::zeros({}, torch::kCUDA);
    for (size_t i = 0; i < factors.size(); ++i) loss = loss + (weights.parameters[i].second * factors[i]).sum();
    loss.backward();
    buckets.finish();
    CHECK(buckets.agreements() == (step == 0 ? 5 : 0));
    for (size_t i = 0; i < factors.size(); ++i) CHECK(buckets.gradient(0, i).equal(factors[i]));
  }
  group->close();
}

}  // namespace
}  // namespace lintorch::train
