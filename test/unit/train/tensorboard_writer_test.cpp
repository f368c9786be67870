#include "lintorch/train/tensorboard_writer.h"

#include <catch2/catch.hpp>

#include <bit>
#include <chrono>
#include <map>
#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "test/support/temp_dir.h"

namespace fs = std::filesystem;
using lintorch::test::TempDir;
using lintorch::train::crc32c;
using lintorch::train::TensorBoardWriter;

namespace {

uint64_t little_endian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) value = (value << 8) | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

// CRC-32C bit by bit, and the mask of record_writer.h: independent of the table in the library.
uint32_t expected_crc(std::string_view bytes) {
  uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82F63B78U & (~(crc & 1U) + 1U));
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8U;
}

std::vector<std::string> read_records(const std::string& bytes) {
  std::vector<std::string> events;
  size_t at = 0;
  while (at < bytes.size()) {
    REQUIRE(at + 12 <= bytes.size());
    const std::string length = bytes.substr(at, 8);
    CHECK(little_endian(bytes.substr(at + 8, 4)) == expected_crc(length));
    const size_t size = little_endian(length);
    REQUIRE(at + 16 + size <= bytes.size());
    events.push_back(bytes.substr(at + 12, size));
    CHECK(little_endian(bytes.substr(at + 12 + size, 4)) == expected_crc(events.back()));
    at += 16 + size;
  }
  return events;
}

// The fields of a protocol buffer: numbers as 8 or 4 little-endian bytes, varints as decimal text.
std::map<int, std::string> read_fields(const std::string& bytes) {
  std::map<int, std::string> fields;
  size_t at = 0;
  const auto varint = [&] {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(bytes.at(at++));
      value |= uint64_t{byte & 127U} << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.size()) {
    const uint64_t key = varint();
    const int field = static_cast<int>(key >> 3);
    if ((key & 7) == 0) {
      fields[field] = std::to_string(static_cast<int64_t>(varint()));
      continue;
    }
    const size_t size = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : varint();
    REQUIRE(at + size <= bytes.size());
    fields[field] = bytes.substr(at, size);
    at += size;
  }
  return fields;
}

}  // namespace

TEST_CASE("crc32c gives the published check value", "[tensorboard_writer]") {
  CHECK(crc32c("123456789") == 0xE3069283U);
  CHECK(crc32c("") == 0U);
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AAU);  // RFC 3720, B.4
  CHECK(crc32c(std::string(32, '\xff')) == 0x62A8AB43U);
}

TEST_CASE("every record parses back with its tag, step, value and time", "[tensorboard_writer]") {
  TempDir folder;
  TensorBoardWriter writer(folder / "a/b");
  writer.scalar("loss/flow", 0, 0.25);
  writer.scalar("lr", 300, 1e-4);
  writer.scalar(std::string(200, 'x'), int64_t{1} << 40, -3.0);
  writer.flush();

  REQUIRE(std::distance(fs::directory_iterator(folder / "a/b"), fs::directory_iterator()) == 1);
  const fs::path file = fs::directory_iterator(folder / "a/b")->path();
  CHECK(file.filename().string().starts_with("events.out.tfevents."));
  const auto events = read_records(lintorch::read_file(file));
  REQUIRE(events.size() == 4);
  CHECK(read_fields(events[0]).at(3) == "brain.Event:2");

  const auto check_point = [&](const std::string& event, const std::string& tag, const std::string& step, float value) {
    auto fields = read_fields(event);
    const auto now = static_cast<double>(std::time(nullptr));
    CHECK(std::bit_cast<double>(little_endian(fields.at(1))) == Approx(now).margin(60));
    CHECK(fields.at(2) == step);
    auto point = read_fields(read_fields(fields.at(5)).at(1));
    CHECK(point.at(1) == tag);
    CHECK(std::bit_cast<float>(static_cast<uint32_t>(little_endian(point.at(2)))) == value);
  };
  check_point(events[1], "loss/flow", "0", 0.25F);
  check_point(events[2], "lr", "300", 1e-4F);
  check_point(events[3], std::string(200, 'x'), "1099511627776", -3.0F);
}

TEST_CASE("a folder that cannot be created is an IoError", "[tensorboard_writer]") {
  TempDir folder;
  lintorch::write_file_atomic(folder / "file", "");
  CHECK_THROWS_AS(TensorBoardWriter(folder / "file/logs"), lintorch::IoError);
}
