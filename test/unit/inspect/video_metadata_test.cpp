#include "lintorch/inspect/video_metadata.h"

#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/media/image.h"
#include "lintorch/media/video_writer.h"
#include "test/support/temp_dir.h"

using namespace lintorch;

TEST_CASE("the parameters of a video come back as JSON", "[video_metadata]") {
  const test::TempDir scratch;
  const auto frames = torch::zeros({2, 8, 8, 3}, torch::kByte);
  media::VideoOptions options;
  options.metadata = {{"lintorch", "0.1.0"}, {"parameters", R"({"steps":50,"prompt":"a {cat}"})"}};
  for (const std::string name : {"video.gif", "frames"}) {
    INFO(name);
    media::write_video(scratch / name, frames, options);
    const Json json = inspect::video_metadata(scratch / name);
    CHECK(json["lintorch"] == "0.1.0");
    CHECK(json["parameters"]["steps"] == 50);
    CHECK(json["parameters"]["prompt"] == "a {cat}");
  }
  media::write_video(scratch / "bare.gif", frames, {});
  CHECK_THROWS_AS(inspect::video_metadata(scratch / "bare.gif"), NotSupportedError);
  CHECK_THROWS_AS(inspect::video_metadata(scratch / "missing.gif"), IoError);
  CHECK_THROWS_AS(inspect::video_metadata(""), ConfigError);
}
