#include "lintorch/distill/distill_unit.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/diffusion/flow_match_schedule.h"
#include "lintorch/distill/export.h"
#include "lintorch/linvideo/distribution_matching.h"
#include "lintorch/linvideo/dmd_objective.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/linvideo/flow_pair.h"
#include "lintorch/linvideo/mse_objective.h"
#include "lintorch/linvideo/student.h"
#include "lintorch/pipeline/prompt_file.h"
#include "lintorch/pipeline/video_size.h"

namespace lintorch::distill {

using namespace linvideo;

namespace {

enum Stream : uint64_t { kStepStream = 0x6473, kHeadStream = 0x6864 };

std::vector<int64_t> draw_indices(int64_t below, int64_t count, at::Generator& random) {
  const at::Tensor drawn = at::randint(below, {count}, random, at::TensorOptions(at::kLong));
  return {drawn.const_data_ptr<int64_t>(), drawn.const_data_ptr<int64_t>() + count};
}

/// Mean distance of two samples of the batch, root mean square over their elements.
at::Tensor mean_pair_distance(const at::Tensor& x_BCTHW) {
  const at::Tensor flat = x_BCTHW.flatten(1).to(at::kFloat);
  return at::pdist(flat).mean() / std::sqrt(static_cast<double>(flat.size(1)));
}

}  // namespace

DistillUnit::DistillUnit(pipeline::VideoModel& teacher, DistillConfig config)
    : teacher_(teacher), config_(std::move(config)), device_(teacher.dit->patch_embedding->weight.device()) {
  config_.validate("distill");
  reseed(0);
  prompt_texts_ = pipeline::read_prompts(config_.prompts);
  const auto size = pipeline::choose_size(teacher.defaults, config_.size, config_.frames);
  latent_shape_ = pipeline::latent_shape(teacher.dit->config(), teacher.vae->config(), size);
  shift_ = config_.shift.value_or(teacher.scheduler.flow_shift);
  guidance_ = config_.guidance.value_or(teacher.defaults.guidance);
  times_ = diffusion::warp_steps(config_.steps, shift_);
  start_fingerprint_ = teacher_fingerprint(config_.model);
  teacher_fingerprint_ = teacher_fingerprint(config_.teacher_folder());
  if (config_.gan.weight > 0) store_ = std::make_unique<TrajectoryStore>(config_.gan.trajectories);
  check_config();

  prompts_ = std::make_unique<PromptEmbeddings>(teacher, prompt_texts_);
  if (guidance_ != 1.0)
    uncond_1SD_ = PromptEmbeddings(teacher, {config_.negative_prompt.value_or(teacher.defaults.negative_prompt)})
                      .batch({0}, device_);
  preview_.sampling.sampler = config_.sampler;
  preview_.sampling.times = times_;
  preview_.sampling.guidance = 1;
  preview_.latent_shape = latent_shape_;
  preview_.seed = static_cast<uint64_t>(config_.preview.seed);
  const PromptEmbeddings shown(
      teacher, config_.preview.prompts.empty() ? std::vector{prompt_texts_.front()} : config_.preview.prompts);
  for (int64_t i = 0; i < shown.size(); ++i) preview_.text_1SD.push_back(shown.batch({i}, device_));
  teacher.text_encoder = nullptr;

  for (auto& parameter : teacher.dit->parameters()) parameter.set_requires_grad(false);
  generator_ = make_generator_network(config_, teacher.dit);
  critic_ = make_critic_network(config_, teacher.dit);
  generator_.dit->set_activation_checkpointing(config_.activation_checkpointing);
  critic_.dit->set_activation_checkpointing(config_.activation_checkpointing);
  if (store_) {
    gan_head_ =
        GanHead(critic_.dit->config(), config_.gan.layers, mix_seed(static_cast<uint64_t>(config_.seed), kHeadStream));
    gan_head_->to(device_);
  }
}

void DistillUnit::check_config() {
  if (!store_) return;
  const TrajectoryManifest& manifest = store_->manifest();
  LT_CHECK(
      manifest.teacher == teacher_fingerprint_, ConfigError,
      "gan.trajectories: {} was made by another teacher (fingerprint {}, {} has {}): run lintorch-collect with this "
      "one",
      config_.gan.trajectories, manifest.teacher, config_.teacher_folder(), teacher_fingerprint_);
  LT_CHECK(manifest.latent_shape == latent_shape_, ConfigError,
           "gan.trajectories: {} holds latents [{}], expected [{}] for this size and number of frames",
           config_.gan.trajectories, fmt::join(manifest.latent_shape, ", "), fmt::join(latent_shape_, ", "));
}

std::vector<train::ParameterGroup> DistillUnit::parameter_groups() {
  train::ParameterGroup generator;
  generator.name = "generator";
  generator.parameters = generator_.weights;
  generator.weight_decay = config_.weight_decay;
  train::ParameterGroup critic;
  critic.name = "critic";
  for (const auto& [name, weight] : critic_.weights) critic.parameters.emplace_back(kCriticPrefix + name, weight);
  critic.lr = config_.critic.lr;
  critic.weight_decay = config_.critic.weight_decay;
  critic.ema = false;
  std::vector<train::ParameterGroup> groups{generator, critic};
  if (gan_head_) {
    train::ParameterGroup head = critic;
    head.name = "discriminator";
    head.parameters.clear();
    for (const auto& parameter : gan_head_->named_parameters())
      head.parameters.emplace_back(kGanPrefix + parameter.key(), parameter.value());
    groups.push_back(head);
  }
  for (const auto& group : groups)
    for (const auto& [name, parameter] : group.parameters) at::Tensor(parameter).set_requires_grad(true);
  return groups;
}

bool DistillUnit::group_steps(const std::string& group, int64_t step) const {
  return (group == "generator") == generator_steps(step);
}

void DistillUnit::reseed(int64_t rollbacks) {
  data_seed_ = mix_seed(static_cast<uint64_t>(config_.seed), kStepStream, static_cast<uint64_t>(rollbacks));
}

void DistillUnit::before_step(int64_t step) {
  const bool generator = generator_steps(step);
  for (auto& [name, weight] : generator_.weights) weight.set_requires_grad(generator);
  for (auto& [name, weight] : critic_.weights) weight.set_requires_grad(!generator);
  if (gan_head_)
    for (auto& parameter : gan_head_->parameters()) parameter.set_requires_grad(!generator);
}

at::Tensor DistillUnit::training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) {
  auto random = make_generator(mix_seed(data_seed_, static_cast<uint64_t>(step), static_cast<uint64_t>(micro_step)));
  const at::Tensor text_BSD = prompts_->batch(draw_indices(prompts_->size(), config_.batch_size, random), device_);
  generator_updates_ = step / (config_.critic.updates + 1);
  if (generator_steps(step)) return generator_loss(generate(text_BSD, random), text_BSD, random, metrics);
  const auto output = [&] {
    const at::NoGradGuard no_grad;
    return generate(text_BSD, random);
  }();
  return critic_loss(output, text_BSD, random, metrics);
}

