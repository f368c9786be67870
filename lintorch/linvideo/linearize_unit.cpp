#include "lintorch/linvideo/linearize_unit.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/dtype.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/rng.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/linvideo/guidance_ratio.h"
#include "lintorch/linvideo/lora.h"
#include "lintorch/linvideo/sampled_trajectories.h"
#include "lintorch/linvideo/seed_streams.h"
#include "lintorch/linvideo/training_record.h"
#include "lintorch/linvideo/trajectory_store.h"
#include "lintorch/linvideo/velocity_error.h"
#include "lintorch/train/autocast.h"

namespace lintorch::linvideo {

namespace {

/// Stored trajectories, or online ones, sampled here under the trainer's precision.
std::unique_ptr<TrajectorySource> open_trajectories(pipeline::VideoModel& teacher, const LinearizeConfig& config,
                                                    std::string_view precision) {
  if (config.objective.states != StateSource::kOnline) return std::make_unique<TrajectoryStore>(config.trajectories);
  const auto device = teacher.dit->patch_embedding->weight.device();
  const train::AutocastScope autocast(device, train::autocast_dtype(precision, device));
  return std::make_unique<SampledTrajectories>(teacher, config.model, config.objective.online,
                                               config.objective.online.start_trajectories,
                                               config.validation.trajectories, config.seed);
}

/// The entries of a checkpoint's extra state under a prefix, without it.
TensorMap with_prefix(const TensorMap& state, const std::string& prefix) {
  TensorMap part;
  for (const auto& [name, value] : state)
    if (name.starts_with(prefix)) part[name.substr(prefix.size())] = value;
  return part;
}

}  // namespace

LinearizeUnit::LinearizeUnit(pipeline::VideoModel& teacher, LinearizeConfig config, int64_t total_steps,
                             std::string_view precision)
    : teacher_(teacher),
      config_(std::move(config)),
      total_steps_(total_steps),
      source_(open_trajectories(teacher, config_, precision)),
      num_training_trajectories_(source_->num_trajectories() - config_.validation.trajectories),
      num_known_trajectories_(online() ? config_.objective.online.start_trajectories : num_training_trajectories_),
      device_(teacher.dit->patch_embedding->weight.device()) {
  check_config();
  if (online()) prompts_crc32_ = file_crc32(config_.objective.online.prompts);
  reseed(0);
  const auto seed = static_cast<uint64_t>(config_.seed);
  for (auto& parameter : teacher_.dit->parameters()) parameter.set_requires_grad(false);
  set_up_previews();
  student_ = copy_wan_dit(teacher_.dit, config_.trainable);
  if (const auto dtype = dtype_from_name(config_.frozen_dtype); dtype != at::kFloat)
    wan::cast_wan_dit(teacher_.dit, dtype, device_);
  if (config_.trainable == TrainableKind::kLora) add_lora(student_, config_.lora, mix_seed(seed, kLoraStream));
  transfer_ = std::make_unique<SelectiveTransfer>(student_, config_.linear_attention, config_.selective_transfer, seed);
  parameters_ = select_parameters(student_, teacher_.dit, config_.trainable);
  objective_ = std::make_unique<Objective>(
      config_.objective, teacher_.dit, student_, [this] { return make_averaged_student(); }, source_->manifest().shift);
  reader_ = std::make_unique<StateReader>(
      *source_, [this](at::Generator& generator) { return draw(generator); }, config_.prefetch, state_seed_, device_);
  if (config_.objective.states != StateSource::kStored)
    pool_ = std::make_unique<RolloutPool>(*source_, num_training_trajectories_, config_.objective.pool_size,
                                          mix_seed(seed, kPoolStream), device_, num_known_trajectories_);
}

std::unique_ptr<AveragedStudent> LinearizeUnit::make_averaged_student() {
  wan::WanDit twin = copy_wan_dit(teacher_.dit, config_.trainable);
  if (config_.trainable == TrainableKind::kLora) add_lora(twin, config_.lora, 0);  // values come from the student
  transfer_->attach(twin);
  select_parameters(twin, teacher_.dit,
                    config_.trainable);  // what does not train shares the teacher's storage here too
  NamedTensors trained = parameters_.backbone;
  trained.insert(trained.end(), parameters_.feature_maps.begin(), parameters_.feature_maps.end());
  return std::make_unique<AveragedStudent>(twin, trained, config_.objective.adm.score_ema_decay);
}

void LinearizeUnit::check_config() {
  const auto& objective = config_.objective;
  const TrajectoryManifest& manifest = source_->manifest();
  LT_CHECK(num_training_trajectories_ > 0, ConfigError,
           "validation.trajectories: expected fewer than the {} trajectories of {}, got {}",
           source_->num_trajectories(), config_.trajectories, config_.validation.trajectories);
  teacher_fingerprint_ = teacher_fingerprint(config_.model);
  check_same_teacher(manifest, teacher_fingerprint_, config_.model, config_.trajectories, "trajectories");
  const bool reads_velocities =
      objective.states == StateSource::kStored && (objective.kind == ObjectiveKind::kMse || objective.mse_anchor > 0);
  LT_CHECK(
      !reads_velocities || !manifest.has_velocities() || objective.prompt_drop == 0 || manifest.has_unconditional(),
      ConfigError,
      "objective.prompt_drop: expected 0, because {} was made without guidance and holds no unconditional "
      "velocities; got {}",
      config_.trajectories, objective.prompt_drop);
  LT_CHECK(objective.states == StateSource::kStored || objective.pool_size >= config_.batch_size, ConfigError,
           "objective.pool_size: expected at least batch_size = {}, got {}", config_.batch_size, objective.pool_size);
  LT_CHECK(config_.warmup.steps < total_steps_, ConfigError, "warmup.steps: expected fewer than the {} steps, got {}",
           total_steps_, config_.warmup.steps);
}

int64_t LinearizeUnit::freeze_step() const {
  const int64_t begin = config_.warmup.steps;
  const double share = config_.selective_transfer.freeze_fraction;
  return begin + static_cast<int64_t>(std::ceil(share * static_cast<double>(total_steps_ - begin)));
}

double LinearizeUnit::transfer_progress(int64_t step) const {
  const int64_t begin = config_.warmup.steps;
  return static_cast<double>(step - begin) / static_cast<double>(total_steps_ - begin);
}

void LinearizeUnit::prepare(const train::StepShare& share) {
  const bool alone = !share.ranks || share.ranks->size() == 1;
  reader_->set_share(share.micro_batches, alone ? 0 : share.ranks->rank(), alone ? 1 : share.ranks->size());
  if (alone) return;
  const auto& objective = config_.objective;
  const bool network = objective.kind == ObjectiveKind::kDmd ||
                       (objective.kind == ObjectiveKind::kAdm && objective.adm.score == ScoreSource::kNetwork);
  LT_CHECK(!network, NotSupportedError,
           "objective: a score network is not trained by several ranks yet; use objective.adm.score self or ema");
  LT_CHECK(!pool_, NotSupportedError, "objective.states: {} is not run by several ranks yet; use stored",
           enum_name(objective.states));
}

std::vector<train::ParameterGroup> LinearizeUnit::parameter_groups() {
  std::vector<train::ParameterGroup> groups;
  if (!parameters_.backbone.empty()) {
    train::ParameterGroup backbone;
    backbone.name = "backbone";
    backbone.parameters = parameters_.backbone;
    backbone.weight_decay = config_.backbone_weight_decay;
    groups.push_back(std::move(backbone));
  }
  if (!parameters_.feature_maps.empty()) {
    train::ParameterGroup maps;
    maps.name = "feature_maps";
    maps.parameters = parameters_.feature_maps;
    maps.lr = config_.feature_map_lr;
    maps.weight_decay = 0.0;
    groups.push_back(std::move(maps));
  }
  train::ParameterGroup gates;
  gates.name = "gates";
  gates.parameters = {{"gates", transfer_->gates()}};
  gates.lr = config_.selective_transfer.lr;
  gates.constant_lr = true;
  gates.ema = false;
  gates.weight_decay = 0.0;
  gates.min_value = 0.0;
  gates.max_value = 1.0;
  groups.push_back(std::move(gates));
  return groups;
}

bool LinearizeUnit::group_steps(const std::string& group, int64_t step) const {
  if (warming_up(step)) return group == "feature_maps";
  return group != "gates" || !transfer_->frozen();
}

void LinearizeUnit::reseed(int64_t rollbacks) {
  state_seed_ = mix_seed(static_cast<uint64_t>(config_.seed), kStateStream);
  if (rollbacks > 0) state_seed_ = mix_seed(state_seed_, kRollbackStream, static_cast<uint64_t>(rollbacks));
  if (reader_) reader_->reseed(state_seed_);
  if (pool_) pool_->set_rollbacks(rollbacks);
}

std::string LinearizeUnit::phase(int64_t step) const {
  if (warming_up(step)) return "warmup";
  return transfer_->frozen() ? "final" : "transfer";
}

std::optional<train::Alarm> LinearizeUnit::check_health(int64_t step, const std::map<std::string, double>& means) {
  const auto& transfer = config_.selective_transfer;
  const int64_t check_step = freeze_step() - (freeze_step() - config_.warmup.steps) / 10;
  const bool due = health_step_ < check_step && step >= check_step;
  health_step_ = step;
  if (!due || !transfer.gate_margin || transfer_->frozen() || !means.contains("num_linear")) return std::nullopt;
  const double off = means.at("num_linear") - static_cast<double>(transfer.target);
  if (std::abs(off) <= static_cast<double>(*transfer.gate_margin)) return std::nullopt;
  // Not fatal: the freeze takes the smallest gates whatever they are.
  return train::Alarm{fmt::format("{:.4g} layers are linear, {} wanted, {} steps before the choice is final",
                                  means.at("num_linear"), transfer.target, freeze_step() - step),
                      /*fatal=*/false};
}

void LinearizeUnit::before_step(int64_t step) {
  transfer_->set_distilling(warming_up(step));
  student_->set_activation_checkpointing(config_.activation_checkpointing);
  if (warming_up(step) || transfer_->frozen()) return;
  const auto& transfer = config_.selective_transfer;
  const bool greedy = transfer.selection == SelectionKind::kGreedy;
  if (step == config_.warmup.steps && (greedy || transfer.init_spread > 0)) {
    measure_blocks();
    if (greedy) {
      transfer_->freeze(assign_smallest(at::tensor(block_errors_, at::kDouble), transfer.target));
    } else {
      transfer_->start_gates(block_errors_);
    }
  }
  if (step >= freeze_step() && !transfer_->frozen()) transfer_->freeze();
  if (transfer_->frozen())
    log_info("step {}: {} linear layers chosen: {}", step, count_linear(transfer_->assignment()),
             describe_linear_layers(transfer_->assignment()));
}

void LinearizeUnit::measure_blocks() {
  const auto indices =
      spread_states(source_->manifest(), 0, num_known_trajectories_, config_.selective_transfer.measured_states);
  block_errors_ = measure_block_errors(student_, *transfer_, *source_, indices, config_.batch_size, device_,
                                       velocity_of(teacher_.dit));
  for (size_t layer = 0; layer < block_errors_.size(); ++layer)
    log_info("velocity error with layer {} alone linear: {:.4g}", layer, block_errors_[layer]);
}

void LinearizeUnit::after_step(int64_t, train::MetricBag&) {
  transfer_->project_gates();
  objective_->after_step();
}

at::Tensor LinearizeUnit::training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) {
  auto generator = StateReader::generator_of(state_seed_, step, micro_step);
  if (warming_up(step)) return warmup_loss(step, micro_step, generator, metrics);

  at::Tensor loss = objective_loss(step, micro_step, generator, metrics);
  const auto selection = transfer_->losses(transfer_progress(step));
  if (!transfer_->frozen()) loss = loss + selection.weighted;
  add_selection_metrics(selection, metrics);
  if (micro_step == 0 && config_.validation.every > 0 && step % config_.validation.every == 0)
    measure_held_out(metrics);
  return loss;
}

