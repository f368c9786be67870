#include "lintorch/linvideo/fingerprint.h"

#include <zlib.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"

namespace lintorch::linvideo {

namespace fs = std::filesystem;

namespace {

constexpr uint64_t kWholeFileLimit_bytes = 64ull << 20;
constexpr uint64_t kBlock_bytes = 64ull << 10;
constexpr uint64_t kNumBlocks = 64;

class Fnv1a {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) hash_ = (hash_ ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 0xcbf29ce484222325ULL;
};

void add_block(Fnv1a& hash, std::ifstream& in, const fs::path& path, uint64_t offset, uint64_t size) {
  std::string block(size, '\0');
  in.seekg(static_cast<std::streamoff>(offset));
  in.read(block.data(), static_cast<std::streamsize>(size));
  LT_CHECK(in.good(), IoError, "[teacher_fingerprint] cannot read {}", path.string());
  hash.add(block);
}

void add_file(Fnv1a& hash, const fs::path& path) {
  const uint64_t size = fs::file_size(path);
  hash.add(fmt::format("{}:{};", path.filename().string(), size));
  std::ifstream in(path, std::ios::binary);
  LT_CHECK(in.good(), IoError, "[teacher_fingerprint] cannot open {}", path.string());
  if (size <= kWholeFileLimit_bytes) {
    for (uint64_t offset = 0; offset < size; offset += kBlock_bytes)
      add_block(hash, in, path, offset, std::min(kBlock_bytes, size - offset));
  } else {
    for (uint64_t i = 0; i < kNumBlocks; ++i)
      add_block(hash, in, path, (size - kBlock_bytes) / (kNumBlocks - 1) * i, kBlock_bytes);
  }
}

}  // namespace

uint32_t file_crc32(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  LT_CHECK(in.good(), IoError, "[file_crc32] cannot open {}", path.string());
  std::vector<char> buffer(1 << 20);
  uLong crc = crc32(0, nullptr, 0);
  while (in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    crc = crc32(crc, reinterpret_cast<const Bytef*>(buffer.data()), static_cast<uInt>(in.gcount()));
  }
  LT_CHECK(in.eof(), IoError, "[file_crc32] cannot read {}", path.string());
  return static_cast<uint32_t>(crc);
}

std::string teacher_fingerprint(const fs::path& model_folder) {
  LT_CHECK(fs::is_directory(model_folder), IoError, "expected a model folder, {} {}", model_folder.string(),
           fs::exists(model_folder) ? "is none" : "does not exist");
  fs::path folder = model_folder / "transformer";
  std::string stem;
  if (!fs::is_directory(folder)) {
    // Wan's own repository has the weights of all components side by side.
    folder = model_folder;
    stem = "diffusion_pytorch_model";
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".safetensors" && entry.path().filename().string().starts_with(stem))
      files.push_back(entry.path());
  LT_CHECK(stem.empty() || !files.empty(), IoError,
           "[teacher_fingerprint] {} has no folder transformer/ and no {}*.safetensors", model_folder.string(), stem);
  LT_CHECK(!files.empty(), IoError, "[teacher_fingerprint] {} holds no .safetensors file", folder.string());
  std::sort(files.begin(), files.end());

  Fnv1a hash;
  if (stem.empty() || fs::exists(folder / "config.json")) hash.add(read_file(folder / "config.json"));
  for (const auto& file : files) add_file(hash, file);
  return fmt::format("{:016x}", hash.value());
}

}  // namespace lintorch::linvideo
