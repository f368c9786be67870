#include "lintorch/media/image.h"

#include <catch2/catch.hpp>

#include <limits>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/media/video_writer.h"
#include "test/support/temp_dir.h"
#include "test/support/test_clip.h"

using namespace lintorch::media;
using lintorch::Error;
using lintorch::test::TempDir;

TEST_CASE("frames are clamped, scaled and truncated as Wan does", "[image]") {
  const auto values =
      at::tensor({-3.0F, -1.0F, 0.0F, 0.5F, 0.999F, 1.0F, 7.0F, std::numeric_limits<float>::quiet_NaN()});
  const at::Tensor frames = to_frames_u8(values.view({1, 1, 1, 8}));
  CHECK(frames.sizes() == at::IntArrayRef({1, 1, 8, 1}));
  CHECK(at::equal(frames.flatten(), at::tensor({0, 0, 127, 191, 254, 255, 255, 0}).to(at::kByte)));
}

TEST_CASE("channels, frames, rows and columns keep their place", "[image]") {
  const auto video = at::zeros({3, 2, 4, 5}).fill_(-1);
  video[1][1][2][3] = 1;
  const at::Tensor frames = to_frames_u8(video.to(at::kBFloat16));
  CHECK(frames.sizes() == at::IntArrayRef({2, 4, 5, 3}));
  CHECK(frames[1][2][3][1].item<int>() == 255);
  CHECK(frames.to(at::kLong).sum().item<int64_t>() == 255);
}

TEST_CASE("a contact sheet lays frames out row by row", "[image]") {
  const at::Tensor frames = at::arange(3).to(at::kByte).view({3, 1, 1, 1}).expand({3, 4, 6, 3});
  const at::Tensor sheet = contact_sheet(frames, 2);
  CHECK(sheet.sizes() == at::IntArrayRef({10, 14, 3}));
  CHECK(sheet[0][0][0].item<int>() == 0);
  CHECK(sheet[3][13][0].item<int>() == 1);
  CHECK(sheet[6][5][0].item<int>() == 2);
  CHECK(sheet[4][0][0].item<int>() == 255);
  CHECK(sheet[6][8][0].item<int>() == 255);
  CHECK(contact_sheet(frames, 8).sizes() == at::IntArrayRef({4, 22, 3}));
}

TEST_CASE("a PNG file has the signature, size and colour type of the image", "[image]") {
  TempDir folder;
  const at::Tensor image = lintorch::test::test_clip(1, 20, 31, false)[0];
  write_png(folder / "sub/x.png", image);
  const std::string png = lintorch::read_file(folder / "sub/x.png");
  CHECK(png == encode_png(image));
  CHECK(png.substr(0, 8) == "\x89PNG\r\n\x1a\n");
  CHECK(png.substr(16, 10) == std::string("\0\0\0\x1f\0\0\0\x14\x08\x02", 10));
  CHECK(encode_png(image.slice(2, 0, 1))[25] == '\0');
#ifdef LINTORCH_WITH_FFMPEG
  CHECK(at::equal(read_video(folder / "sub/x.png")[0], image));
#endif
}

TEST_CASE("inputs of another form are refused", "[image]") {
  CHECK_THROWS_AS(encode_png(at::zeros({4, 4, 3})), Error);
  CHECK_THROWS_AS(encode_png(at::zeros({4, 4}, at::kByte)), Error);
  CHECK_THROWS_AS(encode_png(at::zeros({4, 4, 2}, at::kByte)), Error);
  CHECK_THROWS_AS(encode_png(at::zeros({0, 4, 3}, at::kByte)), Error);
  CHECK_THROWS_AS(to_frames_u8(at::zeros({1, 3, 2, 4, 4})), Error);
  CHECK_THROWS_AS(to_frames_u8(at::zeros({3, 2, 4, 4}, at::kByte)), Error);
  CHECK_THROWS_AS(contact_sheet(at::zeros({0, 4, 4, 3}, at::kByte), 2), Error);
  CHECK_THROWS_AS(contact_sheet(at::zeros({1, 4, 4, 3}), 2), Error);
  CHECK_THROWS_AS(contact_sheet(at::zeros({1, 4, 4, 3}, at::kByte), 0), Error);
}
