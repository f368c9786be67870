#pragma once

#include <torch/torch.h>

#include <filesystem>

#include "lintorch/models/umt5/checkpoint.h"
#include "lintorch/models/umt5/tokenizer_training.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/models/wan/vae_checkpoint.h"
#include "lintorch/pipeline/video_model.h"

namespace lintorch::test {

/// The smallest real DiT: 4 layers of 2 heads x 8, 4 latent channels, text width 16.
inline wan::WanDitConfig micro_dit_config() {
  wan::WanDitConfig config;
  config.num_attention_heads = 2;
  config.attention_head_dim = 8;
  config.in_channels = 4;
  config.out_channels = 4;
  config.text_dim = 16;
  config.freq_dim = 16;
  config.ffn_dim = 32;
  config.num_layers = 4;
  config.rope_max_seq_len = 64;
  config.linear_attention.feature_dim = 8;
  return config;
}

/// Random weights; the head too, which starts at zero and would hide everything.
inline wan::WanDit micro_dit(uint64_t seed = 0) {
  torch::manual_seed(seed);
  wan::WanDit dit(micro_dit_config());
  torch::NoGradGuard no_grad;
  dit->proj_out->weight.normal_(0, 0.3);
  return dit;
}

/// A model folder with every component, each as small as its classes allow: 16x16 pixels, 5 frames -> latent 4x2x4x4.
inline void write_micro_model(const std::filesystem::path& folder, uint64_t seed = 0) {
  umt5::train_tokenizer({"a red circle moves left", "a blue square moves right", "a green star bounces up"}, 300, 40,
                        folder / "tokenizer");
  wan::save_wan_dit(folder / "transformer", micro_dit(seed), at::kFloat);

  wan::WanVaeConfig vae_config = wan::tiny_vae();
  vae_config.base_dim = 8;
  vae_config.z_dim = 4;
  vae_config.num_res_blocks = 1;
  vae_config.latents_mean.assign(4, 0.0);
  vae_config.latents_std.assign(4, 1.0);
  wan::WanVae vae(vae_config);
  wan::save_wan_vae(folder / "vae", vae, at::kFloat);

  umt5::Umt5Config text_config = umt5::tiny();
  text_config.d_model = 16;
  text_config.d_kv = 8;
  text_config.num_heads = 2;
  text_config.d_ff = 32;
  text_config.num_layers = 1;
  umt5::Umt5Encoder text_encoder(text_config);
  umt5::save_umt5(folder / "text_encoder", text_encoder, at::kFloat);

  diffusion::write_scheduler_config(folder / "scheduler", {});
  pipeline::GenerationDefaults defaults;
  defaults.width = 16;
  defaults.height = 16;
  defaults.frames = 5;
  defaults.steps = 4;
  defaults.guidance = 3;
  write_json_file(folder / "model_index.json", pipeline::model_index_json(defaults));
}

}  // namespace lintorch::test
