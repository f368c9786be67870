#include "lintorch/diffusion/scheduler_config.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::diffusion {
namespace {

// Files as Diffusers 0.42 writes them: class, then every constructor argument.
Json unipc_json() {
  return Json::parse(R"({
    "_class_name": "UniPCMultistepScheduler", "_diffusers_version": "0.42.1",
    "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001, "disable_corrector": [],
    "dynamic_thresholding_ratio": 0.995, "final_sigmas_type": "zero", "flow_shift": 3.0, "lower_order_final": true,
    "num_train_timesteps": 1000, "predict_x0": true, "prediction_type": "flow_prediction",
    "rescale_betas_zero_snr": false, "sample_max_value": 1.0, "shift_terminal": null, "sigma_max": null,
    "sigma_min": null, "solver_order": 2, "solver_p": null, "solver_type": "bh2", "steps_offset": 0,
    "thresholding": false, "time_shift_type": "exponential", "timestep_spacing": "linspace", "trained_betas": null,
    "use_beta_sigmas": false, "use_dynamic_shifting": false, "use_exponential_sigmas": false, "use_flow_sigmas": true,
    "use_karras_sigmas": false})");
}

Json euler_json() {
  return Json::parse(R"({
    "_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.42.1",
    "base_image_seq_len": 256, "base_shift": 0.5, "invert_sigmas": false, "max_image_seq_len": 4096, "max_shift": 1.15,
    "num_train_timesteps": 1000, "shift": 3.0, "shift_terminal": null, "stochastic_sampling": false,
    "time_shift_type": "exponential", "use_beta_sigmas": false, "use_dynamic_shifting": false,
    "use_exponential_sigmas": false, "use_karras_sigmas": false})");
}

// Arguments without an effect on flow-matching sampling: any value will do.
bool is_inert(const std::string& key) {
  static const std::set<std::string> keys = {"beta_end",
                                             "beta_schedule",
                                             "beta_start",
                                             "dynamic_thresholding_ratio",
                                             "rescale_betas_zero_snr",
                                             "sample_max_value",
                                             "steps_offset",
                                             "time_shift_type",
                                             "timestep_spacing",
                                             "trained_betas",
                                             "base_image_seq_len",
                                             "base_shift",
                                             "max_image_seq_len",
                                             "max_shift"};
  return keys.contains(key);
}

}  // namespace

Json SchedulerConfig::to_json() const {
  LT_CHECK(sampler != SamplerKind::kRenoise, NotSupportedError,
           "[SchedulerConfig] Diffusers has no scheduler class for the sampler renoise");
  Json json = sampler == SamplerKind::kUniPc ? unipc_json() : euler_json();
  json[sampler == SamplerKind::kUniPc ? "flow_shift" : "shift"] = flow_shift;
  json["num_train_timesteps"] = num_train_timesteps;
  return json;
}

SchedulerConfig SchedulerConfig::from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) detail::wrong_type(where, "an object", json);
  std::string class_name;
  if (json.contains("_class_name"))
    read_config_value(json["_class_name"], class_name, detail::join_path(where, "_class_name"));
  SchedulerConfig config;
  if (class_name == "UniPCMultistepScheduler") {
    config.sampler = SamplerKind::kUniPc;
  } else {
    LT_CHECK(class_name == "FlowMatchEulerDiscreteScheduler", ConfigError,
             "{} expected _class_name UniPCMultistepScheduler or FlowMatchEulerDiscreteScheduler, got \"{}\"", where,
             class_name);
    config.sampler = SamplerKind::kEuler;
  }

  const bool unipc = config.sampler == SamplerKind::kUniPc;
  const std::string shift_key = unipc ? "flow_shift" : "shift";
  const Json supported = unipc ? unipc_json() : euler_json();
  config.flow_shift = 1.0;  // the default of both Diffusers classes
  // Diffusers' defaults for these two are not those of a flow model: a file without them means another model.
  for (const char* key : {"prediction_type", "use_flow_sigmas"})
    LT_CHECK(!unipc || json.contains(key), NotSupportedError, "{} expected {} = {}, got nothing", where, key,
             supported[key].dump());

  for (const auto& [key, value] : json.items()) {
    if (key.starts_with("_")) continue;
    const std::string path = detail::join_path(where, key);
    LT_CHECK(supported.contains(key), ConfigError, "{}: unknown key of {}", path, class_name);
    if (key == shift_key) {
      read_config_value(value, config.flow_shift, path);
      LT_CHECK(config.flow_shift > 0, ConfigError, "{}: expected a positive shift, got {}", path, config.flow_shift);
    } else if (!is_inert(key)) {
      LT_CHECK(value == supported[key], NotSupportedError, "{}: expected {}, got {}", path, supported[key].dump(),
               value.dump());
    }
  }
  return config;
}

SchedulerConfig read_scheduler_config(const std::filesystem::path& folder) {
  const auto path = folder / "scheduler_config.json";
  return SchedulerConfig::from_json(read_json_file(path), path.filename().string() + ":");
}

void write_scheduler_config(const std::filesystem::path& folder, const SchedulerConfig& config) {
  write_json_file(folder / "scheduler_config.json", config.to_json());
}

}  // namespace lintorch::diffusion
