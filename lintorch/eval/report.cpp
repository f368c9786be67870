#include "lintorch/eval/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/date.h"
#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/logging.h"
#include "lintorch/core/version.h"
#include "lintorch/eval/svg_plot.h"
#include "lintorch/media/base64.h"
#include "lintorch/media/image.h"
#include "lintorch/media/video_writer.h"

namespace lintorch::eval {

namespace fs = std::filesystem;

namespace {

struct Metric {
  std::string key;
  std::string title;
  std::string unit;
  std::function<std::optional<Estimate>(const ModelResult&)> value;
  double scale = 1;
  int decimals = 2;
};

std::optional<Estimate> exact(std::optional<double> value, int64_t count) {
  if (!value) return std::nullopt;
  return Estimate{*value, 0, count};
}

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all = {
      {"class_accuracy", "class %", "%", [](const ModelResult& r) { return r.class_accuracy; }, 100, 1},
      {"direction_accuracy", "direction %", "%", [](const ModelResult& r) { return r.direction_accuracy; }, 100, 1},
      {"frechet_distance", "Frechet", "",
       [](const ModelResult& r) { return exact(r.frechet_distance, r.flicker.count); }},
      {"psnr_to_teacher", "PSNR dB", "dB", [](const ModelResult& r) { return r.psnr_db; }},
      {"ssim_to_teacher", "SSIM", "", [](const ModelResult& r) { return r.ssim; }, 1, 3},
      {"temporal_flicker", "flicker", "", [](const ModelResult& r) -> std::optional<Estimate> { return r.flicker; }, 1,
       4},
      {"diversity_pixels", "diversity px", "", [](const ModelResult& r) { return r.pixel_diversity; }, 1, 3},
      {"diversity_pixels_to_teacher", "of teacher %", "%",
       [](const ModelResult& r) {
         return exact(r.pixel_diversity_share, r.pixel_diversity ? r.pixel_diversity->count : 0);
       },
       100, 1},
      {"diversity_features", "diversity judge", "", [](const ModelResult& r) { return r.feature_diversity; }},
      {"diversity_features_to_teacher", "of teacher %", "%",
       [](const ModelResult& r) {
         return exact(r.feature_diversity_share, r.feature_diversity ? r.feature_diversity->count : 0);
       },
       100, 1},
      {"time_per_step", "ms/step", "ms",
       [](const ModelResult& r) { return exact(r.seconds_per_step, r.flicker.count); }, 1000, 1},
      {"time_per_video", "ms/video", "ms",
       [](const ModelResult& r) {
         return exact(r.seconds_per_step * static_cast<double>(r.sampling.steps), r.flicker.count);
       },
       1000, 1}};
  return all;
}

/// Those that some row has.
std::vector<Metric> metrics_of(const EvalResult& result) {
  std::vector<Metric> present;
  for (const auto& metric : metrics())
    if (std::any_of(result.rows.begin(), result.rows.end(), [&](const auto& row) { return metric.value(row); }))
      present.push_back(metric);
  return present;
}

std::string cell(const Metric& metric, const ModelResult& row) {
  const auto estimate = metric.value(row);
  if (!estimate) return "-";
  std::string text = fmt::format("{:.{}f}", estimate->mean * metric.scale, metric.decimals);
  if (estimate->half_width > 0) text += fmt::format(" ±{:.{}f}", estimate->half_width * metric.scale, metric.decimals);
  return text;
}

std::string layer_map(const ModelResult& row) {
  std::string map;
  for (const auto& kind : row.attention) map += kind == "softmax" ? 'S' : 'L';
  return map;
}

/// Characters, not bytes: table titles and cells hold a few non-ASCII characters.
size_t display_width(const std::string& text) {
  size_t width = 0;
  for (const unsigned char c : text) width += (c & 0xC0) != 0x80;
  return width;
}

std::string video_name(size_t prompt, const std::string& row) {
  return fmt::format("{:02}_{}", prompt, file_name(row));
}

std::string embedded_video(const fs::path& file) {
  const std::string data = media::encode_base64(read_file(file));
  if (file.extension() == ".gif") return fmt::format("<img class=\"clip\" src=\"data:image/gif;base64,{}\">", data);
  return fmt::format("<video class=\"clip\" autoplay loop muted playsinline src=\"data:video/mp4;base64,{}\"></video>",
                     data);
}

std::string videos_html(const EvalResult& result, const fs::path& folder) {
  std::string html = "<table class=\"videos\"><tr><th>prompt</th>";
  for (const auto& row : result.rows) html += fmt::format("<th>{}</th>", escape_html(row.name));
  html += "</tr>\n";
  const size_t shown = result.rows.empty() ? 0 : result.rows.front().videos.size();
  for (size_t i = 0; i < shown; ++i) {
    html += fmt::format("<tr><td>{}</td>", escape_html(result.prompts[i]));
    for (const auto& row : result.rows) {
      const fs::path file = folder / (video_name(i, row.name) + media::video_extension());
      html += "<td>" + embedded_video(file) + "</td>";
    }
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

std::string table_html(const EvalResult& result) {
  const auto present = metrics_of(result);
  std::string html = "<table><tr><th>model</th><th>steps</th>";
  for (const auto& metric : present) html += fmt::format("<th>{}</th>", escape_html(metric.title));
  html += "</tr>\n";
  for (const auto& row : result.rows) {
    html += fmt::format("<tr><td>{}</td><td>{}</td>", escape_html(row.name), row.sampling.steps);
    for (const auto& metric : present) html += fmt::format("<td>{}</td>", cell(metric, row));
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

std::string layer_map_html(const EvalResult& result) {
  std::string html = "<table class=\"layers\">";
  for (const auto& row : result.rows) {
    html += fmt::format("<tr><td>{}</td>", escape_html(row.name));
    for (size_t layer = 0; layer < row.attention.size(); ++layer)
      html += fmt::format("<td class=\"{0}\" title=\"layer {1}: {0}\">{1}</td>", row.attention[layer], layer);
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

constexpr const char* kStyle = R"(<style>
body{font-family:sans-serif;max-width:1100px;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.35em .7em;border-bottom:1px solid #ddd;text-align:left}
.clip{width:240px;image-rendering:pixelated;display:block}
.layers td{text-align:center}.layers .softmax{background:#dbe7ff}.layers .linear{background:#ffe3bf}
small{color:#666}</style>)";

}  // namespace

std::string report_table(const EvalResult& result) {
  const auto present = metrics_of(result);
  std::vector<std::vector<std::string>> cells{{"model", "layers", "steps"}};
  for (const auto& metric : present) cells[0].push_back(metric.title);
  for (const auto& row : result.rows) {
    cells.push_back({row.name, layer_map(row), std::to_string(row.sampling.steps)});
    for (const auto& metric : present) cells.back().push_back(cell(metric, row));
  }
  std::vector<size_t> widths(cells[0].size(), 0);
  for (const auto& line : cells)
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], display_width(line[i]));
  std::string text;
  for (const auto& line : cells) {
    for (size_t i = 0; i < line.size(); ++i) text += line[i] + std::string(widths[i] - display_width(line[i]) + 2, ' ');
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

Json report_json(const EvalResult& result, const EvalConfig& config) {
  Json rows = Json::array();
  for (const auto& row : result.rows)
    for (const auto& metric : metrics()) {
      const auto estimate = metric.value(row);
      if (!estimate) continue;
      rows.push_back({{"table", "eval"},
                      {"row", row.name},
                      {"metric", metric.key},
                      {"mean", estimate->mean * metric.scale},
                      {"ci95", estimate->half_width * metric.scale},
                      {"n", estimate->count},
                      {"unit", metric.unit},
                      {"hardware", result.device},
                      {"commit", git_commit()},
                      {"date", today()},
                      {"command", "lintorch-eval --config config.json"}});
    }
  Json models = Json::array();
  for (const auto& row : result.rows)
    models.push_back({{"name", row.name},
                      {"model", row.model},
                      {"attention", row.attention},
                      {"sampler", enum_name(row.sampling.sampler)},
                      {"steps", row.sampling.steps},
                      {"times", row.sampling.times},
                      {"guidance", row.sampling.guidance}});
  Json json{{"rows", rows}, {"models", models}, {"config", config_to_json(config)}};
  if (result.real_class_accuracy) json["judge_on_real_clips"]["class_accuracy"] = 100 * *result.real_class_accuracy;
  if (result.real_direction_accuracy)
    json["judge_on_real_clips"]["direction_accuracy"] = 100 * *result.real_direction_accuracy;
  return json;
}

std::string report_html(const EvalResult& result, const EvalConfig& config) {
  std::string html = "<!doctype html><html><head><meta charset=\"utf-8\"><title>lintorch report</title>";
  html += kStyle;
  html += fmt::format(
      "</head><body><h1>lintorch report</h1><p>{} prompts; the teacher with {} steps, guidance {}; on {}, {}, commit "
      "{}.</p>\n",
      result.rows.empty() ? 0 : result.rows.front().flicker.count,
      result.rows.empty() ? 0 : result.rows[0].sampling.steps,
      result.rows.empty() ? 0 : result.rows[0].sampling.guidance, escape_html(result.device), today(), git_commit());
  html += table_html(result);
  if (result.real_class_accuracy && result.real_direction_accuracy)
    html += fmt::format(
        "<p><small>± is the 95 % confidence half-width. The judge itself, on real test clips: class {:.1f} %, "
        "direction {:.1f} %. Frechet distance is taken to real test clips in the judge's features; PSNR and "
        "SSIM to the teacher's video from the same noise.</small></p>\n",
        100 * *result.real_class_accuracy, 100 * *result.real_direction_accuracy);
  if (config.videos_in_report > 0)
    html += "<h2>Side by side</h2>\n" + videos_html(result, fs::path(config.output) / "videos");
  html += "<h2>Attention per layer</h2>\n<p><small>blue: softmax, orange: linear; layers count from 0</small></p>\n" +
          layer_map_html(result);
  if (!result.gate_plot.empty()) html += "<h2>Gates during training</h2>\n" + result.gate_plot;
  return html + "</body></html>\n";
}

void write_report(const EvalResult& result, const EvalConfig& config) {
  const fs::path folder = fs::path(config.output) / "videos";
  create_folder(folder);
  media::VideoOptions options;
  options.fps = result.fps;
  for (const auto& row : result.rows)
    for (size_t i = 0; i < row.videos.size(); ++i) {
      const auto file = folder / (video_name(i, row.name) + media::video_extension());
      options.metadata = {{"prompt", result.prompts[i]}, {"model", row.name}};
      media::write_video(file, media::to_frames_u8(row.videos[i]), options);
    }
  write_json_file(fs::path(config.output) / "config.json", config_to_json(config));
  write_json_file(fs::path(config.output) / "report.json", report_json(result, config));
  write_file_atomic(fs::path(config.output) / "report.html", report_html(result, config));
}

}  // namespace lintorch::eval
