#include "lintorch/train/gradient_buckets.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/dist/connect.h"
#include "lintorch/layers/activation_checkpoint.h"
#include "lintorch/train/optimizer.h"
#include "test/support/ranks.h"

namespace lintorch::train {
namespace {

/// A group of this process alone.
std::unique_ptr<dist::Group> one_rank() {
  dist::Launch launch;
  launch.port = static_cast<uint16_t>(test::free_port());
  return dist::connect(launch, at::kCPU, std::chrono::seconds(10));
}

/// Four blocks y = tanh(x W_i) * gate, the gate used by all of them, each recomputed in the backward.
struct Net {
  Net() {
    torch::manual_seed(4);
    for (int i = 0; i < 4; ++i) weights.push_back((0.5 * torch::randn({8, 8})).requires_grad_());
    gate = torch::full({1}, 0.7).requires_grad_();
    unused = torch::ones({3}).requires_grad_();
    ParameterGroup blocks{.name = "blocks"}, gates{.name = "gates", .parameters = {{"gate", gate}, {"unused", unused}}};
    for (size_t i = 0; i < weights.size(); ++i) blocks.parameters.emplace_back("w" + std::to_string(i), weights[i]);
    groups = {gates, blocks};
  }
  at::Tensor loss(int64_t step, bool checkpointed) {
    torch::manual_seed(100 + step);
    at::Tensor x = torch::randn({5, 8}).requires_grad_();
    for (auto& w : weights) {
      const auto block = [&](const std::vector<at::Tensor>& in) { return at::tanh(in[0].matmul(w)) * gate; };
      x = checkpointed ? layers::checkpoint_activations(block, {x}) : block({x});
    }
    return x.square().sum();
  }
  std::vector<at::Tensor> weights;
  at::Tensor gate, unused;
  std::vector<ParameterGroup> groups;
};

TEST_CASE("buckets hold the gradients of autograd, sent during the backward from the second step on",
          "[gradient_buckets]") {
  const auto ranks = one_rank();
  const auto shard = GENERATE(ShardKind::kNone, ShardKind::kOptimizer, ShardKind::kGradients);
  const bool checkpointed = GENERATE(false, true);
  Net plain, net;
  GradientBuckets buckets(net.groups, *ranks, shard, /*bucket_bytes=*/200);  // one parameter each
  CHECK(buckets.num_buckets() == 6);
  for (int64_t step = 0; step < 3; ++step) {
    for (auto& group : plain.groups)
      for (auto& [name, parameter] : group.parameters) parameter.mutable_grad().reset();
    for (int64_t micro = 0; micro < 2; ++micro) plain.loss(2 * step + micro, checkpointed).backward();
    buckets.clear();
    net.loss(2 * step, checkpointed).backward();
    buckets.begin_last_backward();
    net.loss(2 * step + 1, checkpointed).backward();
    buckets.finish();
    // All but that of the unused parameter.
    CHECK(buckets.sent_early() == (step == 0 ? 0 : 5));
    for (size_t g = 0; g < net.groups.size(); ++g)
      for (size_t i = 0; i < net.groups[g].parameters.size(); ++i) {
        const auto& expected = plain.groups[g].parameters[i].second.grad();
        CHECK(buckets.has_gradient(g, i) == expected.defined());
        if (expected.defined()) CHECK(buckets.gradient(g, i).reshape(expected.sizes()).equal(expected));
      }
  }
}

TEST_CASE("a gradient that comes after its bucket has gone is added", "[gradient_buckets]") {
  const auto ranks = one_rank();
  Net plain, net;
  GradientBuckets buckets(net.groups, *ranks, ShardKind::kGradients, 200);
  buckets.begin_last_backward();
  net.loss(0, false).backward();  // adds to the gate once
  buckets.finish();
  buckets.clear();
  buckets.begin_last_backward();
  net.loss(1, true).backward();  // adds to it four times; the bucket goes after the first
  buckets.finish();
  plain.loss(1, true).backward();
  // Four terms in another order.
  CHECK((buckets.gradient(0, 0) - plain.gate.grad()).abs().item<double>() <
        1e-5 * plain.gate.grad().abs().item<double>());
}

TEST_CASE("parameters keep their values and identity in flat buffers", "[gradient_buckets]") {
  const auto ranks = one_rank();
  Net plain, net;
  {
    const GradientBuckets buckets(net.groups, *ranks, ShardKind::kOptimizer, 1 << 20);
    CHECK(buckets.num_buckets() == 2);
    for (size_t i = 0; i < net.weights.size(); ++i) {
      CHECK(net.weights[i].equal(plain.weights[i]));
      CHECK(net.weights[i].is_leaf());
      CHECK(net.weights[i].storage().data() == net.weights[0].storage().data());
    }
  }
  net.loss(0, false).backward();  // no hooks are left behind
  CHECK(net.weights[0].grad().defined());
}

}  // namespace
}  // namespace lintorch::train
