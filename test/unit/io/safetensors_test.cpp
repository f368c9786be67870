#include "lintorch/io/safetensors.h"

#include <catch2/catch.hpp>

#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <fstream>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "test/support/temp_dir.h"

using lintorch::CheckpointError;
using lintorch::IoError;
using lintorch::TensorMap;
using lintorch::io::SafetensorsFile;
using lintorch::io::write_safetensors;
using lintorch::test::TempDir;

namespace {

std::string with_length(const std::string& header, const std::string& data = "") {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

void check_refused(const std::string& bytes, const std::string& message) {
  TempDir folder;
  lintorch::write_file_atomic(folder / "bad.safetensors", bytes);
  INFO(bytes.substr(0, 200));
  CHECK_THROWS_AS(SafetensorsFile(folder / "bad.safetensors"), CheckpointError);
  CHECK_THROWS_WITH(SafetensorsFile(folder / "bad.safetensors"),
                    Catch::Contains(message) && Catch::Contains("bad.safetensors"));
}

TensorMap example_tensors() {
  TensorMap tensors;
  tensors["a.bool"] = at::arange(3).to(at::kBool);
  tensors["b.bf16"] = at::randn({3, 5}).to(at::kBFloat16);
  tensors["c.f32"] = at::randn({2, 3}).t();
  tensors["d.f64"] = at::randn({7}, at::kDouble);
  tensors["e.scalar"] = at::full({}, 4, at::kLong);
  tensors["f.empty"] = at::zeros({0, 3});
  tensors["g.u8"] = at::arange(5).to(at::kByte);
  return tensors;
}

}  // namespace

TEST_CASE("a file written by the Python library reads with every dtype, shape and value", "[safetensors]") {
  const SafetensorsFile file(std::filesystem::path(LINTORCH_TEST_DATA) / "safetensors_reference.safetensors");
  const std::map<std::string, at::ScalarType> dtypes = {{"f64", at::kDouble},
                                                        {"f32", at::kFloat},
                                                        {"f16", at::kHalf},
                                                        {"bf16", at::kBFloat16},
                                                        {"f8_e4m3", at::kFloat8_e4m3fn},
                                                        {"f8_e5m2", at::kFloat8_e5m2},
                                                        {"i64", at::kLong},
                                                        {"i32", at::kInt},
                                                        {"i16", at::kShort},
                                                        {"i8", at::kChar},
                                                        {"u8", at::kByte}};
  const at::Tensor ramp = at::arange(6, at::kFloat).reshape({2, 3});
  for (const auto& [name, dtype] : dtypes) {
    INFO(name);
    const at::Tensor tensor = file.tensor(name);
    CHECK(tensor.scalar_type() == dtype);
    CHECK(at::equal(tensor.to(at::kFloat), ramp));
  }
  CHECK(at::equal(file.tensor("bool"), at::arange(3).remainder(2).eq(0)));
  CHECK(file.tensor("scalar").dim() == 0);
  CHECK(file.tensor("scalar").item<float>() == 2.5F);
  CHECK(file.tensor("empty").sizes() == at::IntArrayRef({0, 4}));
  CHECK(at::equal(file.tensor("blocks.0.gewicht_\u00e4"), at::full({1, 2, 1}, -1.5F)));
  CHECK(file.tensors().size() == 15);
  CHECK(file.metadata().at("script") == "scripts/goldens/safetensors_reference.py");
}

TEST_CASE("write_safetensors followed by reading gives the same bits", "[safetensors]") {
  TempDir folder;
  const TensorMap tensors = example_tensors();
  write_safetensors(folder / "sub/x.safetensors", tensors, {{"zeile", "a \"b\"\n"}, {"kind", "test"}});
  const SafetensorsFile file(folder / "sub/x.safetensors");
  CHECK(file.metadata() == lintorch::io::Metadata{{"zeile", "a \"b\"\n"}, {"kind", "test"}});
  const TensorMap read = file.load();
  REQUIRE(read.size() == tensors.size());
  for (const auto& [name, tensor] : tensors) {
    INFO(name);
    CHECK(read.at(name).scalar_type() == tensor.scalar_type());
    CHECK(at::equal(read.at(name), tensor));
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder / "sub"), {}) == 1);  // no temporary file left
}

TEST_CASE("the written layout is aligned and stable", "[safetensors]") {
  TempDir folder;
  const TensorMap tensors = example_tensors();
  write_safetensors(folder / "x", tensors);
  write_safetensors(folder / "y", tensors);
  CHECK(lintorch::read_file(folder / "x") == lintorch::read_file(folder / "y"));
  const std::string bytes = lintorch::read_file(folder / "x");
  CHECK(static_cast<unsigned char>(bytes[0]) % 8 == 0);
  const SafetensorsFile file(folder / "x");
  for (const auto& [name, info] : file.tensors()) CHECK(info.begin % c10::elementSize(info.dtype) == 0);
}

TEST_CASE("tensors keep the mapping alive, and writing into them leaves the file alone", "[safetensors]") {
  TempDir folder;
  write_safetensors(folder / "x", {{"w", at::full({4}, 1.0)}});
  at::Tensor tensor;
  {
    const SafetensorsFile file(folder / "x");
    tensor = file.tensor("w");
    CHECK(tensor.data_ptr() == file.tensor("w").data_ptr());
  }
  tensor.fill_(7);
  CHECK(at::equal(tensor, at::full({4}, 7.0)));
  CHECK(at::equal(SafetensorsFile(folder / "x").tensor("w"), at::full({4}, 1.0)));
  write_safetensors(folder / "x", {{"w", at::full({1}, 2.0)}});  // replaced by rename: the old mapping stays valid
  CHECK(at::equal(tensor, at::full({4}, 7.0)));
}

