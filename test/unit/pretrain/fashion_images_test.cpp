#include "lintorch/pretrain/fashion_images.h"

#include <catch2/catch.hpp>

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"

using namespace lintorch;
using namespace lintorch::pretrain;
using Catch::Matchers::Contains;

namespace {

std::filesystem::path scratch_folder() {
  const auto folder = std::filesystem::temp_directory_path() / "lintorch_fashion_images_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

}  // namespace

TEST_CASE("FashionImages reads Debian's dataset", "[fashion_images]") {
  const FashionImages test(kFashionMnistFolder, Split::kTest);
  REQUIRE(test.size() == 10000);
  CHECK(test.label(0) == 9);  // the first test image is an ankle boot
  CHECK(test.of_class(3).size() == 1000);
  CHECK(test.pixels(0).size() == 28 * 28);
  const PixelBox& box = test.box(0);
  CHECK((box.left < box.right && box.right <= 28 && box.top < box.bottom && box.bottom <= 28));
}

TEST_CASE("read_idx names the file and the package when the dataset is missing", "[fashion_images]") {
  CHECK_THROWS_WITH(FashionImages("/nonexistent", Split::kTrain),
                    Contains("/nonexistent/train-images-idx3-ubyte.gz") && Contains("dataset-fashion-mnist"));
}

TEST_CASE("read_idx refuses damaged files", "[fashion_images]") {
  const auto folder = scratch_folder();
  using namespace std::string_literals;
  write_file_atomic(folder / "magic.idx", "\0\0\x0d\x01\0\0\0\x01 "s);
  CHECK_THROWS_WITH(read_idx(folder / "magic.idx"), Contains("magic.idx") && Contains("0x00000d01"));
  write_file_atomic(folder / "short.idx", "\0\0\x08\x01\0\0\0\x05" "ab"s);
  CHECK_THROWS_WITH(read_idx(folder / "short.idx"), Contains("ends early"));
  write_file_atomic(folder / "huge.idx", "\0\0\x08\x02\xff\xff\xff\xff\xff\xff\xff\xff"s);
  CHECK_THROWS_WITH(read_idx(folder / "huge.idx"), Contains("2 GiB"));
  write_file_atomic(folder / "good.idx", "\0\0\x08\x02\0\0\0\x01\0\0\0\x02xy"s);
  const IdxArray array = read_idx(folder / "good.idx");
  CHECK(array.shape == std::vector<int64_t>{1, 2});
  CHECK(array.values == std::vector<uint8_t>{'x', 'y'});
}
