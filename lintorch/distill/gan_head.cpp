#include "lintorch/distill/gan_head.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/rng.h"
#include "lintorch/models/wan/block_observer.h"

namespace lintorch::distill {

GanHeadImpl::GanHeadImpl(const wan::WanDitConfig& network, std::vector<int64_t> layers, uint64_t seed) {
  if (layers.empty()) layers = {(network.num_layers - 1) / 2, network.num_layers - 1};
  const at::NoGradGuard no_grad;
  for (const int64_t layer : layers) {
    LT_CHECK(layer >= 0 && layer < network.num_layers, ConfigError,
             "gan.layers: expected blocks of the critic, in [0,{}), got {}", network.num_layers, layer);
    if (heads_.contains(layer)) continue;
    const auto block = register_module(std::to_string(layer), std::make_shared<torch::nn::Module>());
    Head head;
    head.hidden = block->register_module("hidden", torch::nn::Linear(network.width(), network.width()));
    head.logit = block->register_module("logit", torch::nn::Linear(network.width(), 1));
    auto generator = make_generator(mix_seed(seed, static_cast<uint64_t>(layer)));
    const double bound = 1.0 / std::sqrt(static_cast<double>(network.width()));
    head.hidden->weight.uniform_(-bound, bound, generator);
    head.hidden->bias.zero_();
    head.logit->weight.zero_();
    head.logit->bias.zero_();
    heads_[layer] = head;
  }
}

at::Tensor GanHeadImpl::logit(int64_t layer, const at::Tensor& x_BLD) {
  Head& head = heads_.at(layer);
  const at::Tensor normed = at::layer_norm(x_BLD.to(at::kFloat), {x_BLD.size(-1)});
  return head.logit->forward(at::silu(head.hidden->forward(normed))).to(at::kFloat).mean({1, 2});
}

GanHeadImpl::Result GanHeadImpl::forward(wan::WanDit& network, const at::Tensor& x_BCTHW, const at::Tensor& timestep_B,
                                         const at::Tensor& text_BSD) {
  std::vector<at::Tensor> logits;
  Result result;
  {
    const wan::BlockObserver observer([&](int64_t layer, const at::Tensor& x_BLD) {
      if (heads_.contains(layer)) logits.push_back(logit(layer, x_BLD));
    });
    result.velocity_BCTHW = network->forward(x_BCTHW, timestep_B, text_BSD);
  }
  result.logit_B = at::stack(logits).mean(0);
  return result;
}

at::Tensor discriminator_loss(const at::Tensor& real_logit_B, const at::Tensor& fake_logit_B) {
  return at::softplus(-real_logit_B).mean() + at::softplus(fake_logit_B).mean();
}

at::Tensor adversarial_loss(const at::Tensor& fake_logit_B) { return at::softplus(-fake_logit_B).mean(); }

}  // namespace lintorch::distill
