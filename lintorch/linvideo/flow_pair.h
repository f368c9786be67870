#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include "lintorch/linvideo/state_batch.h"

namespace lintorch::linvideo {

/// A flow-matching example of the student's own distribution: a sample x_t of it and the velocity of the path that it
/// lies on. The network that minimizes mean || v(x_t, t) - velocity ||^2 gives the score of q_t by Eq. 13.
struct FlowPair {
  at::Tensor x_BCTHW;
  at::Tensor t_B;
  at::Tensor text_BSD;
  at::Tensor velocity_BCTHW;
};

/// For samples by an Euler step from t' to t (ADM, reading euler): a random point of the step,
///
///   x_s = x_{t'} + (s - t') u^,   s uniform in [t, t'],   velocity u^.
///
/// x_s = (1 - s) x^_0 + s eps^ with x^_0 = x_{t'} - t' u^ and eps^ = x^_0 + u^, so this is flow matching on the student's
/// estimates; E[u^ | x_s] is the velocity that carries q_{t'} to q_t.
FlowPair euler_pair(const StateBatch& batch, const at::Tensor& velocity_hat_BCTHW, const at::Tensor& t_B,
                    at::Generator& generator);

/// For clean samples of the student, noised (ADM, reading renoise; DMD):
///
///   x_t = (1 - t) x^_0 + t noise,   velocity noise - x^_0,   t = random_times.
FlowPair renoised_pair(const at::Tensor& x0_hat_BCTHW, const at::Tensor& text_BSD, double min_t, double max_t,
                       double shift, at::Generator& generator);

}  // namespace lintorch::linvideo
