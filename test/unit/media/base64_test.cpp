#include "lintorch/media/base64.h"

#include <catch2/catch.hpp>

using lintorch::media::encode_base64;

TEST_CASE("the test vectors of RFC 4648 hold", "[base64]") {
  CHECK(encode_base64("").empty());
  CHECK(encode_base64("f") == "Zg==");
  CHECK(encode_base64("fo") == "Zm8=");
  CHECK(encode_base64("foo") == "Zm9v");
  CHECK(encode_base64("foob") == "Zm9vYg==");
  CHECK(encode_base64("fooba") == "Zm9vYmE=");
  CHECK(encode_base64("foobar") == "Zm9vYmFy");
}

TEST_CASE("bytes beyond ASCII are encoded as they are", "[base64]") {
  CHECK(encode_base64(std::string("\xff\xfe\x00\x80", 4)) == "//4AgA==");
}
