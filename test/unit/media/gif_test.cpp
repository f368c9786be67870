#include "lintorch/media/gif.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/media/video_writer.h"
#include "test/support/temp_folder.h"
#include "test/support/test_clip.h"

using lintorch::Error;
using lintorch::media::encode_gif;
using lintorch::test::psnr;
using lintorch::test::TempFolder;
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

#ifdef LINTORCH_WITH_FFMPEG
namespace {

at::Tensor decode(const std::string& gif) {
  TempFolder folder;
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

TEST_CASE("clips that end at every width of the code decode to the same pixels", "[gif]") {
  const at::Tensor noise = at::randint(0, 256, {1, 1, 4200, 1}, at::kByte).expand({1, 1, 4200, 3});
  for (int64_t width = 1; width < 4200; width += width < 300 || width > 3700 ? 1 : 97) {
    const at::Tensor clip = noise.slice(2, 0, width);
    INFO(width);
    REQUIRE(at::equal(decode(encode_gif(clip, 8)), clip));
  }
}

TEST_CASE("a colourful clip stays close to its source", "[gif]") {
  const at::Tensor clip = test_clip(5, 60, 80, false);
  const at::Tensor decoded = decode(encode_gif(clip, 8));
  REQUIRE(decoded.sizes() == clip.sizes());
  CHECK(psnr(decoded, clip) > 33);
}
#endif
