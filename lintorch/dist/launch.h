#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace lintorch::dist {

/// One process of a job, and where the processes meet.
struct Launch {
  int rank = 0;
  int size = 1;
  int local_rank = 0;                 ///< among the processes of this machine: which GPU it takes
  std::string address = "127.0.0.1";  ///< of rank 0's machine
  uint16_t port = 29500;
  bool agent_store = false;  ///< the launcher keeps the store (torchrun); else rank 0 does
  int attempt = 0;           ///< how often the launcher has started the job again: its store outlives an attempt
  std::string started_by;    ///< "torchrun", "mpirun", "Slurm"
};

/// A variable of the environment, if it is set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

/// What the launcher said, in this order: RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT (torchrun, or set by hand;
/// TORCHELASTIC_RESTART_COUNT, TORCHELASTIC_USE_AGENT_STORE);
/// OMPI_COMM_WORLD_RANK, _SIZE, _LOCAL_RANK (mpirun); SLURM_PROCID, SLURM_STEP_NUM_TASKS, SLURM_LOCALID (srun). mpirun and
/// Slurm take MASTER_ADDR and MASTER_PORT where they are set; else this machine if all ranks are on it, and for Slurm the
/// first node of SLURM_STEP_NODELIST. nullopt: a process alone.
///
/// Throws ConfigError for half a set, a value that is no number, a rank outside [0, size), or two launchers that contradict
/// each other.
std::optional<Launch> read_launch(const Environment& environment);

/// The environment of this process.
std::optional<std::string> process_environment(const std::string& name);

/// First name of a Slurm node list: "gpu[03-07,9],cpu1" -> "gpu03".
std::string first_node(const std::string& node_list);

}  // namespace lintorch::dist
