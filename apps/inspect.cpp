#include <array>
#include <cstdio>
#include <string_view>

#include "apps/app_main.h"
#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/inspect/run_component.h"

namespace {

using namespace lintorch;

struct Command {
  std::string_view name;
  std::string_view purpose;
  int (*main)(int argc, char** argv);
};

int run(int argc, char** argv) {
  return apps::run_app<inspect::RunConfig>(
      argc, argv, "lintorch-inspect run",
      "Runs one component of a model on the tensors of a file, named as in Diffusers and transformers.",
      [](const inspect::RunConfig& config) {
        inspect::run_component_files(config);
        log_info("wrote {}", config.output);
        return 0;
      },
      {{"component", "component", "which part to run"},
       {"model", "model", "model folder, or the component's own"},
       {"input", "input", "input tensors (.safetensors)"},
       {"output", "output", "file to write (.safetensors)"},
       {"device", "device", "auto, cpu, cuda, cuda:N"},
       {"dtype", "dtype", "fp32|bf16|fp16|fp64"},
       {"sampler", "sampler", "euler|unipc"},
       {"shift", "shift", "flow shift"},
       {"sigma-convention", "sigma_convention", "wan|diffusers"}});
}

constexpr std::array kCommands = {Command{"run", "run one component on given tensors", run}};

std::string usage() {
  std::string text = "Looks into models and videos.\n\nUsage: lintorch-inspect COMMAND [OPTION...]\n\n";
  for (const auto& command : kCommands) text += fmt::format("  {:10}{}\n", command.name, command.purpose);
  return text + "\nlintorch-inspect COMMAND --help lists the options of a command.\n";
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "";
  for (const auto& command : kCommands)
    if (command.name == name) return command.main(argc - 1, argv + 1);
  return apps::run_guarded([&] {
    if (name == "--version")
      return apps::run_app<inspect::RunConfig>(argc, argv, "lintorch-inspect", "", [](const auto&) { return 0; });
    LT_CHECK(name == "--help" || name == "-h", ConfigError, "lintorch-inspect: expected a command, got \"{}\"\n{}",
             name, usage());
    fmt::print("{}", usage());
    return 0;
  });
}
