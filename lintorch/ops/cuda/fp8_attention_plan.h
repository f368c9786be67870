// cuDNN's FP8 attention: plain pointers and sizes. The only file that includes cuDNN's frontend is the .cpp beside this one.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>

struct cudnnContext;

namespace lintorch::ops {

/// Everything contiguous: q [B, L, N, K], k [B, S, N, K], v [B, S, N, V], o [B, L, N, V], all e4m3.
struct Fp8AttentionShape {
  int device;  ///< plans belong to one
  int64_t B, N, L, S, K, V;
  auto operator<=>(const Fp8AttentionShape&) const = default;
};

/// Device pointers.
struct Fp8AttentionBuffers {
  const void *q, *k, *v;
  void* o;
  void* scalars;    ///< Fp8AttentionScalars
  void* workspace;  ///< workspace_bytes() of the plan, 256-byte aligned
};

/// What cuDNN computes for one shape:
/// o = output inverse_weights inverse_v sum_j e4m3(weights p_ij) v_j / sum_j p_ij, logits inverse_q inverse_k q_i . k_j / sqrt(K).
class Fp8AttentionPlan {
 public:
  /// Throws NotSupportedError with cuDNN's reason if it has no kernel. `handle`: of the shape's device, which is current.
  Fp8AttentionPlan(cudnnContext* handle, const Fp8AttentionShape& shape);
  ~Fp8AttentionPlan();
  int64_t workspace_bytes() const { return workspace_bytes_; }
  /// On the handle's stream. Throws Error with cuDNN's reason.
  void run(cudnnContext* handle, const Fp8AttentionBuffers& buffers) const;

 private:
  struct Graph;
  std::unique_ptr<Graph> graph_;
  int64_t workspace_bytes_ = 0;
};

/// The plan of a shape, made at its first use in this thread. Threads do not share plans, as in LibTorch.
const Fp8AttentionPlan& fp8_attention_plan(cudnnContext* handle, const Fp8AttentionShape& shape);

}  // namespace lintorch::ops
