#include "lintorch/pretrain/moving_fashion.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace lintorch::pretrain {
namespace {

enum Stream : uint64_t { kMotionStream = 1, kLookStream = 2, kCaptionStream = 3 };
constexpr double kTravelSpread = 0.08;   // relative, of the speed within one speed word
constexpr int kPlacements = 12;          // starts tried for the second object; the one with the least overlap is taken
constexpr double kOpacityGain = 4;       // the darker parts of a garment are not transparent
constexpr double kGamma = 0.65;          // brightens black garments, which would vanish on the dark background

uint64_t clip_seed(const MovingFashionConfig& config, Split split, int64_t index, Stream stream) {
  const auto seed = mix_seed(static_cast<uint64_t>(config.seed), split == Split::kTrain ? 0 : 1);
  return mix_seed(seed, stream, static_cast<uint64_t>(index));
}

struct HalfExtents {
  double x, y;
};

HalfExtents half_extents(const PixelBox& box, double scale) {
  return {0.5 * scale * static_cast<double>(box.right - box.left), 0.5 * scale * static_cast<double>(box.bottom - box.top)};
}

double overlap(const Path& a, HalfExtents size_a, const Path& b, HalfExtents size_b) {
  double total = 0;
  for (size_t i = 0; i < a.centres.size(); ++i) {
    const double x = size_a.x + size_b.x - std::abs(a.centres[i][0] - b.centres[i][0]);
    const double y = size_a.y + size_b.y - std::abs(a.centres[i][1] - b.centres[i][1]);
    total += std::max(0.0, x) * std::max(0.0, y);
  }
  return total;
}

double grey_at(std::span<const uint8_t> pixels, int64_t x, int64_t y) {
  constexpr int64_t side = FashionImages::kSide;
  if (x < 0 || y < 0 || x >= side || y >= side) return 0;
  return pixels[y * side + x];
}

double bilinear(std::span<const uint8_t> pixels, double x, double y) {
  const double x0 = std::floor(x), y0 = std::floor(y), fx = x - x0, fy = y - y0;
  const auto xi = static_cast<int64_t>(x0), yi = static_cast<int64_t>(y0);
  return (1 - fy) * ((1 - fx) * grey_at(pixels, xi, yi) + fx * grey_at(pixels, xi + 1, yi)) +
         fy * ((1 - fx) * grey_at(pixels, xi, yi + 1) + fx * grey_at(pixels, xi + 1, yi + 1));
}

}  // namespace

void MovingFashionConfig::validate(const std::string& path) const {
  LT_CHECK(frames >= 2, ConfigError, "{}.frames: expected at least 2, got {}", path, frames);
  LT_CHECK(object_scale > 0, ConfigError, "{}.object_scale: expected a positive number, got {}", path, object_scale);
  LT_CHECK(two_object_fraction >= 0 && two_object_fraction <= 1, ConfigError,
           "{}.two_object_fraction: expected a value in [0,1], got {}", path, two_object_fraction);
  LT_CHECK(bounce_probability >= 0 && bounce_probability <= 1, ConfigError,
           "{}.bounce_probability: expected a value in [0,1], got {}", path, bounce_probability);
  LT_CHECK(travel.size() == 3 && std::ranges::all_of(travel, [](double t) { return t > 0; }), ConfigError,
           "{}.travel: expected 3 positive numbers, got {}", path, travel.size());
  const double side = object_scale * FashionImages::kSide;
  const double free = static_cast<double>(std::min(width, height)) - side;
  const double farthest = *std::ranges::max_element(travel) * (1 + kTravelSpread);
  LT_CHECK(free >= farthest, ConfigError,
           "{}.travel: objects of {} pixels can travel {} pixels at most on a canvas of {} x {}, got {} (with + 8 %)", path,
           side, free, width, height, farthest);
}

MovingFashion::MovingFashion(MovingFashionConfig config)
    : config_((config.validate("data"), std::move(config))),
      train_(config_.dataset, Split::kTrain),
      test_(config_.dataset, Split::kTest) {}

Clip MovingFashion::describe(Split split, int64_t index) const {
  const FashionImages& images = split == Split::kTrain ? train_ : test_;
  RandomStream random(clip_seed(config_, split, index, kMotionStream));
  Clip clip;
  std::vector<judge::ObjectMotion> motions;
  for (const MotionPlan& plan : draw_plans(random, config_.two_object_fraction, config_.bounce_probability)) {
    const auto& candidates = images.of_class(plan.class_id);
    ClipObject object{plan.class_id, plan.direction, plan.speed,
                      candidates[random.below(static_cast<int64_t>(candidates.size()))], {}};
    const double travel = config_.travel[static_cast<size_t>(plan.speed)] *
                          random.uniform(1 - kTravelSpread, 1 + kTravelSpread);
    const HalfExtents size = half_extents(images.box(object.image), config_.object_scale);
    double least_overlap = std::numeric_limits<double>::infinity();
    for (int attempt = 0; attempt < kPlacements && least_overlap > 0; ++attempt) {
      Path path = draw_path(random, plan, static_cast<double>(config_.width), static_cast<double>(config_.height), size.x,
                            size.y, travel, config_.frames);
      const double area = clip.objects.empty() ? 0
                                               : overlap(clip.objects[0].path,
                                                         half_extents(images.box(clip.objects[0].image), config_.object_scale),
                                                         path, size);
      if (area < least_overlap) {
        least_overlap = area;
        object.path = std::move(path);
      }
    }
    motions.push_back({object.class_id, object.direction, object.speed, object.path.bounces});
    clip.objects.push_back(std::move(object));
  }
  clip.caption = judge::describe_motion(motions, clip_seed(config_, split, index, kCaptionStream));
  return clip;
}

