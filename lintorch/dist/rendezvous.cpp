#include "lintorch/dist/rendezvous.h"

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "lintorch/core/error.h"

namespace lintorch::dist {

struct Rendezvous::Impl {
  c10::intrusive_ptr<c10d::TCPStore> store;
  std::string where, prefix;
};

Rendezvous::Rendezvous(const Launch& launch, std::chrono::seconds timeout) : impl_(std::make_unique<Impl>()) {
  impl_->where = fmt::format("{}:{}", launch.address, launch.port);
  impl_->prefix = fmt::format("lintorch/{}/", launch.attempt);
  c10d::TCPStoreOptions options;
  options.port = launch.port;
  options.isServer = launch.rank == 0 && !launch.agent_store;
  options.waitWorkers = false;
  options.timeout = timeout;
  try {
    impl_->store = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
  } catch (const std::exception& e) {
    throw Error(fmt::format("[dist] rank {} of {} cannot reach the meeting point {} (MASTER_ADDR, MASTER_PORT): {}",
                            launch.rank, launch.size, impl_->where, std::string(e.what()).substr(0, 200)));
  }
}

Rendezvous::~Rendezvous() = default;

void Rendezvous::set(const std::string& key, const std::string& value) {
  impl_->store->set(impl_->prefix + key, std::vector<uint8_t>(value.begin(), value.end()));
}

std::string Rendezvous::get(const std::string& key) {
  try {
    const auto value = impl_->store->get(impl_->prefix + key);
    return {value.begin(), value.end()};
  } catch (const std::exception& e) {
    throw Error(fmt::format("[dist] no \"{}\" came to {} in time: have all ranks started?", key, impl_->where));
  }
}

}  // namespace lintorch::dist
