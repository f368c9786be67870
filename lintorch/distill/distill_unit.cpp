#include "lintorch/distill/distill_unit.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "lintorch/core/rng.h"
#include "lintorch/distill/export.h"
#include "lintorch/linvideo/distribution_matching.h"
#include "lintorch/linvideo/dmd_objective.h"
#include "lintorch/linvideo/fingerprint.h"
#include "lintorch/linvideo/flow_pair.h"
#include "lintorch/linvideo/mse_objective.h"
#include "lintorch/linvideo/student.h"

namespace lintorch::distill {

using namespace linvideo;

namespace {

enum Stream : uint64_t { kStepStream = 0x6473, kHeadStream = 0x6864 };

/// Mean distance of two samples of the batch, root mean square over their elements.
at::Tensor mean_pair_distance(const at::Tensor& x_BCTHW) {
  const at::Tensor flat = x_BCTHW.flatten(1).to(at::kFloat);
  return at::pdist(flat).mean() / std::sqrt(static_cast<double>(flat.size(1)));
}

}  // namespace

DistillUnit::DistillUnit(pipeline::VideoModel& teacher, DistillConfig config_in)
    : run_(teacher, std::move(config_in)), guidance_(config().guidance.value_or(teacher.defaults.guidance)) {
  reseed(0);
  prompts_crc32_ = file_crc32(config().prompts);
  prompts_ = std::make_unique<PromptEmbeddings>(teacher, run_.prompts);
  if (guidance_ != 1.0)
    uncond_1SD_ = PromptEmbeddings(teacher, {config().negative_prompt.value_or(teacher.defaults.negative_prompt)})
                      .batch({0}, run_.device);
  pipeline::release_text_encoder(teacher);

  critic_ = make_critic_network(config(), teacher.dit);
  critic_.dit->set_activation_checkpointing(config().activation_checkpointing);
  if (config().gan.weight > 0) {
    gan_head_ = GanHead(critic_.dit->config(), config().gan.layers,
                        mix_seed(static_cast<uint64_t>(config().seed), kHeadStream));
    gan_head_->to(run_.device);
  }
}

std::vector<train::ParameterGroup> DistillUnit::parameter_groups() {
  train::ParameterGroup critic;
  critic.name = "critic";
  for (const auto& [name, weight] : critic_.weights) critic.parameters.emplace_back(kCriticPrefix + name, weight);
  critic.lr = config().critic.lr;
  critic.weight_decay = config().critic.weight_decay;
  critic.ema = false;
  std::vector<train::ParameterGroup> groups{run_.group(), critic};
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
  data_seed_ = mix_seed(static_cast<uint64_t>(config().seed), kStepStream, static_cast<uint64_t>(rollbacks));
}

void DistillUnit::before_step(int64_t step) {
  const bool generator = generator_steps(step);
  for (auto& [name, weight] : run_.generator.weights) weight.set_requires_grad(generator);
  for (auto& [name, weight] : critic_.weights) weight.set_requires_grad(!generator);
  if (gan_head_)
    for (auto& parameter : gan_head_->parameters()) parameter.set_requires_grad(!generator);
}

at::Tensor DistillUnit::training_loss(int64_t step, int64_t micro_step, train::MetricBag& metrics) {
  auto random = make_generator(mix_seed(data_seed_, static_cast<uint64_t>(step), static_cast<uint64_t>(micro_step)));
  const at::Tensor text_BSD =
      prompts_->batch(random_indices(prompts_->size(), config().batch_size, random), run_.device);
  generator_updates_ = (step + 1) / (config().critic.updates + 1);
  if (generator_steps(step)) return generator_loss(generate(text_BSD, random), text_BSD, random, metrics);
  const auto output = [&] {
    const at::NoGradGuard no_grad;
    return generate(text_BSD, random);
  }();
  return critic_loss(output, text_BSD, random, metrics);
}

GeneratorOutput DistillUnit::generate(const at::Tensor& text_BSD, at::Generator& random) {
  std::vector<int64_t> shape = run_.latent_shape;
  shape.insert(shape.begin(), text_BSD.size(0));
  const at::Tensor noise = at::randn(shape, random, at::TensorOptions(at::kFloat)).to(run_.device);
  const int64_t step = random_indices(static_cast<int64_t>(run_.times.size()), 1, random).front();
  const auto sampler = diffusion::make_sampler(
      config().sampler, run_.times, [&](int64_t, const at::Tensor& like) { return draw_noise(like, random); });
  return simulate_backward(velocity_of(run_.generator.dit), *sampler, step, noise, text_BSD);
}

at::Tensor DistillUnit::generator_loss(const GeneratorOutput& output, const at::Tensor& text_BSD, at::Generator& random,
                                       train::MetricBag& metrics) {
  const at::Tensor& x0 = output.x0_hat_BCTHW;
  at::Tensor loss =
      dmd_objective(x0, text_BSD, velocity_of(critic_.dit), guided_velocity(run_.teacher.dit, uncond_1SD_, guidance_),
                    config().dmd, run_.shift, random);
  metrics.add("loss/dmd", loss.detach());
  // L = scale/2 mean d^2.
  metrics.add("generator/dmd_gradient_rms", (loss.detach() * (2 / config().dmd.scale)).sqrt());
  metrics.add("generator/output_std", x0.detach().std());
  if (x0.size(0) > 1) metrics.add("generator/pair_distance", mean_pair_distance(x0.detach()));
  if (gan_head_) {
    const at::Tensor t_B = random_times(one_per_sample(x0), config().dmd.min_t, config().dmd.max_t, run_.shift, random);
    const at::Tensor x = diffusion::add_noise(x0, draw_noise(x0, random), t_B);
    const at::Tensor adversarial = adversarial_loss(gan_head_->forward(critic_.dit, x, 1000 * t_B, text_BSD).logit_B);
    metrics.add("loss/adversarial", adversarial.detach());
    loss = loss + config().gan.weight * adversarial;
  }
  return loss;
}

at::Tensor DistillUnit::critic_loss(const GeneratorOutput& output, const at::Tensor& text_BSD, at::Generator& random,
                                    train::MetricBag& metrics) {
  const FlowPair pair =
      renoised_pair(output.x0_hat_BCTHW, text_BSD, config().dmd.min_t, config().dmd.max_t, run_.shift, random);
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
    loss = loss + config().gan.critic_weight * discriminator;
  }
  return loss;
}

/// Of the teacher's finished samples, noised as the generator's are.
at::Tensor DistillUnit::real_logits(at::Generator& random) {
  std::vector<at::Tensor> x0, text;
  for (const int64_t trajectory : random_indices(run_.trajectories->num_trajectories(), config().batch_size, random)) {
    x0.push_back(run_.trajectories->state(trajectory, run_.trajectories->num_steps()));
    text.push_back(run_.trajectories->text(trajectory));
  }
  const FlowPair pair = renoised_pair(stack_to_device(x0, run_.device), stack_to_device(text, run_.device),
                                      config().dmd.min_t, config().dmd.max_t, run_.shift, random);
  return gan_head_->forward(critic_.dit, pair.x_BCTHW, 1000 * pair.t_B, pair.text_BSD).logit_B;
}

void DistillUnit::load_extra_state(const TensorMap& state) { distill_record_from_tensors(state); }

Json DistillUnit::identity() const {
  Json identity = run_.identity();
  identity["prompts_crc32"] = prompts_crc32_;
  identity["guidance"] = guidance_;
  return identity;
}

std::string DistillUnit::progress_note() { return fmt::format("generator update {}", generator_updates_); }

}  // namespace lintorch::distill
