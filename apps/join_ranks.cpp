#include "apps/join_ranks.h"

#include "lintorch/core/device.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"

namespace lintorch::apps {

Ranks join_ranks(const std::string& device) {
  const auto launch = dist::read_launch(dist::process_environment);
  if (!launch || launch->size == 1) return {resolve_device(device), nullptr};
  LT_CHECK(!device.starts_with("cuda:"), ConfigError,
           "device: expected auto, cpu or cuda for {} ranks, each of which takes the GPU of its local rank, got {}",
           launch->size, device);
  if (launch->rank > 0) set_log_level(LogLevel::kWarning);
  c10::Device own = resolve_device(device);
  if (own.is_cuda()) own = resolve_device("cuda:" + std::to_string(launch->local_rank));
  return {own, dist::connect(*launch, own)};
}

}  // namespace lintorch::apps
