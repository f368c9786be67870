#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "lintorch/core/enum_names.h"
#include "lintorch/models/wan/block.h"
#include "lintorch/models/wan/config.h"

namespace lintorch::wan {

/// Number format of the residual stream of a low-precision model.
enum class ResidualFormat {
  kFp32,     ///< the official code: only matrix products and attention are in low precision
  kWeights,  ///< Diffusers: the sum is rounded to the format of the weights after every addition; half the memory
};

/// Wan 2.1 text-to-video transformer. Registered names are those of Diffusers' WanTransformer3DModel.
///
/// Precision follows the official code: matrix products in the weight dtype (or autocast's); residual stream, norms,
/// modulation, time path and head in fp32 (all fp64 if the weights are); see ResidualFormat for Diffusers' way. Weights may be fp32 with autocast, or low
/// precision without. Runs on the device of its parameters, without host-device syncs.
/// Reference: wan/modules/model.py, WanModel.
class WanDitImpl : public torch::nn::Module {
 public:
  /// Random weights, initialised like the official code (in particular a zero head), from LibTorch's default
  /// generator. Throws ConfigError for an invalid config.
  explicit WanDitImpl(WanDitConfig config);

  /// latent_BCTHW: [B, C, T, H, W], T, H, W multiples of the patch; timestep_B: [B], in [0, 1000], any dtype,
  /// fractions allowed; text_BSD: [B, S, text_dim], rows past the prompt zero -> velocity_BCTHW, fp32. Throws Error if
  /// shapes disagree.
  at::Tensor forward(const at::Tensor& latent_BCTHW, const at::Tensor& timestep_B, const at::Tensor& text_BSD);

  /// The text's keys and values in every block, for any number of forwards with this text: a sampler computes them once.
  /// 4 B S D bytes a block in bf16.
  std::vector<TextKeysValues> prepare_text(const at::Tensor& text_BSD);
  /// As above, bit for bit, with the text prepared. Without gradients with respect to the text's weights.
  at::Tensor forward(const at::Tensor& latent_BCTHW, const at::Tensor& timestep_B,
                     const std::vector<TextKeysValues>& text);

  /// Default: kFp32. No effect on fp32 and fp64 models.
  void set_residual_format(ResidualFormat format) { residual_format_ = format; }

  /// Activation checkpointing: a forward with gradients keeps the input of each block and the backward computes the block
  /// again (layers/activation_checkpoint.h). Default: off.
  void set_activation_checkpointing(bool on) { checkpointing_ = on; }

  const WanDitConfig& config() const { return config_; }
  int64_t num_layers() const { return config_.num_layers; }
  /// Throws std::out_of_range.
  WanBlock block(int64_t layer) const;

  torch::nn::Conv3d patch_embedding{nullptr};
  torch::nn::Linear time_embedder_in{nullptr}, time_embedder_out{nullptr}, time_proj{nullptr};
  torch::nn::Linear text_embedder_in{nullptr}, text_embedder_out{nullptr};
  torch::nn::ModuleList blocks{nullptr};
  torch::nn::Linear proj_out{nullptr};
  at::Tensor scale_shift_table;  ///< [1, 2, D]: shift, scale of the head

 private:
  void reset_parameters();
  at::Tensor embed_text(const at::Tensor& text_BSD);
  /// run_block(layer, x_BLD, modulation_B6D, rope) -> x_BLD.
  using RunBlock = std::function<at::Tensor(int64_t, const at::Tensor&, const at::Tensor&, const at::Tensor&)>;
  at::Tensor forward_blocks(const at::Tensor& latent_BCTHW, const at::Tensor& timestep_B, const RunBlock& run_block);
  at::Tensor patchify(const at::Tensor& latent_BCTHW);
  at::Tensor unpatchify(const at::Tensor& x_BLP, const std::array<int64_t, 3>& grid) const;
  at::Tensor embed_time(const at::Tensor& timestep_B);
  const at::Tensor& rope_table(const std::array<int64_t, 3>& grid, at::ScalarType dtype, const at::Device& device);

  WanDitConfig config_;
  ResidualFormat residual_format_ = ResidualFormat::kFp32;
  bool checkpointing_ = false;
  std::vector<WanBlock> block_list_;
  std::map<std::tuple<std::array<int64_t, 3>, at::ScalarType, std::string>, at::Tensor> rope_tables_;
  at::Tensor time_frequencies_;  // fp64, on the device last used
  at::Tensor scale_offset_;      // [1, 6, 1]: 1 in the rows of the scales
};
TORCH_MODULE(WanDit);

}  // namespace lintorch::wan

template <>
struct lintorch::EnumNames<lintorch::wan::ResidualFormat> {
  using E = lintorch::wan::ResidualFormat;
  static constexpr std::pair<E, std::string_view> table[] = {{E::kFp32, "fp32"}, {E::kWeights, "weights"}};
};
