#include "lintorch/linvideo/export.h"

#include <ATen/core/grad_mode.h>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/version.h"
#include "lintorch/io/atomic_dir.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/linvideo/lora.h"
#include "lintorch/linvideo/start_cores.h"
#include "lintorch/linvideo/training_record.h"
#include "lintorch/models/wan/dit_checkpoint.h"
#include "lintorch/pipeline/model_export.h"
#include "lintorch/train/train_checkpoint.h"

namespace lintorch::linvideo {

namespace fs = std::filesystem;

namespace {

constexpr const char* kDescriptionFile = "linearization.json";

/// A DiT of the teacher's shape with the given layers linear. Shared weights are the teacher's, maps are at their start.
wan::WanDit swapped_dit(wan::WanDit& teacher, const LayerAssignment& assignment,
                        const layers::LinearAttentionConfig& linear_attention) {
  wan::WanDitConfig config = teacher->config();
  LT_CHECK(static_cast<int64_t>(assignment.size()) == config.num_layers, CheckpointError,
           "[export_linearized] the checkpoint chooses among {} layers, the teacher has {}", assignment.size(),
           config.num_layers);
  config.attention = assignment;
  config.linear_attention = linear_attention;
  wan::WanDit dit(config);
  TensorMap state = layers::module_state(*dit);
  for (const auto& [name, value] : layers::module_state(*teacher)) state[name] = value;
  layers::load_module_state(*dit, state, "export_linearized: teacher");
  return dit;
}

wan::WanDit load_teacher(const fs::path& folder) {
  return wan::load_wan_dit(pipeline::find_model_parts(folder).transformer, at::kFloat, at::kCPU);
}

void write_model(const wan::WanDit& dit, const fs::path& teacher_folder, const fs::path& output, WeightFormat format,
                 const Json& description) {
  io::AtomicDir folder(output);
  format.metadata["linearized_by"] = fmt::format("lintorch {}", version());
  pipeline::write_model_folder(teacher_folder, {dit->config(), layers::module_state(*dit)}, folder.path(), format);
  write_json_file(folder.path() / kDescriptionFile, description);
  folder.commit();
}

Json describe(const LayerAssignment& assignment, const wan::WanDit& dit) {
  return Json{{"lintorch", version()},
              {"commit", git_commit()},
              {"num_linear", count_linear(assignment)},
              {"attention", write_config_value(assignment)},
              {"linear_attention", config_to_json(dit->config().linear_attention)}};
}

/// A model folder, or a transformer's folder or file, as it is, in another layout.
void rewrite_model(const ExportConfig& config) {
  LT_CHECK(config.model, ConfigError,
           "checkpoint: expected a training checkpoint or a run folder, or, to write a model again, model");
  LT_CHECK(!config.untrained_swap, ConfigError, "untrained_swap: expected null without a checkpoint");
  const fs::path model = *config.model;
  pipeline::check_export_folder(config.output, {model});
  const bool alone = fs::is_regular_file(model) || pipeline::is_transformer_alone(model);
  const auto source = wan::open_wan_dit(alone ? model : pipeline::find_model_parts(model).transformer);
  WeightFormat format = export_format(config, std::nullopt);
  carry_notes(source, format);
  io::AtomicDir folder(config.output);
  if (alone) {
    wan::write_wan_dit(folder.path(), source.config, source.state, format);
  } else {
    pipeline::write_model_folder(model, {source.config, source.state}, folder.path(), format);
    for (const char* file : {kDescriptionFile, "distillation.json"})
      if (fs::exists(model / file)) fs::copy_file(model / file, folder.path() / file);
  }
  folder.commit();
  log_info("wrote {} in the {} layout", config.output, enum_name(config.layout));
}

}  // namespace

fs::path find_checkpoint(const fs::path& checkpoint) {
  if (!fs::is_directory(checkpoint / "checkpoints")) return checkpoint;
  const auto newest = train::latest_checkpoint_folder(checkpoint);
  LT_CHECK(newest, CheckpointError, "[find_checkpoint] {} holds no complete checkpoint", checkpoint.string());
  return *newest;
}

WeightFormat export_format(const ExportConfig& config, std::optional<at::ScalarType> dtype) {
  if (config.dtype) dtype = dtype_from_name(*config.dtype);
  return {.layout = config.layout, .dtype = dtype, .max_shard_bytes = static_cast<uint64_t>(config.max_shard_bytes)};
}

void carry_notes(const wan::DitSource& source, WeightFormat& format) {
  for (const char* key : {"linearized_by", "distilled_by"})
    if (const auto note = source.metadata.find(key); note != source.metadata.end()) format.metadata.insert(*note);
}

LayerAssignment export_student(const TrainedStudent& trained, const fs::path& teacher_folder, const fs::path& output,
                               const WeightFormat& format) {
  at::NoGradGuard no_grad;
  const TrainingRecord record = record_from_tensors(trained.extra_state);
  const std::string fingerprint = teacher_fingerprint(teacher_folder);
  LT_CHECK(record.teacher == fingerprint, CheckpointError,
           "[export_linearized] the checkpoint was trained from another teacher (fingerprint {}, {} has {})",
           record.teacher, teacher_folder.string(), fingerprint);
  auto teacher = load_teacher(teacher_folder);
  LayerAssignment assignment;
  if (record.assignment) {
    assignment = *record.assignment;
  } else {
    LT_CHECK(trained.gates.defined() && trained.gates.numel() == teacher->num_layers(), CheckpointError,
             "[export_linearized] the checkpoint has no gates for the teacher's {} layers", teacher->num_layers());
    LT_CHECK(record.config.selective_transfer.selection == SelectionKind::kLearned, CheckpointError,
             "[export_linearized] the checkpoint of step {} is from before the layers were chosen: export a later one",
             trained.step);
    log_warning("the choice of layers is not final at step {}: taking the {} smallest gates", trained.step,
                record.config.selective_transfer.target);
    assignment = assign_smallest(trained.gates, record.config.selective_transfer.target);
  }

  auto dit = swapped_dit(teacher, assignment, record.config.linear_attention);
  TensorMap state = layers::module_state(*dit);
  const auto teacher_state = layers::module_state(*teacher);
  merge_lora(state, trained.parameters, record.config.lora);
  for (const auto& [name, value] : trained.parameters) {
    if (is_lora_parameter(name)) continue;
    const auto it = state.find(name);
    if (it != state.end()) {
      it->second = value;
      continue;
    }
    const bool unused_branch = name.find(".attn1.core.") != std::string::npos;
    LT_CHECK(unused_branch || name == "gates", CheckpointError,
             "[export_linearized] the checkpoint holds {}, which the teacher does not have", name);
  }
  layers::load_module_state(*dit, state, "export_linearized: checkpoint");

  Json description = describe(assignment, dit);
  description["step"] = trained.step;
  std::vector<double> gates;
  if (trained.gates.defined()) {
    const at::Tensor host = trained.gates.detach().to(at::kCPU, at::kDouble).contiguous();
    gates.assign(host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel());
  }
  description["gates"] = gates;
  if (!record.block_errors.empty()) description["block_errors"] = record.block_errors;
  description["teacher_fingerprint"] = record.teacher;
  description["linearize"] = config_to_json(record.config);
  write_model(dit, teacher_folder, output, format, description);
  log_info("wrote {}: {} linear layers ({})", output.string(), count_linear(assignment),
           describe_linear_layers(assignment));
  return assignment;
}

void export_linearized(const ExportConfig& config) {
  if (config.checkpoint.empty()) return rewrite_model(config);
  const train::TrainCheckpoint checkpoint = train::read_train_checkpoint(find_checkpoint(config.checkpoint));

  TrainedStudent trained;
  trained.parameters = checkpoint.model;
  if (config.ema)
    for (const auto& [name, average] : checkpoint.ema) trained.parameters[name] = average;
  if (const auto gates = checkpoint.model.find("gates"); gates != checkpoint.model.end()) trained.gates = gates->second;
  trained.extra_state = checkpoint.extra;
  trained.step = checkpoint.step;

  const TrainingRecord record = record_from_tensors(checkpoint.extra);
  const fs::path teacher = config.model.value_or(record.config.model);
  pipeline::check_export_folder(config.output, {teacher, config.checkpoint, config.untrained_swap.value_or("")});
  if (config.untrained_swap)
    pipeline::check_export_folder(*config.untrained_swap, {teacher, config.checkpoint, config.output});
  const WeightFormat format = export_format(config, at::kBFloat16);
  const LayerAssignment assignment = export_student(trained, teacher, config.output, format);
  if (config.untrained_swap)
    export_untrained_swap(assignment, record.config.linear_attention, static_cast<uint64_t>(record.config.seed),
                          teacher, *config.untrained_swap, format);
}

void export_untrained_swap(const LayerAssignment& assignment, const layers::LinearAttentionConfig& linear_attention,
                           uint64_t seed, const fs::path& teacher_folder, const fs::path& output,
                           const WeightFormat& format) {
  at::NoGradGuard no_grad;
  auto teacher = load_teacher(teacher_folder);
  const auto dit = swapped_dit(teacher, assignment, linear_attention);
  const auto cores = start_linear_cores(dit->config(), linear_attention, seed);
  for (size_t layer = 0; layer < assignment.size(); ++layer)
    if (assignment[layer] == wan::AttentionKind::kLinear) dit->block(layer)->attn1->set_core(cores[layer]);
  Json description = describe(assignment, dit);
  description["untrained"] = true;
  write_model(dit, teacher_folder, output, format, description);
  log_info("wrote {}: the same layers swapped without training", output.string());
}

}  // namespace lintorch::linvideo
