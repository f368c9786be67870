#include "lintorch/io/torch_archive.h"

#include <ATen/ops/equal.h>

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/io/mapped_file.h"
#include "lintorch/io/safetensors.h"
#include "lintorch/io/tensor_file.h"
#include "test/support/golden.h"
#include "test/support/temp_dir.h"
#include "test/support/torch_archive_builder.h"

using namespace lintorch;
using Catch::Contains;
namespace pickle = lintorch::test::pickle;

namespace {

/// An archive with this pickle and one storage "0" of eight floats 0 ... 7.
struct Crafted {
  explicit Crafted(const std::string& body, const std::string& protocol = "\x80\x02") {
    test::ZipBuilder zip(path);
    zip.add("archive/data.pkl", protocol + body + ".");
    std::vector<float> values(8);
    for (int i = 0; i < 8; ++i) values[i] = static_cast<float>(i);
    zip.add("archive/data/0", std::string(reinterpret_cast<const char*>(values.data()), 32));
    zip.finish();
  }
  TensorMap read() const { return io::read_torch_archive(path); }
  test::TempDir folder;
  std::filesystem::path path = folder / "crafted.pth";
};

std::string one_tensor(const pickle::Tensor& tensor) { return pickle::dict({{"w", pickle::tensor(tensor)}}); }

pickle::Tensor whole() { return {.storage_size = 8, .sizes = {2, 4}, .strides = {4, 1}}; }

/// A copy of the reference file with some bytes changed.
struct Patched {
  std::string bytes = read_file(test::test_data("torch_state.pth"));
  test::TempDir folder;

  /// Offset of the record of the central directory, or of the local header, that has this name.
  size_t record(const std::string& name, bool central) const {
    const std::string signature = central ? "PK\x01\x02" : "PK\x03\x04";
    const size_t header = central ? 46 : 30;
    for (size_t at = bytes.find(signature); at != std::string::npos; at = bytes.find(signature, at + 4))
      if (bytes.compare(at + header, name.size(), name) == 0) return at;
    throw std::runtime_error("no record for " + name);
  }
  void set(size_t at, uint64_t value, int size) { bytes.replace(at, size, test::little_endian(value, size)); }
  TensorMap read() const {
    std::ofstream(folder / "patched.pth", std::ios::binary) << bytes;
    return io::read_torch_archive(folder / "patched.pth");
  }
};

}  // namespace

TEST_CASE("a state dict that Python wrote reads with every dtype, view and tie", "[torch_archive]") {
  const TensorMap got = io::read_torch_archive(test::test_data("torch_state.pth"));
  const TensorMap expected = io::SafetensorsFile(test::test_data("torch_state.safetensors")).load();
  REQUIRE(got.size() == expected.size());
  for (const auto& [name, tensor] : expected) {
    INFO(name);
    REQUIRE(got.contains(name));
    CHECK(got.at(name).scalar_type() == tensor.scalar_type());
    CHECK(got.at(name).sizes() == tensor.sizes());
    const bool fp8 = tensor.scalar_type() == at::kFloat8_e4m3fn;
    CHECK(at::equal(fp8 ? got.at(name).view(at::kByte) : got.at(name), fp8 ? tensor.view(at::kByte) : tensor));
  }
  CHECK(got.at("transposed").strides() == at::IntArrayRef({1, 8}));
  CHECK(got.at("tied_a").data_ptr() == got.at("tied_b").data_ptr());
  CHECK(got.at("slice").data_ptr() != expected.at("slice").data_ptr());
}

TEST_CASE("formats are told apart by content, whatever a file is called", "[tensor_file]") {
  const test::TempDir folder;
  using Format = io::TensorFileFormat;
  CHECK(io::detect_tensor_file(test::test_data("torch_state.pth")) == Format::kTorchArchive);
  std::filesystem::copy_file(test::test_data("torch_state.pth"), folder / "x.safetensors");
  std::filesystem::copy_file(test::test_data("torch_state.safetensors"), folder / "x.pth");
  CHECK(io::detect_tensor_file(folder / "x.safetensors") == Format::kTorchArchive);
  CHECK(io::detect_tensor_file(folder / "x.pth") == Format::kSafetensors);
  CHECK(io::read_tensor_file(folder / "x.pth").size() == io::read_tensor_file(folder / "x.safetensors").size());
  write_file_atomic(folder / "y", "GGUF and so on");
  CHECK_THROWS_WITH(io::read_tensor_file(folder / "y"), Contains("neither a safetensors file nor"));
  CHECK_THROWS_AS(io::read_tensor_file(folder / "none"), IoError);
}

