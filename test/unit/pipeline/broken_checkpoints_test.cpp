#include <torch/torch.h>

#include <catch2/catch.hpp>

#include <fstream>
#include <functional>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/json.h"
#include "lintorch/io/sharded_index.h"
#include "lintorch/io/torch_archive.h"
#include "lintorch/layers/module_state.h"
#include "lintorch/models/component_weights.h"
#include "lintorch/models/umt5/key_map.h"
#include "lintorch/models/wan/dit_key_map.h"
#include "lintorch/models/wan/vae_key_map.h"
#include "test/support/micro_model.h"
#include "test/support/temp_dir.h"

// Every damage that a checkpoint can have, for every part and every form of file in which it circulates.

using namespace lintorch;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

/// One part of the micro model (Diffusers names), how to write and open it, and two tensors to damage.
struct Part {
  std::string name, stem, original_stem;
  TensorMap state;
  Json config, other_config;
  std::function<TensorMap(const TensorMap&)> to_original;
  std::function<void(const fs::path&)> open;
  std::string victim;            // a matrix or a kernel
  std::string original_victim;   // its original name
  std::string other_config_why;  // what the error says if the config is that of another preset
};

enum class Form { kSafetensors, kSharded, kOriginalSafetensors, kPth };

std::vector<Part> parts() {
  const test::TempDir folder;
  test::write_micro_model(folder.path());
  const auto read = [&](const std::string& part, const std::string& stem) {
    TensorMap state;
    for (const auto& [name, tensor] : io::read_checkpoint(folder / part, stem)) state[name] = tensor.clone();
    return state;
  };
  const auto config = [&](const std::string& part) { return read_json_file(folder / part / "config.json"); };
  const auto vae = wan::read_vae_config(folder / "vae" / "config.json");
  Json tiny_umt5 = config("text_encoder");
  tiny_umt5["num_layers"] = 2;
  return {
      {.name = "transformer",
       .stem = "diffusion_pytorch_model",
       .original_stem = "diffusion_pytorch_model",
       .state = read("transformer", "diffusion_pytorch_model"),
       .config = config("transformer"),
       .other_config = wan::wan_dit_config_to_json(wan::t2v_1_3b()),
       .to_original = [](const TensorMap& state) { return wan::dit_state_to_original(state); },
       .open = [](const fs::path& path) { wan::open_wan_dit(path); },
       .victim = "blocks.2.attn1.to_q.weight",
       .original_victim = "blocks.2.self_attn.q.weight",
       .other_config_why = "expected num_layers = 30 blocks as the config says, got 4"},
      {.name = "vae",
       .stem = "diffusion_pytorch_model",
       .original_stem = wan::kOriginalVaeStem,
       .state = read("vae", "diffusion_pytorch_model"),
       .config = config("vae"),
       .other_config = wan::vae_config_json(wan::t2v_vae()),
       .to_original = [vae](const TensorMap& state) { return to_original_names(state, wan::vae_key_map(vae), "test"); },
       .open = [](const fs::path& path) { wan::open_wan_vae(path); },
       .victim = "decoder.conv_in.weight",
       .original_victim = "decoder.conv1.weight",
       .other_config_why = "mis-shaped"},
      {.name = "text_encoder",
       .stem = "model",
       .original_stem = umt5::kOriginalUmt5Stem,
       .state = read("text_encoder", "model"),
       .config = config("text_encoder"),
       .other_config = tiny_umt5,
       .to_original = [](const TensorMap& state) { return to_original_names(state, umt5::umt5_key_map(), "test"); },
       .open = [](const fs::path& path) { umt5::open_umt5(path); },
       .victim = "encoder.block.0.layer.0.SelfAttention.q.weight",
       .original_victim = "blocks.0.attn.q.weight",
       .other_config_why = "missing"}};
}

std::string form_name(Form form) {
  constexpr const char* kNames[] = {"safetensors", "sharded", "original names in safetensors",
                                    "original names in .pth"};
  return kNames[static_cast<int>(form)];
}

bool is_original(Form form) { return form == Form::kOriginalSafetensors || form == Form::kPth; }

