#include "lintorch/distill/export.h"

#include <ATen/core/grad_mode.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/version.h"
#include "lintorch/io/atomic_dir.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/linvideo/export.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/linvideo/lora.h"
#include "lintorch/linvideo/training_record.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/pipeline/model_export.h"
#include "lintorch/train/train_checkpoint.h"

namespace lintorch::distill {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDescriptionFile = "distillation.json";
constexpr const char* kLinearizationFile = "linearization.json";

bool has_record(const Json& json) {
  return json.is_object() && json.contains("distill") && json.contains("start") && json.contains("few_steps");
}

/// The generator's weights of a checkpoint, averaged if asked for and there.
TensorMap generator_weights(const train::TrainCheckpoint& checkpoint, bool ema) {
  TensorMap weights;
  for (const auto& [name, value] : checkpoint.model)
    if (!name.starts_with(kCriticPrefix) && !name.starts_with(kGanPrefix)) weights[name] = value;
  if (ema)
    for (const auto& [name, average] : checkpoint.ema) weights[name] = average;
  return weights;
}

}  // namespace

TensorMap record_to_tensors(const DistillRecord& record) {
  return linvideo::json_to_tensors({{"distill", config_to_json(record.config)},
                                    {"start", record.start},
                                    {"teacher", record.teacher},
                                    {"few_steps", config_to_json(record.few_steps)}});
}

DistillRecord distill_record_from_tensors(const TensorMap& tensors) {
  const Json json = linvideo::json_from_tensors(tensors);
  LT_CHECK(has_record(json), CheckpointError, "[distill_record_from_tensors] the checkpoint is of no distillation");
  DistillRecord record;
  read_config_value(json["distill"], record.config, "record: distill");
  record.start = json["start"].get<std::string>();
  record.teacher = json["teacher"].get<std::string>();
  read_config_value(json["few_steps"], record.few_steps, "record: few_steps");
  return record;
}

bool is_distillation(const fs::path& checkpoint) {
  const auto file = linvideo::find_checkpoint(checkpoint) / "extra.safetensors";
  if (!fs::exists(file)) return false;
  const io::SafetensorsFile extra(file);
  return extra.tensors().contains("record") &&
         has_record(linvideo::json_from_tensors({{"record", extra.tensor("record")}}));
}

void export_distilled(const linvideo::ExportConfig& config) {
  const at::NoGradGuard no_grad;
  LT_CHECK(!config.untrained_swap, ConfigError, "untrained_swap: expected null for the checkpoint of a distillation");
  const auto checkpoint = train::read_train_checkpoint(linvideo::find_checkpoint(config.checkpoint));
  const DistillRecord record = distill_record_from_tensors(checkpoint.extra);
  const fs::path start = config.model.value_or(record.config.model);
  pipeline::check_export_folder(config.output, {start, record.config.teacher.value_or(""), config.checkpoint});
  const std::string fingerprint = linvideo::teacher_fingerprint(start);
  LT_CHECK(record.start == fingerprint, CheckpointError,
           "[export_distilled] the generator started from another model (fingerprint {}, {} has {})", record.start,
           start.string(), fingerprint);

  const auto source = wan::open_wan_dit(pipeline::find_model_parts(start).transformer);
  auto dit = wan::load_wan_dit(source, at::kFloat, at::kCPU);
  TensorMap state = layers::module_state(*dit);
  const TensorMap weights = generator_weights(checkpoint, config.ema);
  linvideo::merge_lora(state, weights, record.config.lora);
  for (const auto& [name, value] : weights) {
    if (linvideo::is_lora_parameter(name)) continue;
    LT_CHECK(state.contains(name), CheckpointError,
             "[export_distilled] the checkpoint holds {}, which {} does not have", name, start.string());
    state[name] = value;
  }
  layers::load_module_state(*dit, state, "export_distilled: checkpoint");

  WeightFormat format = linvideo::export_format(config, at::kBFloat16);
  linvideo::carry_notes(source, format);
  format.metadata["distilled_by"] = fmt::format("lintorch {}", version());
  io::AtomicDir folder(config.output);
  pipeline::write_model_folder(start, {dit->config(), layers::module_state(*dit)}, folder.path(), format);
  auto defaults = pipeline::read_generation_settings(folder.path(), format.layout).second;
  defaults.few_steps = record.few_steps;
  defaults.steps = static_cast<int64_t>(record.few_steps.times.size());
  defaults.guidance = 1;
  pipeline::replace_generation_defaults(folder.path(), format.layout, defaults);
  if (fs::exists(start / kLinearizationFile))
    fs::copy_file(start / kLinearizationFile, folder.path() / kLinearizationFile);
  write_json_file(folder.path() / kDescriptionFile, {{"lintorch", version()},
                                                     {"commit", git_commit()},
                                                     {"step", checkpoint.step},
                                                     {"few_steps", config_to_json(record.few_steps)},
                                                     {"guidance", 1},
                                                     {"start_fingerprint", record.start},
                                                     {"teacher_fingerprint", record.teacher},
                                                     {"distill", config_to_json(record.config)}});
  folder.commit();
  log_info("wrote {}: distilled to {} steps", config.output, record.few_steps.times.size());
}

}  // namespace lintorch::distill
