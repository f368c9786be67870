#include "lintorch/media/palette.h"

#include <algorithm>

namespace lintorch::media::detail {

namespace {

constexpr size_t kMaxColors = 256;
constexpr size_t kMaxSamples = size_t{1} << 20;

struct WeightedColor {
  Color color;
  double weight;
};

double channel(Color color, int which) { return static_cast<double>((color >> (16 - 8 * which)) & 255U); }

// A range of colours with, for its most spread channel, the weighted squared error around the mean.
struct Box {
  size_t begin, end;
  int axis = 0;
  double error = 0;
};

Box make_box(const std::vector<WeightedColor>& colors, size_t begin, size_t end) {
  Box box{begin, end};
  for (int axis = 0; axis < 3; ++axis) {
    double weight = 0;
    double sum = 0;
    double squares = 0;
    for (size_t i = begin; i < end; ++i) {
      const double value = channel(colors[i].color, axis);
      weight += colors[i].weight;
      sum += colors[i].weight * value;
      squares += colors[i].weight * value * value;
    }
    const double error = squares - sum * sum / weight;
    if (error > box.error) {
      box.error = error;
      box.axis = axis;
    }
  }
  return box;
}

// Sorts the box along its axis; returns where its weight is halved, so that both parts keep at least one colour.
size_t split_point(std::vector<WeightedColor>& colors, const Box& box) {
  std::sort(colors.begin() + static_cast<int64_t>(box.begin), colors.begin() + static_cast<int64_t>(box.end),
            [&](const auto& a, const auto& b) {
              return std::pair(channel(a.color, box.axis), a.color) < std::pair(channel(b.color, box.axis), b.color);
            });
  double total = 0;
  for (size_t i = box.begin; i < box.end; ++i) total += colors[i].weight;
  double below = 0;
  for (size_t i = box.begin; i + 1 < box.end; ++i) {
    below += colors[i].weight;
    if (below >= total / 2) return i + 1;
  }
  return box.end - 1;
}

Color mean_color(const std::vector<WeightedColor>& colors, const Box& box) {
  Color mean = 0;
  for (int axis = 0; axis < 3; ++axis) {
    double weight = 0;
    double sum = 0;
    for (size_t i = box.begin; i < box.end; ++i) {
      weight += colors[i].weight;
      sum += colors[i].weight * channel(colors[i].color, axis);
    }
    mean = (mean << 8) | static_cast<Color>(sum / weight + 0.5);
  }
  return mean;
}

}  // namespace

std::vector<Color> make_palette(std::span<const uint8_t> rgb) {
  const size_t pixels = rgb.size() / 3;
  const size_t stride = (pixels + kMaxSamples - 1) / kMaxSamples;
  std::vector<Color> samples;
  for (size_t i = 0; i < pixels; i += std::max<size_t>(stride, 1)) {
    samples.push_back((Color{rgb[3 * i]} << 16) | (Color{rgb[3 * i + 1]} << 8) | rgb[3 * i + 2]);
  }
  std::sort(samples.begin(), samples.end());
  std::vector<WeightedColor> colors;
  for (const Color color : samples) {
    if (colors.empty() || colors.back().color != color) colors.push_back({color, 0});
    colors.back().weight += 1;
  }

  std::vector<Color> palette;
  if (colors.size() <= kMaxColors) {
    for (const auto& entry : colors) palette.push_back(entry.color);
    return palette;
  }
  std::vector<Box> boxes{make_box(colors, 0, colors.size())};
  while (boxes.size() < kMaxColors) {
    auto worst =
        std::max_element(boxes.begin(), boxes.end(), [](const Box& a, const Box& b) { return a.error < b.error; });
    const size_t middle = split_point(colors, *worst);
    const Box upper = make_box(colors, middle, worst->end);
    *worst = make_box(colors, worst->begin, middle);
    boxes.push_back(upper);
  }
  for (const Box& box : boxes) palette.push_back(mean_color(colors, box));
  return palette;
}

PaletteLookup::PaletteLookup(std::vector<Color> palette) : palette_(std::move(palette)), known_(size_t{1} << 24, -1) {}

uint8_t PaletteLookup::index(Color color) {
  int16_t& known = known_[color];
  if (known < 0) {
    int best_distance = INT32_MAX;
    for (size_t i = 0; i < palette_.size(); ++i) {
      int distance = 0;
      for (int shift = 0; shift < 24; shift += 8) {
        const int difference =
            static_cast<int>((color >> shift) & 255U) - static_cast<int>((palette_[i] >> shift) & 255U);
        distance += difference * difference;
      }
      if (distance < best_distance) {
        best_distance = distance;
        known = static_cast<int16_t>(i);
      }
    }
  }
  return static_cast<uint8_t>(known);
}

}  // namespace lintorch::media::detail
