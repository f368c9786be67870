#include "lintorch/diffusion/scheduler_config.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"

using namespace lintorch;
using namespace lintorch::diffusion;

TEST_CASE("scheduler configs survive writing and reading", "[scheduler_config]") {
  const auto folder = std::filesystem::temp_directory_path() / "lintorch_scheduler_config_test";
  for (const auto kind : {SamplerKind::kUniPc, SamplerKind::kEuler}) {
    SchedulerConfig config;
    config.sampler = kind;
    config.flow_shift = 5.5;
    write_scheduler_config(folder, config);
    const auto read = read_scheduler_config(folder);
    CHECK(read.sampler == kind);
    CHECK(read.flow_shift == 5.5);
  }
  std::filesystem::remove_all(folder);
}

TEST_CASE("the file of the Wan 2.1 repository is understood", "[scheduler_config]") {
  const auto json = Json::parse(R"({"_class_name": "UniPCMultistepScheduler", "_diffusers_version": "0.33.0.dev0",
    "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001, "disable_corrector": [],
    "dynamic_thresholding_ratio": 0.995, "final_sigmas_type": "zero", "flow_shift": 3.0, "lower_order_final": true,
    "num_train_timesteps": 1000, "predict_x0": true, "prediction_type": "flow_prediction",
    "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "solver_order": 2, "solver_p": null,
    "solver_type": "bh2", "steps_offset": 0, "thresholding": false, "timestep_spacing": "linspace",
    "trained_betas": null, "use_beta_sigmas": false, "use_exponential_sigmas": false, "use_flow_sigmas": true,
    "use_karras_sigmas": false})");
  const auto config = SchedulerConfig::from_json(json);
  CHECK(config.sampler == SamplerKind::kUniPc);
  CHECK(config.flow_shift == 3.0);
}

TEST_CASE("scheduler settings that the samplers do not implement are refused", "[scheduler_config]") {
  const auto changed = [](const char* key, const Json& value) {
    Json json = SchedulerConfig{}.to_json();
    json[key] = value;
    return SchedulerConfig::from_json(json, "scheduler_config.json:");
  };
  CHECK_THROWS_AS(changed("prediction_type", "epsilon"), NotSupportedError);
  CHECK_THROWS_AS(changed("solver_order", 3), NotSupportedError);
  CHECK_THROWS_AS(changed("use_karras_sigmas", true), NotSupportedError);
  CHECK_THROWS_AS(changed("num_train_timesteps", 500), NotSupportedError);
  CHECK_THROWS_AS(changed("flow_shift", -1.0), ConfigError);
  CHECK_THROWS_AS(changed("flow_shift", "3"), ConfigError);
  CHECK_THROWS_AS(changed("flow_shfit", 3.0), ConfigError);
  CHECK_THROWS_AS(changed("_class_name", "DDIMScheduler"), ConfigError);
  CHECK_NOTHROW(changed("beta_start", 0.1));
  Json without = SchedulerConfig{}.to_json();
  without.erase("use_flow_sigmas");
  CHECK_THROWS_AS(SchedulerConfig::from_json(without), NotSupportedError);
  CHECK_THROWS_AS(SchedulerConfig::from_json(Json::array()), ConfigError);
  CHECK_THROWS_AS(read_scheduler_config("no/such/folder"), IoError);
}
