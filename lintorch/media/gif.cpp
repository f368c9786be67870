#include "lintorch/media/gif.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/media/palette.h"

namespace lintorch::media {

namespace {

constexpr int kIndexBits = 8;

void append_u16(std::string& out, int64_t value) {
  out += static_cast<char>(value & 255);
  out += static_cast<char>((value >> 8) & 255);
}

// Data in blocks of at most 255 bytes, each with its length in front; an empty block ends them.
void append_blocks(std::string& out, std::string_view data) {
  for (size_t i = 0; i < data.size(); i += 255) {
    const std::string_view block = data.substr(i, 255);
    out += static_cast<char>(block.size());
    out += block;
  }
  out += '\0';
}

// Collects codes of growing width, lowest bit first.
class BitWriter {
 public:
  void write(uint32_t code, int width) {
    pending_ |= code << count_;
    for (count_ += width; count_ >= 8; count_ -= 8) {
      bytes_ += static_cast<char>(pending_ & 255U);
      pending_ >>= 8;
    }
  }
  std::string finish() {
    if (count_ > 0) bytes_ += static_cast<char>(pending_ & 255U);
    return std::move(bytes_);
  }

 private:
  std::string bytes_;
  uint32_t pending_ = 0;
  int count_ = 0;
};

// The dictionary of LZW strings as a tree: child lists per code.
class LzwTree {
 public:
  static constexpr int kMaxCodes = 4096;

  void clear() { first_child_.fill(0); }
  // The code of the string of parent extended by value; 0 if there is none (0 is never a child).
  int find(int parent, uint8_t value) const {
    int code = first_child_[parent];
    while (code != 0 && value_[code] != value) code = next_sibling_[code];
    return code;
  }
  void insert(int parent, uint8_t value, int code) {
    value_[code] = value;
    next_sibling_[code] = first_child_[parent];
    first_child_[parent] = static_cast<int16_t>(code);
  }

 private:
  std::array<int16_t, kMaxCodes> first_child_{};
  std::array<int16_t, kMaxCodes> next_sibling_{};
  std::array<uint8_t, kMaxCodes> value_{};
};

std::string compress(const std::vector<uint8_t>& indices) {
  constexpr int kClear = 1 << kIndexBits;
  constexpr int kEnd = kClear + 1;
  BitWriter bits;
  LzwTree tree;
  int width = kIndexBits + 1;
  int next_code = kEnd + 1;
  bits.write(kClear, width);
  int current = indices.front();
  for (size_t i = 1; i < indices.size(); ++i) {
    const uint8_t value = indices[i];
    if (const int code = tree.find(current, value); code != 0) {
      current = code;
      continue;
    }
    bits.write(static_cast<uint32_t>(current), width);
    if (next_code < LzwTree::kMaxCodes) {
      if (next_code == 1 << width) ++width;
      tree.insert(current, value, next_code++);
    } else {
      bits.write(kClear, width);
      tree.clear();
      width = kIndexBits + 1;
      next_code = kEnd + 1;
    }
    current = value;
  }
  bits.write(static_cast<uint32_t>(current), width);
  if (next_code == 1 << width && width < 12) ++width;  // the decoder has added an entry for the code just written
  bits.write(kEnd, width);
  return bits.finish();
}

int64_t delay_centiseconds(int64_t frame, double fps) {
  const auto time = [&](int64_t i) { return std::llround(100.0 * static_cast<double>(i) / fps); };
  return std::clamp<int64_t>(time(frame + 1) - time(frame), 2, 65535);  // browsers take less than 2 for 10
}

}  // namespace

std::string encode_gif(const at::Tensor& frames_FHWC, double fps, std::string_view comment) {
  LT_CHECK(frames_FHWC.dim() == 4 && frames_FHWC.scalar_type() == at::kByte && frames_FHWC.size(3) == 3 &&
               frames_FHWC.numel() > 0,
           Error, "[encode_gif] expected uint8 frames [F, H, W, 3], got {} dimensions of {}", frames_FHWC.dim(),
           c10::toString(frames_FHWC.scalar_type()));
  LT_CHECK(frames_FHWC.size(1) <= 65535 && frames_FHWC.size(2) <= 65535, Error,
           "[encode_gif] expected at most 65535 pixels a side, got {}x{}", frames_FHWC.size(2), frames_FHWC.size(1));
  LT_CHECK(std::isfinite(fps) && fps > 0, Error, "[encode_gif] expected fps > 0, got {}", fps);
  if (fps > 50) log_warning("a GIF shows at most 50 frames per second; {} fps will play slower", fps);
  const at::Tensor frames = frames_FHWC.to(at::kCPU).contiguous();
  const auto* rgb = frames.const_data_ptr<uint8_t>();
  const std::vector<detail::Color> palette = detail::make_palette({rgb, static_cast<size_t>(frames.numel())});
  detail::PaletteLookup lookup(palette);

  std::string gif = "GIF89a";
  append_u16(gif, frames.size(2));
  append_u16(gif, frames.size(1));
  gif += static_cast<char>(0xF7);  // global table of 256 colours, 8 bits per channel
  gif += std::string(2, '\0');     // background, aspect ratio
  for (size_t i = 0; i < 256; ++i) {
    const detail::Color color = i < palette.size() ? palette[i] : 0;
    gif += {static_cast<char>(color >> 16), static_cast<char>(color >> 8), static_cast<char>(color)};
  }
  gif += std::string("\x21\xFF\x0BNETSCAPE2.0\x03\x01\x00\x00\x00", 19);  // repeat for ever
  if (!comment.empty()) {
    gif += "\x21\xFE";
    append_blocks(gif, comment);
  }
  const int64_t pixels = frames.size(1) * frames.size(2);
  std::vector<uint8_t> indices(static_cast<size_t>(pixels));
  for (int64_t frame = 0; frame < frames.size(0); ++frame) {
    const uint8_t* source = rgb + frame * pixels * 3;
    for (int64_t i = 0; i < pixels; ++i) {
      const detail::Color color =
          (detail::Color{source[3 * i]} << 16) | (detail::Color{source[3 * i + 1]} << 8) | source[3 * i + 2];
      indices[static_cast<size_t>(i)] = lookup.index(color);
    }
    gif += std::string("\x21\xF9\x04\x04", 4);  // keep the frame when the next one is drawn
    append_u16(gif, delay_centiseconds(frame, fps));
    gif += std::string(2, '\0');
    gif += '\x2C';
    append_u16(gif, 0);
    append_u16(gif, 0);
    append_u16(gif, frames.size(2));
    append_u16(gif, frames.size(1));
    gif += '\0';
    gif += static_cast<char>(kIndexBits);
    append_blocks(gif, compress(indices));
  }
  gif += '\x3B';
  return gif;
}

}  // namespace lintorch::media
