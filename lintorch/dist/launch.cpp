#include "lintorch/dist/launch.h"

#include <charconv>
#include <cstdlib>

#include "lintorch/core/error.h"

namespace lintorch::dist {

namespace {

std::optional<int> number(const Environment& environment, const std::string& name) {
  const auto text = environment(name);
  if (!text) return std::nullopt;
  int value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  LT_CHECK(error == std::errc() && end == text->data() + text->size() && value >= 0, ConfigError,
           "{}: expected a number of 0 or more, got \"{}\"", name, *text);
  return value;
}

/// Rank, size and local rank under the names of one launcher; nullopt if it set neither rank nor size.
std::optional<Launch> read_names(const Environment& environment, const char* launcher, const std::string& rank_name,
                                 const std::string& size_name, const std::string& local_name) {
  const auto rank = number(environment, rank_name), size = number(environment, size_name);
  if (!rank && !size) return std::nullopt;
  LT_CHECK(rank && size, ConfigError, "{}: expected {} and {} together, {} is missing", launcher, rank_name, size_name,
           rank ? size_name : rank_name);
  LT_CHECK(*rank < *size, ConfigError, "{}: expected a rank below {} = {}, got {}", rank_name, size_name, *size, *rank);
  Launch launch;
  launch.started_by = launcher;
  launch.rank = *rank;
  launch.size = *size;
  launch.local_rank = number(environment, local_name).value_or(launch.size == 1 ? 0 : *rank);
  return launch;
}

void read_meeting_point(const Environment& environment, Launch& launch) {
  if (const auto address = environment("MASTER_ADDR")) launch.address = *address;
  if (const auto port = number(environment, "MASTER_PORT")) {
    LT_CHECK(*port > 0 && *port < 65536, ConfigError, "MASTER_PORT: expected a port, got {}", *port);
    launch.port = static_cast<uint16_t>(*port);
  }
}

}  // namespace

std::string first_node(const std::string& node_list) {
  const size_t bracket = node_list.find('['), comma = node_list.find(',');
  if (bracket == std::string::npos || comma < bracket) return node_list.substr(0, comma);
  const size_t end = node_list.find_first_of("-,]", bracket);
  return node_list.substr(0, bracket) + node_list.substr(bracket + 1, end - bracket - 1);
}

std::optional<Launch> read_launch(const Environment& environment) {
  auto torchrun = read_names(environment, "torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK");
  auto mpirun =
      read_names(environment, "mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK");
  if (torchrun) {
    LT_CHECK(
        !mpirun || (mpirun->rank == torchrun->rank && mpirun->size == torchrun->size), ConfigError,
        "RANK and WORLD_SIZE say rank {} of {}, mpirun says {} of {}: start with one of them, and unset the variables "
        "of the other",
        torchrun->rank, torchrun->size, mpirun ? mpirun->rank : 0, mpirun ? mpirun->size : 0);
    LT_CHECK(torchrun->size == 1 || (environment("MASTER_ADDR") && environment("MASTER_PORT")), ConfigError,
             "WORLD_SIZE is {}, but MASTER_ADDR or MASTER_PORT is missing: both say where the ranks meet",
             torchrun->size);
    torchrun->agent_store = environment("TORCHELASTIC_USE_AGENT_STORE").value_or("") == "True";
    torchrun->attempt = number(environment, "TORCHELASTIC_RESTART_COUNT").value_or(0);
    read_meeting_point(environment, *torchrun);
    return torchrun;
  }
  if (mpirun) {
    const auto local_size = number(environment, "OMPI_COMM_WORLD_LOCAL_SIZE");
    LT_CHECK(
        environment("MASTER_ADDR") || local_size.value_or(0) == mpirun->size, ConfigError,
        "mpirun started {} ranks on several machines: set MASTER_ADDR to that of rank 0 (mpirun -x MASTER_ADDR=...)",
        mpirun->size);
    read_meeting_point(environment, *mpirun);
    return mpirun;
  }
  // srun sets SLURM_STEP_NUM_TASKS; a batch script that starts one process itself has SLURM_PROCID too, but not that.
  if (!environment("SLURM_STEP_NUM_TASKS")) return std::nullopt;
  auto slurm = read_names(environment, "Slurm", "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID");
  const auto nodes = environment("SLURM_STEP_NODELIST");
  if (slurm->size > 1 && nodes) slurm->address = first_node(*nodes);
  read_meeting_point(environment, *slurm);
  return slurm;
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}

}  // namespace lintorch::dist
