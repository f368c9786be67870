#include "lintorch/io/sharded_index.h"

#include <catch2/catch.hpp>

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>

#include <fstream>
#include <functional>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"
#include "test/support/temp_dir.h"

namespace fs = std::filesystem;
using lintorch::CheckpointError;
using lintorch::IoError;
using lintorch::Json;
using lintorch::TensorMap;
using lintorch::io::read_checkpoint;
using lintorch::io::SafetensorsFile;
using lintorch::io::write_checkpoint;
using lintorch::io::write_safetensors;
using lintorch::test::TempDir;

namespace {

TensorMap example_tensors() {
  return {{"a", at::randn({10})}, {"b", at::randn({10})}, {"c", at::randn({100})}, {"d", at::randn({3})}};
}

void check_equal(const TensorMap& read, const TensorMap& expected) {
  REQUIRE(read.size() == expected.size());
  for (const auto& [name, tensor] : expected) CHECK(at::equal(read.at(name), tensor));
}

// Three shards: a, b in the first, c in the second, d in the third.
void write_example(const fs::path& folder) { write_checkpoint(folder, "m", example_tensors(), {}, 100); }

void edit_index(const fs::path& folder, const std::function<void(Json&)>& edit) {
  Json index = lintorch::read_json_file(folder / "m.safetensors.index.json");
  edit(index);
  lintorch::write_json_file(folder / "m.safetensors.index.json", index);
}

}  // namespace

TEST_CASE("a small checkpoint is one file, found by folder and stem or by its path", "[sharded_index]") {
  TempDir folder;
  const TensorMap tensors = example_tensors();
  write_checkpoint(folder.path(), "m", tensors, {{"kind", "test"}});
  check_equal(read_checkpoint(folder.path(), "m"), tensors);
  check_equal(read_checkpoint(folder / "m.safetensors", "ignored"), tensors);
  const auto metadata = lintorch::io::read_checkpoint_metadata(folder.path(), "m");
  CHECK(metadata.at("kind") == "test");
  CHECK(metadata.at("format") == "pt");
}

TEST_CASE("a large checkpoint is split in the order of names and reads back", "[sharded_index]") {
  TempDir folder;
  const TensorMap tensors = example_tensors();
  write_checkpoint(folder.path(), "m", tensors, {{"kind", "test"}}, 100);
  const Json index = lintorch::read_json_file(folder / "m.safetensors.index.json");
  CHECK(index["metadata"]["total_size"] == 123 * 4);
  CHECK(index["weight_map"]["b"] == "m-00001-of-00003.safetensors");
  CHECK(index["weight_map"]["c"] == "m-00002-of-00003.safetensors");
  CHECK(index["weight_map"]["d"] == "m-00003-of-00003.safetensors");
  check_equal(read_checkpoint(folder.path(), "m"), tensors);
  check_equal(read_checkpoint(folder / "m.safetensors.index.json", "ignored"), tensors);
  CHECK(lintorch::io::read_checkpoint_metadata(folder.path(), "m").at("kind") == "test");
}

TEST_CASE("rewriting a checkpoint leaves no file of its former split", "[sharded_index]") {
  TempDir folder;
  write_safetensors(folder / "m-extra.safetensors", {{"x", at::full({1}, 1.0)}});
  write_example(folder.path());
  write_checkpoint(folder.path(), "m", example_tensors());
  CHECK(fs::exists(folder / "m.safetensors"));
  CHECK(fs::exists(folder / "m-extra.safetensors"));
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 2);
  write_example(folder.path());
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 5);
  CHECK(read_checkpoint(folder.path(), "m").size() == 4);
}

TEST_CASE("damaged shards are refused with file and tensor named", "[sharded_index]") {
  TempDir folder;
  write_example(folder.path());
  const fs::path first = folder / "m-00001-of-00003.safetensors";
  const fs::path third = folder / "m-00003-of-00003.safetensors";
  const auto refused = [&](const std::string& file, const std::string& tensor) {
    CHECK_THROWS_AS(read_checkpoint(folder.path(), "m"), CheckpointError);
    CHECK_THROWS_WITH(read_checkpoint(folder.path(), "m"),
                      Catch::Contains(file) && Catch::Contains("'" + tensor + "'"));
  };
  SECTION("missing shard") {
    fs::remove(third);
    refused("m-00003-of-00003.safetensors is missing", "d");
  }
  SECTION("tensor missing in its shard") {
    write_safetensors(first, {{"a", at::full({1}, 1.0)}});
    refused("m-00001-of-00003.safetensors", "b");
  }
  SECTION("tensor in the wrong shard") {
    edit_index(folder.path(), [](Json& index) { index["weight_map"]["a"] = "m-00003-of-00003.safetensors"; });
    refused("m-00001-of-00003.safetensors", "a");
  }
  SECTION("tensor in no index") {
    edit_index(folder.path(), [](Json& index) { index["weight_map"].erase("a"); });
    refused("m-00001-of-00003.safetensors", "a");
  }
  SECTION("shard outside the folder") {
    edit_index(folder.path(), [](Json& index) { index["weight_map"]["a"] = "../m.safetensors"; });
    refused("m.safetensors.index.json", "a");
  }
  SECTION("shard that is no string") {
    edit_index(folder.path(), [](Json& index) { index["weight_map"]["a"] = 1; });
    refused("m.safetensors.index.json", "a");
  }
}

TEST_CASE("malformed indices and ambiguous or absent checkpoints are refused", "[sharded_index]") {
  TempDir folder;
  CHECK_THROWS_AS(read_checkpoint(folder / "missing", "m"), IoError);
  CHECK_THROWS_WITH(read_checkpoint(folder.path(), "m"), Catch::Contains("neither m.safetensors nor"));
  const fs::path index = folder / "m.safetensors.index.json";
  lintorch::write_json_file(index, Json::array());
  CHECK_THROWS_WITH(read_checkpoint(folder.path(), "m"), Catch::Contains("weight_map"));
  std::ofstream(index) << "{";
  CHECK_THROWS_AS(read_checkpoint(folder.path(), "m"), CheckpointError);
  write_safetensors(folder / "m.safetensors", {{"x", at::full({1}, 1.0)}});
  CHECK_THROWS_WITH(read_checkpoint(folder.path(), "m"), Catch::Contains("holds both"));
  lintorch::write_json_file(folder / "n.safetensors.index.json", Json{{"weight_map", Json::object()}});
  CHECK_THROWS_AS(lintorch::io::read_checkpoint_metadata(folder.path(), "n"), CheckpointError);
}
