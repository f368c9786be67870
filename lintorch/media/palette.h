#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace lintorch::media::detail {

/// Colours are 0xRRGGBB.
using Color = uint32_t;

/// At most 256 colours for RGB bytes (three per pixel): the colours themselves if they are that few, else the means of
/// a median cut, split where the weighted squared error is largest. Long inputs are sampled evenly.
std::vector<Color> make_palette(std::span<const uint8_t> rgb);

/// Maps colours to the index of the nearest palette entry (squared distance in RGB), and remembers what it found.
class PaletteLookup {
 public:
  explicit PaletteLookup(std::vector<Color> palette);
  uint8_t index(Color color);

 private:
  std::vector<Color> palette_;
  std::vector<int16_t> known_;  // by colour; -1 = not looked up yet
};

}  // namespace lintorch::media::detail
