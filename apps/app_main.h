#pragma once

#include <cxxopts.hpp>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lintorch/core/config_fields.h"

namespace lintorch::apps {

/// Exit code of a run that a signal ended after everything was saved.
inline constexpr int kInterruptedExitCode = 130;

/// What every app understands, parsed.
struct CommonOptions {
  std::optional<std::filesystem::path> config_file;
  std::vector<std::string> overrides;  // "key=value", in order: --set, then named flags
  bool print_config = false;
  std::optional<std::filesystem::path> profile;  // trace file
};

/// A named flag that is shorthand for one config key, e.g. {"steps", "steps", "sampler steps"}. Switches take no value
/// and set their key to true.
struct Shorthand {
  std::string flag;
  std::string key;
  std::string help;
};

/// Parses the command line; returns nullopt when --help or --version was served. positionals: flags of shorthands whose
/// values may also stand without the flag, in this order.
std::optional<CommonOptions> parse_command_line(int argc, char** argv, const std::string& name,
                                                const std::string& purpose, const std::vector<Shorthand>& shorthands,
                                                const std::vector<Shorthand>& switches, const std::string& config_table,
                                                const std::vector<std::string>& positionals = {});

/// A program within a program: "lintorch-inspect describe".
struct Command {
  std::string_view name;
  std::string_view purpose;
  int (*main)(int argc, char** argv);
};

/// Runs the command that the first argument names, with the arguments after it; --help and --version alone are served.
int run_command(int argc, char** argv, const std::string& name, const std::string& purpose,
                std::span<const Command> commands);

/// Runs `body` and turns exceptions into one line on stderr. Exit codes: 0 done, 1 failure, 2 usage or configuration,
/// and what `body` returns.
int run_guarded(const std::function<int()>& body);

/// Runs `body` under the profiler and prints its table.
int run_profiled(const std::filesystem::path& trace, const std::function<int()>& body);

/// The frame of every app: --config FILE, --set key=value (repeatable), --print-config, --profile, --help, --version,
/// shorthands.
template <class Config>
int run_app(int argc, char** argv, const std::string& name, const std::string& purpose,
            const std::function<int(const Config&)>& body, const std::vector<Shorthand>& shorthands = {},
            const std::vector<Shorthand>& switches = {}, const std::vector<std::string>& positionals = {}) {
  return run_guarded([&]() -> int {
    ConfigDescriber table;
    Config defaults;
    defaults.visit(table);
    const auto options =
        parse_command_line(argc, argv, name, purpose, shorthands, switches, table.markdown, positionals);
    if (!options) return 0;
    const auto config = [&] {
      // A config whose defaults depend on some of its keys loads itself.
      if constexpr (requires { Config::load(options->config_file, options->overrides); })
        return Config::load(options->config_file, options->overrides);
      else
        return load_config<Config>(options->config_file, options->overrides);
    }();
    if (options->print_config) {
      fmt::print("{}\n", config_to_json(config).dump(2));
      return 0;
    }
    if (options->profile) return run_profiled(*options->profile, [&] { return body(config); });
    return body(config);
  });
}

}  // namespace lintorch::apps
