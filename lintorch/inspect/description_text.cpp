#include <fmt/format.h>

#include <algorithm>

#include "lintorch/inspect/describe.h"

namespace lintorch::inspect {
namespace {

std::string with_unit(double value, const char* unit) {
  constexpr const char* kPrefixes[] = {"", "k", "M", "G", "T", "P"};
  int power = 0;
  for (; value >= 1000 && power < 5; ++power) value /= 1000;
  return fmt::format("{:.4g} {}{}", value, kPrefixes[power], unit);
}

}  // namespace

std::string description_text(const Json& json) {
  std::string text;
  const auto line = [&](const char* topic, const std::string& content) {
    text += fmt::format("{:14}{}\n", topic, content);
  };
  const auto bytes = [](const Json& value) { return with_unit(value.get<double>(), "B"); };
  const auto flops = [](const Json& value) { return with_unit(value.get<double>(), "FLOP"); };
  const auto count = [](const Json& value) { return with_unit(value.get<double>(), ""); };
  const Json& dit = json["transformer"];
  const auto number = [](const Json& value) { return value.get<int64_t>(); };
  const int64_t heads = number(dit["num_attention_heads"]), head_dim = number(dit["attention_head_dim"]);
  line("transformer", fmt::format("{} layers of width {} ({} heads x {}), FFN {}, text {}, patch {}",
                                  number(dit["num_layers"]), heads * head_dim, heads, head_dim, number(dit["ffn_dim"]),
                                  number(dit["text_dim"]), dit["patch_size"].dump()));
  const auto attention = json["attention"].get<std::string>();
  // As the config writes it: only if a layer is linear.
  const bool rope_after = dit.contains("linear_attention") && dit["linear_attention"].value("rope", "") == "after";
  line("attention",
       fmt::format("{} ({} of {} linear{})", attention, std::count(attention.begin(), attention.end(), 'L'),
                   attention.size(), rope_after ? ", rotation after the feature map" : ""));
  const Json& parameters = json["parameters"];
  line("parameters", fmt::format("transformer {}, text encoder {}, VAE {}", count(parameters["transformer"]),
                                 count(parameters["text_encoder"]), count(parameters["vae"])));
  const Json& video = json["video"];
  line("video", fmt::format("{}x{}, {} frames: latent {}, {} tokens", number(video["width"]), number(video["height"]),
                            number(video["frames"]), video["latent"].dump(), number(video["tokens"])));
  const Json& forward = json["forward"];
  line("forward", fmt::format("{}: projections {}, softmax attention {}, linear attention {}, cross-attention {}",
                              flops(forward["flops"]), flops(forward["flops_projections"]),
                              flops(forward["flops_softmax_attention"]), flops(forward["flops_linear_attention"]),
                              flops(forward["flops_cross_attention"])));
  line("", fmt::format("weights {}, activations read and written {} ({}, one sample)", bytes(forward["bytes_weights"]),
                       bytes(forward["bytes_activations"]), video["dtype"].get<std::string>()));
  const Json& counted = json["memory_counted"];
  const auto counted_line = [&](const char* topic, const char* name, const Json& costs, const char* key) {
    line(topic, fmt::format("{:26} {:>10}  ({})", name, bytes(costs[key]), counted[key].get<std::string>()));
  };
  const auto peak_line = [&](const char* name, const Json& value) {
    line("", fmt::format("{:26} {:>10}", name, bytes(value)));
  };
  const Json& generate = json["generate"];
  counted_line("generate", "transformer", generate, "transformer");
  counted_line("", "text encoder", generate, "text_encoder");
  counted_line("", "VAE", generate, "vae");
  counted_line("", "transformer activations", generate, "transformer_activations");
  counted_line("", "VAE decode", generate, "vae_decode");
  peak_line("peak, all parts resident", generate["peak_all_resident"]);
  peak_line("peak, one part at a time", generate["peak_one_at_a_time"]);
  const Json& train = json["train"];
  counted_line("train", "weights and optimizer", train, "teacher_student_optimizer");
  counted_line("", "activations", train, "activations");
  peak_line("peak", train["peak"]);
  line("", "Memory is counted from the shapes. Left out: " + counted["left_out"].get<std::string>() + ".");
  const Json& disk = json["trajectories"];
  line("trajectories", fmt::format("{} each, {} for {}, of {} steps", bytes(disk["bytes_each"]), bytes(disk["bytes"]),
                                   number(disk["count"]), number(video["steps"])));
  return text;
}

}  // namespace lintorch::inspect
