#include "lintorch/linvideo/trajectory_store.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include <fstream>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using namespace lintorch::linvideo;

namespace {

TrajectoryManifest request() {
  TrajectoryManifest m;
  m.format_version = TrajectoryManifest::kFormatVersion;
  m.teacher = "0123456789abcdef";
  m.sampler = "euler";
  m.steps = 2;
  m.shift = 3;
  m.guidance = 4;
  m.width = m.height = 16;
  m.frames = 5;
  m.latent_shape = {1, 2, 2, 2};
  m.storage_dtype = "fp32";
  m.compute_dtype = "fp32";
  m.sigmas = {1, 0.5, 0};
  m.timesteps = {1000, 500};
  m.trajectories = 5;
  m.trajectories_per_shard = 2;
  m.batch_size = 1;
  m.prompts = {"a", "b", "c"};
  return m;
}

/// Every element is unique, so that a mixed-up index shows.
Trajectory trajectory(int64_t i) {
  const auto values = [&](int64_t count, double offset) {
    return torch::arange(count * 8, torch::kFloat).reshape({count, 1, 2, 2, 2}) + 1000.0 * static_cast<double>(i) +
           offset;
  };
  return {values(3, 0), values(2, 100), values(2, 200), torch::full({3, 2}, static_cast<double>(i))};
}

void write_all(const std::filesystem::path& folder, const TrajectoryManifest& m) {
  TrajectoryWriter writer(folder, m, torch::full({3, 2}, -1.0));
  for (int64_t shard = 0; shard < m.num_shards(); ++shard) {
    if (writer.has_shard(shard)) continue;
    std::vector<Trajectory> trajectories;
    for (int64_t k = 0; k < m.shard_trajectories(shard); ++k) trajectories.push_back(trajectory(2 * shard + k));
    writer.write_shard(shard, trajectories);
  }
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("every state and velocity comes back from its place", "[trajectory_store]") {
  const test::TempDir folder;
  write_all(folder / "store", request());
  const TrajectoryStore store(folder / "store");
  CHECK(store.num_trajectories() == 5);
  CHECK(store.manifest().num_shards() == 3);
  CHECK(store.manifest().prompt_of(4) == "b");
  for (const int64_t i : {4, 0, 3}) {
    const Trajectory expected = trajectory(i);
    for (const int64_t step : {1, 0}) {
      CHECK(torch::equal(store.state(i, step), expected.x_ICTHW[step]));
      CHECK(torch::equal(store.conditional_velocity(i, step), expected.u_cond_ICTHW[step]));
      CHECK(torch::equal(store.unconditional_velocity(i, step), expected.u_uncond_ICTHW[step]));
    }
    CHECK(torch::equal(store.state(i, 2), expected.x_ICTHW[2]));
    CHECK(torch::equal(store.text(i), expected.text_SD));
  }
  CHECK(store.unconditional_text().mean().item<double>() == -1);
  CHECK_NOTHROW(store.verify_checksums());
}

TEST_CASE("an unfinished store is continued and ends with the same bytes", "[trajectory_store]") {
  const test::TempDir folder;
  const auto m = request();
  write_all(folder / "whole", m);
  {
    TrajectoryWriter writer(folder / "resumed", m, torch::full({3, 2}, -1.0));
    writer.write_shard(0, {trajectory(0), trajectory(1)});
  }
  CHECK_THROWS_WITH(TrajectoryStore(folder / "resumed"), Catch::Contains("not finished: 1 of 3 shards"));
  // What a kill between shard and manifest, or in the middle of a write, leaves behind.
  write_file_atomic(folder.path() / "resumed" / m.shard_file(1), "half a shard");
  write_all(folder / "resumed", m);
  for (const char* file : {"manifest.json", "unconditional_text.safetensors"})
    CHECK(read_file(folder.path() / "resumed" / file) == read_file(folder.path() / "whole" / file));
  for (int64_t shard = 0; shard < 3; ++shard)
    CHECK(read_file(folder.path() / "resumed" / m.shard_file(shard)) ==
          read_file(folder.path() / "whole" / m.shard_file(shard)));
}

TEST_CASE("a request that differs from the store is refused by the name of the field", "[trajectory_store]") {
  const test::TempDir folder;
  write_all(folder / "store", request());
  const auto refusal = [&](const std::function<void(TrajectoryManifest&)>& change) {
    TrajectoryManifest m = request();
    change(m);
    return message_of([&] { TrajectoryWriter(folder / "store", m, torch::zeros({3, 2})); });
  };
  CHECK_THAT(refusal([](auto& m) { m.teacher = "f"; }), Catch::Contains("teacher = \"0123456789abcdef\""));
  CHECK_THAT(refusal([](auto& m) { m.steps = 3; }), Catch::Contains("steps = 2, this run asks for 3"));
  CHECK_THAT(refusal([](auto& m) { m.guidance = 1; }), Catch::Contains("guidance"));
  CHECK_THAT(refusal([](auto& m) { m.prompts[1] = "other"; }), Catch::Contains("prompts[1] = \"b\""));
  CHECK_THAT(refusal([](auto& m) { m.prompts.push_back("d"); }), Catch::Contains("prompts (count) = 3"));
  CHECK_THAT(refusal([](auto&) {}), Catch::Equals("no error"));
}

TEST_CASE("a folder of something else is left alone", "[trajectory_store]") {
  const test::TempDir folder;
  write_file_atomic(folder.path() / "store" / "thesis.txt", "precious");
  CHECK_THROWS_AS(TrajectoryWriter(folder / "store", request(), torch::zeros({3, 2})), IoError);
  CHECK_THROWS_AS(TrajectoryStore(folder / "nothing"), IoError);
}

TEST_CASE("a wrong manifest names the field", "[trajectory_store]") {
  const test::TempDir folder;
  write_all(folder / "store", request());
  const auto file = folder.path() / "store" / "manifest.json";
  const Json good = read_json_file(file);
  const auto refusal = [&](const std::function<void(Json&)>& change) {
    Json json = good;
    change(json);
    write_json_file(file, json);
    return message_of([&] { TrajectoryStore store(folder / "store"); });
  };
  CHECK_THAT(refusal([](Json& j) { j["format_version"] = 2; }), Catch::Contains("format_version: expected 1, got 2"));
  CHECK_THAT(refusal([](Json& j) { j.erase("format_version"); }), Catch::Contains("format_version"));
  CHECK_THAT(refusal([](Json& j) { j["steps"] = "two"; }), Catch::Contains("steps: expected an integer"));
  CHECK_THAT(refusal([](Json& j) { j["sigmas"] = {1.0}; }), Catch::Contains("sigmas: expected 3 values"));
  CHECK_THAT(refusal([](Json& j) { j["latent_shape"] = {1, 2}; }), Catch::Contains("latent_shape"));
  CHECK_THAT(refusal([](Json& j) { j["colour"] = 1; }), Catch::Contains("colour: unknown key"));
  CHECK_THAT(refusal([](Json& j) { j["shards"][1]["file"] = "../x"; }), Catch::Contains("shards.file"));
  CHECK_THAT(refusal([](Json& j) {
               j["latent_shape"] = {1, 2, 2, 4};
             }),
             Catch::Contains("another shape than manifest"));
  write_file_atomic(file, "{ not json");
  CHECK_THROWS_AS(TrajectoryStore(folder / "store"), ConfigError);
}

TEST_CASE("damaged shards are found", "[trajectory_store]") {
  const test::TempDir folder;
  const auto m = request();
  write_all(folder / "store", m);
  const auto shard = folder.path() / "store" / m.shard_file(1);
  {
    std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x7f');
  }
  const TrajectoryStore store(folder / "store");
  CHECK_THROWS_WITH(store.verify_checksums(), Catch::Contains(m.shard_file(1)) && Catch::Contains("checksum"));
  std::filesystem::resize_file(shard, 100);
  CHECK_THROWS_WITH(TrajectoryStore(folder / "store"), Catch::Contains("has 100 bytes"));
  std::filesystem::remove(shard);
  CHECK_THROWS_WITH(TrajectoryStore(folder / "store"), Catch::Contains("is missing"));
}
