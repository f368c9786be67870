#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/device.h"
#include "lintorch/dist/connect.h"
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

}  // namespace
}  // namespace lintorch::train
