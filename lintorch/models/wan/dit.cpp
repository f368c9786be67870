#include "lintorch/models/wan/dit.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/tensor.h>
#include <torch/nn/init.h>

#include <cmath>

#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"
#include "lintorch/layers/activation_checkpoint.h"
#include "lintorch/layers/precision.h"
#include "lintorch/models/wan/block_observer.h"
#include "lintorch/ops/bmm_accumulate.h"
#include "lintorch/ops/residual_layer_norm.h"
#include "lintorch/ops/rope_3d.h"

namespace lintorch::wan {
namespace {

std::shared_ptr<torch::nn::Module> container() { return std::make_shared<torch::nn::Module>(); }

WanDitConfig validated(WanDitConfig config) {
  config.validate("WanDitConfig");
  return config;
}

}  // namespace

WanDitImpl::WanDitImpl(WanDitConfig config) : config_(validated(std::move(config))) {
  const int64_t D = config_.width();
  const auto& patch = config_.patch_size;
  const torch::ExpandingArray<3> kernel({patch[0], patch[1], patch[2]});
  patch_embedding = register_module(
      "patch_embedding", torch::nn::Conv3d(torch::nn::Conv3dOptions(config_.in_channels, D, kernel).stride(kernel)));
  const auto condition = register_module("condition_embedder", container());
  const auto time = condition->register_module("time_embedder", container());
  time_embedder_in = time->register_module("linear_1", torch::nn::Linear(config_.freq_dim, D));
  time_embedder_out = time->register_module("linear_2", torch::nn::Linear(D, D));
  time_proj = condition->register_module("time_proj", torch::nn::Linear(D, 6 * D));
  const auto text = condition->register_module("text_embedder", container());
  text_embedder_in = text->register_module("linear_1", torch::nn::Linear(config_.text_dim, D));
  text_embedder_out = text->register_module("linear_2", torch::nn::Linear(D, D));
  blocks = register_module("blocks", torch::nn::ModuleList());
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    block_list_.emplace_back(config_, config_.attention_of(layer));
    blocks->push_back(block_list_.back());
  }
  proj_out = register_module("proj_out", torch::nn::Linear(D, config_.out_channels * patch[0] * patch[1] * patch[2]));
  scale_shift_table = register_parameter("scale_shift_table", at::randn({1, 2, D}) / std::sqrt(static_cast<double>(D)));
  reset_parameters();
}

void WanDitImpl::reset_parameters() {
  const at::NoGradGuard no_grad;
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* linear = module->as<torch::nn::Linear>()) {
      torch::nn::init::xavier_uniform_(linear->weight);
      linear->bias.zero_();
    }
  }
  torch::nn::init::xavier_uniform_(patch_embedding->weight.flatten(1));
  for (const auto& linear : {time_embedder_in, time_embedder_out, text_embedder_in, text_embedder_out})
    torch::nn::init::normal_(linear->weight, 0.0, 0.02);
  proj_out->weight.zero_();
}

WanBlock WanDitImpl::block(int64_t layer) const { return block_list_.at(layer); }

at::Tensor WanDitImpl::patchify(const at::Tensor& latent_BCTHW) {
  const auto& p = config_.patch_size;
  const int64_t B = latent_BCTHW.size(0), C = latent_BCTHW.size(1);
  const int64_t f = latent_BCTHW.size(2) / p[0], h = latent_BCTHW.size(3) / p[1], w = latent_BCTHW.size(4) / p[2];
  // Kernel = stride, so the convolution is one matrix product over patches.
  const at::Tensor patches_BLP = latent_BCTHW.to(layers::compute_dtype(patch_embedding->weight))
                                     .reshape({B, C, f, p[0], h, p[1], w, p[2]})
                                     .permute({0, 2, 4, 6, 1, 3, 5, 7})
                                     .reshape({B, f * h * w, C * p[0] * p[1] * p[2]});
  return at::linear(patches_BLP, patch_embedding->weight.flatten(1), patch_embedding->bias);
}

at::Tensor WanDitImpl::unpatchify(const at::Tensor& x_BLP, const std::array<int64_t, 3>& grid) const {
  const auto& p = config_.patch_size;
  const int64_t B = x_BLP.size(0), C = config_.out_channels;
  return x_BLP.reshape({B, grid[0], grid[1], grid[2], p[0], p[1], p[2], C})
      .permute({0, 7, 1, 4, 2, 5, 3, 6})
      .reshape({B, C, grid[0] * p[0], grid[1] * p[1], grid[2] * p[2]});
}

at::Tensor WanDitImpl::embed_time(const at::Tensor& timestep_B) {
  const at::Device device = time_embedder_in->weight.device();
  if (!time_frequencies_.defined() || time_frequencies_.device() != device) {
    const int64_t half = config_.freq_dim / 2;
    const at::Tensor exponents = at::arange(half, at::kDouble) / static_cast<double>(half);
    time_frequencies_ = at::exp(exponents * -std::log(10000.0)).to(device);
    scale_offset_ = at::tensor({0, 1, 0, 0, 1, 0}).view({1, 6, 1}).to(device);
  }
  const at::Tensor angles = timestep_B.to(device, at::kDouble).unsqueeze(1) * time_frequencies_;
  return layers::apply_linear_accumulate(
      time_embedder_out,
      at::silu(layers::apply_linear_accumulate(time_embedder_in, at::cat({angles.cos(), angles.sin()}, 1))));
}