TEST_CASE("unaligned data of other writers is read through a copy", "[safetensors]") {
  TempDir folder;
  const std::string header = R"({"w":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}})";
  REQUIRE(header.size() % 4 != 0);
  lintorch::write_file_atomic(folder / "x", with_length(header, std::string("\x05\x00\x00\x00", 4)));
  CHECK(SafetensorsFile(folder / "x").tensor("w").item<int>() == 5);
}

TEST_CASE("truncated files are refused at every length", "[safetensors]") {
  TempDir folder;
  write_safetensors(folder / "x", {{"w", at::full({4}, 1.0)}, {"v", at::zeros({3})}});
  const std::string bytes = lintorch::read_file(folder / "x");
  for (size_t size = 0; size < bytes.size(); size += 3) {
    INFO(size);
    lintorch::write_file_atomic(folder / "cut", bytes.substr(0, size));
    CHECK_THROWS_AS(SafetensorsFile(folder / "cut"), CheckpointError);
  }
}

TEST_CASE("lying header lengths are refused", "[safetensors]") {
  check_refused(std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "at most 100000000");
  check_refused(std::string("\x01\xe1\xf5\x05\x00\x00\x00\x00{}", 10), "at most 100000000");
  check_refused(std::string("\x03\x00\x00\x00\x00\x00\x00\x00{}", 10), "cut off");
  check_refused(with_length(""), "start with '{'");
  check_refused(with_length(" {}"), "start with '{'");
}

TEST_CASE("headers that are not valid are refused with file and tensor named", "[safetensors]") {
  check_refused(with_length(R"({"a":)"), "not valid JSON");
  check_refused(with_length("{\"\xff\":1}"), "not valid JSON");
  check_refused(with_length(R"({"a":1})"), "'a'");
  check_refused(with_length(R"({"a":{"dtype":"F32","shape":[1]}})", "0123"), "data_offsets");
  check_refused(with_length(R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", "0123"), "F33");
  check_refused(with_length(R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", "0123"), "dtype 7");
  check_refused(with_length(R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", "0123"), "shape");
  check_refused(with_length(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "0123"), ">= 0");
  check_refused(with_length(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})", "0123"), ">= 0");
  check_refused(with_length(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", "0123"), "[begin, end]");
  check_refused(with_length(R"({"__metadata__":[]})"), "__metadata__");
  check_refused(with_length(R"({"__metadata__":{"a":1}})"), "__metadata__ entry 'a'");
}

TEST_CASE("duplicate keys are refused at every level", "[safetensors]") {
  const std::string entry = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  check_refused(with_length("{" + entry + "," + entry + "}", "0123"), "'a' twice");
  check_refused(with_length(R"({"a":{"dtype":"F64","dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "0123"),
                "'dtype' twice");
}

TEST_CASE("offsets that do not tile the data are refused", "[safetensors]") {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  check_refused(with_length(two("[0,4]", "[2,6]"), "012345"), "'b': overlaps");
  check_refused(with_length(two("[0,4]", "[0,4]"), "0123"), "overlaps");
  check_refused(with_length(two("[0,4]", "[6,10]"), "0123456789"), "'b': leaves a hole");
  check_refused(with_length(two("[1,5]", "[5,9]"), "012345678"), "'a': leaves a hole");
  check_refused(with_length(two("[0,4]", "[4,8]"), "0123456789"), "take 8 bytes");
  check_refused(with_length(two("[0,4]", "[4,8]"), "012345"), "do not lie in");
  check_refused(with_length(two("[4,0]", "[4,8]"), "01234567"), "do not lie in");
  check_refused(with_length(two("[0,4]", "[4,18446744073709551615]"), "01234567"), "do not lie in");
}

TEST_CASE("shapes that disagree with the byte count or overflow are refused", "[safetensors]") {
  const auto one = [](const std::string& shape) {
    return with_length(R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":[0,4]}})", "0123");
  };
  check_refused(one("[2]"), "does not take");
  check_refused(one("[0]"), "does not take");
  check_refused(one("[4611686018427387905]"), "does not take");  // times 4 bytes is 4 modulo 2^64
  check_refused(one("[18446744073709551615]"), "does not take");
}

TEST_CASE("what cannot be read or written says so", "[safetensors]") {
  TempDir folder;
  CHECK_THROWS_AS(SafetensorsFile(folder / "missing"), IoError);
  CHECK_THROWS_AS(SafetensorsFile(folder.path()), IoError);
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"__metadata__", at::zeros({1})}}), CheckpointError);
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"w", at::Tensor()}}), CheckpointError);
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"w", at::zeros({1}, at::kComplexFloat)}}), CheckpointError);
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"w", at::zeros({2, 2}).to_sparse()}}), CheckpointError);
  CHECK_THROWS_AS(write_safetensors(folder / "x", {{"\xff", at::zeros({1})}}), CheckpointError);
  CHECK_FALSE(std::filesystem::exists(folder / "x"));
  lintorch::write_file_atomic(folder / "file", "");
  CHECK_THROWS_AS(write_safetensors(folder / "file/x", {{"w", at::zeros({1})}}), IoError);
  write_safetensors(folder / "x", {{"w", at::zeros({1})}});
  CHECK_THROWS_WITH(SafetensorsFile(folder / "x").tensor("v"), Catch::Contains("no tensor 'v'"));
}
