// Collectives of several processes: each rank is this program again, with a hidden test.
#include "lintorch/dist/group.h"

#include <ATen/Functions.h>

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <thread>

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/rng.h"
#include "lintorch/dist/connect.h"
#include "test/support/ranks.h"
#include "test/support/temp_dir.h"

namespace lintorch::dist {
namespace {

std::unique_ptr<Group> join() {
  const auto launch = read_launch(process_environment);
  return connect(launch.value(), at::kCPU, std::chrono::seconds(60));
}

/// What rank r contributes.
at::Tensor values_of(int rank, int64_t numel, at::ScalarType dtype = at::kFloat) {
  auto generator = make_generator(mix_seed(7, static_cast<uint64_t>(rank)));
  return at::randn({numel}, generator).to(dtype);
}

at::Tensor sum_of_all(int ranks, int64_t numel, at::ScalarType dtype = at::kFloat) {
  at::Tensor sum = values_of(0, numel, dtype);
  for (int r = 1; r < ranks; ++r) sum = sum + values_of(r, numel, dtype);
  return sum;
}

TEST_CASE("collectives of one rank", "[.rank_collectives]") {
  const auto group = join();
  const int rank = group->rank(), size = group->size();
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16})
    for (const int64_t numel : {int64_t{1}, int64_t{7}, int64_t{300000}}) {
      at::Tensor values = values_of(rank, numel, dtype);
      group->all_reduce(values);
      group->wait();
      CHECK(values.equal(sum_of_all(size, numel, dtype)));  // summed in the order of ranks: the same bits
    }
  const int64_t part = 1000;
  at::Tensor shard = at::empty({part});
  group->reduce_scatter(shard, values_of(rank, part * size));
  CHECK(shard.equal(sum_of_all(size, part * size).narrow(0, part * rank, part)));

  at::Tensor whole = at::zeros({part * size});
  group->all_gather(whole, values_of(rank, part));
  for (int r = 0; r < size; ++r) CHECK(whole.narrow(0, part * r, part).equal(values_of(r, part)));
  at::Tensor in_place = at::zeros({part * size});
  in_place.narrow(0, part * rank, part).copy_(values_of(rank, part));
  group->all_gather(in_place, in_place.narrow(0, part * rank, part));
  CHECK(in_place.equal(whole));

  for (int root = 0; root < size; ++root) {
    at::Tensor values = values_of(rank, 50);
    group->broadcast(values, root);
    CHECK(values.equal(values_of(root, 50)));
  }
  const auto texts = group->gather_text(std::string(static_cast<size_t>(rank) * 3, 'x'));
  for (int r = 0; r < size; ++r) CHECK(texts[static_cast<size_t>(r)].size() == static_cast<size_t>(r) * 3);
  CHECK(group->any(rank == size - 1));
  CHECK_FALSE(group->any(false));
  CHECK_THROWS_WITH(group->all_gather(whole, at::empty({3})), Catch::Contains("expected"));
  group->close();
}

TEST_CASE("collectives of several processes equal sums and copies made in one", "[group]") {
  const int ranks = GENERATE(1, 2, 4);
  const test::TempDir folder;
  const auto codes = test::wait_for_ranks(test::start_ranks(ranks, "[.rank_collectives]", folder.path()));
  for (int r = 0; r < ranks; ++r) {
    INFO("rank " << r << " of " << ranks << "\n" << test::rank_output(folder.path(), r));
    CHECK(codes[static_cast<size_t>(r)] == 0);
  }
}

TEST_CASE("one rank that dies", "[.rank_dies]") {
  const auto group = join();
  at::Tensor values = at::ones({100000});
  group->all_reduce(values);
  if (group->rank() == 1) std::raise(SIGKILL);
  try {
    for (;;) group->all_reduce(values);
  } catch (const Error& e) {
    log_error("{}", e.what());
    std::_Exit(1);
  }
}

TEST_CASE("one rank that dies while others compute", "[.rank_dies_unseen]") {
  const auto launch = read_launch(process_environment).value();
  Rendezvous rendezvous(launch, std::chrono::seconds(60));
  Mesh mesh(launch, rendezvous, std::chrono::seconds(60));
  mesh.watch();
  mesh.gather_text("");
  if (mesh.rank() == 1) std::raise(SIGKILL);
  std::this_thread::sleep_for(std::chrono::seconds(60));  // as a GPU that waits for the dead rank
  std::_Exit(0);
}

TEST_CASE("the death of a rank ends the others with a message that names it", "[group]") {
  const std::string tag = GENERATE("[.rank_dies]", "[.rank_dies_unseen]");
  const test::TempDir folder;
  const auto begin = std::chrono::steady_clock::now();
  const auto codes = test::wait_for_ranks(test::start_ranks(3, tag, folder.path()));
  CHECK(codes == std::vector<int>{1, 128 + SIGKILL, 1});
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(30));
  for (const int r : {0, 2}) {
    INFO(test::rank_output(folder.path(), r));
    // A rank may also hear of the one that heard first.
    CHECK_THAT(test::rank_output(folder.path(), r), Catch::Contains("has ended: the job cannot go on"));
  }
  CHECK_THAT(test::rank_output(folder.path(), 0) + test::rank_output(folder.path(), 2), Catch::Contains("rank 1 ("));
}

TEST_CASE("a rank that never comes is an error that says so", "[group]") {
  Launch launch{.rank = 0, .size = 2, .local_rank = 0, .address = "127.0.0.1"};
  launch.port = static_cast<uint16_t>(test::free_port());
  CHECK_THROWS_WITH(connect(launch, at::kCPU, std::chrono::seconds(1)), Catch::Contains("have all ranks started?"));
}

}  // namespace
}  // namespace lintorch::dist
