#include "lintorch/pipeline/video_model.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"

namespace lintorch::pipeline {

namespace fs = std::filesystem;

Json model_index_json(const GenerationDefaults& defaults) {
  return Json{{"_class_name", "WanPipeline"},
              {"_diffusers_version", "0.35.0"},
              {"_lintorch", {{"defaults", config_to_json(defaults)}}},
              {"scheduler", {"diffusers", "UniPCMultistepScheduler"}},
              {"text_encoder", {"transformers", "UMT5EncoderModel"}},
              {"tokenizer", {"transformers", "T5TokenizerFast"}},
              {"transformer", {"diffusers", "WanTransformer3DModel"}},
              {"vae", {"diffusers", "AutoencoderKLWan"}}};
}

GenerationDefaults read_generation_defaults(const fs::path& folder) {
  const Json index = read_json_file(folder / "model_index.json");
  LT_CHECK(index.is_object() && index.value("_class_name", "") == "WanPipeline", CheckpointError,
           "[load_video_model] {}/model_index.json: expected _class_name \"WanPipeline\", got {}", folder.string(),
           index.is_object() && index.contains("_class_name") ? index["_class_name"].dump() : "none");
  GenerationDefaults defaults;
  if (index.contains("_lintorch") && index["_lintorch"].contains("defaults"))
    read_config_value(index["_lintorch"]["defaults"], defaults, "model_index.json: _lintorch.defaults");
  return defaults;
}

VideoModel load_video_model(const fs::path& folder, at::ScalarType dtype, c10::Device device) {
  LT_CHECK(fs::is_directory(folder), IoError, "[load_video_model] {} is not a folder", folder.string());
  for (const char* part : {"model_index.json", "transformer", "vae", "text_encoder", "tokenizer", "scheduler"})
    LT_CHECK(fs::exists(folder / part), CheckpointError,
             "[load_video_model] {} has no {}: expected a Diffusers WanPipeline folder", folder.string(), part);
  VideoModel model;
  model.defaults = read_generation_defaults(folder);
  model.dit = wan::load_wan_dit(folder / "transformer", dtype, device);
  model.vae = wan::load_wan_vae(folder / "vae", at::kFloat, device);
  model.text_encoder = umt5::load_umt5(folder / "text_encoder", dtype, device);
  model.tokenizer = std::make_shared<const umt5::Tokenizer>(umt5::Tokenizer::load(folder / "tokenizer"));
  model.scheduler = diffusion::read_scheduler_config(folder / "scheduler");
  const auto& dit = model.dit->config();
  LT_CHECK(dit.in_channels == model.vae->config().z_dim, CheckpointError,
           "[load_video_model] {}: transformer in_channels is {}, but the VAE has {} latent channels", folder.string(),
           dit.in_channels, model.vae->config().z_dim);
  LT_CHECK(dit.text_dim == model.text_encoder->config().d_model, CheckpointError,
           "[load_video_model] {}: transformer text_dim is {}, but the text encoder has d_model {}", folder.string(),
           dit.text_dim, model.text_encoder->config().d_model);
  model.dit->eval();
  model.vae->eval();
  model.text_encoder->eval();
  return model;
}

}  // namespace lintorch::pipeline
