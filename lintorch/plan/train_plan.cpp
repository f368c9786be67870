#include "lintorch/plan/train_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/inspect/part_configs.h"
#include "lintorch/inspect/tensor_spec.h"
#include "lintorch/linvideo/trajectory_manifest.h"
#include "lintorch/pipeline/video_size.h"
#include "lintorch/plan/train_memory.h"
#include "lintorch/plan/train_time.h"
#include "lintorch/train/train_checkpoint.h"

namespace lintorch::plan {

namespace fs = std::filesystem;

namespace {

// CUDA context, cuBLAS and cuDNN handles: memory that no allocator counts.
constexpr double kContextBytes = 1e9;

inspect::ModelConfigs read_model(const std::string& folder, const char* key) {
  try {
    return inspect::read_model_configs(folder);
  } catch (const std::exception& e) {
    throw ConfigError(fmt::format("{}: expected a model folder, got \"{}\": {}", key, folder, e.what()));
  }
}

class Planner {
 public:
  Planner(const TrainRunConfig& config, const PlanOptions& options) : config_(config), options_(options) {}

  Json plan() {
    read_models();
    read_states();
    return Json{{"method", std::string(enum_name(config_.method))},
                {"ranks", options_.ranks},
                {"model", config_.teacher_folder()},
                {"latent", shape_.latent_shape},
                {"tokens", pipeline::num_tokens(shape_.model, shape_.latent_shape)},
                {"memory", memory()},
                {"disk", disk()},
                {"steps", {{"total", config_.train.steps}, {"done", done_}}},
                {"time", time()},
                {"problems", problems_},
                {"notes", notes_}};
  }

 private:
  bool distilling() const { return config_.method == Method::kDistill; }
  void problem(std::string text) { problems_.push_back(std::move(text)); }

  void read_models() {
    configs_ = read_model(config_.teacher_folder(), distilling() ? "distill.teacher" : "linearize.model");
    shape_.model = shape_.student = configs_.transformer;
    shape_.vae_values = inspect::vae_values(configs_.vae);
    shape_.ranks = options_.ranks;
    shape_.gpu = options_.gpu;
    if (distilling() && config_.distill.model != config_.teacher_folder()) {
      if (fs::exists(config_.distill.model))
        shape_.student = read_model(config_.distill.model, "distill.model").transformer;
      else
        problem(fmt::format("distill.model: {} is not there yet; counted as the teacher", config_.distill.model));
    }
    LT_CHECK(config_.train.accumulate % options_.ranks == 0, ConfigError,
             "train.accumulate: expected a multiple of the {} ranks, got {}", options_.ranks, config_.train.accumulate);
  }

  void use_size(const std::optional<std::string>& size, const std::optional<int64_t>& frames) {
    const auto video =
        pipeline::choose_size(configs_.defaults, size ? size : options_.size, frames ? frames : options_.frames);
    shape_.latent_shape = pipeline::latent_shape(shape_.model, configs_.vae, video);
  }

  void read_prompts(const std::string& file, const char* key) {
    if (!fs::is_regular_file(file)) problem(fmt::format("{}: no file {}", key, file));
  }

  bool find_trajectories(const std::string& folder, const char* key) {
    const bool found = fs::exists(fs::path(folder) / "manifest.json");
    if (!found) problem(fmt::format("{}: no trajectories in {}: run lintorch-collect first", key, folder));
    return found;
  }