at::Tensor LinearizeUnit::warmup_loss(int64_t step, int64_t micro_step, at::Generator& generator,
                                      train::MetricBag& metrics) {
  const StateBatch batch =
      online() ? states_of(step, micro_step, generator, metrics) : stored_states(step, micro_step, generator, metrics);
  {
    at::NoGradGuard no_grad;
    student_->forward(batch.x_BCTHW, batch.timestep_B, batch.text_BSD);
  }
  const at::Tensor loss = transfer_->distillation_loss();
  if (online()) pool_->advance_guided(batch, velocity_of(teacher_.dit), {});
  metrics.add("loss/warmup", loss.detach());
  num_linear_ = transfer_->num_linear();
  return loss;
}

/// Also in the thread that reads ahead.
std::vector<StateIndex> LinearizeUnit::draw(at::Generator& generator) const {
  return draw_states(source_->manifest(), num_training_trajectories_, config_.batch_size, config_.objective.prompt_drop,
                     generator);
}

StateBatch LinearizeUnit::stored_states(int64_t step, int64_t micro_step, at::Generator& generator,
                                        train::MetricBag& metrics) {
  StateReader::Item item = reader_->read(step, micro_step, generator);
  metrics.add("data_wait_seconds", item.waited_seconds);
  return std::move(item.batch);
}

