#include <torch/torch.h>

#include <catch2/catch.hpp>

#include "lintorch/core/files.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/models/umt5/checkpoint.h"

using namespace lintorch;

namespace {

// The tensors whose names start with `prefix`, without it.
TensorMap with_prefix(const io::SafetensorsFile& file, const std::string& prefix) {
  TensorMap result;
  for (const auto& [name, info] : file.tensors())
    if (name.starts_with(prefix)) result[name.substr(prefix.size())] = file.tensor(name);
  return result;
}

double max_difference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

// Goldens: scripts/goldens/umt5.py.
TEST_CASE("the text encoder equals transformers' UMT5EncoderModel, gradients included", "[umt5_encoder]") {
  const io::SafetensorsFile goldens(LINTORCH_TEST_DATA "/umt5.safetensors");
  const auto folder = std::filesystem::temp_directory_path() / "lintorch_umt5_parity";
  for (const std::string model : {"a", "b"}) {
    CAPTURE(model);
    write_file_atomic(folder / "config.json", goldens.metadata().at(model + ".config"));
    io::write_checkpoint(folder, "model", with_prefix(goldens, model + ".weight."));
    auto encoder = umt5::load_umt5(folder, torch::kFloat32, torch::kCPU);

    const auto mask = goldens.tensor(model + ".mask");
    const auto output = encoder(goldens.tensor(model + ".ids"), mask);
    CHECK(max_difference(output, goldens.tensor(model + ".output")) <= 1e-5);

    (output * goldens.tensor(model + ".probe") * mask.unsqueeze(-1)).sum().backward();
    const auto parameters = encoder->named_parameters();
    for (const auto& [name, gradient] : with_prefix(goldens, model + ".gradient.")) {
      CAPTURE(name);
      CHECK(max_difference(parameters[name].grad(), gradient) <= 1e-5 * gradient.abs().max().item<double>());
    }
  }
  std::filesystem::remove_all(folder);
}