  void read_states() {
    if (distilling()) {
      use_size(config_.distill.size, config_.distill.frames);
      if (config_.distill.objective == distill::DistillObjective::kDmd)
        read_prompts(config_.distill.prompts, "distill.prompts");
      else
        find_trajectories(config_.distill.trajectories, "distill.trajectories");
      const auto& gan = config_.distill.gan;
      if (gan.weight > 0) find_trajectories(gan.trajectories, "distill.gan.trajectories");
      return;
    }
    const auto& linearize = config_.linearize;
    const auto& objective = linearize.objective;
    if (objective.states == linvideo::StateSource::kOnline) {
      use_size(objective.online.size, objective.online.frames);
      read_prompts(objective.online.prompts, "linearize.objective.online.prompts");
      notes_.push_back("states online: no trajectories are stored");
      return;
    }
    const fs::path store = linearize.trajectories;
    if (!find_trajectories(linearize.trajectories, "linearize.trajectories")) return use_size({}, {});
    const auto manifest = linvideo::read_manifest(store);
    shape_.latent_shape = manifest.latent_shape;
    shape_.stored_velocities = manifest.has_velocities();
    double bytes = 0;
    for (const auto& shard : manifest.shards) bytes += static_cast<double>(shard.bytes);
    store_bytes_ = bytes;
    if (static_cast<int64_t>(manifest.shards.size()) < manifest.num_shards())
      problem(fmt::format("linearize.trajectories: {} is not finished: {} of {} shards; run lintorch-collect again",
                          store.string(), manifest.shards.size(), manifest.num_shards()));
  }

  // Before the first step the whole model is there as it was loaded, its text encoder among it.
  double load_bytes() const {
    const bool low = !distilling() && config_.linearize.load_dtype() == at::kBFloat16;
    int64_t values = inspect::count_parameters(inspect::wan_dit_tensors(shape_.model));
    if (configs_.text_encoder) values += inspect::count_parameters(inspect::umt5_tensors(*configs_.text_encoder));
    return static_cast<double>(values * (low ? 2 : 4) + shape_.vae_values * 4);
  }

  Json memory() {
    const auto parts = train_memory(config_, shape_);
    const double step = total_bytes(parts), load = load_bytes(), context = options_.gpu ? kContextBytes : 0;
    const double peak = std::max(step, load);
    Json list = Json::array();
    for (const auto& part : parts)
      list.push_back({{"part", part.name}, {"bytes", part.bytes}, {"counted", part.counted}, {"exact", part.exact}});
    Json json{{"parts", list}, {"step", step}, {"load", load}, {"peak", peak}, {"context", context}};
    if (options_.gpu && !options_.gpu_bytes)
      for (const auto& [label, bytes] : kCards) json["cards"][label] = peak + context <= bytes;
    if (!options_.gpu_bytes) return json;
    json["gpu"] = *options_.gpu_bytes;
    if (peak + context > static_cast<double>(*options_.gpu_bytes))
      problem(fmt::format("memory: {:.1f} GB predicted for each GPU, which has {:.1f} GB", (peak + context) / 1e9,
                          static_cast<double>(*options_.gpu_bytes) / 1e9));
    return json;
  }

  Json disk() {
    const fs::path run_dir = config_.output;
    if (fs::exists(run_dir) && !fs::is_directory(run_dir))
      problem(fmt::format("output: {} is a file, expected a folder", config_.output));
    const auto present = train::checkpoint_folders(run_dir);
    if (!present.empty()) {
      done_ = train::checkpoint_step(present.back());
      if (!config_.resume)
        problem(fmt::format("output: {} already holds checkpoints: pass --resume to go on, or choose another folder",
                            config_.output));
    }
    const int64_t left = std::max<int64_t>(0, config_.train.steps - done_);
    const int64_t added = train::checkpoints_to_come(config_.train, left, static_cast<int64_t>(present.size()));
    const double each = checkpoint_file_bytes(config_, shape_);
    const auto free = static_cast<double>(free_space(run_dir));
    if (each * static_cast<double>(added) > free)
      problem(fmt::format("disk: {:.1f} GB of checkpoints are to come, {:.1f} GB are free",
                          each * static_cast<double>(added) / 1e9, free / 1e9));
    return {{"checkpoint", each},
            {"checkpoints", added},
            {"needed", each * static_cast<double>(added)},
            {"free", free},
            {"trajectories", store_bytes_ ? Json(*store_bytes_) : Json()}};
  }

  Json time() {
    const double flops = step_flops(config_, shape_);
    Json json{{"flops_per_step", flops}};
    if (const auto measured = measured_step_seconds(config_.output)) {
      json["seconds_per_step"] = *measured;
      json["basis"] = "measured in " + config_.output;
    } else if (options_.gpu && config_.train.precision == "bf16") {
      json["seconds_per_step"] = flops / kAssumedFlops;
      json["basis"] = fmt::format("assumed: {:.0f} TFLOP/s on each H100 or H200", kAssumedFlops / 1e12);
    } else {
      json["basis"] = "not known before the first steps (no assumption for this device and precision)";
      return json;
    }
    json["seconds"] = json["seconds_per_step"].get<double>() * static_cast<double>(config_.train.steps - done_);
    return json;
  }