StateBatch LinearizeUnit::states_of(int64_t step, int64_t micro_step, at::Generator& generator,
                                    train::MetricBag& metrics) {
  if (!pool_) return stored_states(step, micro_step, generator, metrics);
  // Of the draw only this is used: the members have trajectories and steps of their own.
  std::vector<bool> dropped;
  for (const auto& index : draw(generator)) dropped.push_back(index.dropped);
  return pool_->next(dropped);
}

at::Tensor LinearizeUnit::objective_loss(int64_t step, int64_t micro_step, at::Generator& generator,
                                         train::MetricBag& metrics) {
  StateBatch batch = states_of(step, micro_step, generator, metrics);
  const StudentOutput student = objective_->run_student(batch, transfer_->frozen());
  const at::Tensor loss = objective_->loss(batch, student, micro_step == 0, generator, metrics);
  if (online())
    pool_->advance_guided(batch, velocity_of(teacher_.dit), batch.velocity_BCTHW);
  else if (pool_)
    pool_->advance_guided(batch, velocity_of(student_), student.velocity_BCTHW.detach());
  return loss;
}

void LinearizeUnit::add_selection_metrics(const SelectiveTransfer::Losses& losses, train::MetricBag& metrics) {
  num_linear_ = transfer_->num_linear();
  metrics.add("num_linear", num_linear_);
  if (!transfer_->frozen()) {
    metrics.add("loss/constraint", losses.constraint.detach());
    metrics.add("loss/regularization", losses.regularization.detach());
    metrics.add("alpha", losses.alpha);
  }
  const at::Tensor gates = transfer_->gates().detach().clone();
  for (int64_t layer = 0; layer < gates.size(0); ++layer) metrics.add(fmt::format("gate/{}", layer), gates[layer]);
}

