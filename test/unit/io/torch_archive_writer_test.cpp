#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/io/mapped_file.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/io/torch_archive.h"
#include "lintorch/io/zip_directory.h"
#include "lintorch/io/zip_writer.h"
#include "test/support/golden.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
using Catch::Contains;

TEST_CASE("a written state dict reads back with every bit", "[torch_archive_writer]") {
  const test::TempDir folder;
  TensorMap state = {{"scalar", at::randn({})},
                     {"empty", at::zeros({3, 0, 2})},
                     {"transposed", at::randn({4, 6}).t()},
                     {"every second", at::arange(10, at::kFloat).slice(0, 0, 10, 2)},
                     {"repeated", at::ones({1}).expand({5, 7})}};
  for (const auto dtype : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt, at::kShort,
                           at::kChar, at::kByte, at::kBool})
    state[c10::toString(dtype)] = (at::randn({3, 5, 7}) * 9).to(dtype);
  io::write_torch_archive(folder / "new" / "state.pth", state);
  const TensorMap read = io::read_torch_archive(folder / "new" / "state.pth");
  REQUIRE(read.size() == state.size());
  for (const auto& [name, tensor] : state) {
    INFO(name);
    REQUIRE(read.contains(name));
    CHECK(read.at(name).scalar_type() == tensor.scalar_type());
    CHECK(read.at(name).is_contiguous());
    CHECK(at::equal(read.at(name), tensor));
    // Mappings begin at a page, so that the address tells the alignment in the file.
    if (tensor.numel() > 0) CHECK(reinterpret_cast<uintptr_t>(read.at(name).data_ptr()) % 64 == 0);
  }
}

TEST_CASE("metadata stays with the tensors, and is not among them", "[torch_archive_writer]") {
  const test::TempDir folder;
  const io::Metadata metadata = {{"lintorch.config", R"({"a": "ü"})"}, {"empty", ""}};
  io::write_torch_archive(folder / "x.pth", {{"w", at::ones({2})}}, metadata);
  CHECK(io::read_torch_archive(folder / "x.pth").size() == 1);
  CHECK(io::read_torch_archive_metadata(folder / "x.pth") == metadata);
  CHECK(io::read_checkpoint_metadata(folder / "x.pth", "any") == metadata);
  CHECK(io::read_torch_archive_metadata(test::test_data("torch_state.pth")).empty());
}

TEST_CASE("tensors are cast, and made one at a time in the order of names", "[torch_archive_writer]") {
  const test::TempDir folder;
  const at::Tensor w = at::randn({8});
  io::write_torch_archive(folder / "x.pth", {{"w", w}}, {}, [](const auto&, auto) { return at::kBFloat16; });
  CHECK(at::equal(io::read_torch_archive(folder / "x.pth").at("w"), w.to(at::kBFloat16)));

  std::string order;
  const std::map<std::string, io::StoredTensor> plan = {{"b", {at::kHalf, {8}}}, {"a", {at::kFloat, {2, 4}}}};
  io::write_torch_archive(folder / "y.pth", plan, [&](const std::string& name) {
    order += name;
    return name == "a" ? w.view({2, 4}) : w;
  });
  CHECK(order == "ab");
  CHECK(at::equal(io::read_torch_archive(folder / "y.pth").at("b"), w.to(at::kHalf)));
}

TEST_CASE("what cannot be written is refused, and the old file stays", "[torch_archive_writer]") {
  const test::TempDir folder;
  const auto file = folder / "x.pth";
  io::write_torch_archive(file, {{"w", at::ones({2})}});
  const std::string before = read_file(file);
  CHECK_THROWS_WITH(io::write_torch_archive(file, {{"scaled", at::ones({2}).to(at::kFloat8_e4m3fn)}}),
                    Contains("x.pth") && Contains("'scaled'") && Contains("Float8_e4m3fn"));
  CHECK_THROWS_AS(io::write_torch_archive(file, {{"w", at::Tensor()}}), CheckpointError);
  CHECK_THROWS_WITH(
      io::write_torch_archive(file, {{"w", {at::kFloat, {3}}}}, [](const auto&) { return at::ones({2}); }),
      Contains("another shape than announced"));
  CHECK(read_file(file) == before);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
  write_file_atomic(folder / "plain", "");
  CHECK_THROWS_AS(io::write_torch_archive(folder / "plain" / "x.pth", {{"w", at::ones({2})}}), IoError);
}

TEST_CASE("zip files with any mixture of zip64 records read back", "[zip_writer]") {
  const test::TempDir folder;
  // From 0: all in 64 bits. 300: sizes and later offsets. 2^32 - 1: none, as files below 4 GB are.
  for (const uint64_t zip64_from : {0UL, 300UL, 0xffffffffUL}) {
    CAPTURE(zip64_from);
    const auto path = folder / "x.zip";
    std::map<std::string, std::string> contents;
    {
      io::detail::TemporaryFile file(path, "test");
      io::detail::ZipWriter zip(file, zip64_from);
      for (int i = 0; i < 40; ++i) {
        const std::string name = "folder/" + std::string(i, 'n'), data(i * 29 % 700, static_cast<char>('a' + i % 26));
        zip.add(name, data);
        contents[name] = data;
      }
      zip.finish();
      file.publish();
    }
    const std::string bytes = read_file(path);
    const auto entries = io::detail::read_zip_directory(bytes, "x.zip");
    REQUIRE(entries.size() == contents.size());
    for (const auto& [name, data] : contents) {
      INFO(name);
      CHECK(bytes.substr(entries.at(name).begin, entries.at(name).size) == data);
      CHECK(entries.at(name).begin % 64 == 0);
    }
  }
}

TEST_CASE("more entries than 16 bits count", "[zip_writer]") {
  const test::TempDir folder;
  {
    io::detail::TemporaryFile file(folder / "x.zip", "test");
    io::detail::ZipWriter zip(file);
    for (int i = 0; i < 65'600; ++i) zip.add(std::to_string(i), "x");
    zip.finish();
    file.publish();
  }
  const io::MappedFile mapped = io::map_file(folder / "x.zip", "test");
  CHECK(io::detail::read_zip_directory(mapped.bytes(), "x.zip").size() == 65'600);
}