const at::Tensor& WanDitImpl::rope_table(const std::array<int64_t, 3>& grid, at::ScalarType dtype,
                                         const at::Device& device) {
  at::Tensor& table = rope_tables_[{grid, dtype, device.str()}];
  if (!table.defined()) table = ops::rope_3d_table(grid, config_.attention_head_dim, dtype, device);
  return table;
}

at::Tensor WanDitImpl::embed_text(const at::Tensor& text_BSD) {
  check_shape(text_BSD, {-1, -1, config_.text_dim}, "WanDit: text");
  return layers::apply_linear(text_embedder_out, at::gelu(layers::apply_linear(text_embedder_in, text_BSD), "tanh"));
}

std::vector<TextKeysValues> WanDitImpl::prepare_text(const at::Tensor& text_BSD) {
  const at::Tensor text = embed_text(text_BSD);
  std::vector<TextKeysValues> prepared;
  for (WanBlock& block : block_list_) prepared.push_back(block->attn2->project_text(text));
  return prepared;
}

at::Tensor WanDitImpl::forward(const at::Tensor& latent_BCTHW, const at::Tensor& timestep_B,
                               const std::vector<TextKeysValues>& text) {
  LT_CHECK(static_cast<int64_t>(text.size()) == config_.num_layers, Error,
           "[WanDit] expected a text prepared for {} blocks, got {}", config_.num_layers, text.size());
  check_shape(text.front().k_BSD, {latent_BCTHW.size(0), -1, config_.width()}, "WanDit: prepared text");
  return forward_blocks(latent_BCTHW, timestep_B,
                        [&](int64_t layer, const at::Tensor& x, const at::Tensor& modulation, const at::Tensor& rope) {
                          return block_list_[layer]->forward(x, text[layer], modulation, rope);
                        });
}

at::Tensor WanDitImpl::forward(const at::Tensor& latent_BCTHW, const at::Tensor& timestep_B,
                               const at::Tensor& text_BSD) {
  check_shape(text_BSD, {latent_BCTHW.size(0), -1, config_.text_dim}, "WanDit: text");
  const at::Tensor text = embed_text(text_BSD);
  return forward_blocks(latent_BCTHW, timestep_B,
                        [&](int64_t layer, const at::Tensor& x, const at::Tensor& modulation, const at::Tensor& rope) {
                          const auto run = [block = block_list_[layer].ptr()](const std::vector<at::Tensor>& in) {
                            return block->forward(in[0], block->attn2->project_text(in[1]), in[2], in[3]);
                          };
                          const std::vector<at::Tensor> inputs = {x, text, modulation, rope};
                          return checkpointing_ ? layers::checkpoint_activations(run, inputs) : run(inputs);
                        });
}

at::Tensor WanDitImpl::forward_blocks(const at::Tensor& latent_BCTHW, const at::Tensor& timestep_B,
                                      const RunBlock& run_block) {
  check_shape(latent_BCTHW, {-1, config_.in_channels, -1, -1, -1}, "WanDit: latent");
  const int64_t B = latent_BCTHW.size(0);
  check_shape(timestep_B, {B}, "WanDit: timestep");
  std::array<int64_t, 3> grid;
  for (int axis = 0; axis < 3; ++axis) {
    const int64_t size = latent_BCTHW.size(axis + 2), patch = config_.patch_size[axis];
    LT_CHECK(size > 0 && size % patch == 0, Error, "[WanDit] expected latent sizes divisible by the patch {}, got {}",
             patch, size);
    grid[axis] = size / patch;
    LT_CHECK(grid[axis] <= config_.rope_max_seq_len, Error, "[WanDit] expected at most {} tokens per axis, got {}",
             config_.rope_max_seq_len, grid[axis]);
  }

  const at::ScalarType accumulate = ops::accumulate_dtype(proj_out->weight.scalar_type());
  const at::Tensor rope = rope_table(grid, accumulate, proj_out->weight.device());
  const at::Tensor e_BD = embed_time(timestep_B);
  at::Tensor modulation_B6D =
      layers::apply_linear_accumulate(time_proj, at::silu(e_BD)).unflatten(1, {6, -1}) + scale_offset_;
  at::Tensor x_BLD = patchify(latent_BCTHW);
  if (residual_format_ == ResidualFormat::kFp32) x_BLD = x_BLD.to(accumulate);
  for (int64_t layer = 0; layer < config_.num_layers; ++layer) {
    x_BLD = run_block(layer, x_BLD, modulation_B6D, rope);
    BlockObserver::notify(layer, x_BLD);
  }

  const auto m = (scale_shift_table.to(accumulate) + e_BD.unsqueeze(1)).chunk(2, 1);
  const layers::NoAutocast no_autocast;
  const at::Tensor h_BLD = ops::layer_norm_modulate(x_BLD, m[0], m[1] + 1, config_.eps, accumulate);
  return unpatchify(layers::apply_linear_accumulate(proj_out, h_BLD), grid);
}

}  // namespace lintorch::wan
