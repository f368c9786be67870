#pragma once

#include <string>
#include <vector>

namespace lintorch::eval {

struct PlotSeries {
  std::string label;
  std::vector<double> x;
  std::vector<double> y;
};

struct PlotOptions {
  std::string title;
  std::string x_label;
  std::string y_label;
  double y_min = 0;
  double y_max = 1;
  bool fit_y = false;  // take the y range from the data instead
};

/// A line plot as one self-contained <svg> element: axes, ticks, legend; no scripts.
std::string svg_line_plot(const std::vector<PlotSeries>& series, const PlotOptions& options);

/// & < > " escaped for HTML and SVG text.
std::string escape_html(const std::string& text);

}  // namespace lintorch::eval