  const TrainRunConfig& config_;
  const PlanOptions& options_;
  inspect::ModelConfigs configs_;
  RunShape shape_;
  int64_t done_ = 0;
  std::optional<double> store_bytes_;
  std::vector<std::string> problems_, notes_;
};

std::string gb(const Json& bytes) { return fmt::format("{:.2f} GB", bytes.get<double>() / 1e9); }

std::string duration(double seconds) {
  if (seconds < 90) return fmt::format("{:.3g} s", seconds);
  if (seconds < 5400) return fmt::format("{:.3g} min", seconds / 60);
  return fmt::format("{:.3g} h", seconds / 3600);
}

}  // namespace

Json plan_training(const TrainRunConfig& config, const PlanOptions& options) { return Planner(config, options).plan(); }

std::string plan_text(const Json& plan) {
  std::string text;
  const auto line = [&](const std::string& topic, const std::string& content) {
    text += fmt::format("{:10}{}\n", topic, content);
  };
  const auto ranks = plan["ranks"].get<int64_t>();
  line("run", fmt::format("{} of {}, latent {}, {} tokens, {} process{}", plan["method"].get<std::string>(),
                          plan["model"].get<std::string>(), plan["latent"].dump(), plan["tokens"].get<int64_t>(), ranks,
                          ranks == 1 ? "" : "es"));
  const Json& memory = plan["memory"];
  std::string topic = "memory";
  for (const auto& part : memory["parts"]) {
    line(topic, fmt::format("{:14}{:>11}  {}{}", part["part"].get<std::string>(), gb(part["bytes"]),
                            part["counted"].get<std::string>(), part["exact"].get<bool>() ? "" : " (predicted)"));
    topic = "";
  }
  line("", fmt::format("{:14}{:>11}  sum of the above", "a step", gb(memory["step"])));
  line("", fmt::format("{:14}{:>11}  transformer, text encoder and autoencoder before the first step", "loading",
                       gb(memory["load"])));
  line("", fmt::format("{:14}{:>11}  the larger, predicted, per process; memory/peak_gb in the log", "peak",
                       gb(memory["peak"])));
  if (memory["context"].get<double>() > 0)
    line("", fmt::format("{:14}{:>11}  CUDA context and libraries, not in memory/peak_gb", "context",
                         gb(memory["context"])));
  if (memory.contains("cards"))
    for (const auto& [label, fits] : memory["cards"].items())
      line("", fmt::format("{:14}{:>11}", label + std::string(" GPU"), fits.get<bool>() ? "fits" : "too small"));
  const Json& disk = plan["disk"];
  line("disk", fmt::format("{} for {} checkpoints of {}; {} free", gb(disk["needed"]),
                           disk["checkpoints"].get<int64_t>(), gb(disk["checkpoint"]), gb(disk["free"])));
  if (!disk["trajectories"].is_null()) line("", "trajectories: " + gb(disk["trajectories"]) + ", there already");
  const Json& steps = plan["steps"];
  line("steps", fmt::format("{}, {} done", steps["total"].get<int64_t>(), steps["done"].get<int64_t>()));
  const Json& time = plan["time"];
  if (time.contains("seconds"))
    line("time", fmt::format("{} to go, {} a step ({:.3g} PFLOP; {})", duration(time["seconds"].get<double>()),
                             duration(time["seconds_per_step"].get<double>()),
                             time["flops_per_step"].get<double>() / 1e15, time["basis"].get<std::string>()));
  else
    line("time", time["basis"].get<std::string>());
  for (const auto& note : plan["notes"]) line("note", note.get<std::string>());
  for (const auto& problem : plan["problems"]) line("PROBLEM", problem.get<std::string>());
  return text;
}

}  // namespace lintorch::plan
