#include "apps/app_main.h"

#include <c10/util/Exception.h>

#include "lintorch/core/error.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/profile.h"
#include "lintorch/core/version.h"

namespace lintorch::apps {

std::optional<CommonOptions> parse_command_line(int argc, char** argv, const std::string& name,
                                                const std::string& purpose, const std::vector<Shorthand>& shorthands,
                                                const std::vector<Shorthand>& switches, const std::string& config_table,
                                                const std::vector<std::string>& positionals) {
  cxxopts::Options options(name, purpose + "\n");
  auto add = options.add_options();
  add("config", "configuration file (JSON, comments allowed)", cxxopts::value<std::string>(), "FILE");
  add("set", "override one key of the configuration; repeatable", cxxopts::value<std::vector<std::string>>(),
      "KEY=VALUE");
  add("print-config", "print the resolved configuration and exit");
  add("profile", "profile the run, print a table of its kernels and write a Chrome trace; for short runs",
      cxxopts::value<std::string>(), "FILE");
  add("version", "print version and commit");
  add("help", "this text, with every configuration key");
  for (const auto& shorthand : shorthands) add(shorthand.flag, shorthand.help, cxxopts::value<std::string>(), "VALUE");
  for (const auto& flag : switches) add(flag.flag, flag.help);

  if (!positionals.empty()) {
    options.parse_positional(positionals);
    std::string names;
    for (const auto& positional : positionals) names += (names.empty() ? "" : " ") + positional;
    options.positional_help(names);
  }

  cxxopts::ParseResult parsed;
  try {
    parsed = options.parse(argc, argv);
  } catch (const cxxopts::exceptions::exception& e) {
    throw ConfigError(fmt::format("{}: {} (see --help)", name, e.what()));
  }
  LT_CHECK(parsed.unmatched().empty(), ConfigError, "{}: unexpected argument \"{}\" (see --help)", name,
           parsed.unmatched().front());
  if (parsed.count("help")) {
    fmt::print("{}\nConfiguration keys:\n\n| key | default | meaning |\n|---|---|---|\n{}", options.help(),
               config_table);
    return std::nullopt;
  }
  if (parsed.count("version")) {
    fmt::print("{} {} ({})\n", name, version(), git_commit());
    return std::nullopt;
  }
  CommonOptions common;
  if (parsed.count("config")) common.config_file = parsed["config"].as<std::string>();
  // cxxopts splits vectors at commas; the raw arguments keep values such as [1,2] whole.
  for (const auto& argument : parsed.arguments())
    if (argument.key() == "set") common.overrides.push_back(argument.value());
  for (const auto& shorthand : shorthands)
    if (parsed.count(shorthand.flag))
      common.overrides.push_back(shorthand.key + "=" + parsed[shorthand.flag].as<std::string>());
  for (const auto& flag : switches)
    if (parsed.count(flag.flag)) common.overrides.push_back(flag.key + "=true");
  if (parsed.count("profile")) common.profile = parsed["profile"].as<std::string>();
  common.print_config = parsed.count("print-config") > 0;
  return common;
}

int run_command(int argc, char** argv, const std::string& name, const std::string& purpose,
                std::span<const Command> commands) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  for (const auto& command : commands)
    if (command.name == wanted) return command.main(argc - 1, argv + 1);
  return run_guarded([&] {
    if (wanted == "--version") {
      parse_command_line(argc, argv, name, purpose, {}, {}, "");
      return 0;
    }
    std::string usage = fmt::format("{}\n\nUsage: {} COMMAND [OPTION...]\n\n", purpose, name);
    for (const auto& command : commands) usage += fmt::format("  {:10}{}\n", command.name, command.purpose);
    usage += fmt::format("\n{} COMMAND --help lists the options of a command.\n", name);
    LT_CHECK(wanted == "--help" || wanted == "-h", ConfigError, "{}: expected a command, got \"{}\"\n{}", name, wanted,
             usage);
    fmt::print("{}", usage);
    return 0;
  });
}

int run_profiled(const std::filesystem::path& trace, const std::function<int()>& body) {
  int code = 0;
  const std::string table = profile(trace, [&] { code = body(); });
  fmt::print("{}", table);
  log_info("wrote {}", trace.string());
  return code;
}

int run_guarded(const std::function<int()>& body) {
  try {
    return body();
  } catch (const ConfigError& e) {
    log_error("{}", e.what());
    return 2;
  } catch (const c10::Error& e) {
    log_error("LibTorch: {}", e.what_without_backtrace());
    return 1;
  } catch (const std::exception& e) {
    log_error("{}", e.what());
    return 1;
  }
}

}  // namespace lintorch::apps
