#include "lintorch/dist/launch.h"

#include <catch2/catch.hpp>

#include <map>

#include "lintorch/core/error.h"

namespace lintorch::dist {
namespace {

std::optional<Launch> read(std::map<std::string, std::string> variables) {
  return read_launch([variables = std::move(variables)](const std::string& name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    if (it == variables.end()) return std::nullopt;
    return it->second;
  });
}

TEST_CASE("a process without a launcher is alone", "[launch]") {
  CHECK_FALSE(read({}));
  // A batch script that starts the program itself, on one of eight tasks asked for.
  CHECK_FALSE(read({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}));
}

TEST_CASE("torchrun's variables are read", "[launch]") {
  std::map<std::string, std::string> variables{
      {"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}, {"MASTER_ADDR", "node0"}, {"MASTER_PORT", "1234"}};
  auto launch = read(variables);
  REQUIRE(launch);
  CHECK(launch->rank == 5);
  CHECK(launch->size == 8);
  CHECK(launch->local_rank == 1);
  CHECK(launch->address == "node0");
  CHECK(launch->port == 1234);
  CHECK_FALSE(launch->agent_store);
  CHECK(launch->started_by == "torchrun");
  variables["TORCHELASTIC_USE_AGENT_STORE"] = "True";
  CHECK(read(variables)->agent_store);
  CHECK(read(variables)->attempt == 0);
  variables["TORCHELASTIC_RESTART_COUNT"] = "2";
  CHECK(read(variables)->attempt == 2);
  // torchrun inside a Slurm job: srun counts machines, torchrun ranks.
  variables["SLURM_PROCID"] = "2";
  variables["SLURM_STEP_NUM_TASKS"] = "4";
  CHECK(read(variables)->size == 8);
}

TEST_CASE("mpirun's variables are read", "[launch]") {
  std::map<std::string, std::string> variables{{"OMPI_COMM_WORLD_RANK", "1"},
                                               {"OMPI_COMM_WORLD_SIZE", "2"},
                                               {"OMPI_COMM_WORLD_LOCAL_RANK", "1"},
                                               {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}};
  const auto launch = read(variables);
  CHECK(launch->rank == 1);
  CHECK(launch->address == "127.0.0.1");
  CHECK(launch->started_by == "mpirun");
  variables["OMPI_COMM_WORLD_LOCAL_SIZE"] = "1";
  CHECK_THROWS_WITH(read(variables), Catch::Contains("MASTER_ADDR") && Catch::Contains("several machines"));
  variables["MASTER_ADDR"] = "node7";
  CHECK(read(variables)->address == "node7");
}

TEST_CASE("srun's variables are read, and its first node is the meeting point", "[launch]") {
  const auto launch = read({{"SLURM_PROCID", "3"},
                            {"SLURM_STEP_NUM_TASKS", "16"},
                            {"SLURM_LOCALID", "3"},
                            {"SLURM_STEP_NODELIST", "gpu[03-04],gpu9"}});
  CHECK(launch->rank == 3);
  CHECK(launch->size == 16);
  CHECK(launch->local_rank == 3);
  CHECK(launch->address == "gpu03");
  CHECK(first_node("gpu9,gpu[03-04]") == "gpu9");
  CHECK(first_node("gpu[7,9]") == "gpu7");
  CHECK(first_node("cpu1") == "cpu1");
}

TEST_CASE("half a set, wrong numbers and contradictions are refused by name", "[launch]") {
  CHECK_THROWS_WITH(read({{"RANK", "0"}}), Catch::Contains("WORLD_SIZE is missing"));
  CHECK_THROWS_WITH(read({{"RANK", "2"}, {"WORLD_SIZE", "2"}}), Catch::Contains("RANK") && Catch::Contains("below"));
  CHECK_THROWS_WITH(read({{"RANK", "zero"}, {"WORLD_SIZE", "2"}}), Catch::Contains("got \"zero\""));
  CHECK_THROWS_WITH(read({{"RANK", "0"}, {"WORLD_SIZE", "2"}}), Catch::Contains("MASTER_ADDR"));
  CHECK_THROWS_WITH(read({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "70000"}}),
                    Catch::Contains("MASTER_PORT"));
  CHECK_THROWS_WITH(read({{"RANK", "0"},
                          {"WORLD_SIZE", "2"},
                          {"MASTER_ADDR", "a"},
                          {"MASTER_PORT", "7"},
                          {"OMPI_COMM_WORLD_RANK", "1"},
                          {"OMPI_COMM_WORLD_SIZE", "2"}}),
                    Catch::Contains("rank 0 of 2, mpirun says 1 of 2"));
  CHECK(read({{"RANK", "0"}, {"WORLD_SIZE", "1"}})->size == 1);
}

}  // namespace
}  // namespace lintorch::dist