TEST_CASE("pages of a mapped file are given back, those of other tensors are not touched", "[mapped_file]") {
  const test::TempDir folder;
  io::write_safetensors(folder / "x", {{"w", at::ones({100'000})}});
  const at::Tensor mapped = io::SafetensorsFile(folder / "x").tensor("w");
  const at::Tensor own = at::ones({100'000});
  mapped.fill_(2);
  own.fill_(2);
  io::release_pages(mapped);
  io::release_pages(own);
  CHECK(mapped[50'000].item<float>() == 1);  // from the file again
  CHECK(own.sum().item<float>() == 200'000);
  io::release_pages(at::Tensor());
}

TEST_CASE("a pickle that runs code is refused by name and not run", "[torch_archive]") {
  const auto file = test::test_data("torch_malicious.pth");
  CHECK_THROWS_AS(io::read_torch_archive(file), CheckpointError);
  CHECK_THROWS_WITH(io::read_torch_archive(file),
                    Contains("torch_malicious.pth") && (Contains("posix.system") || Contains("nt.system")));
  CHECK_FALSE(std::filesystem::exists("malicious_pickle_was_run"));
}

TEST_CASE("imports and calls beyond tensors are refused", "[torch_archive]") {
  using pickle::global, pickle::text, pickle::tuple;
  const std::pair<const char*, const char*> globals[] = {{"os", "system"},           {"builtins", "eval"},
                                                         {"__builtin__", "getattr"}, {"torch", "load"},
                                                         {"torch.nn", "Module"},     {"torch._utils", "_rebuild"},
                                                         {"torch", "hub.load"},      {"collections", "deque"},
                                                         {"torch", "QInt8Storage"},  {"torch.jit._pickle", "restore"},
                                                         {"numpy", "ndarray"}};
  for (const auto& [module, name] : globals) {
    const std::string full = std::string(module) + "." + name;
    INFO(full);
    CHECK_THROWS_WITH(Crafted(pickle::dict({{"w", global(module, name) + tuple({text("x")}) + "R"}})).read(),
                      Contains("refused to import '" + full + "'") && Contains("crafted.pth"));
    // The spelling of protocol 4.
    const std::string stack_global = text(module) + text(name) + "\x93";
    CHECK_THROWS_WITH(Crafted(stack_global, "\x80\x04").read(), Contains("refused to import '" + full + "'"));
  }
  // A name that may be imported, but not called.
  CHECK_THROWS_WITH(Crafted(global("torch", "FloatStorage") + tuple({pickle::integer(1)}) + "R").read(),
                    Contains("refused to call 'torch.FloatStorage'"));
  // INST, OBJ, NEWOBJ, EXT1, PERSID, long integers, protocol 0 integers, POP.
  for (const std::string body : {"ios\nsystem\n", "(o", ")\x81", "\x82\x01", "Pabc\n", "\x8b", "I1\n", "0"})
    CHECK_THROWS_AS(Crafted(body).read(), CheckpointError);
  CHECK_THROWS_WITH(Crafted("ios\nsystem\n").read(), Contains("refused the pickle instruction 0x69"));
}

TEST_CASE("tensors must lie inside their storage", "[torch_archive]") {
  CHECK(Crafted(one_tensor(whole())).read().at("w")[1][3].item<float>() == 7);
  auto view = whole();
  view.offset = 1, view.sizes = {2, 2}, view.strides = {1, 5};
  CHECK(Crafted(one_tensor(view)).read().at("w")[1][1].item<float>() == 7);
  view.sizes = {0, 100}, view.strides = {100, 1};
  CHECK(Crafted(one_tensor(view)).read().at("w").numel() == 0);

  constexpr int64_t kHuge = int64_t{1} << 62;
  const std::vector<pickle::Tensor> outside = {
      {.storage_size = 8, .offset = 1, .sizes = {2, 4}, .strides = {4, 1}},
      {.storage_size = 8, .sizes = {2, 4}, .strides = {5, 1}},
      {.storage_size = 8, .offset = kHuge, .sizes = {1}, .strides = {1}},
      {.storage_size = 8, .sizes = {3}, .strides = {kHuge}},
      {.storage_size = 8, .sizes = {kHuge, kHuge}, .strides = {0, 0}},
      {.storage_size = 8, .sizes = {9}, .strides = {0}},  // a small file that asks for a large tensor
      {.storage_size = 8, .offset = 9, .sizes = {0}, .strides = {1}},
      {.storage_size = 8, .offset = -1, .sizes = {1}, .strides = {1}},
      {.storage_size = 8, .sizes = {-1}, .strides = {1}},
      {.storage_size = 8, .sizes = {2}, .strides = {-1}},
      {.storage_size = 8, .sizes = {2, 4}, .strides = {1}},
      {.storage_size = 9, .sizes = {9}, .strides = {1}},
      {.storage_size = -8, .sizes = {8}, .strides = {1}},
      {.key = "1", .storage_size = 8, .sizes = {8}, .strides = {1}},
      {.key = "../data/0", .storage_size = 8, .sizes = {8}, .strides = {1}},
      {.storage_type = "DoubleStorage", .storage_size = 8, .sizes = {8}, .strides = {1}}};
  for (size_t i = 0; i < outside.size(); ++i) {
    INFO("case " << i);
    CHECK_THROWS_AS(Crafted(one_tensor(outside[i])).read(), CheckpointError);
    CHECK_THROWS_WITH(Crafted(one_tensor(outside[i])).read(), Contains("tensor 'w'"));
  }
}

TEST_CASE("what is no dict of tensors is refused", "[torch_archive]") {
  using pickle::dict, pickle::text;
  CHECK_THROWS_WITH(io::read_torch_archive(test::test_data("torch_training.pth")),
                    Contains("tensor 'model'") && Contains("training checkpoint"));
  CHECK_THROWS_WITH(Crafted("]").read(), Contains("expected a dict of tensors"));
  CHECK_THROWS_WITH(Crafted("}(" + pickle::integer(3) + pickle::tensor(whole()) + "u").read(),
                    Contains("strings as keys"));
  CHECK_THROWS_WITH(Crafted(dict({{"w", pickle::tensor(whole())}, {"w", pickle::tensor(whole())}})).read(),
                    Contains("two tensors are named 'w'"));
  CHECK_THROWS_WITH(Crafted(dict({{"w", "]"}})).read(), Contains("expected a tensor"));
}

TEST_CASE("damaged pickles are refused", "[torch_archive]") {
  for (const std::string body : {"",
                                 "}}",
                                 "u",
                                 "(u",
                                 "}(",
                                 "a",
                                 "]u",
                                 "R",
                                 ")R",
                                 "h\x01",
                                 "q\x01",
                                 "Q",
                                 "X\xff\xff\xff\xff",
                                 "\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
                                 "}(Nu",
                                 "cos",
                                 "\x8a\x09",
                                 "b",
                                 "\x93",
                                 "\x87"}) {
    INFO(body);
    CHECK_THROWS_AS(Crafted(body).read(), CheckpointError);
  }
  CHECK_THROWS_WITH(Crafted("}", "\x80\x01").read(), Contains("expected pickle protocol 2 to 5, got 1"));
  CHECK_THROWS_AS(Crafted("}", "(").read(), CheckpointError);
  // Marks hide what is below them.
  CHECK_THROWS_AS(Crafted("}(" + pickle::text("w") + "s").read(), CheckpointError);
}

TEST_CASE("other formats are named", "[torch_archive]") {
  CHECK_THROWS_WITH(io::read_torch_archive(test::test_data("torch_legacy.pth")), Contains("before PyTorch 1.6"));
  CHECK_THROWS_WITH(io::read_tensor_file(test::test_data("torch_legacy.pth")), Contains("before PyTorch 1.6"));
  CHECK_THROWS_WITH(io::read_torch_archive(test::test_data("torch_state.safetensors")),
                    Contains("not a file of torch.save"));
  const test::TempDir folder;
  {
    test::ZipBuilder zip(folder / "script.pt");
    zip.add("archive/data.pkl", pickle::program("}"));
    zip.add("archive/constants.pkl", pickle::program(")"));
    zip.finish();
  }
  CHECK_THROWS_WITH(io::read_torch_archive(folder / "script.pt"), Contains("TorchScript"));
  {
    test::ZipBuilder zip(folder / "big_endian.pt");
    zip.add("archive/data.pkl", pickle::program("}"));
    zip.add("archive/byteorder", "big");
    zip.finish();
  }
  CHECK_THROWS_WITH(io::read_torch_archive(folder / "big_endian.pt"), Contains("big-endian"));
  {
    test::ZipBuilder zip(folder / "photos.zip");
    zip.add("cat.jpg", "...");
    zip.finish();
  }
  CHECK_THROWS_WITH(io::read_torch_archive(folder / "photos.zip"), Contains("without data.pkl"));
  CHECK_THROWS_AS(io::read_torch_archive(folder / "none.pth"), IoError);
}

TEST_CASE("zip files with tricks are refused", "[zip_directory]") {
  const std::string entry = "torch_state/data/0";
  CHECK_NOTHROW(Patched().read());
  {
    Patched p;  // compressed, as the directory says
    p.set(p.record(entry, true) + 10, 8, 2);
    CHECK_THROWS_WITH(p.read(), Contains("'" + entry + "' is compressed"));
  }
  {
    Patched p;  // compressed, as the local header says
    p.set(p.record(entry, false) + 8, 8, 2);
    CHECK_THROWS_WITH(p.read(), Contains("is compressed"));
  }
  {
    Patched p;
    p.set(p.record(entry, true) + 8, 1, 2);
    CHECK_THROWS_WITH(p.read(), Contains("is encrypted"));
  }
  {
    Patched p;
    p.set(p.record(entry, true) + 24, 1'000'000, 4);
    CHECK_THROWS_WITH(p.read(), Contains("two different sizes"));
    p.set(p.record(entry, true) + 20, 1'000'000, 4);
    CHECK_THROWS_WITH(p.read(), Contains("lies outside the file"));
  }
  {
    Patched p;
    p.set(p.record(entry, true) + 42, 0xfffffff0, 4);
    CHECK_THROWS_WITH(p.read(), Contains("lies outside the file"));
  }
  {
    Patched p;  // the local header of another entry
    p.set(p.record(entry, true) + 42, p.record("torch_state/data/1", false), 4);
    CHECK_THROWS_WITH(p.read(), Contains("another name in its local header"));
  }
  {
    Patched p;  // two entries of one name
    for (const bool central : {true, false})
      p.bytes.replace(p.record("torch_state/data/1", central) + (central ? 46 : 30), entry.size(), entry);
    CHECK_THROWS_WITH(p.read(), Contains("two entries are named"));
  }
  {
    Patched p;  // reaches into the next entry
    for (const int at : {20, 24}) p.set(p.record(entry, true) + at, 200, 4);
    CHECK_THROWS_WITH(p.read(), Contains("overlap"));
  }
  {
    Patched p;
    p.set(p.record(entry, true), 0, 4);
    CHECK_THROWS_WITH(p.read(), Contains("central directory is damaged"));
  }
  {
    Patched p;  // the directory claims to lie behind the end
    p.set(p.bytes.size() - 6, p.bytes.size(), 4);
    CHECK_THROWS_WITH(p.read(), Contains("outside the file"));
  }
}

TEST_CASE("zip64 records are read, and checked", "[zip_directory]") {
  Patched p;
  const size_t end = p.bytes.size() - 22;
  p.set(end + 10, 0xffff, 2);
  p.set(end + 8, 0xffff, 2);
  p.set(end + 12, 0xffffffff, 4);
  p.set(end + 16, 0xffffffff, 4);
  CHECK(p.read().size() == io::read_torch_archive(test::test_data("torch_state.pth")).size());
  p.set(end - 20 + 8, p.bytes.size(), 8);
  CHECK_THROWS_WITH(p.read(), Contains("zip64"));
}

TEST_CASE("truncated archives are refused at every length", "[torch_archive]") {
  Patched p;
  const std::string whole_file = p.bytes;
  for (size_t size = 0; size < whole_file.size(); size += 1 + whole_file.size() / 400) {
    INFO(size);
    p.bytes = whole_file.substr(0, size);
    CHECK_THROWS_AS(p.read(), Error);
  }
}

TEST_CASE("random damage never does more than throw", "[torch_archive]") {
  Patched p;
  const std::string whole_file = p.bytes;
  uint64_t random = 12345;
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    p.bytes = whole_file;
    for (int i = 0; i < 3; ++i) {
      random = random * 6364136223846793005ULL + 1442695040888963407ULL;
      p.bytes[(random >> 33) % p.bytes.size()] = static_cast<char>(random >> 25);
    }
    try {
      for (const auto& [name, tensor] : p.read()) CHECK(tensor.numel() <= 1000);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 100);
}
