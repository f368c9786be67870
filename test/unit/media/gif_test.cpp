#include "lintorch/media/gif.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/media/video_writer.h"
#include "test/support/temp_dir.h"
#include "test/support/test_clip.h"

using lintorch::Error;
using lintorch::media::encode_gif;
using lintorch::test::psnr;
using lintorch::test::TempDir;
using lintorch::test::test_clip;

namespace {

// The delay fields, in hundredths of a second, in order.
std::vector<int> delays(const std::string& gif) {
  std::vector<int> found;
  const std::string mark("\x21\xF9\x04", 3);
  for (size_t at = gif.find(mark); at != std::string::npos; at = gif.find(mark, at + 1)) {
    found.push_back(static_cast<unsigned char>(gif[at + 4]) + 256 * static_cast<unsigned char>(gif[at + 5]));
  }
  return found;
}

// The palette indices of the only frame, by the letter of the format: the stream has to end with the end code, written
// in the width that the table asks for, and less than a byte of zeros. Common decoders stop at the last pixel.
std::vector<uint8_t> decode_strictly(const std::string& gif) {
  size_t at = gif.find(',', gif.find(std::string("\x21\xF9\x04", 3)) + 8) + 10;
  REQUIRE(gif[at++] == 8);
  std::string data;
  while (gif.at(at) != 0) {
    const auto size = static_cast<unsigned char>(gif[at]);
    data += gif.substr(at + 1, size);
    at += size + 1U;
  }
  CHECK(gif.substr(at) == std::string("\0;", 2));

  size_t bit = 0;
  const auto read = [&](int width) {
    int code = 0;
    for (int i = 0; i < width; ++i, ++bit) code |= ((data.at(bit / 8) >> (bit % 8)) & 1) << i;
    return code;
  };
  std::vector<uint8_t> indices;
  std::vector<std::vector<uint8_t>> table;
  std::vector<uint8_t> previous;
  int width = 9;
  while (true) {
    const int code = read(width);
    if (code == 257) break;
    if (code == 256) {
      table.assign(258, {});
      for (int i = 0; i < 256; ++i) table[static_cast<size_t>(i)] = {static_cast<uint8_t>(i)};
      previous.clear();
      width = 9;
      continue;
    }
    REQUIRE(code <= static_cast<int>(table.size()));
    std::vector<uint8_t> entry = code < static_cast<int>(table.size()) ? table[static_cast<size_t>(code)] : previous;
    if (code == static_cast<int>(table.size())) entry.push_back(previous.at(0));
    if (!previous.empty() && table.size() < 4096) {
      previous.push_back(entry.at(0));
      table.push_back(previous);
    }
    if (table.size() == size_t{1} << width && width < 12) ++width;
    indices.insert(indices.end(), entry.begin(), entry.end());
    previous = entry;
  }
  CHECK(data.size() * 8 - bit < 8);
  for (; bit < data.size() * 8; ++bit) CHECK(((data[bit / 8] >> (bit % 8)) & 1) == 0);
  return indices;
}

}  // namespace

TEST_CASE("frame times add up to the clip's length", "[gif]") {
  const at::Tensor black = at::zeros({8, 2, 2, 3}, at::kByte);
  CHECK(delays(encode_gif(black, 8)) == std::vector<int>{13, 12, 13, 12, 13, 12, 13, 12});
  CHECK(delays(encode_gif(black, 16)) == std::vector<int>{6, 7, 6, 6, 6, 7, 6, 6});
  CHECK(delays(encode_gif(black, 100)) == std::vector<int>(8, 2));
}

TEST_CASE("frames of another form are refused", "[gif]") {
  CHECK_THROWS_AS(encode_gif(at::zeros({1, 4, 4, 1}, at::kByte), 8), Error);
  CHECK_THROWS_AS(encode_gif(at::zeros({1, 4, 4, 3}), 8), Error);
  CHECK_THROWS_AS(encode_gif(at::zeros({0, 4, 4, 3}, at::kByte), 8), Error);
  CHECK_THROWS_AS(encode_gif(at::zeros({1, 1, 65536, 3}, at::kByte), 8), Error);
  CHECK_THROWS_AS(encode_gif(at::zeros({1, 4, 4, 3}, at::kByte), 0), Error);
}

TEST_CASE("clips that end where the code grows wider or the table is full are whole streams", "[gif]") {
  // No two neighbours occur twice, so each pixel is one code, and entry 258 + n is made by pixel n. A clip begins with
  // the grays 0, 1, 2, ..., so its palette indices are its gray values.
  std::vector<uint8_t> grays;
  for (int stride = 1; grays.size() < 4200; stride += 2) {
    for (int i = 0; i < 256; ++i) grays.push_back(static_cast<uint8_t>(grays.empty() ? 0 : grays.back() + stride));
  }
  const at::Tensor row = at::tensor(grays, at::kByte).view({1, 1, -1, 1}).expand({1, 1, -1, 3});
  for (const int64_t full : {512, 1024, 2048, 4096}) {
    for (int64_t width = full - 258 - 3; width <= full - 258 + 3; ++width) {
      INFO(width);
      const std::string gif = encode_gif(row.slice(2, 0, width), 8);
      REQUIRE(decode_strictly(gif) == std::vector<uint8_t>(grays.begin(), grays.begin() + width));
    }
  }
}

TEST_CASE("repeated strings, up to those a decoder has not completed yet, are whole streams", "[gif]") {
  for (const int64_t width : {1, 2, 3, 100, 5000}) {
    INFO(width);
    const std::string gif = encode_gif(at::zeros({1, 1, width, 3}, at::kByte), 8);
    REQUIRE(decode_strictly(gif) == std::vector<uint8_t>(static_cast<size_t>(width), 0));
  }
}

#ifdef LINTORCH_WITH_FFMPEG
namespace {

at::Tensor decode(const std::string& gif) {
  TempDir folder;
  lintorch::write_file_atomic(folder / "x.gif", gif);
  return lintorch::media::read_video(folder / "x.gif");
}

}  // namespace

TEST_CASE("a gray clip decodes to the same pixels", "[gif]") {
  const at::Tensor clip = test_clip(9, 72, 96, true);
  CHECK(at::equal(decode(encode_gif(clip, 8)), clip));
}

TEST_CASE("noise of 256 grays, which fills the code table many times, decodes to the same pixels", "[gif]") {
  const at::Tensor noise = at::randint(0, 256, {3, 150, 201, 1}, at::kByte).expand({3, 150, 201, 3});
  CHECK(at::equal(decode(encode_gif(noise, 8)), noise));
}

TEST_CASE("a colourful clip stays close to its source", "[gif]") {
  const at::Tensor clip = test_clip(5, 60, 80, false);
  const at::Tensor decoded = decode(encode_gif(clip, 8));
  REQUIRE(decoded.sizes() == clip.sizes());
  CHECK(psnr(decoded, clip) > 33);
}
#endif
