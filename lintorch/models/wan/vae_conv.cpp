#include "lintorch/models/wan/vae_conv.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/conv3d.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cmath>

#include "lintorch/core/error.h"

namespace lintorch::wan {
namespace {

/// causal_conv3d of one clip as a sum of picture convolutions, one per tap in time: oneDNN's 2-D kernels are never
/// slower than its 3-D ones and several times faster on small pictures, and absent frames cost nothing.
at::Tensor sum_of_taps(const at::Tensor& frames_TCHW, int64_t num_history, const at::Tensor& weight,
                       const at::Tensor& bias) {
  const int64_t num_outputs = frames_TCHW.size(0) - num_history;
  at::Tensor y = at::conv2d(frames_TCHW.narrow(0, num_history, num_outputs), weight.select(2, 2), bias, 1, 1);
  for (int64_t lag = 1; lag <= 2; ++lag) {
    const int64_t begin = std::max<int64_t>(0, lag - num_history);  // outputs before it only see zeros at this lag
    if (begin >= num_outputs) break;
    const int64_t count = num_outputs - begin;
    y.narrow(0, begin, count)
        .add_(at::conv2d(frames_TCHW.narrow(0, begin + num_history - lag, count), weight.select(2, 2 - lag), {}, 1, 1));
  }
  return y;
}

}  // namespace

at::Tensor channels_last(const at::Tensor& x_BCTHW) { return x_BCTHW.permute({0, 2, 3, 4, 1}).contiguous(); }

at::Tensor channels_second(const at::Tensor& x_BTHWC) { return x_BTHWC.permute({0, 4, 1, 2, 3}); }

void keep_last_frames(at::Tensor& history, const at::Tensor& x_BCTHW, int64_t count) {
  const int64_t kept = std::min(count, x_BCTHW.size(2));
  const at::Tensor frames = x_BCTHW.narrow(2, x_BCTHW.size(2) - kept, kept);
  // Memory is used again where no gradient needs the old frames.
  if (history.defined() && !at::GradMode::is_enabled() && history.sizes() == frames.sizes()) {
    history.copy_(frames);
  } else {
    history = frames.clone(at::MemoryFormat::ChannelsLast3d);
  }
}

void reset_conv_parameters(at::Tensor& weight, at::Tensor& bias) {
  at::NoGradGuard no_grad;
  const double bound = 1.0 / std::sqrt(static_cast<double>(weight[0].numel()));
  weight.uniform_(-bound, bound);
  bias.uniform_(-bound, bound);
}

at::Tensor pointwise_conv(const at::Tensor& x_BCTHW, const at::Tensor& weight, const at::Tensor& bias) {
  return channels_second(at::linear(channels_last(x_BCTHW), weight.flatten(1), bias));
}

at::Tensor causal_conv3d(const at::Tensor& x_BCTHW, int64_t num_history, const at::Tensor& weight,
                         const at::Tensor& bias) {
  LT_ASSERT(num_history <= 2 && x_BCTHW.size(2) > num_history);
  const bool one_frame = x_BCTHW.size(2) == 1;
  if (one_frame)
    return from_pictures(at::conv2d(to_pictures(x_BCTHW), weight.select(2, 2), bias, 1, 1), x_BCTHW.size(0));
  if (x_BCTHW.is_cpu()) {
    std::vector<at::Tensor> clips;
    for (const at::Tensor& clip_TCHW : channels_last(x_BCTHW).permute({0, 1, 4, 2, 3}).unbind(0))
      clips.push_back(sum_of_taps(clip_TCHW, num_history, weight, bias).permute({0, 2, 3, 1}));
    return channels_second(clips.size() == 1 ? clips[0].unsqueeze(0) : at::stack(clips));
  }
  // cuDNN: one 3-D kernel in channels_last_3d beats sums or concatenations of 2-D ones, forward and backward (H100, bf16).
  const at::Tensor padded = num_history == 2 ? x_BCTHW : at::constant_pad_nd(x_BCTHW, {0, 0, 0, 0, 2 - num_history, 0});
  return at::conv3d(padded, weight, bias, 1, {0, 1, 1});
}

at::Tensor time_conv(const at::Tensor& x_BCTHW, int64_t stride, const at::Tensor& weight, const at::Tensor& bias) {
  const at::Tensor x_BTHWC = channels_last(x_BCTHW);
  const int64_t num_outputs = (x_BCTHW.size(2) - 3) / stride + 1;
  std::vector<at::Tensor> taps;
  for (int64_t tap = 0; tap < 3; ++tap)
    taps.push_back(x_BTHWC.slice(1, tap, tap + (num_outputs - 1) * stride + 1, stride));
  const at::Tensor matrix = weight.flatten(2).transpose(1, 2).flatten(1);  // [out, tap * in]
  return channels_second(at::linear(at::cat(taps, -1), matrix, bias));
}

at::Tensor to_pictures(const at::Tensor& x_BCTHW) { return channels_last(x_BCTHW).flatten(0, 1).permute({0, 3, 1, 2}); }

at::Tensor from_pictures(const at::Tensor& pictures, int64_t batch_size) {
  const at::Tensor rows = pictures.permute({0, 2, 3, 1}).contiguous();
  return channels_second(rows.view({batch_size, -1, rows.size(1), rows.size(2), rows.size(3)}));
}

}  // namespace lintorch::wan
