#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/json.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/media/video_writer.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "test/support/micro_model.h"
#include "test/support/run_app.h"
#include "test/support/temp_dir.h"

using namespace lintorch;
namespace fs = std::filesystem;

namespace {

/// A micro model, prompts, and the command lines of the five apps on them.
struct Workspace {
  Workspace() {
    test::write_micro_model(root / "model");
    write_file_atomic(root / "prompts.txt", "a red circle moves left\na blue square\na green star bounces up\n");
  }
  std::string path(const std::string& name) const { return (root / name).string(); }
  void run(const std::string& app, const std::string& arguments) const {
    const auto result = test::run_app(app, arguments, root.path());
    INFO(app << " " << arguments << "\n" << result.output);
    REQUIRE(result.exit_code == 0);
  }
  std::string collect_arguments(const std::string& output) const {
    return "--set model=" + path("model") + " --set prompts=" + path("prompts.txt") + " --set output=" + path(output) +
           " --set steps=6 --set guidance=2 --set device=cpu" + " --set trajectories_per_shard=1";
  }
  std::string train_arguments(const std::string& output) const {
    return "--output " + path(output) + " --set device=cpu --set train.steps=40 --set train.lr=1e-3" +
           " --set train.log_every=5 --set train.save_every=5 --set train.preview_every=20 --set linearize.model=" +
           path("model") + " --set linearize.trajectories=" + path("store") +
           " --set linearize.linear_attention.feature_dim=8 --set linearize.batch_size=2" +
           " --set linearize.selective_transfer.target=2 --set linearize.selective_transfer.lr=0.05" +
           " --set linearize.validation.trajectories=1 --set linearize.validation.states=2";
  }
  test::TempDir root;
};

int64_t count_linear(const fs::path& model) {
  const auto config = wan::wan_dit_config_from_json(read_json_file(model / "transformer" / "config.json"));
  return std::count(config.attention.begin(), config.attention.end(), wan::AttentionKind::kLinear);
}

bool same_tensors(const fs::path& a, const fs::path& b) {
  const io::SafetensorsFile left(a), right(b);
  if (left.tensors().size() != right.tensors().size()) return false;
  for (const auto& [name, info] : left.tensors())
    if (!right.tensors().contains(name) || !at::equal(left.tensor(name), right.tensor(name))) return false;
  return true;
}

}  // namespace

TEST_CASE("collect, train, export, generate and eval work in a row", "[end_to_end]") {
  const Workspace work;
  work.run("collect", work.collect_arguments("store"));
  work.run("train", work.train_arguments("run"));
  CHECK(fs::exists(work.root / "run/resolved_config.json"));
  CHECK(fs::exists(work.root / "run/previews/step_00000020"));
  CHECK_FALSE(fs::is_empty(work.root / "run/tensorboard"));

  work.run("export", "--set checkpoint=" + work.path("run") + " --set output=" + work.path("linearized") +
                         " --set untrained_swap=" + work.path("swap"));
  CHECK(count_linear(work.root / "linearized") == 2);
  CHECK(count_linear(work.root / "swap") == 2);

  const std::string generate =
      " --prompt 'a red circle moves left' --steps 4 --size 16x16 --frames 5 --device cpu --seed 3";
  work.run("generate", "--model " + work.path("linearized") + generate + " --output " + work.path("a.gif") +
                           " --save-latents " + work.path("a.safetensors"));
  work.run("generate", "--model " + work.path("linearized") + generate + " --output " + work.path("b.gif") +
                           " --save-latents " + work.path("b.safetensors"));
  CHECK(same_tensors(work.root / "a.safetensors", work.root / "b.safetensors"));
  work.run("generate", "--model " + work.path("linearized") + generate + " --latents " + work.path("a.safetensors") +
                           " --output " + work.path("c.gif"));
  const auto frames = media::read_video(work.root / "a.gif");
  CHECK(frames.size(0) == 5);
  CHECK(at::equal(frames, media::read_video(work.root / "b.gif")));
  CHECK(at::equal(frames, media::read_video(work.root / "c.gif")));

  work.run("eval", "--set teacher=" + work.path("model") + " --set prompts=" + work.path("prompts.txt") +
                       " --set num_prompts=3 --set steps=3 --set device=cpu --set batch_size=2 --set output=" +
                       work.path("eval") + " --set train_metrics=" + work.path("run/metrics.jsonl") +
                       " --set 'candidates=[{\"name\":\"linearized\",\"model\":\"" + work.path("linearized") +
                       "\"},{\"name\":\"again\",\"model\":\"" + work.path("model") + "\"}]'");
  const Json report = read_json_file(work.root / "eval/report.json");
  bool found = false;
  for (const auto& row : report["rows"])
    if (row["row"] == "again" && row["metric"] == "ssim_to_teacher") {
      found = true;
      CHECK(row["mean"].get<double>() > 0.999);  // the teacher against itself
    }
  CHECK(found);
  const std::string html = read_file(work.root / "eval/report.html");
  CHECK(html.find("<svg") != std::string::npos);
  CHECK(html.find("linearized") != std::string::npos);
}

