#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

namespace lintorch::test {

/// `value` in `size` bytes, lowest first.
inline std::string little_endian(uint64_t value, int size) {
  std::string bytes;
  for (int i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

/// A zip file of stored entries, written to the disk as it grows.
class ZipBuilder {
 public:
  explicit ZipBuilder(const std::filesystem::path& path) : out_(path, std::ios::binary) {}

  void add(const std::string& name, const std::string& content) {
    begin_entry(name, content.size());
    out_ << content;
  }

  /// An entry of zeros that take no room on the disk, its data at a multiple of 64 bytes as torch.save aligns it.
  void add_zeros(const std::string& name, uint64_t size) {
    const auto data = static_cast<uint64_t>(out_.tellp()) + 30 + name.size();
    begin_entry(name, size, (64 - data % 64) % 64);
    out_.seekp(static_cast<std::streamoff>(size), std::ios::cur);
  }

  void finish() {
    const auto begin = static_cast<uint64_t>(out_.tellp());
    out_ << directory_;
    const std::string count = little_endian(num_entries_, 2);
    out_ << "PK\x05\x06" << std::string(4, '\0') << count << count << little_endian(directory_.size(), 4)
         << little_endian(begin, 4) << std::string(2, '\0');
    out_.close();
  }

 private:
  void begin_entry(const std::string& name, uint64_t size, uint64_t padding = 0) {
    const auto offset = static_cast<uint64_t>(out_.tellp());
    // Version, flags, method, time, date, checksum, two sizes, length of the name and of the extra field.
    const std::string common =
        std::string(14, '\0') + little_endian(size, 4) + little_endian(size, 4) + little_endian(name.size(), 2);
    out_ << "PK\x03\x04" << common << little_endian(padding, 2) << name << std::string(padding, '\0');
    directory_ +=
        "PK\x01\x02" + std::string(2, '\0') + common + std::string(12, '\0') + little_endian(offset, 4) + name;
    ++num_entries_;
  }

  std::ofstream out_;
  std::string directory_;
  uint64_t num_entries_ = 0;
};

/// Pickle instructions (protocol 2) for what state dicts consist of.
namespace pickle {

inline std::string text(const std::string& value) { return "X" + little_endian(value.size(), 4) + value; }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string integer(int64_t value) { return "\x8a\x08" + little_endian(static_cast<uint64_t>(value), 8); }
inline std::string tuple(const std::vector<std::string>& items) {
  return std::accumulate(items.begin(), items.end(), std::string("(")) + "t";
}
inline std::string integers(const std::vector<int64_t>& values) {
  std::vector<std::string> items;
  for (const int64_t value : values) items.push_back(integer(value));
  return tuple(items);
}
inline std::string dict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string body = "}(";
  for (const auto& [key, value] : items) body += text(key) + value;
  return body + "u";
}
/// A whole pickle.
inline std::string program(const std::string& body) { return "\x80\x02" + body + "."; }

struct Tensor {
  std::string storage_type = "FloatStorage";
  std::string key = "0";
  int64_t storage_size = 0;
  int64_t offset = 0;
  std::vector<int64_t> sizes, strides;
};

inline std::string tensor(const Tensor& t) {
  const std::string id =
      tuple({text("storage"), global("torch", t.storage_type), text(t.key), text("cpu"), integer(t.storage_size)});
  return global("torch._utils", "_rebuild_tensor_v2") +
         tuple({id + "Q", integer(t.offset), integers(t.sizes), integers(t.strides), "\x89", "}"}) + "R";
}

}  // namespace pickle

/// A state dict of contiguous fp32 zeros, as large as you like: the data are holes in the file.
inline void write_zero_archive(const std::filesystem::path& path,
                               const std::vector<std::pair<std::string, std::vector<int64_t>>>& shapes) {
  ZipBuilder zip(path);
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<int64_t> counts;
  for (const auto& [name, sizes] : shapes) {
    pickle::Tensor tensor{.key = std::to_string(items.size()), .sizes = sizes, .strides = sizes};
    int64_t count = 1;
    for (size_t i = sizes.size(); i-- > 0;) {
      tensor.strides[i] = count;
      count *= sizes[i];
    }
    tensor.storage_size = count;
    counts.push_back(count);
    items.emplace_back(name, pickle::tensor(tensor));
  }
  zip.add("archive/data.pkl", pickle::program(pickle::dict(items)));
  for (size_t i = 0; i < counts.size(); ++i)
    zip.add_zeros("archive/data/" + std::to_string(i), static_cast<uint64_t>(counts[i]) * sizeof(float));
  zip.finish();
}

}  // namespace lintorch::test
