#pragma once

#include <string>

#include "lintorch/core/json.h"
#include "lintorch/eval/evaluate.h"

namespace lintorch::eval {

/// Rows as {table, row, metric, mean, ci95, n, unit, hardware, commit, date, command}.
Json report_json(const EvalResult& result, const EvalConfig& config);

/// The table as aligned text for the terminal.
std::string report_table(const EvalResult& result);

/// A self-contained page: side-by-side videos (GIF, embedded), table, layer map, gate trajectories.
std::string report_html(const EvalResult& result, const EvalConfig& config);

/// Writes report.html, report.json and videos/ (mp4 where FFmpeg is built in, else GIF) into config.output.
void write_report(const EvalResult& result, const EvalConfig& config);

}  // namespace lintorch::eval