/// A part on the disk, in one form.
struct Written {
  Written(const Part& part, Form form, const TensorMap& state, const Json& config) : part(part) {
    const io::Metadata metadata = {{kConfigMetadata, config.dump()}};
    if (is_original(form)) {
      path = data = folder / (part.original_stem + (form == Form::kPth ? ".pth" : ".safetensors"));
      if (form == Form::kPth)
        io::write_torch_archive(path, state, metadata);
      else
        io::write_safetensors(path, state, metadata);
      return;
    }
    path = folder.path();
    write_json_file(folder / "config.json", config);
    io::write_checkpoint(path, part.stem, state, metadata, form == Form::kSharded ? 3000 : 0);
    for (const auto& entry : fs::directory_iterator(path))  // the first shard, or the only file
      if (entry.path().extension() == ".safetensors" && (data.empty() || entry.path() < data)) data = entry.path();
  }

  std::string refusal() const {
    try {
      part.open(path);
    } catch (const CheckpointError& e) {
      return e.what();
    } catch (const std::exception& e) {
      return std::string("another kind of error: ") + e.what();
    }
    return "not refused";
  }

  const Part& part;
  test::TempDir folder;
  fs::path path, data;
};

void overwrite(const fs::path& file, uint64_t at, const std::string& bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(static_cast<std::streamoff>(at));
  stream << bytes;
}

/// Runs `check` for every part in every form: with the intact state, in the names of the form.
void for_all(const std::function<void(const Part&, Form, const TensorMap&, const std::string& victim)>& check) {
  for (const Part& part : parts())
    for (const Form form : {Form::kSafetensors, Form::kSharded, Form::kOriginalSafetensors, Form::kPth}) {
      INFO(part.name << ", " << form_name(form));
      const bool original = is_original(form);
      check(part, form, original ? part.to_original(part.state) : part.state,
            original ? part.original_victim : part.victim);
    }
}

}  // namespace

TEST_CASE("intact checkpoints open in every form", "[broken_checkpoints]") {
  for_all([](const Part& part, Form form, const TensorMap& state, const std::string& victim) {
    REQUIRE(state.contains(victim));
    const Written written(part, form, state, part.config);
    CHECK_NOTHROW(part.open(written.path));
    if (form == Form::kSharded) CHECK(fs::exists(written.path / (part.stem + ".safetensors.index.json")));
  });
}

TEST_CASE("truncated files are refused by name, wherever they end", "[broken_checkpoints]") {
  for_all([](const Part& part, Form form, const TensorMap& state, const std::string&) {
    const Written written(part, form, state, part.config);
    const auto size = fs::file_size(written.data);
    for (const uint64_t kept : {size - 1, size / 2, size / 10, uint64_t{20}}) {
      CAPTURE(kept, size);
      fs::resize_file(written.data, kept);
      CHECK_THAT(written.refusal(), Contains(written.data.filename().string()) &&
                                        (Contains("cut off") || Contains("bytes") || Contains("end-of-directory")));
    }
    fs::resize_file(written.data, 0);
    CHECK_THAT(written.refusal(), Contains(written.data.filename().string()));
  });
}

TEST_CASE("corrupt files are refused by name", "[broken_checkpoints]") {
  for_all([](const Part& part, Form form, const TensorMap& state, const std::string&) {
    const bool pth = form == Form::kPth;
    // Signature; header or first local record; text of the header, or pickle.
    for (const uint64_t at : {uint64_t{0}, uint64_t{6}, pth ? uint64_t{90} : uint64_t{30}}) {
      CAPTURE(at);
      const Written written(part, form, state, part.config);
      overwrite(written.data, at, "\xff\xfe\xfd\xfc");
      CHECK_THAT(written.refusal(), Contains(written.data.filename().string()));
    }
    if (!pth) return;
    for (const uint64_t from_end : {8, 40}) {  // end record, directory
      CAPTURE(from_end);
      const Written written(part, form, state, part.config);
      overwrite(written.data, fs::file_size(written.data) - from_end, "\xff\xfe\xfd\xfc");
      CHECK_THAT(written.refusal(), Contains(written.data.filename().string()));
    }
  });
}

TEST_CASE("renamed tensors are reported as missing and unexpected, with the nearest preset", "[broken_checkpoints]") {
  for_all([](const Part& part, Form form, const TensorMap& state, const std::string& victim) {
    TensorMap renamed = state;
    renamed["strange.weight"] = renamed.at(victim);
    renamed.erase(victim);
    const Written written(part, form, renamed, part.config);
    CHECK_THAT(written.refusal(), Contains("1 missing: " + part.victim) && Contains("1 unexpected: strange.weight") &&
                                      Contains("nearest preset: ") && Contains(written.path.string()));
  });
}