/// The alarm for divergence: an ADM loss says little by its size, the error at fixed held-out states does.
void LinearizeUnit::measure_held_out(train::MetricBag& metrics) {
  if (config_.validation.trajectories == 0 || config_.validation.states == 0) return;
  const auto indices = spread_states(source_->manifest(), num_training_trajectories_, source_->num_trajectories(),
                                     config_.validation.states);
  const VelocityFunction teacher = velocity_of(teacher_.dit);
  if (!source_->manifest().has_unconditional()) {
    metrics.add("held_out/velocity_mse",
                velocity_error(student_, *source_, indices, config_.batch_size, device_, teacher));
    return;
  }
  const auto errors = guided_errors(student_, *source_, indices, config_.batch_size, device_, teacher);
  metrics.add("held_out/velocity_mse", errors.velocity_mse);
  metrics.add("held_out/guidance_ratio", errors.guidance_ratio);
}

TensorMap LinearizeUnit::extra_state() {
  TrainingRecord record{config_, teacher_fingerprint_, {}, block_errors_};
  if (transfer_->frozen()) record.assignment = transfer_->assignment();
  TensorMap state = record_to_tensors(record);
  if (pool_)
    for (auto& [name, value] : pool_->state()) state["pool." + name] = value;
  for (auto& [name, value] : objective_->state()) state["objective." + name] = value;
  state["health_step"] = at::scalar_tensor(health_step_, at::TensorOptions(at::kLong));
  return state;
}

