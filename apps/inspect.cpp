#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "apps/app_main.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/inspect/compare.h"
#include "lintorch/inspect/describe.h"
#include "lintorch/inspect/random_model.h"
#include "lintorch/inspect/run_component.h"
#include "lintorch/inspect/video_metadata.h"
#include "lintorch/plan/train_plan.h"

namespace {

using namespace lintorch;

struct MetadataConfig {
  std::string video;

  template <class V>
  void visit(V& v) {
    v("video", video, "video.mp4, video.gif or a folder of frames");
  }
};

int run(int argc, char** argv) {
  return apps::run_app<inspect::RunConfig>(
      argc, argv, "lintorch-inspect run",
      "Runs one component of a model on the tensors of a file, named as in Diffusers and transformers.",
      [](const inspect::RunConfig& config) {
        inspect::run_component_files(config);
        log_info("wrote {}", config.output);
        return 0;
      },
      {{"component", "component", "which part to run"},
       {"model", "model", "model folder, or the component's own"},
       {"input", "input", "input tensors (.safetensors)"},
       {"output", "output", "file to write (.safetensors)"},
       {"device", "device", "auto, cpu, cuda, cuda:N"},
       {"dtype", "dtype", "fp32|bf16|fp16|fp64"},
       {"sampler", "sampler", "euler|unipc"},
       {"shift", "shift", "flow shift"},
       {"sigma-convention", "sigma_convention", "wan|diffusers"}});
}

int describe_training(const inspect::DescribeConfig& config) {
  auto run = load_config<plan::TrainRunConfig>(*config.train, {});
  if (!config.model.empty())
    (run.method == plan::Method::kDistill ? run.distill.model : run.linearize.model) = config.model;
  run.train.accumulate = std::max(run.train.accumulate, config.ranks);
  plan::PlanOptions options;
  options.ranks = config.ranks;
  options.size = config.size;
  options.frames = config.frames;
  const Json json = plan::plan_training(run, options);
  fmt::print("{}", config.json ? json.dump(2) + "\n" : plan::plan_text(json));
  return 0;
}

int describe(int argc, char** argv) {
  return apps::run_app<inspect::DescribeConfig>(
      argc, argv, "lintorch-inspect describe",
      "Says what a model is and what it costs; reads configs and shapes, not the weights.",
      [](const inspect::DescribeConfig& config) {
        if (config.train) return describe_training(config);
        const auto description = inspect::describe_model(config);
        fmt::print("{}", config.json ? description.dump(2) + "\n" : inspect::description_text(description));
        return 0;
      },
      {{"model", "model", "model folder"},
       {"size", "size", "WIDTHxHEIGHT"},
       {"frames", "frames", "pixel frames"},
       {"steps", "steps", "sampler steps"},
       {"train", "train", "config of a lintorch-train run to plan"},
       {"ranks", "ranks", "GPUs of that run"},
       {"dtype", "dtype", "fp32|bf16"}},
      {{"json", "json", "print JSON"}}, {"model"});
}

int compare(int argc, char** argv) {
  return apps::run_app<inspect::CompareConfig>(
      argc, argv, "lintorch-inspect compare",
      "Relative error of model B against model A, after each block and of the velocity, on the same input.",
      [](const inspect::CompareConfig& config) {
        const auto comparison = inspect::compare_models(config);
        fmt::print("{}", config.json ? inspect::comparison_json(comparison).dump(2) + "\n"
                                     : inspect::comparison_text(comparison));
        return 0;
      },
      {{"a", "a", "model folder"},
       {"b", "b", "model folder"},
       {"input", "input", "input tensors (.safetensors)"},
       {"size", "size", "WIDTHxHEIGHT of a random input"},
       {"frames", "frames", "frames of a random input"},
       {"device", "device", "auto, cpu, cuda, cuda:N"},
       {"dtype", "dtype", "fp32|bf16|fp16|fp64"}},
      {{"json", "json", "print JSON"}}, {"a", "b"});
}

int random(int argc, char** argv) {
  return apps::run_app<inspect::RandomModelConfig>(
      argc, argv, "lintorch-inspect random",
      "Writes a model folder of random weights, of a preset or any variant of one (--set transformer.num_layers=2).",
      [](const inspect::RandomModelConfig& config) {
        inspect::write_random_model(config);
        log_info("wrote {}", config.output);
        return 0;
      },
      {{"preset", "preset", "t2v_1_3b|t2v_14b|tiny"},
       {"output", "output", "model folder to write"},
       {"layout", "layout", "diffusers|original"},
       {"seed", "seed", "the same seed gives the same weights"},
       {"dtype", "dtype", "fp32|bf16|fp16"}});
}

int metadata(int argc, char** argv) {
  return apps::run_app<MetadataConfig>(
      argc, argv, "lintorch-inspect metadata", "Prints what a video was generated with, as JSON.",
      [](const MetadataConfig& config) {
        fmt::print("{}\n", inspect::video_metadata(config.video).dump(2));
        return 0;
      },
      {{"video", "video", "video.mp4, video.gif or a folder of frames"}}, {}, {"video"});
}

using apps::Command;

constexpr std::array kCommands = {Command{"run", "run one component on given tensors", run},
                                  Command{"describe", "say what a model is and what it costs", describe},
                                  Command{"compare", "error of one model against another, block by block", compare},
                                  Command{"random", "write a model of random weights", random},
                                  Command{"metadata", "print what a video was generated with", metadata}};

}  // namespace

int main(int argc, char** argv) {
  return apps::run_command(argc, argv, "lintorch-inspect", "Looks into models and videos.", kCommands);
}