GeneratorOutput DistillUnit::generate(const at::Tensor& text_BSD, at::Generator& random) {
  std::vector<int64_t> shape = latent_shape_;
  shape.insert(shape.begin(), text_BSD.size(0));
  const at::Tensor noise = at::randn(shape, random, at::TensorOptions(at::kFloat)).to(device_);
  const int64_t step = draw_indices(static_cast<int64_t>(times_.size()), 1, random).front();
  const auto sampler = diffusion::make_sampler(
      config_.sampler, times_, [&](int64_t, const at::Tensor& like) { return draw_noise(like, random); });
  return simulate_backward(velocity_of(generator_.dit), *sampler, step, noise, text_BSD);
}

at::Tensor DistillUnit::generator_loss(const GeneratorOutput& output, const at::Tensor& text_BSD, at::Generator& random,
                                       train::MetricBag& metrics) {
  const at::Tensor& x0 = output.x0_hat_BCTHW;
  at::Tensor loss = dmd_objective(x0, text_BSD, velocity_of(critic_.dit),
                                  guided_velocity(teacher_.dit, uncond_1SD_, guidance_), config_.dmd, shift_, random);
  metrics.add("loss/dmd", loss.detach());
  // L = scale/2 mean d^2.
  metrics.add("generator/dmd_gradient_rms", (loss.detach() * (2 / config_.dmd.scale)).sqrt());
  metrics.add("generator/output_std", x0.detach().std());
  if (x0.size(0) > 1) metrics.add("generator/pair_distance", mean_pair_distance(x0.detach()));
  if (gan_head_) {
    const at::Tensor t_B = random_times(one_per_sample(x0), config_.dmd.min_t, config_.dmd.max_t, shift_, random);
    const at::Tensor x = diffusion::add_noise(x0, draw_noise(x0, random), t_B);
    const at::Tensor adversarial = adversarial_loss(gan_head_->forward(critic_.dit, x, 1000 * t_B, text_BSD).logit_B);
    metrics.add("loss/adversarial", adversarial.detach());
    loss = loss + config_.gan.weight * adversarial;
  }
  return loss;
}

