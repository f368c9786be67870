#include "lintorch/io/zip_directory.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "lintorch/core/error.h"

namespace lintorch::io::detail {

namespace {

constexpr uint64_t kEndSize = 22, kEnd64Size = 56, kLocator64Size = 20, kCentralSize = 46, kLocalSize = 30;
constexpr uint64_t kMaxCommentSize = 0xffff;
constexpr uint32_t kEndSignature = 0x06054b50, kEnd64Signature = 0x06064b50, kLocator64Signature = 0x07064b50;
constexpr uint32_t kCentralSignature = 0x02014b50, kLocalSignature = 0x04034b50;
constexpr uint16_t kEncryptedFlag = 1, kStoredMethod = 0, kZip64Field = 1;
constexpr uint32_t kInZip64_32 = 0xffffffff;  // "see the zip64 record"
constexpr uint16_t kInZip64_16 = 0xffff;

class Parser {
 public:
  Parser(std::string_view bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::map<std::string, ZipEntry> entries() {
    const Directory directory = find_directory();
    std::map<std::string, ZipEntry> entries;
    uint64_t at = directory.begin;
    for (uint64_t i = 0; i < directory.count; ++i) {
      require(at, kCentralSize, directory.end, "its central directory is cut off");
      check(u32(at) == kCentralSignature, "its central directory is damaged");
      const uint64_t name_size = u16(at + 28), extra_size = u16(at + 30), comment_size = u16(at + 32);
      require(at, kCentralSize + name_size + extra_size + comment_size, directory.end,
              "its central directory is cut off");
      const std::string name(bytes_.substr(at + kCentralSize, name_size));
      const ZipEntry entry = parse_entry(at, name, extra_size, directory.begin);
      LT_CHECK(entries.emplace(name, entry).second, CheckpointError,
               "[read_torch_archive] {}: two entries are named '{}'", file_, name);
      at += kCentralSize + name_size + extra_size + comment_size;
    }
    check(at == directory.end, "its central directory holds more than its entries");
    refuse_overlap(entries);
    return entries;
  }

 private:
  struct Directory {
    uint64_t begin, end, count;
  };

  void check(bool condition, const char* problem) const {
    LT_CHECK(condition, CheckpointError, "[read_torch_archive] {} is no intact zip file: {}", file_, problem);
  }

  // [at, at + size) must lie before `end`.
  void require(uint64_t at, uint64_t size, uint64_t end, const char* problem) const {
    check(at <= end && size <= end - at, problem);
  }

  uint64_t number(uint64_t at, int size) const {
    uint64_t value = 0;
    for (int i = size - 1; i >= 0; --i) value = (value << 8) | static_cast<uint8_t>(bytes_[at + i]);
    return value;
  }
  uint16_t u16(uint64_t at) const { return static_cast<uint16_t>(number(at, 2)); }
  uint32_t u32(uint64_t at) const { return static_cast<uint32_t>(number(at, 4)); }
  uint64_t u64(uint64_t at) const { return number(at, 8); }

  uint64_t find_end_record() const {
    check(bytes_.size() >= kEndSize, "it has no end-of-directory record");
    const uint64_t last = bytes_.size() - kEndSize;
    const uint64_t first = last - std::min(last, kMaxCommentSize);
    for (uint64_t at = last + 1; at-- > first;)
      if (u32(at) == kEndSignature && u16(at + 20) == last - at) return at;
    check(false, "it has no end-of-directory record (cut off?)");
    return 0;
  }

  Directory find_directory() const {
    const uint64_t end = find_end_record();
    check(u16(end + 4) == 0 && u16(end + 6) == 0 && u16(end + 8) == u16(end + 10), "it spans several volumes");
    uint64_t count = u16(end + 10), size = u32(end + 12), begin = u32(end + 16), records = end;
    if (count == kInZip64_16 || size == kInZip64_32 || begin == kInZip64_32) {
      check(end >= kLocator64Size && u32(end - kLocator64Size) == kLocator64Signature, "its zip64 record is missing");
      const uint64_t end64 = u64(end - kLocator64Size + 8);
      require(end64, kEnd64Size, end - kLocator64Size, "its zip64 record lies outside the file");
      check(u32(end64) == kEnd64Signature, "its zip64 record is damaged");
      check(u64(end64 + 24) == u64(end64 + 32), "it spans several volumes");
      count = u64(end64 + 32), size = u64(end64 + 40), begin = u64(end64 + 48), records = end64;
    }
    require(begin, size, records, "its central directory lies outside the file");
    return {begin, begin + size, count};
  }

  // The 64-bit values stand in the extra field, in this order, for those of the three that overflow.
  void read_zip64(uint64_t extra, uint64_t extra_size, uint64_t& size, uint64_t& stored_size, uint64_t& offset) const {
    const uint64_t extra_end = extra + extra_size;
    while (extra_end - extra >= 4) {
      const uint64_t field_size = u16(extra + 2);
      require(extra + 4, field_size, extra_end, "an extra field is damaged");
      if (u16(extra) == kZip64Field) {
        uint64_t at = extra + 4;
        for (uint64_t* value : {&size, &stored_size, &offset}) {
          if (*value != kInZip64_32) continue;
          require(at, 8, extra + 4 + field_size, "a zip64 field is damaged");
          *value = u64(at);
          at += 8;
        }
      }
      extra += 4 + field_size;
    }
  }

  ZipEntry parse_entry(uint64_t at, const std::string& name, uint64_t extra_size, uint64_t data_end) const {
    const auto require_entry = [&](bool condition, const char* problem) {
      LT_CHECK(condition, CheckpointError, "[read_torch_archive] {}: entry '{}' {}", file_, name, problem);
    };
    require_entry((u16(at + 8) & kEncryptedFlag) == 0, "is encrypted");
    require_entry(u16(at + 10) == kStoredMethod, "is compressed; torch.save stores entries as they are");
    uint64_t stored_size = u32(at + 20), size = u32(at + 24), local = u32(at + 42);
    read_zip64(at + kCentralSize + name.size(), extra_size, size, stored_size, local);
    require_entry(size == stored_size, "has two different sizes");
    require_entry(local <= data_end && kLocalSize <= data_end - local, "lies outside the file");
    require_entry(u32(local) == kLocalSignature, "has no local header");
    require_entry(u16(local + 8) == kStoredMethod, "is compressed; torch.save stores entries as they are");
    const uint64_t name_size = u16(local + 26), begin = local + kLocalSize + name_size + u16(local + 28);
    require_entry(begin <= data_end && size <= data_end - begin, "lies outside the file");
    require_entry(bytes_.substr(local + kLocalSize, name_size) == name, "has another name in its local header");
    return {begin, size};
  }

  void refuse_overlap(const std::map<std::string, ZipEntry>& entries) const {
    std::vector<std::pair<ZipEntry, std::string>> order;
    for (const auto& [name, entry] : entries) order.emplace_back(entry, name);
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
      return std::pair(a.first.begin, a.first.size) < std::pair(b.first.begin, b.first.size);
    });
    for (size_t i = 1; i < order.size(); ++i)
      LT_CHECK(order[i - 1].first.begin + order[i - 1].first.size <= order[i].first.begin, CheckpointError,
               "[read_torch_archive] {}: entries '{}' and '{}' overlap", file_, order[i - 1].second, order[i].second);
  }

  std::string_view bytes_;
  const std::string& file_;
};

}  // namespace

std::map<std::string, ZipEntry> read_zip_directory(std::string_view bytes, const std::string& file) {
  return Parser(bytes, file).entries();
}

}  // namespace lintorch::io::detail