TEST_CASE("tensors of another shape are reported with both shapes", "[broken_checkpoints]") {
  for_all([](const Part& part, Form form, const TensorMap& state, const std::string& victim) {
    TensorMap reshaped = state;
    reshaped[victim] = torch::cat({reshaped.at(victim), reshaped.at(victim)});
    const Written written(part, form, reshaped, part.config);
    CHECK_THAT(written.refusal(),
               Contains("1 mis-shaped: " + part.victim + " (expected [") && Contains("nearest preset: "));
  });
}

TEST_CASE("number formats that no weight has are reported", "[broken_checkpoints]") {
  for_all([](const Part& part, Form form, const TensorMap& state, const std::string& victim) {
    for (const auto dtype : {at::kInt, at::kFloat8_e4m3fn}) {
      if (form == Form::kPth && dtype == at::kFloat8_e4m3fn) continue;  // torch_archive_test reads one of these
      TensorMap typed = state;
      typed[victim] = typed.at(victim).to(dtype);
      const Written written(part, form, typed, part.config);
      CHECK_THAT(written.refusal(),
                 Contains("1 of a wrong number format: " + part.victim + " (expected fp32, bf16, fp16 or fp64, got"));
    }
  });
}

TEST_CASE("the config of another preset is refused with the nearest", "[broken_checkpoints]") {
  for_all([](const Part& part, Form form, const TensorMap& state, const std::string&) {
    const Written written(part, form, state, part.other_config);
    CHECK_THAT(written.refusal(),
               Contains(part.other_config_why) && Contains("nearest preset: ") && Contains(written.path.string()));
  });
}

TEST_CASE("a file without any config is compared with the nearest preset, difference by difference",
          "[broken_checkpoints]") {
  const test::TempDir folder;
  const wan::WanDit dit = [] {
    wan::WanDitConfig config = wan::tiny();
    config.num_layers = 1;
    return wan::WanDit(config);
  }();
  TensorMap state = layers::module_state(*dit);
  for (int64_t layer = 1; layer < wan::tiny().num_layers; ++layer)
    for (const auto& [name, tensor] : layers::module_state(*dit))
      if (name.starts_with("blocks.0."))
        state["blocks." + std::to_string(layer) + name.substr(std::string("blocks.0").size())] = tensor;
  TensorMap original = wan::dit_state_to_original(state);
  io::write_torch_archive(folder / "dit.pth", original);
  CHECK_NOTHROW(wan::open_wan_dit(folder / "dit.pth"));
  original["img_emb.proj.0.weight"] = torch::zeros({2});
  original.erase("blocks.7.ffn.2.bias");
  io::write_torch_archive(folder / "dit.pth", original);
  CHECK_THROWS_WITH(wan::open_wan_dit(folder / "dit.pth"),
                    Contains("nearest preset: tiny (230 of its 231 tensors fit)") &&
                        Contains("1 missing: blocks.7.ffn.net.2.bias") &&
                        Contains("1 unexpected: img_emb.proj.0.weight"));
}

TEST_CASE("shards that do not fit together are refused by name", "[broken_checkpoints]") {
  for (const Part& part : parts()) {
    INFO(part.name);
    const auto first_shard = [&](const Written& written) { return written.data.filename().string(); };
    {
      const Written written(part, Form::kSharded, part.state, part.config);
      fs::remove(written.data);
      CHECK_THAT(written.refusal(), Contains("shard") && Contains(first_shard(written)) && Contains("is missing"));
    }
    {
      const Written written(part, Form::kSharded, part.state, part.config);
      Json index = read_json_file(written.path / (part.stem + ".safetensors.index.json"));
      index["weight_map"][part.victim] = "../elsewhere.safetensors";
      write_json_file(written.path / (part.stem + ".safetensors.index.json"), index);
      CHECK_THAT(written.refusal(), Contains("expected a file name, got '../elsewhere.safetensors'"));
      write_file_atomic(written.path / (part.stem + ".safetensors.index.json"), "{\"weight_map\": ");
      CHECK_THAT(written.refusal(), Contains(part.stem + ".safetensors.index.json is not valid JSON"));
    }
  }
}
