#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

// Convolutions of the video autoencoder as functions of frames in channels_last_3d memory.

namespace lintorch::wan {

/// [B, C, T, H, W] in channels_last_3d -> the view [B, T, H, W, C]; copies if the memory is laid out otherwise.
at::Tensor channels_last(const at::Tensor& x_BCTHW);

/// The inverse view of channels_last.
at::Tensor channels_second(const at::Tensor& x_BTHWC);

/// Puts the last `count` frames (fewer if there are not as many) into `history`, in memory of their own.
void keep_last_frames(at::Tensor& history, const at::Tensor& x_BCTHW, int64_t count);

/// Uniform in +-1/sqrt(fan-in), weight and bias: PyTorch's default for convolutions.
void reset_conv_parameters(at::Tensor& weight, at::Tensor& bias);

/// 1x1x1 convolution; weight [out, in, 1, 1, 1].
at::Tensor pointwise_conv(const at::Tensor& x_BCTHW, const at::Tensor& weight, const at::Tensor& bias);

/// 3x3x3 convolution whose output frame t sees the input frames t-2, t-1, t; frames before the first are zero.
///
/// y_t = bias + w_2 * x_t + w_1 * x_{t-1} + w_0 * x_{t-2}, with w_j = weight[:, :, j] a 3x3 convolution, zero padding 1.
/// The first num_history (0 to 2) frames of x only serve as history and have no output. weight: [out, in, 3, 3, 3].
at::Tensor causal_conv3d(const at::Tensor& x_BCTHW, int64_t num_history, const at::Tensor& weight,
                         const at::Tensor& bias);

/// Convolution over time alone, without padding: T -> (T - 3) / stride + 1 frames; weight [out, in, 3, 1, 1].
at::Tensor time_conv(const at::Tensor& x_BCTHW, int64_t stride, const at::Tensor& weight, const at::Tensor& bias);

/// The frames as pictures: [B, C, T, H, W] -> [B * T, C, H, W] in channels_last, a view where possible.
at::Tensor to_pictures(const at::Tensor& x_BCTHW);

/// The inverse of to_pictures for a batch of the given size.
at::Tensor from_pictures(const at::Tensor& pictures, int64_t batch_size);

}  // namespace lintorch::wan
