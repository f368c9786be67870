#pragma once

#include <c10/core/Device.h>

#include "lintorch/core/json.h"
#include "lintorch/pretrain/config.h"
#include "lintorch/train/trainer.h"

namespace lintorch::pretrain {

/// Trains the miniature from scratch: tokenizer, VAE, judge, then text encoder and transformer together. Writes
///   output/model/      model_index.json, tokenizer/, vae/, judge/, text_encoder/, transformer/, scheduler/
///   output/training/   one run folder of the trainer per stage, with checkpoints and logs, and <stage>.json (results)
/// A stage whose parts of the model are complete is skipped; one that was interrupted resumes. With init_from the dit
/// stage goes on from that model's weights, with optimizer and averages of its own.
///
/// model_index: content of model_index.json (see pipeline::model_index_json).
/// Returns kInterrupted after SIGINT or SIGTERM; the same call goes on later.
/// Throws ConfigError, IoError (no dataset), CheckpointError, and ConfigError if a stage needs an earlier one that is
/// neither complete nor listed.
train::TrainResult run_pretrain(const PretrainConfig& config, c10::Device device, const Json& model_index);

}  // namespace lintorch::pretrain
