#include "lintorch/media/video_writer.h"

#include <catch2/catch.hpp>

#include <stdio.h>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "test/support/temp_dir.h"
#include "test/support/test_clip.h"

namespace fs = std::filesystem;
using namespace lintorch::media;
using lintorch::ConfigError;
using lintorch::Error;
using lintorch::IoError;
using lintorch::NotSupportedError;
using lintorch::test::psnr;
using lintorch::test::TempDir;
using lintorch::test::test_clip;

namespace {

const Metadata kMetadata = {{"prompt", "a boot \"sails\" left, \u00fcber"},
                            {"parameters", R"({"seed":7,"steps":[1,2]})"},
                            {"text that is almost JSON", "[1, 2]"}};

VideoOptions example_options() {
  VideoOptions options;
  options.metadata = kMetadata;
  return options;
}

int64_t count_entries(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

}  // namespace

TEST_CASE("an unknown extension is refused with the choices listed", "[video_writer]") {
  for (const char* path : {"x.avi", "x.png", "folder.v2", ""}) {
    INFO(path);
    CHECK_THROWS_AS(check_video_path(path), ConfigError);
    CHECK_THROWS_WITH(check_video_path(path),
                      Catch::Contains(".mp4") && Catch::Contains(".gif") && Catch::Contains("folder"));
  }
  CHECK_NOTHROW(check_video_path("x.GIF"));
  CHECK_NOTHROW(check_video_path("some/folder"));
}

TEST_CASE("frames and options out of range are refused before a file exists", "[video_writer]") {
  TempDir folder;
  const at::Tensor clip = test_clip(2, 16, 16, true);
  const auto with = [](double fps, int crf) {
    VideoOptions options;
    options.fps = fps;
    options.crf = crf;
    return options;
  };
  CHECK_THROWS_AS(write_video(folder / "x.gif", clip.to(at::kFloat)), Error);
  CHECK_THROWS_AS(write_video(folder / "x.gif", clip[0]), Error);
  CHECK_THROWS_AS(write_video(folder / "x.gif", clip.slice(0, 0, 0)), Error);
  CHECK_THROWS_AS(write_video(folder / "x.gif", clip, with(0, 17)), ConfigError);
  CHECK_THROWS_AS(write_video(folder / "x.gif", clip, with(-1, 17)), ConfigError);
  CHECK_THROWS_AS(write_video(folder / "x.gif", clip, with(NAN, 17)), ConfigError);
  CHECK_THROWS_AS(write_video(folder / "x.gif", clip, with(8, 52)), ConfigError);
  VideoOptions not_text;
  not_text.metadata = {{"prompt", "\xff"}};
  CHECK_THROWS_AS(write_video(folder / "x.gif", clip, not_text), ConfigError);
  CHECK(count_entries(folder.path()) == 0);
}

TEST_CASE("a path without extension becomes a folder of PNG frames", "[video_writer]") {
  TempDir folder;
  write_video(folder / "sub/x", test_clip(5, 12, 17, false), example_options());
  write_video(folder / "sub/x", test_clip(3, 12, 17, false), example_options());  // replaces the five frames
  CHECK(count_entries(folder / "sub/x") == 4);
  CHECK(count_entries(folder / "sub") == 1);
  CHECK(read_video_metadata(folder / "sub/x") == kMetadata);
  lintorch::write_file_atomic(folder / "sub/x/notes.txt", "precious");
  CHECK_THROWS_AS(write_video(folder / "sub/x", test_clip(1, 12, 17, false)), IoError);
  CHECK(fs::exists(folder / "sub/x/notes.txt"));
}

TEST_CASE("what cannot be read or written is an IoError and leaves nothing behind", "[video_writer]") {
  TempDir folder;
  CHECK_THROWS_AS(read_video(folder / "missing.mp4"), IoError);
  CHECK_THROWS_AS(read_video_metadata(folder / "missing.mp4"), IoError);
  lintorch::write_file_atomic(folder / "file", "");
  CHECK_THROWS_AS(write_video(folder / "file/x", test_clip(1, 16, 16, true)), IoError);
  CHECK(count_entries(folder.path()) == 1);
}

#ifdef LINTORCH_WITH_FFMPEG

TEST_CASE("an mp4 gives back frames, size, rate and metadata", "[video_writer]") {
  TempDir folder;
  const bool gray = GENERATE(true, false);
  const at::Tensor clip = test_clip(17, 72, 96, gray);
  write_video(folder / "sub/x.mp4", clip, example_options());
  CHECK(count_entries(folder / "sub") == 1);
  VideoInfo info;
  const at::Tensor decoded = read_video(folder / "sub/x.mp4", &info);
  REQUIRE(decoded.sizes() == clip.sizes());
  CHECK(psnr(decoded, clip) > 35);
  CHECK(info.fps == Approx(8));
  CHECK(read_video_metadata(folder / "sub/x.mp4") == kMetadata);
}

TEST_CASE("fractional rates, single frames and lossy settings work", "[video_writer]") {
  TempDir folder;
  const at::Tensor clip = test_clip(1, 48, 64, true);
  VideoOptions options;
  options.fps = 23.976;
  options.crf = 40;
  write_video(folder / "x.mp4", clip, options);
  CHECK(read_video(folder / "x.mp4").size(0) == 1);
  write_video(folder / "x.mp4", test_clip(12, 48, 64, true), options);
  VideoInfo info;
  CHECK(read_video(folder / "x.mp4", &info).size(0) == 12);
  CHECK(info.fps == Approx(23.976).epsilon(1e-4));
  CHECK(read_video_metadata(folder / "x.mp4").empty());
}

TEST_CASE("odd sizes grow by one repeated row and column", "[video_writer]") {
  TempDir folder;
  const at::Tensor clip = test_clip(4, 35, 51, true);
  write_video(folder / "x.mp4", clip);
  const at::Tensor decoded = read_video(folder / "x.mp4");
  REQUIRE(decoded.sizes() == at::IntArrayRef({4, 36, 52, 3}));
  CHECK(psnr(decoded.slice(1, 0, 35).slice(2, 0, 51), clip) > 35);
  CHECK(psnr(decoded.slice(1, 35, 36).slice(2, 0, 51), clip.slice(1, 34, 35)) > 33);
}

TEST_CASE("the encoder can be named, and an unknown one is refused without a file", "[video_writer]") {
  TempDir folder;
  const at::Tensor clip = test_clip(6, 48, 64, true);
  VideoOptions options;
  options.encoder = "mpeg4";
  write_video(folder / "x.mp4", clip, options);
  VideoInfo info;
  CHECK(psnr(read_video(folder / "x.mp4", &info), clip) > 33);
  CHECK(info.codec == "mpeg4");
  options.encoder = "nonsense";
  CHECK_THROWS_AS(write_video(folder / "y.mp4", clip, options), NotSupportedError);
  CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("an encoder that fails keeps the old file and leaves no other", "[video_writer]") {
  TempDir folder;
  write_video(folder / "x.mp4", test_clip(2, 48, 64, true));
  const std::string before = lintorch::read_file(folder / "x.mp4");
  VideoOptions options;
  options.encoder = "gif";  // does not take yuv420p
  CHECK_THROWS_AS(write_video(folder / "x.mp4", test_clip(2, 48, 64, true), options), IoError);
  CHECK_THROWS_AS(write_video(folder / "x.mp4", at::zeros({1, 2, 16386, 3}, at::kByte)), Error);
  CHECK(lintorch::read_file(folder / "x.mp4") == before);
  CHECK(count_entries(folder.path()) == 1);
}

TEST_CASE("the index of an mp4 stands before its data", "[video_writer]") {
  TempDir folder;
  write_video(folder / "x.mp4", test_clip(4, 48, 64, true));
  const std::string bytes = lintorch::read_file(folder / "x.mp4");
  REQUIRE(bytes.find("moov") != std::string::npos);
  CHECK(bytes.find("moov") < bytes.find("mdat"));
}

TEST_CASE("ffprobe shows size, pixel format, frame count and the parameters", "[video_writer]") {
  if (std::system("ffprobe -version > /dev/null 2>&1") != 0) {
    WARN("ffprobe is not installed");
    return;
  }
  TempDir folder;
  write_video(folder / "x.mp4", test_clip(9, 48, 64, false), example_options());
  const std::string command = "ffprobe -v error -count_frames -show_streams -show_format -of json " +
                              (folder / "x.mp4").string() + " > " + (folder / "out.json").string();
  REQUIRE(std::system(command.c_str()) == 0);
  const lintorch::Json probe = lintorch::read_json_file(folder / "out.json");
  const lintorch::Json& stream = probe["streams"][0];
  CHECK(stream["width"] == 64);
  CHECK(stream["height"] == 48);
  CHECK(stream["pix_fmt"] == "yuv420p");
  CHECK(stream["color_space"] == "bt709");
  CHECK(stream["nb_read_frames"] == "9");
  CHECK(stream["avg_frame_rate"] == "8/1");
  CHECK(stream["duration"] == "1.125000");
  const auto comment = lintorch::Json::parse(probe["format"]["tags"]["comment"].get<std::string>());
  CHECK(comment["parameters"]["seed"] == 7);
  CHECK(comment["prompt"] == kMetadata.at("prompt"));
}

TEST_CASE("a GIF and a folder read back with rate and metadata", "[video_writer]") {
  TempDir folder;
  const at::Tensor clip = test_clip(8, 30, 41, true);
  for (const char* name : {"x.gif", "x"}) {
    INFO(name);
    write_video(folder / name, clip, example_options());
    VideoInfo info;
    CHECK(at::equal(read_video(folder / name, &info), clip));
    CHECK(info.fps == Approx(8));
    CHECK(read_video_metadata(folder / name) == kMetadata);
  }
}

TEST_CASE("files that are no video, or of another program, are handled", "[video_writer]") {
  TempDir folder;
  lintorch::write_file_atomic(folder / "x.mp4", std::string(5000, 'x'));
  CHECK_THROWS_AS(read_video(folder / "x.mp4"), IoError);
  CHECK_THROWS_AS(read_video_metadata(folder / "x.mp4"), IoError);
  fs::create_directories(folder / "empty");
  CHECK_THROWS_AS(read_video(folder / "empty"), IoError);
}

#else

TEST_CASE("without FFmpeg an mp4 is refused with the other forms named", "[video_writer]") {
  CHECK_THROWS_AS(check_video_path("x.mp4"), NotSupportedError);
  CHECK_THROWS_WITH(check_video_path("x.mp4"), Catch::Contains(".gif") && Catch::Contains("folder"));
  TempDir folder;
  write_video(folder / "x.gif", test_clip(2, 16, 16, true));
  CHECK_THROWS_AS(read_video(folder / "x.gif"), NotSupportedError);
  CHECK_THROWS_AS(read_video_metadata(folder / "x.gif"), NotSupportedError);
}

#endif
