#include "lintorch/train/gradient_buckets.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/dist/connect.h"
#include "lintorch/layers/activation_checkpoint.h"
#include "lintorch/train/optimizer.h"
#include "test/support/ranks.h"
#include "test/support/temp_dir.h"

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
    CHECK(buckets.agreements() == 0);  // less than kUnsentBuckets of them
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

/// Twenty parameters of 384 values, of which a step uses some.
struct WideNet {
  WideNet() {
    torch::manual_seed(5);
    ParameterGroup group{.name = "all"};
    for (int i = 0; i < 20; ++i) {
      weights.push_back(torch::randn({384}).requires_grad_());
      group.parameters.emplace_back("w" + std::to_string(i), weights.back());
    }
    groups = {group};
  }
  at::Tensor loss(const std::vector<bool>& used) {
    at::Tensor sum = torch::zeros({});
    for (size_t i = 0; i < weights.size(); ++i)
      if (used[i]) sum = sum + weights[i].sin().sum();
    return sum;
  }
  std::vector<at::Tensor> weights;
  std::vector<ParameterGroup> groups;
};

const std::vector<bool> kAll(20, true);

std::vector<bool> every_other() {
  std::vector<bool> used(20, false);
  for (size_t i = 0; i < used.size(); i += 2) used[i] = true;
  return used;
}

TEST_CASE("whole gradients do not pile up where a step has others than the one before", "[gradient_buckets]") {
  const auto ranks = one_rank();
  const auto shard = GENERATE(ShardKind::kNone, ShardKind::kGradients);
  WideNet net;
  GradientBuckets buckets(net.groups, *ranks, shard, /*bucket_bytes=*/1536);  // one parameter each
  const auto step = [&](const std::vector<bool>& used) {
    buckets.clear();
    buckets.begin_last_backward();
    net.loss(used).backward();
    buckets.finish();
    for (size_t i = 0; i < used.size(); ++i) {
      CHECK(buckets.has_gradient(0, i) == used[i]);
      if (used[i]) CHECK(buckets.gradient(0, i).equal(net.weights[i].detach().cos()));
    }
    return buckets.agreements();
  };
  const int64_t first = shard == ShardKind::kGradients ? 2 : 0;  // 20 new ones, 8 at a time
  CHECK(step(kAll) == first);
  CHECK(step(kAll) == 0);
  CHECK(buckets.sent_early() == 20);
  // The last does not come: the others wait for it until they are too many.
  CHECK(step(every_other()) == (shard == ShardKind::kGradients ? 1 : 0));
  CHECK(step(every_other()) == 0);
  CHECK(step(kAll) == (shard == ShardKind::kGradients ? 1 : 0));
}

// Steps whose gradients differ between the ranks: r has those of the parameters from 7 r on, then the first 20 - 7 r. After a
// step without gradients, so that nothing is sent early: that blocks on a CPU.
TEST_CASE("buckets of one rank", "[.rank_buckets]") {
  at::set_num_threads(1);
  const auto launch = dist::read_launch(dist::process_environment).value();
  const auto ranks = dist::connect(launch, at::kCPU, std::chrono::seconds(60));
  WideNet net;
  GradientBuckets buckets(net.groups, *ranks, ShardKind::kGradients, /*bucket_bytes=*/1536);
  const auto used_by = [](int rank, int64_t step, int i) {
    return step % 3 == 0 ? i >= 7 * rank : step % 3 == 1 ? i < 20 - 7 * rank : true;
  };
  for (int64_t step = 0; step < 9; ++step) {
    std::vector<bool> used(20);
    for (int i = 0; i < 20; ++i) used[static_cast<size_t>(i)] = used_by(ranks->rank(), step, i);
    buckets.begin_last_backward();
    buckets.finish();
    buckets.clear();
    buckets.begin_last_backward();
    net.loss(used).backward();
    buckets.finish();
    for (int i = 0; i < 20; ++i) {
      int64_t terms = 0;
      for (int rank = 0; rank < ranks->size(); ++rank) terms += used_by(rank, step, i);
      const auto index = static_cast<size_t>(i);
      CHECK(buckets.has_gradient(0, index) == (terms > 0));
      if (terms == 0) continue;
      const at::Tensor sum = static_cast<double>(terms) * net.weights[index].detach().cos();
      INFO("step " << step << ", parameter " << i);
      CHECK((buckets.gradient(0, index) - buckets.piece(0, index, sum)).abs().max().item<double>() < 1e-6);
    }
  }
  ranks->close();
}

TEST_CASE("ranks with different gradients still sum all of them", "[gradient_buckets][ranks]") {
  const auto count = GENERATE(2, 3);
  const test::TempDir folder;
  const auto codes = test::wait_for_ranks(test::start_ranks(count, "[.rank_buckets]", folder.path()));
  INFO(test::rank_output(folder.path(), 0));
  CHECK(codes == std::vector<int>(static_cast<size_t>(count), 0));
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
