#include "lintorch/dist/connect.h"

#include <dlfcn.h>

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/dist/socket_group.h"

namespace lintorch::dist {

std::unique_ptr<Group> connect(const Launch& launch, c10::Device device, std::chrono::seconds timeout) {
  Rendezvous rendezvous(launch, timeout);
  auto mesh = std::make_unique<Mesh>(launch, rendezvous, timeout);
  mesh->gather_text("");  // the store may go when its keeper goes on
  if (launch.rank == 0)
    log_info("{} ranks, started by {}, meeting at {}:{}", launch.size, launch.started_by, launch.address, launch.port);
  if (!device.is_cuda()) return std::make_unique<SocketGroup>(std::move(mesh));
  auto* make = reinterpret_cast<MakeNcclGroup*>(dlsym(RTLD_DEFAULT, "lintorch_make_nccl_group"));
  LT_CHECK(make != nullptr, NotSupportedError, "[dist] this build has no NCCL: it was made without CUDA");
  return std::unique_ptr<Group>(make(std::move(mesh), device));
}

}  // namespace lintorch::dist