at::Tensor DistillUnit::critic_loss(const GeneratorOutput& output, const at::Tensor& text_BSD, at::Generator& random,
                                    train::MetricBag& metrics) {
  const FlowPair pair =
      renoised_pair(output.x0_hat_BCTHW, text_BSD, config_.dmd.min_t, config_.dmd.max_t, shift_, random);
  GanHeadImpl::Result result;
  if (gan_head_)
    result = gan_head_->forward(critic_.dit, pair.x_BCTHW, 1000 * pair.t_B, pair.text_BSD);
  else
    result.velocity_BCTHW = critic_.dit->forward(pair.x_BCTHW, 1000 * pair.t_B, pair.text_BSD);
  at::Tensor loss = mse_objective(result.velocity_BCTHW, pair.velocity_BCTHW);
  metrics.add("loss/critic", loss.detach());
  if (gan_head_) {
    const at::Tensor discriminator = discriminator_loss(real_logits(random), result.logit_B);
    metrics.add("loss/discriminator", discriminator.detach());
    loss = loss + config_.gan.critic_weight * discriminator;
  }
  return loss;
}

/// Of the teacher's finished samples, noised as the generator's are.
at::Tensor DistillUnit::real_logits(at::Generator& random) {
  std::vector<at::Tensor> x0, text;
  for (const int64_t trajectory : draw_indices(store_->num_trajectories(), config_.batch_size, random)) {
    x0.push_back(store_->state(trajectory, store_->num_steps()));
    text.push_back(store_->text(trajectory));
  }
  const FlowPair pair = renoised_pair(stack_to_device(x0, device_), stack_to_device(text, device_), config_.dmd.min_t,
                                      config_.dmd.max_t, shift_, random);
  return gan_head_->forward(critic_.dit, pair.x_BCTHW, 1000 * pair.t_B, pair.text_BSD).logit_B;
}

TensorMap DistillUnit::extra_state() {
  return record_to_tensors(
      DistillRecord{config_, start_fingerprint_, teacher_fingerprint_, {times_, shift_, config_.sampler}});
}

void DistillUnit::load_extra_state(const TensorMap& state) { distill_record_from_tensors(state); }

/// Places and previews may change between a run and its continuation.
Json DistillUnit::identity() const {
  Json identity = config_to_json(config_);
  for (const char* key : {"model", "teacher", "prompts", "preview"}) identity.erase(key);
  identity["gan"].erase("trajectories");
  identity["start"] = start_fingerprint_;
  identity["teacher"] = teacher_fingerprint_;
  identity["prompts_crc32"] = file_crc32(config_.prompts);
  identity["shift"] = shift_;
  identity["guidance"] = guidance_;
  return identity;
}

std::string DistillUnit::progress_note() { return fmt::format("generator update {}", generator_updates_); }

void DistillUnit::preview(int64_t step, const std::filesystem::path& folder) {
  write_previews(teacher_, generator_.dit, preview_, fmt::format("step_{:06}", step), folder);
}

}  // namespace lintorch::distill
