#include "lintorch/ops/cuda/fp8_attention_plan.h"

// libtorch_cuda.so carries parts of another version of this library of headers; under a name of our own the linker cannot mix
// them up.
#define cudnn_frontend lintorch_cudnn_frontend
#include <cudnn_frontend.h>

#include <cmath>
#include <map>
#include <unordered_map>
#include <vector>

#include "lintorch/core/error.h"
#include "lintorch/ops/cuda/fp8_attention_params.h"

namespace lintorch::ops {
namespace {

namespace fe = cudnn_frontend;
using Tensor = std::shared_ptr<fe::graph::Tensor_attributes>;

// Scalars have the numbers of their places in Fp8AttentionScalars.
enum Uid : int64_t {
  kInverseQ,
  kInverseK,
  kInverseV,
  kInverseWeights,
  kWeights,
  kOutputScale,
  kAmaxWeights,
  kAmaxOutput,
  kQ,
  kK,
  kV,
  kO
};
constexpr int64_t kScalars = kAmaxOutput + 1;
static_assert(sizeof(Fp8AttentionScalars) == kScalars * sizeof(Fp8AttentionScalar));

using Sizes = std::vector<int64_t>;

}  // namespace

struct Fp8AttentionPlan::Graph {
  fe::graph::Graph graph;
};

Fp8AttentionPlan::Fp8AttentionPlan(cudnnContext* handle, const Fp8AttentionShape& s)
    : graph_(std::make_unique<Graph>()) {
  // Before, numbers of keys that are not multiples of 128 were not served.
  LT_CHECK(fe::detail::get_backend_version() >= 90700, NotSupportedError,
           "[fp8_attention] expected cuDNN 9.7 or later, got {}; switch fp8_attention off",
           fe::detail::get_backend_version_string());
  fe::graph::Graph& graph = graph_->graph;
  graph.set_io_data_type(fe::DataType_t::FP8_E4M3)
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  const auto strides = [&](int64_t tokens, int64_t dim) { return Sizes{tokens * s.N * dim, dim, s.N * dim, 1}; };
  const auto operand = [&](const char* name, Uid uid, int64_t tokens, int64_t dim) {
    return graph.tensor(fe::graph::Tensor_attributes()
                            .set_name(name)
                            .set_uid(uid)
                            .set_dim({s.B, s.N, tokens, dim})
                            .set_stride(strides(tokens, dim))
                            .set_data_type(fe::DataType_t::FP8_E4M3));
  };
  const auto scalar = [&](const char* name, Uid uid) {
    return graph.tensor(fe::graph::Tensor_attributes()
                            .set_name(name)
                            .set_uid(uid)
                            .set_dim({1, 1, 1, 1})
                            .set_stride({1, 1, 1, 1})
                            .set_data_type(fe::DataType_t::FLOAT));
  };
  const auto [o, statistics, amax_weights, amax_output] =
      graph.sdpa_fp8(operand("q", kQ, s.L, s.K), operand("k", kK, s.S, s.K), operand("v", kV, s.S, s.V),
                     scalar("descale_q", kInverseQ), scalar("descale_k", kInverseK), scalar("descale_v", kInverseV),
                     scalar("descale_s", kInverseWeights), scalar("scale_s", kWeights), scalar("scale_o", kOutputScale),
                     fe::graph::SDPA_fp8_attributes()
                         .set_name("fp8_attention")
                         .set_generate_stats(false)
                         .set_attn_scale(static_cast<float>(1 / std::sqrt(static_cast<double>(s.K)))));
  // Output in bf16 is for sm_100 and later alone.
  o->set_output(true)
      .set_uid(kO)
      .set_dim({s.B, s.N, s.L, s.V})
      .set_stride(strides(s.L, s.V))
      .set_data_type(fe::DataType_t::FP8_E4M3);
  for (const auto& [amax, uid] : {std::pair(amax_weights, kAmaxWeights), std::pair(amax_output, kAmaxOutput)})
    amax->set_output(true)
        .set_uid(uid)
        .set_dim({1, 1, 1, 1})
        .set_stride({1, 1, 1, 1})
        .set_data_type(fe::DataType_t::FLOAT);
  auto status = graph.build(handle, {fe::HeurMode_t::A});
  if (status.is_good()) status = graph.get_workspace_size(workspace_bytes_);
  LT_CHECK(status.is_good(), NotSupportedError,
           "[fp8_attention] cuDNN {} has no FP8 attention for {} x {} heads, {} queries, {} keys, head dims {} and {} "
           "on this "
           "device: {}. It needs sm_90 or later and head dims that are multiples of 16; switch fp8_attention off",
           fe::detail::get_backend_version_string(), s.B, s.N, s.L, s.S, s.K, s.V, status.get_message());
}

Fp8AttentionPlan::~Fp8AttentionPlan() = default;

void Fp8AttentionPlan::run(cudnnContext* handle, const Fp8AttentionBuffers& b) const {
  std::unordered_map<int64_t, void*> pointers = {
      {kQ, const_cast<void*>(b.q)}, {kK, const_cast<void*>(b.k)}, {kV, const_cast<void*>(b.v)}, {kO, b.o}};
  for (int64_t i = 0; i < kScalars; ++i) pointers[i] = static_cast<Fp8AttentionScalar*>(b.scalars) + i;
  auto status = graph_->graph.execute(handle, pointers, b.workspace);
  LT_CHECK(status.is_good(), Error, "[fp8_attention] cuDNN failed: {}", status.get_message());
}

const Fp8AttentionPlan& fp8_attention_plan(cudnnContext* handle, const Fp8AttentionShape& shape) {
  thread_local std::map<Fp8AttentionShape, Fp8AttentionPlan> plans;
  const auto found = plans.find(shape);
  return found != plans.end() ? found->second : plans.try_emplace(shape, handle, shape).first->second;
}

}  // namespace lintorch::ops
