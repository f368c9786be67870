#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "lintorch/core/config_fields.h"
#include "lintorch/pretrain/fashion_images.h"
#include "lintorch/pretrain/motion.h"

namespace lintorch::pretrain {

/// The world of the Moving Fashion clips.
struct MovingFashionConfig {
  int64_t seed = 1;                  ///< every clip is a function of (seed, split, index)
  std::string dataset = kFashionMnistFolder;
  int64_t width = 96;
  int64_t height = 72;
  int64_t frames = 17;
  double object_scale = 1.0;         ///< 1: garments are 28 pixels wide and high
  double two_object_fraction = 0.5;  ///< share of clips with two objects
  double bounce_probability = 0.24;  ///< of an object that is not slow; about a quarter of all clips then bounce
  std::vector<double> travel = {12.0, 23.0, 36.0};  ///< pixels travelled in a clip: slow, medium, fast (+- 8 %)

  template <class V>
  void visit(V& v) {
    v("seed", seed, "every clip is a function of (seed, split, index)");
    v("dataset", dataset, "folder with the .gz files of Debian's package dataset-fashion-mnist");
    v("width", width, "pixels");
    v("height", height, "pixels");
    v("frames", frames, "frames of a clip");
    v("object_scale", object_scale, "1: garments of 28 x 28 pixels");
    v("two_object_fraction", two_object_fraction, "share of clips with two objects, in [0,1]");
    v("bounce_probability", bounce_probability, "probability that an object that is not slow bounces, in [0,1]");
    v("travel", travel, "pixels travelled in a clip by slow, medium and fast objects (+- 8 %)");
  }
  /// Throws ConfigError naming path.
  void validate(const std::string& path) const;
};

/// One object of a clip, in the order in which the caption names them.
struct ClipObject {
  int64_t class_id = 0;
  int64_t direction = 0;  ///< of the initial motion, see judge::direction_names()
  judge::Speed speed = judge::Speed::kMedium;
  int64_t image = 0;      ///< number of the garment within its split
  Path path;              ///< centre of the garment's visible box in every frame
};

struct Clip {
  at::Tensor frames_CFHW;  ///< uint8, [3, F, H, W], RGB
  std::string caption;
  std::vector<ClipObject> objects;
};

struct ClipBatch {
  at::Tensor video_BCFHW;  ///< float32 in [-1, 1], on the CPU
  std::vector<std::string> captions;
  std::vector<std::vector<ClipObject>> objects;
};

/// Captioned clips of one or two real garments (Fashion-MNIST) that move over a dark canvas in one of eight directions
/// and bounce off its edges. Nothing is stored: clip i of a split is rendered when it is asked for. The splits share
/// neither garments nor random streams. Safe to use from several threads.
class MovingFashion {
 public:
  /// Throws IoError if the dataset is missing, ConfigError for an invalid config.
  explicit MovingFashion(MovingFashionConfig config);

  const MovingFashionConfig& config() const { return config_; }
  Clip make_clip(Split split, int64_t index) const;
  /// The caption alone, without rendering: the same as make_clip(split, index).caption.
  std::string make_caption(Split split, int64_t index) const;
  /// Clips first_index ... first_index + count - 1, rendered in parallel.
  ClipBatch make_batch(Split split, int64_t first_index, int64_t count) const;

 private:
  Clip describe(Split split, int64_t index) const;  // everything but the frames
  void render(Split split, int64_t index, const std::vector<ClipObject>& objects, uint8_t* frames_CFHW) const;

  MovingFashionConfig config_;
  FashionImages train_;
  FashionImages test_;
};

/// uint8 RGB to float32 in [-1, 1], on the same device.
at::Tensor to_unit_range(const at::Tensor& frames);

}  // namespace lintorch::pretrain
