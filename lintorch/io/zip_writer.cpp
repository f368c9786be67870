#include "lintorch/io/zip_writer.h"

#include <zlib.h>

namespace lintorch::io::detail {

namespace {

constexpr uint64_t kAlignment = 64, kLocalSize = 30, kExtraHeader = 4;
constexpr uint64_t kMax32 = 0xffffffff, kMax16 = 0xffff;
// zip64; entry names are UTF-8; 1980-01-01; extra fields of zip64 sizes and of PyTorch's padding.
constexpr uint16_t kVersion = 45, kUtf8 = 1 << 11, kDate = 33, kZip64Field = 1, kPaddingField = 0x4246;

class Record {
 public:
  explicit Record(std::string_view signature) : bytes_(signature) {}
  Record& u16(uint64_t value) { return number(value, 2); }
  Record& u32(uint64_t value) { return number(value, 4); }
  Record& u64(uint64_t value) { return number(value, 8); }
  Record& text(std::string_view value) {
    bytes_ += value;
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  Record& number(uint64_t value, int size) {
    for (int i = 0; i < size; ++i) bytes_ += static_cast<char>(value >> (8 * i));
    return *this;
  }
  std::string bytes_;
};

uint32_t checksum(std::string_view data) {
  uLong crc = ::crc32(0, nullptr, 0);
  while (!data.empty()) {
    const auto piece = data.substr(0, 1U << 30);
    crc = ::crc32(crc, reinterpret_cast<const Bytef*>(piece.data()), static_cast<uInt>(piece.size()));
    data.remove_prefix(piece.size());
  }
  return static_cast<uint32_t>(crc);
}

}  // namespace

void ZipWriter::add(std::string_view name, std::string_view data) {
  const uint64_t offset = file_.size(), size = data.size();
  const uint32_t crc = checksum(data);
  const bool large = size >= zip64_from_;
  Record local_extra(""), central_extra("");
  if (large) local_extra.u16(kZip64Field).u16(16).u64(size).u64(size);
  // Data that an empty padding field would put off a multiple gets it longer.
  const uint64_t unpadded = offset + kLocalSize + name.size() + local_extra.bytes().size() + kExtraHeader;
  const uint64_t padding = (kAlignment - unpadded % kAlignment) % kAlignment;
  local_extra.u16(kPaddingField).u16(padding).text(std::string(padding, '\0'));

  const uint64_t size_32 = large ? kMax32 : size;
  const auto common = [&](Record record) {
    return record.u16(kVersion).u16(kUtf8).u16(0).u16(0).u16(kDate).u32(crc).u32(size_32).u32(size_32).u16(name.size());
  };
  const Record local = common(Record("PK\x03\x04")).u16(local_extra.bytes().size()).text(name);
  file_.write(local.bytes().data(), local.bytes().size());
  file_.write(local_extra.bytes().data(), local_extra.bytes().size());
  file_.write(data.data(), size);

  const bool far = offset >= zip64_from_;
  if (large || far) {
    central_extra.u16(kZip64Field).u16(16 * large + 8 * far);
    if (large) central_extra.u64(size).u64(size);
    if (far) central_extra.u64(offset);
  }
  // Central header: made by (like the version needed), then as above; comment, disk, attributes, offset.
  directory_ += common(Record("PK\x01\x02").u16(kVersion))
                    .u16(central_extra.bytes().size())
                    .u16(0)
                    .u16(0)
                    .u16(0)
                    .u32(0)
                    .u32(far ? kMax32 : offset)
                    .text(name)
                    .text(central_extra.bytes())
                    .bytes();
  ++num_entries_;
}

void ZipWriter::finish() {
  const uint64_t begin = file_.size(), size = directory_.size();
  const bool zip64 = num_entries_ >= kMax16 || begin >= zip64_from_ || size >= zip64_from_;
  if (zip64) {
    directory_ += Record("PK\x06\x06")
                      .u64(44)
                      .u16(kVersion)
                      .u16(kVersion)
                      .u32(0)
                      .u32(0)
                      .u64(num_entries_)
                      .u64(num_entries_)
                      .u64(size)
                      .u64(begin)
                      .bytes();
    directory_ += Record("PK\x06\x07").u32(0).u64(begin + size).u32(1).bytes();
  }
  const uint64_t count = zip64 ? kMax16 : num_entries_;
  directory_ += Record("PK\x05\x06")
                    .u16(0)
                    .u16(0)
                    .u16(count)
                    .u16(count)
                    .u32(zip64 ? kMax32 : size)
                    .u32(zip64 ? kMax32 : begin)
                    .u16(0)
                    .bytes();
  file_.write(directory_.data(), directory_.size());
}

}  // namespace lintorch::io::detail
