#pragma once

#include <string>
#include <string_view>

namespace lintorch::media {

/// Base64 with padding (RFC 4648 section 4), as data: URLs take it.
std::string encode_base64(std::string_view bytes);

}  // namespace lintorch::media
