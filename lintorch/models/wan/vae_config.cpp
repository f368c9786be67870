#include "lintorch/models/wan/vae_config.h"

#include <algorithm>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"

namespace lintorch::wan {
namespace {

/// Keys of Diffusers that are not part of the struct, with the only value that Wan 2.1 files have.
Json foreign_keys(const WanVaeConfig& config) {
  return {{"decoder_base_dim", config.base_dim},
          {"is_residual", false},
          {"in_channels", 3},
          {"out_channels", 3},
          {"patch_size", nullptr}};
}

std::string field(const std::string& path, const char* name) { return detail::join_path(path, name); }

}  // namespace

int64_t WanVaeConfig::spatial_factor() const { return int64_t{1} << (dim_mult.size() - 1); }

int64_t WanVaeConfig::temporal_factor() const {
  return int64_t{1} << std::count(temperal_downsample.begin(), temperal_downsample.end(), true);
}

void WanVaeConfig::validate(const std::string& path) const {
  LT_CHECK(base_dim > 0, ConfigError, "[config] {}: expected a positive integer, got {}", field(path, "base_dim"),
           base_dim);
  LT_CHECK(z_dim > 0, ConfigError, "[config] {}: expected a positive integer, got {}", field(path, "z_dim"), z_dim);
  LT_CHECK(num_res_blocks > 0, ConfigError, "[config] {}: expected a positive integer, got {}",
           field(path, "num_res_blocks"), num_res_blocks);
  LT_CHECK(!dim_mult.empty(), ConfigError, "[config] {}: expected at least one stage", field(path, "dim_mult"));
  for (size_t i = 0; i < dim_mult.size(); ++i) {
    LT_CHECK(dim_mult[i] > 0, ConfigError, "[config] {}[{}]: expected a positive integer, got {}",
             field(path, "dim_mult"), i, dim_mult[i]);
    // The decoder halves the channels of every stage but its last one (dim_mult[0]) when it up-samples.
    LT_CHECK(i == 0 || base_dim * dim_mult[i] >= 2, ConfigError,
             "[config] {}[{}]: expected at least 2 channels in a stage that is up-sampled, got {}",
             field(path, "dim_mult"), i, base_dim * dim_mult[i]);
  }
  LT_CHECK(temperal_downsample.size() + 1 == dim_mult.size(), ConfigError,
           "[config] {}: expected one value per step between the {} stages ({}), got {}",
           field(path, "temperal_downsample"), dim_mult.size(), dim_mult.size() - 1, temperal_downsample.size());
  LT_CHECK(dropout >= 0 && dropout < 1, ConfigError, "[config] {}: expected a value in [0,1), got {}",
           field(path, "dropout"), dropout);
  const auto count = static_cast<size_t>(z_dim);
  LT_CHECK(latents_mean.size() == count, ConfigError, "[config] {}: expected z_dim = {} values, got {}",
           field(path, "latents_mean"), z_dim, latents_mean.size());
  LT_CHECK(latents_std.size() == count, ConfigError, "[config] {}: expected z_dim = {} values, got {}",
           field(path, "latents_std"), z_dim, latents_std.size());
  for (double value : latents_std)
    LT_CHECK(value > 0, ConfigError, "[config] {}: expected positive values, got {}", field(path, "latents_std"),
             value);
}

WanVaeConfig t2v_vae() { return {}; }

WanVaeConfig tiny_vae() {
  WanVaeConfig config;
  config.base_dim = 16;
  config.dim_mult = {1, 2, 4};
  config.temperal_downsample = {true, true};
  config.latents_mean.assign(16, 0.0);
  config.latents_std.assign(16, 1.0);
  return config;
}

WanVaeConfig read_vae_config(const std::filesystem::path& path) {
  return vae_config_from_json(read_json_file(path), path.filename().string() + ":");
}

WanVaeConfig vae_config_from_json(const Json& json, const std::string& where) {
  WanVaeConfig config;
  ConfigReader reader(json, where);
  config.visit(reader);
  reader.refuse_unknown({"decoder_base_dim", "is_residual", "in_channels", "out_channels", "patch_size",
                         "scale_factor_temporal", "scale_factor_spatial"});
  if (json.contains("_class_name"))
    LT_CHECK(json["_class_name"] == "AutoencoderKLWan", ConfigError,
             "[read_vae_config] {} _class_name: expected AutoencoderKLWan, got {}", where, json["_class_name"].dump());
  config.validate(where);
  const Json known = foreign_keys(config);
  for (const auto& [key, value] : known.items()) {
    const bool fits = !json.contains(key) || json[key] == value || (key == "decoder_base_dim" && json[key].is_null());
    LT_CHECK(fits, NotSupportedError,
             "[read_vae_config] {} {}: expected {}, got {}; only the Wan 2.1 autoencoder is known", where, key,
             value.dump(), json[key].dump());
  }
  // Diffusers keeps the defaults 4 and 8 for models of any depth, so a wrong value is no reason to refuse.
  for (const auto& [key, factor] : {std::pair{"scale_factor_temporal", config.temporal_factor()},
                                    std::pair{"scale_factor_spatial", config.spatial_factor()}}) {
    if (json.contains(key) && json[key] != factor)
      log_warning("{} {} is {}, but the stages give {}: using {}", where, key, json[key].dump(), factor, factor);
  }
  return config;
}

Json vae_config_json(const WanVaeConfig& config) {
  Json json = {{"_class_name", "AutoencoderKLWan"}, {"_diffusers_version", "0.33.0"}};
  json.update(config_to_json(config));
  json["scale_factor_temporal"] = config.temporal_factor();
  json["scale_factor_spatial"] = config.spatial_factor();
  return json;
}

}  // namespace lintorch::wan