TEST_CASE("distill, export, generate and eval work in a row", "[end_to_end]") {
  const Workspace work;
  const std::string distill =
      "--output " + work.path("run") +
      " --set device=cpu --set method=distill --set train.steps=12 --set train.lr=1e-3" +
      " --set train.log_every=3 --set train.preview_every=12 --set distill.model=" + work.path("model") +
      " --set distill.prompts=" + work.path("prompts.txt") +
      " --set distill.batch_size=2 --set distill.critic.updates=2";
  work.run("train", distill);
  const std::string log = read_file(work.root / "run/metrics.jsonl");
  for (const char* name : {"loss/critic", "loss/dmd", "generator/dmd_gradient_rms", "generator/pair_distance"})
    CHECK_THAT(log, Catch::Contains(std::string("\"") + name + "\""));
  CHECK(fs::exists(work.root / "run/previews/step_00000012"));
  work.run("export", "--set checkpoint=" + work.path("run") + " --set output=" + work.path("four_steps"));
  // Nothing that it comes from is replaced.
  for (const char* own : {"model", "run/checkpoints/step_00000012"}) {
    const auto refused = test::run_app(
        "export", "--set checkpoint=" + work.path("run") + " --set output=" + work.path(own), work.root.path());
    CHECK(refused.exit_code == 2);
    CHECK_THAT(refused.output, Catch::Contains("choose another folder"));
  }

  // Without a word about steps or guidance: four steps at the times of the list, one network evaluation each.
  const auto generate = [&](const std::string& name, const std::string& more) {
    const auto result = test::run_app(
        "generate",
        "--model " + work.path("four_steps") + " --prompt 'a red circle' --device cpu --seed 3 --output " +
            work.path(name + ".gif") + " --save-latents " + work.path(name + ".safetensors") + more,
        work.root.path());
    INFO(result.output);
    REQUIRE(result.exit_code == 0);
    return result.output;
  };
  CHECK_THAT(generate("own", ""), !Catch::Contains("distilled for"));
  const Json parameters = Json::parse(io::SafetensorsFile(work.root / "own.safetensors").metadata().at("parameters"));
  CHECK(parameters["steps"] == 4);
  CHECK(parameters["guidance"] == 1);
  CHECK(parameters["sampler"] == "renoise");
  CHECK(parameters["times"] == Json({1.0, 0.9, 0.75, 0.5}));  // shift 3
  generate("again", "");
  CHECK(same_tensors(work.root / "own.safetensors", work.root / "again.safetensors"));
  CHECK_THAT(generate("eight", " --steps 8"), Catch::Contains("distilled for 4 steps"));
  CHECK_THAT(generate("guided", " --guidance 3"), Catch::Contains("guidance built in"));
  CHECK_FALSE(same_tensors(work.root / "own.safetensors", work.root / "guided.safetensors"));

  work.run("eval", "--set teacher=" + work.path("model") + " --set prompts=" + work.path("prompts.txt") +
                       " --set num_prompts=3 --set steps=6 --set device=cpu --set batch_size=4 --set output=" +
                       work.path("eval") + " --set videos_per_prompt=3 --set diversity_prompts=2" +
                       " --set 'candidates=[{\"name\":\"distilled\",\"model\":\"" + work.path("four_steps") +
                       "\"},{\"name\":\"again\",\"model\":\"" + work.path("model") +
                       "\"},{\"name\":\"two steps\",\"model\":\"" + work.path("model") +
                       "\",\"steps\":2,\"sampler\":\"euler\"}]'");
  const Json report = read_json_file(work.root / "eval/report.json");
  REQUIRE(report["models"].size() == 4);
  const int steps[] = {6, 4, 6, 2};
  for (size_t i = 0; i < 4; ++i) CHECK(report["models"][i]["steps"] == steps[i]);
  CHECK(report["models"][1]["guidance"] == 1);
  CHECK(report["models"][3]["sampler"] == "euler");
  std::map<std::string, double> share;
  for (const auto& row : report["rows"])
    if (row["metric"] == "diversity_pixels_to_teacher") share[row["row"]] = row["mean"];
  CHECK(share.size() == 3);
  CHECK(share["again"] == Approx(100));  // the teacher against itself, from the same noise
  CHECK(share["distilled"] > 0);
}

TEST_CASE("collect and train, killed at any moment, resume to the same bytes", "[end_to_end]") {
  const Workspace work;
  work.run("collect", work.collect_arguments("store"));
  for (const char* seconds : {"0.5", "0.8"})
    test::run_app("collect", work.collect_arguments("killed_store"), work.root.path(),
                  std::string("timeout -s KILL ") + seconds);
  work.run("collect", work.collect_arguments("killed_store"));
  for (const auto& entry : fs::directory_iterator(work.root / "store"))
    if (entry.path().extension() == ".safetensors")
      CHECK(read_file(entry.path()) == read_file(work.root / "killed_store" / entry.path().filename()));

  // Random start values of the maps: another process with the same seed has the same.
  const auto train_arguments = [&](const char* run) {
    return work.train_arguments(run) + " --set linearize.linear_attention.init=kaiming";
  };
  work.run("train", train_arguments("run"));
  for (const char* seconds : {"1", "1.6", "2.2"})
    test::run_app("train", train_arguments("killed") + " --resume", work.root.path(),
                  std::string("timeout -s KILL ") + seconds);
  work.run("train", train_arguments("killed") + " --resume");
  for (const char* file : {"model.safetensors", "ema.safetensors", "optimizer.safetensors", "extra.safetensors"}) {
    INFO(file);
    const auto checkpoint = [&](const char* run) { return work.root / run / "checkpoints/step_00000040" / file; };
    CHECK(same_tensors(checkpoint("run"), checkpoint("killed")));
  }
}
