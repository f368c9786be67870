#include "lintorch/pretrain/fashion_images.h"

#include <zlib.h>

#include <algorithm>
#include <memory>

#include "lintorch/core/error.h"
#include "lintorch/models/judge/motion_prompt.h"

namespace lintorch::pretrain {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;
constexpr uint8_t kVisible = 40;  // a grey value from which a pixel counts as part of the garment

void read_exactly(gzFile file, void* into, size_t bytes, const std::filesystem::path& path) {
  auto* out = static_cast<uint8_t*>(into);
  while (bytes > 0) {
    const auto chunk = static_cast<unsigned>(std::min<size_t>(bytes, 1 << 24));
    const int got = gzread(file, out, chunk);
    LT_CHECK(got > 0, IoError, "[read_idx] {}: the file ends early or is damaged", path.string());
    out += got;
    bytes -= static_cast<size_t>(got);
  }
}

uint32_t read_big_endian(gzFile file, const std::filesystem::path& path) {
  uint8_t b[4];
  read_exactly(file, b, 4, path);
  return uint32_t{b[0]} << 24 | uint32_t{b[1]} << 16 | uint32_t{b[2]} << 8 | uint32_t{b[3]};
}

PixelBox visible_box(std::span<const uint8_t> pixels) {
  constexpr int64_t side = FashionImages::kSide;
  PixelBox box{side, side, 0, 0};
  for (int64_t y = 0; y < side; ++y) {
    for (int64_t x = 0; x < side; ++x) {
      if (pixels[y * side + x] < kVisible) continue;
      box.left = std::min(box.left, x);
      box.right = std::max(box.right, x + 1);
      box.top = std::min(box.top, y);
      box.bottom = std::max(box.bottom, y + 1);
    }
  }
  return box.right > box.left ? box : PixelBox{0, 0, side, side};
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& path) {
  LT_CHECK(std::filesystem::exists(path), IoError,
           "[read_idx] {}: no such file; install it with \"apt-get install dataset-fashion-mnist\" or set the folder of "
           "the dataset in the config",
           path.string());
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  LT_CHECK(file != nullptr, IoError, "[read_idx] {}: cannot be opened", path.string());
  const uint32_t magic = read_big_endian(file.get(), path);
  const uint32_t num_dims = magic & 0xff;
  LT_CHECK(magic >> 16 == 0 && (magic >> 8 & 0xff) == kUnsignedByte && num_dims >= 1 && num_dims <= 4, IoError,
           "[read_idx] {}: expected an IDX file of unsigned bytes, got magic number {:#010x}", path.string(), magic);
  IdxArray array;
  uint64_t count = 1;
  for (uint32_t i = 0; i < num_dims; ++i) {
    array.shape.push_back(read_big_endian(file.get(), path));
    count *= static_cast<uint64_t>(array.shape.back());
    LT_CHECK(count <= (uint64_t{1} << 31), IoError, "[read_idx] {}: the header promises more than 2 GiB", path.string());
  }
  array.values.resize(count);
  read_exactly(file.get(), array.values.data(), count, path);
  return array;
}

FashionImages::FashionImages(const std::filesystem::path& folder, Split split) {
  const std::string prefix = split == Split::kTrain ? "train" : "t10k";
  const auto images_path = folder / (prefix + "-images-idx3-ubyte.gz");
  const auto labels_path = folder / (prefix + "-labels-idx1-ubyte.gz");
  IdxArray images = read_idx(images_path);
  IdxArray labels = read_idx(labels_path);
  LT_CHECK(images.shape.size() == 3 && images.shape[1] == kSide && images.shape[2] == kSide, IoError,
           "[FashionImages] {}: expected images of 28 x 28", images_path.string());
  LT_CHECK(labels.shape.size() == 1 && labels.shape[0] == images.shape[0], IoError,
           "[FashionImages] {}: expected one label for each of {} images", labels_path.string(), images.shape[0]);
  pixels_ = std::move(images.values);
  labels_ = std::move(labels.values);
  by_class_.resize(judge::kNumClasses);
  for (int64_t i = 0; i < size(); ++i) {
    LT_CHECK(labels_[i] < judge::kNumClasses, IoError, "[FashionImages] {}: label {} of image {} is out of range",
             labels_path.string(), labels_[i], i);
    by_class_[labels_[i]].push_back(i);
    boxes_.push_back(visible_box(pixels(i)));
  }
  for (const auto& images_of_class : by_class_)
    LT_CHECK(!images_of_class.empty(), IoError, "[FashionImages] {}: a class has no image", labels_path.string());
}

std::span<const uint8_t> FashionImages::pixels(int64_t image) const {
  constexpr int64_t area = kSide * kSide;
  return std::span(pixels_).subspan(image * area, area);
}

}  // namespace lintorch::pretrain
