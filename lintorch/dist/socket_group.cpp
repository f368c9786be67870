#include "lintorch/dist/socket_group.h"

#include <ATen/Functions.h>
#include <ATen/core/grad_mode.h>

#include "lintorch/core/error.h"

namespace lintorch::dist {

namespace {

void check(const at::Tensor& tensor, const char* what) {
  LT_CHECK(tensor.is_cpu() && tensor.is_contiguous(), Error, "[{}] expected a contiguous tensor on the CPU", what);
}

std::span<std::byte> bytes(const at::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

/// `count` views that follow each other, of equal size but for the last ones.
std::vector<at::Tensor> split_evenly(const at::Tensor& flat, int64_t count) {
  std::vector<at::Tensor> parts;
  const int64_t step = (flat.numel() + count - 1) / count;
  for (int64_t r = 0; r < count; ++r) {
    const int64_t begin = std::min(flat.numel(), r * step);
    parts.push_back(flat.narrow(0, begin, std::min(step, flat.numel() - begin)));
  }
  return parts;
}

}  // namespace

/// The own part summed over ranks, in their order.
at::Tensor SocketGroup::sum_part(const std::vector<at::Tensor>& parts) {
  const auto own = static_cast<size_t>(rank());
  std::vector<std::span<const std::byte>> send;
  std::vector<std::span<std::byte>> receive;
  std::vector<at::Tensor> received;
  for (size_t r = 0; r < parts.size(); ++r) {
    received.push_back(r == own ? parts[own] : at::empty_like(parts[own]));
    send.push_back(bytes(parts[r]));
    receive.push_back(bytes(received[r]));
  }
  mesh().exchange(send, receive);
  at::Tensor sum = received[0].clone();
  for (size_t r = 1; r < parts.size(); ++r) sum.add_(received[r]);
  return sum;
}

/// parts[r] of rank r to everyone.
void SocketGroup::share(const std::vector<at::Tensor>& parts) {
  std::vector<std::span<const std::byte>> send(parts.size(), bytes(parts[static_cast<size_t>(rank())]));
  std::vector<std::span<std::byte>> receive;
  for (const auto& part : parts) receive.push_back(bytes(part));
  mesh().exchange(send, receive);
}

void SocketGroup::all_reduce(const at::Tensor& values) {
  const at::NoGradGuard no_grad;
  check(values, "all_reduce");
  const auto parts = split_evenly(values.detach().view({-1}), size());
  const at::Tensor sum = sum_part(parts);
  parts[static_cast<size_t>(rank())].copy_(sum);
  share(parts);
}

void SocketGroup::reduce_scatter(const at::Tensor& shard, const at::Tensor& whole) {
  const at::NoGradGuard no_grad;
  check(shard, "reduce_scatter");
  check(whole, "reduce_scatter");
  LT_CHECK(whole.numel() == shard.numel() * size(), Error, "[reduce_scatter] expected {} values, got {}",
           shard.numel() * size(), whole.numel());
  shard.view({-1}).copy_(sum_part(split_evenly(whole.detach().view({-1}), size())));
}

void SocketGroup::all_gather(const at::Tensor& whole, const at::Tensor& shard) {
  const at::NoGradGuard no_grad;
  check(shard, "all_gather");
  check(whole, "all_gather");
  LT_CHECK(whole.numel() == shard.numel() * size(), Error, "[all_gather] expected {} values, got {}",
           shard.numel() * size(), whole.numel());
  const auto parts = split_evenly(whole.detach().view({-1}), size());
  const auto& own = parts[static_cast<size_t>(rank())];
  if (own.data_ptr() != shard.data_ptr()) own.copy_(shard.view({-1}));
  share(parts);
}

void SocketGroup::broadcast(const at::Tensor& values, int root) {
  check(values, "broadcast");
  const bool sends = rank() == root;
  std::vector<std::span<const std::byte>> send(static_cast<size_t>(size()));
  std::vector<std::span<std::byte>> receive(static_cast<size_t>(size()));
  if (sends)
    send.assign(static_cast<size_t>(size()), bytes(values));
  else
    receive[static_cast<size_t>(root)] = bytes(values);
  mesh().exchange(send, receive);
}

}  // namespace lintorch::dist
