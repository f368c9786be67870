#include "lintorch/layers/activation_checkpoint.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/custom_class.h>

#include "lintorch/core/error.h"

namespace lintorch::layers {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr size_t kMaxInputs = 4;

/// Autocast as it was at the call, for the backward, which runs on a thread of its own. Without the cache of cast weights: a
/// cast made without gradients must not serve the pass that needs them.
class AutocastState {
 public:
  explicit AutocastState(c10::DeviceType type)
      : type_(type),
        enabled_(at::autocast::is_autocast_enabled(type)),
        dtype_(at::autocast::get_autocast_dtype(type)) {}

  template <class Call>
  auto run(const Call& call) const {
    const AutocastState before(type_);
    const bool cache = at::autocast::is_autocast_cache_enabled();
    set(*this, false);
    struct Restore {
      const AutocastState& before;
      bool cache;
      ~Restore() { set(before, cache); }
    } const restore{before, cache};
    return call();
  }

 private:
  static void set(const AutocastState& state, bool cache) {
    at::autocast::set_autocast_enabled(state.type_, state.enabled_);
    at::autocast::set_autocast_dtype(state.type_, state.dtype_);
    at::autocast::set_autocast_cache_enabled(cache);
  }
  c10::DeviceType type_;
  bool enabled_;
  at::ScalarType dtype_;
};

struct Segment : torch::CustomClassHolder {
  Segment(std::function<at::Tensor(const std::vector<at::Tensor>&)> function, const std::vector<at::Tensor>& inputs)
      : f(std::move(function)), num_inputs(inputs.size()), autocast(inputs[0].device().type()) {}
  std::function<at::Tensor(const std::vector<at::Tensor>&)> f;
  size_t num_inputs;
  AutocastState autocast;
};

struct Checkpointed : torch::autograd::Function<Checkpointed> {
  // `trigger` makes the result require gradients where only parameters inside f do.
  // LibTorch sees tensor arguments, not lists of them; inputs that are not there are empty tensors.
  static at::Tensor forward(AutogradContext* context, const c10::intrusive_ptr<Segment>& segment,
                            const at::Tensor& trigger, const at::Tensor& a, const at::Tensor& b, const at::Tensor& c,
                            const at::Tensor& d) {
    variable_list inputs{a, b, c, d};
    inputs.resize(segment->num_inputs);
    context->save_for_backward(inputs);
    context->saved_data["segment"] = c10::IValue::make_capsule(segment);
    at::Tensor result = segment->autocast.run([&] { return segment->f(inputs); });
    // A result that is an input would not be recorded as this function's.
    for (const auto& input : inputs)
      if (result.is_same(input)) return result.view_as(result);
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    LT_CHECK(!at::GradMode::is_enabled(), NotSupportedError,
             "[checkpoint_activations] is differentiable once: no gradients of gradients");
    const auto segment = c10::static_intrusive_pointer_cast<Segment>(context->saved_data["segment"].toCapsule());
    std::vector<at::Tensor> inputs;
    for (const at::Tensor& saved : context->get_saved_variables())
      inputs.push_back(saved.defined() ? saved.detach().requires_grad_(saved.requires_grad()) : saved);
    {
      const at::AutoGradMode with_gradients(true);
      const at::Tensor result = segment->autocast.run([&] { return segment->f(inputs); });
      torch::autograd::backward({result}, {grads[0]});
    }
    variable_list input_grads(2);  // of segment and trigger
    for (const at::Tensor& input : inputs) input_grads.push_back(input.defined() ? input.grad() : at::Tensor());
    input_grads.resize(2 + kMaxInputs);
    return input_grads;
  }
};

}  // namespace

at::Tensor checkpoint_activations(const std::function<at::Tensor(const std::vector<at::Tensor>&)>& f,
                                  const std::vector<at::Tensor>& inputs) {
  LT_ASSERT(!inputs.empty() && inputs.size() <= kMaxInputs);
  if (!at::GradMode::is_enabled()) return f(inputs);
  const auto segment = c10::make_intrusive<Segment>(f, inputs);
  const at::Tensor trigger = at::empty({0}, at::kFloat).requires_grad_();
  auto padded = inputs;
  padded.resize(kMaxInputs, trigger.detach());
  return Checkpointed::apply(segment, trigger, padded[0], padded[1], padded[2], padded[3]);
}

}  // namespace lintorch::layers
