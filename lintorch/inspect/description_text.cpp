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
  line("attention", fmt::format("{} ({} of {} linear)", attention, std::count(attention.begin(), attention.end(), 'L'),
                                attention.size()));
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
  const Json& generate = json["generate"];
  line("generate", fmt::format("weights {} + {} (text encoder) + {} (VAE), activations {}, VAE decode {}",
                               bytes(generate["transformer"]), bytes(generate["text_encoder"]), bytes(generate["vae"]),
                               bytes(generate["transformer_activations"]), bytes(generate["vae_decode"])));
  line("", fmt::format("about {} with all parts resident, {} one part at a time", bytes(generate["peak_all_resident"]),
                       bytes(generate["peak_one_at_a_time"])));
  const Json& train = json["train"];
  line("train",
       fmt::format("about {}: teacher, student, gradients and AdamW {}, stored activations {} (batch 1)",
                   bytes(train["peak"]), bytes(train["teacher_student_optimizer"]), bytes(train["activations"])));
  const Json& disk = json["trajectories"];
  line("trajectories", fmt::format("{} each, {} for {}, of {} steps", bytes(disk["bytes_each"]), bytes(disk["bytes"]),
                                   number(disk["count"]), number(video["steps"])));
  return text;
}

}  // namespace lintorch::inspect
