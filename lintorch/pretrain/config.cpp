#include "lintorch/pretrain/config.h"

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"

namespace lintorch::pretrain {
namespace {

void check_positive(const std::string& path, const char* name, int64_t value) {
  LT_CHECK(value >= 1, ConfigError, "{}.{}: expected at least 1, got {}", path, name, value);
}

train::TrainerConfig trainer(int64_t steps, double lr, int64_t warmup_steps) {
  train::TrainerConfig config;
  config.steps = steps;
  config.lr = lr;
  config.warmup_steps = warmup_steps;
  config.lr_schedule = train::LrScheduleKind::kCosine;
  config.final_lr_factor = 0.02;
  config.weight_decay = 0.0;
  config.precision = "bf16";
  config.log_every = 50;
  config.save_every = 1000;
  config.keep_last = 1;
  return config;
}

}  // namespace

PretrainConfig::PretrainConfig() {
  vae.train = trainer(2500, 1e-3, 100);
  judge.train = trainer(3000, 1e-3, 100);
  judge.train.weight_decay = 0.05;
  dit.train = trainer(12000, 6e-4, 500);
  dit.train.betas = {0.9, 0.99};
  dit.train.ema_decay = 0.9995;
}

void TokenizerStageConfig::validate(const std::string& path) const {
  check_positive(path, "captions", captions);
  check_positive(path, "vocab_size", vocab_size);
  check_positive(path, "max_length", max_length);
  check_positive(path, "collect_prompts", collect_prompts);
  check_positive(path, "eval_prompts", eval_prompts);
}

void VaeStageConfig::validate(const std::string& path) const {
  check_positive(path, "batch_size", batch_size);
  check_positive(path, "statistics_clips", statistics_clips);
  check_positive(path, "test_clips", test_clips);
  LT_CHECK(l1_weight >= 0 && l2_weight >= 0 && kl_weight >= 0 && l1_weight + l2_weight > 0, ConfigError,
           "{}: expected weights of 0 or more, l1_weight or l2_weight positive", path);
}

void JudgeStageConfig::validate(const std::string& path) const {
  check_positive(path, "batch_size", batch_size);
  LT_CHECK(test_clips >= 2, ConfigError, "{}.test_clips: expected at least 2, got {}", path, test_clips);
  LT_CHECK(noise >= 0, ConfigError, "{}.noise: expected 0 or more, got {}", path, noise);
}

void DitStageConfig::validate(const std::string& path) const {
  check_positive(path, "batch_size", batch_size);
  check_positive(path, "latent_pool_clips", latent_pool_clips);
  check_positive(path, "encode_batch", encode_batch);
  LT_CHECK(prompt_dropout >= 0 && prompt_dropout <= 1, ConfigError,
           "{}.prompt_dropout: expected a value in [0,1], got {}", path, prompt_dropout);
  LT_CHECK(flow_shift > 0, ConfigError, "{}.flow_shift: expected a positive number, got {}", path, flow_shift);
  LT_CHECK(text_encoder.d_model == model.text_dim, ConfigError,
           "{}.model.text_dim: expected the text encoder's d_model {}, got {}", path, text_encoder.d_model,
           model.text_dim);
}

void PretrainConfig::validate(const std::string& path) const {
  data.validate(lintorch::detail::join_path(path, "data"));
  tokenizer.validate(lintorch::detail::join_path(path, "tokenizer"));
  vae.validate(lintorch::detail::join_path(path, "vae"));
  judge.validate(lintorch::detail::join_path(path, "judge"));
  dit.validate(lintorch::detail::join_path(path, "dit"));
  const int64_t space = vae.model.spatial_factor(), time = vae.model.temporal_factor();
  LT_CHECK(
      data.width % space == 0 && data.height % space == 0 && (data.frames - 1) % time == 0, ConfigError,
      "{}: expected width and height to be multiples of {} and frames of the form 1 + {} k, got {} x {}, {} frames",
      lintorch::detail::join_path(path, "data"), space, time, data.width, data.height, data.frames);
  LT_CHECK(dit.model.in_channels == vae.model.z_dim && dit.model.out_channels == vae.model.z_dim, ConfigError,
           "{}: expected in_channels and out_channels equal to the VAE's z_dim {}, got {} and {}",
           lintorch::detail::join_path(path, "dit.model"), vae.model.z_dim, dit.model.in_channels,
           dit.model.out_channels);
  LT_CHECK(dit.text_encoder.vocab_size >= tokenizer.vocab_size, ConfigError,
           "{}: expected at least the tokenizer's {} pieces, got {}",
           lintorch::detail::join_path(path, "dit.text_encoder.vocab_size"), tokenizer.vocab_size,
           dit.text_encoder.vocab_size);
}

}  // namespace lintorch::pretrain