void LinearizeUnit::load_extra_state(const TensorMap& state) {
  const TrainingRecord record = record_from_tensors(state);
  LT_CHECK(record.teacher == teacher_fingerprint_, ConfigError,
           "model: the checkpoint was trained from another teacher (fingerprint {}, {} has {})", record.teacher,
           config_.model, teacher_fingerprint_);
  record.assignment ? transfer_->freeze(*record.assignment) : transfer_->unfreeze();
  if (const auto saved = state.find("health_step"); saved != state.end()) health_step_ = saved->second.item<int64_t>();
  block_errors_ = record.block_errors;
  objective_->load_state(with_prefix(state, "objective."));
  if (!pool_) return;
  const TensorMap pool_state = with_prefix(state, "pool.");
  LT_CHECK(!pool_state.empty(), ConfigError,
           "objective.states: the checkpoint was made without a pool of trajectories");
  pool_->load_state(pool_state);
}

/// Places, previews and measurements may change between a run and its continuation.
Json LinearizeUnit::identity() const {
  Json identity = config_to_json(config_);
  for (const char* key : {"model", "trajectories", "prefetch", "validation", "preview"}) identity.erase(key);
  if (online()) {
    identity["objective"]["online"]["prompts"] = prompts_crc32_;
  } else {
    identity["objective"].erase("online");
    identity["trajectories"] = trajectories_identity(source_->manifest());
  }
  identity["teacher"] = teacher_fingerprint_;
  return identity;
}

std::string LinearizeUnit::progress_note() {
  if (transfer_->frozen()) return fmt::format("linear {} (final)", count_linear(transfer_->assignment()));
  if (!num_linear_.defined()) return "";
  return fmt::format("linear {}/{}", num_linear_.item<int64_t>(), config_.selective_transfer.target);
}

/// Takes the text encoder's memory back: trajectories bring their embeddings.
void LinearizeUnit::set_up_previews() {
  const TrajectoryManifest& manifest = source_->manifest();
  preview_.sampling.sampler = enum_from_name<diffusion::SamplerKind>(manifest.sampler, "sampler");
  preview_.sampling.steps = config_.preview.steps;
  preview_.sampling.shift = manifest.shift;
  preview_.sampling.guidance = manifest.guidance;
  preview_.latent_shape = manifest.latent_shape;
  preview_.seed = static_cast<uint64_t>(config_.preview.seed);
  std::vector<std::string> prompts = config_.preview.prompts;
  if (prompts.empty()) prompts = {manifest.prompts.front()};
  for (const auto& prompt : prompts) preview_.text_1SD.push_back(pipeline::encode_prompts(teacher_, {prompt}));
  if (manifest.has_unconditional())
    preview_.uncond_1SD = pipeline::encode_prompts(teacher_, {manifest.negative_prompt});
  pipeline::release_text_encoder(teacher_);
}

void LinearizeUnit::preview(int64_t step, const std::filesystem::path& folder) {
  write_previews(teacher_, student_, preview_, fmt::format("step_{:06}", step), folder);
}

}  // namespace lintorch::linvideo
