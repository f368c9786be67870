#include "lintorch/train/tensorboard_writer.h"

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>

#include "lintorch/core/error.h"

namespace lintorch::train {

namespace {

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

uint32_t masked_crc(std::string_view bytes) {
  const uint32_t crc = crc32c(bytes);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

template <class T>
std::string little_endian(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// Protobuf wire types: 0 varint, 1 64-bit, 2 length-delimited, 5 32-bit.
std::string field_double(int number, double value) { return varint(number << 3 | 1) + little_endian(value); }
std::string field_float(int number, float value) { return varint(number << 3 | 5) + little_endian(value); }
std::string field_int(int number, int64_t value) { return varint(number << 3) + varint(static_cast<uint64_t>(value)); }
std::string field_bytes(int number, const std::string& value) {
  return varint(number << 3 | 2) + varint(value.size()) + value;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const std::array<uint32_t, 256> table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t crc = i;
      for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
      entries[i] = crc;
    }
    return entries;
  }();
  uint32_t crc = 0xffffffffu;
  for (const unsigned char byte : bytes) crc = table[(crc ^ byte) & 0xff] ^ crc >> 8;
  return ~crc;
}

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  path_ = folder / fmt::format("events.out.tfevents.{}.{}", static_cast<int64_t>(wall_time() * 1e6), ::getpid());
  out_.open(path_, std::ios::binary);
  LT_CHECK(out_.good(), IoError, "[TensorBoardWriter] cannot create {}", path_.string());
  write_record(field_double(1, wall_time()) + field_bytes(3, "brain.Event:2"));
}

void TensorBoardWriter::scalar(const std::string& tag, int64_t step, double value) {
  const std::string summary_value = field_bytes(1, tag) + field_float(2, static_cast<float>(value));
  write_record(field_double(1, wall_time()) + field_int(2, step) + field_bytes(5, field_bytes(1, summary_value)));
}

void TensorBoardWriter::flush() {
  out_.flush();
  LT_CHECK(out_.good(), IoError, "[TensorBoardWriter] cannot write {}", path_.string());
}

void TensorBoardWriter::write_record(const std::string& event) {
  const std::string length = little_endian(static_cast<uint64_t>(event.size()));
  out_ << length << little_endian(masked_crc(length)) << event << little_endian(masked_crc(event));
}

}  // namespace lintorch::train
