// Of the run files of the large models, configs/t2v_*.
#include <catch2/catch.hpp>

#include <filesystem>

#include "lintorch/core/config_fields.h"
#include "lintorch/linvideo/collect_config.h"
#include "lintorch/linvideo/config.h"
#include "lintorch/pipeline/generate_config.h"
#include "lintorch/pipeline/model_preset.h"
#include "lintorch/plan/train_plan.h"
#include "test/support/temp_dir.h"

using namespace lintorch;

namespace {

const std::filesystem::path kConfigs = std::filesystem::path(LINTORCH_SOURCE_DIR) / "configs";

/// A model folder with configs and no weights.
void write_skeleton(const std::filesystem::path& folder, pipeline::ModelPreset preset) {
  const auto model = pipeline::preset_model(preset);
  std::filesystem::create_directories(folder / "transformer");
  write_json_file(folder / "transformer/config.json", wan::wan_dit_config_to_json(model.transformer));
  write_json_file(folder / "model_index.json", pipeline::model_index_json(model.defaults));
}

double peak_of(const Json& plan) {
  return plan["memory"]["peak"].get<double>() + plan["memory"]["context"].get<double>();
}

}  // namespace

TEST_CASE("the run files of the large models are valid", "[run_files]") {
  for (const char* name : {"t2v_1_3b", "t2v_14b"}) {
    INFO(name);
    const auto folder = kConfigs / name;
    const auto collect = load_config<linvideo::CollectConfig>(folder / "collect.json", {});
    const auto linearize = load_config<plan::TrainRunConfig>(folder / "linearize.json", {});
    const auto distill = load_config<plan::TrainRunConfig>(folder / "distill.json", {});
    const auto exported = load_config<linvideo::ExportConfig>(folder / "export.json", {});
    const auto generate = load_config<pipeline::GenerateConfig>(folder / "generate.json", {});
    // Each takes what the one before it made.
    CHECK(linearize.linearize.model == collect.model);
    CHECK(linearize.linearize.trajectories == collect.output);
    CHECK(exported.checkpoint == linearize.output);
    CHECK(distill.distill.model == exported.output);
    CHECK(distill.distill.teacher == collect.model);
    CHECK(generate.model == exported.output);
    CHECK(distill.method == plan::Method::kDistill);
    const bool large = std::string(name) == "t2v_14b";
    CHECK(linearize.linearize.selective_transfer.target == (large ? 22 : 16));
    for (const int64_t ranks : {1, 2, 4}) CHECK(linearize.train.accumulate % ranks == 0);
  }
  CHECK(load_config<plan::TrainRunConfig>(kConfigs / "t2v_14b/linearize_8gpu.json", {}).train.shard ==
        train::ShardKind::kGradients);
}

TEST_CASE("the run files fit the cards that they name, by the memory model", "[run_files]") {
  const test::TempDir scratch;
  write_skeleton(scratch / "t2v_1_3b", pipeline::ModelPreset::kT2v1_3b);
  write_skeleton(scratch / "t2v_14b", pipeline::ModelPreset::kT2v14b);
  struct Run {
    const char* name;
    const char* file;
    int64_t ranks;
    double card;
  };
  const double gb80 = plan::kCards[0].second, gb141 = plan::kCards[1].second;
  for (const auto& run : {Run{"t2v_1_3b", "linearize.json", 1, gb80}, Run{"t2v_1_3b", "linearize.json", 8, gb80},
                          Run{"t2v_1_3b", "distill.json", 1, gb80}, Run{"t2v_14b", "linearize.json", 1, gb80},
                          Run{"t2v_14b", "linearize_8gpu.json", 8, gb141}, Run{"t2v_14b", "distill.json", 1, gb141}}) {
    INFO(run.name << "/" << run.file << " on " << run.ranks);
    auto config = load_config<plan::TrainRunConfig>(kConfigs / run.name / run.file, {});
    const std::string model = (scratch / run.name).string();
    config.output = (scratch / "run").string();
    config.linearize.model = config.distill.model = model;
    config.distill.teacher = model + "/.";  // another folder: the generator was linearized
    plan::PlanOptions options;
    options.ranks = run.ranks;
    options.size = "832x480";  // as collect.json
    options.frames = 81;
    const Json plan = plan::plan_training(config, options);
    CHECK(peak_of(plan) < run.card);
    CHECK(plan["time"]["seconds"].get<double>() > 3600);
    CHECK(plan["tokens"] ==
          (std::string(run.file) == "distill.json" && std::string(run.name) == "t2v_14b" ? 14040 : 32760));
    // What is missing here, and nothing else: the trajectories or prompts, which are the user's.
    for (const auto& problem : plan["problems"]) {
      const auto text = problem.get<std::string>();
      INFO(text);
      const bool missing_data = text.starts_with("linearize.trajectories") || text.starts_with("distill.prompts");
      const bool disk_of_this_machine = text.starts_with("disk");
      CHECK((missing_data || disk_of_this_machine));
    }
  }
}