void MovingFashion::render(Split split, int64_t index, const std::vector<ClipObject>& objects,
                           uint8_t* frames_CFHW) const {
  const FashionImages& images = split == Split::kTrain ? train_ : test_;
  const int64_t width = config_.width, height = config_.height, plane = width * height;
  RandomStream random(clip_seed(config_, split, index, kLookStream));
  double colour[3];
  for (double& channel : colour) channel = random.uniform(10, 40);
  const double slope = random.uniform(-12, 12);  // brighter towards the top or the bottom

  for (int64_t frame = 0; frame < config_.frames; ++frame) {
    uint8_t* planes[3];
    for (int64_t c = 0; c < 3; ++c) {
      planes[c] = frames_CFHW + (c * config_.frames + frame) * plane;
      for (int64_t y = 0; y < height; ++y) {
        const double shade = colour[c] + slope * (static_cast<double>(y) / static_cast<double>(height - 1) - 0.5);
        std::fill_n(planes[c] + y * width, width, static_cast<uint8_t>(std::lround(std::max(0.0, shade))));
      }
    }
    for (const ClipObject& object : objects) {
      const auto pixels = images.pixels(object.image);
      const PixelBox& box = images.box(object.image);
      const double scale = config_.object_scale;
      // Image coordinate of canvas pixel 0 is origin; pixel centres lie at + 0.5.
      const double origin_x = 0.5 * static_cast<double>(box.left + box.right) - object.path.centres[frame][0] / scale;
      const double origin_y = 0.5 * static_cast<double>(box.top + box.bottom) - object.path.centres[frame][1] / scale;
      const auto first = [&](double origin) { return std::max<int64_t>(0, std::lround((-1 - origin) * scale)); };
      const auto last = [&](double origin, int64_t limit) {
        return std::min<int64_t>(limit, std::lround((FashionImages::kSide + 1 - origin) * scale) + 1);
      };
      for (int64_t y = first(origin_y); y < last(origin_y, height); ++y) {
        for (int64_t x = first(origin_x); x < last(origin_x, width); ++x) {
          const double grey = bilinear(pixels, origin_x + (static_cast<double>(x) + 0.5) / scale - 0.5,
                                       origin_y + (static_cast<double>(y) + 0.5) / scale - 0.5);
          const double opacity = std::min(1.0, kOpacityGain * grey / 255);
          if (opacity == 0) continue;
          const double shown = 255 * std::pow(grey / 255, kGamma);
          for (uint8_t* channel : planes) {
            uint8_t& value = channel[y * width + x];
            value = static_cast<uint8_t>(std::lround((1 - opacity) * value + opacity * shown));
          }
        }
      }
    }
  }
}

Clip MovingFashion::make_clip(Split split, int64_t index) const {
  Clip clip = describe(split, index);
  clip.frames_CFHW = at::empty({3, config_.frames, config_.height, config_.width}, at::kByte);
  render(split, index, clip.objects, clip.frames_CFHW.data_ptr<uint8_t>());
  return clip;
}

std::string MovingFashion::make_caption(Split split, int64_t index) const { return describe(split, index).caption; }

ClipBatch MovingFashion::make_batch(Split split, int64_t first_index, int64_t count) const {
  ClipBatch batch;
  batch.captions.resize(count);
  batch.objects.resize(count);
  batch.video_BCFHW = at::empty({count, 3, config_.frames, config_.height, config_.width}, at::kFloat);
  const int64_t values = batch.video_BCFHW.numel() / std::max<int64_t>(1, count);
  float* video = batch.video_BCFHW.data_ptr<float>();
  at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
    std::vector<uint8_t> frames(values);
    for (int64_t i = begin; i < end; ++i) {
      Clip clip = describe(split, first_index + i);
      render(split, first_index + i, clip.objects, frames.data());
      std::transform(frames.begin(), frames.end(), video + i * values,
                     [](uint8_t value) { return static_cast<float>(value) * (2.0F / 255.0F) - 1.0F; });
      batch.captions[i] = std::move(clip.caption);
      batch.objects[i] = std::move(clip.objects);
    }
  });
  return batch;
}

at::Tensor to_unit_range(const at::Tensor& frames) { return frames.to(at::kFloat).mul_(2.0 / 255.0).sub_(1.0); }

}  // namespace lintorch::pretrain
