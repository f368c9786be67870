#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace lintorch::pretrain {

enum class Split { kTrain, kTest };

/// Where Debian's package dataset-fashion-mnist puts its files.
inline constexpr const char* kFashionMnistFolder = "/usr/share/datasets/fashion-mnist";

/// Smallest box that holds the visible part of an image; pixels, upper ends excluded.
struct PixelBox {
  int64_t left = 0, top = 0, right = 0, bottom = 0;
};

/// Content of one IDX file of unsigned bytes.
struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};

/// Reads an IDX file of unsigned bytes, gzip-compressed or plain.
/// Throws IoError naming the file (and the Debian package, if it is missing).
IdxArray read_idx(const std::filesystem::path& path);

/// The 28 x 28 grey garments of Fashion-MNIST with their labels, one split of the dataset's own two.
class FashionImages {
 public:
  static constexpr int64_t kSide = 28;

  /// Reads {train,t10k}-{images-idx3,labels-idx1}-ubyte.gz from a folder. Throws IoError.
  FashionImages(const std::filesystem::path& folder, Split split);

  int64_t size() const { return static_cast<int64_t>(labels_.size()); }
  int64_t label(int64_t image) const { return labels_.at(image); }
  /// kSide x kSide grey values, row by row.
  std::span<const uint8_t> pixels(int64_t image) const;
  const PixelBox& box(int64_t image) const { return boxes_.at(image); }
  /// Numbers of the images of one class, ascending.
  const std::vector<int64_t>& of_class(int64_t class_id) const { return by_class_.at(class_id); }

 private:
  std::vector<uint8_t> pixels_;
  std::vector<uint8_t> labels_;
  std::vector<PixelBox> boxes_;
  std::vector<std::vector<int64_t>> by_class_;
};

}  // namespace lintorch::pretrain
