#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace lintorch::io::detail {

/// Where the bytes of a stored entry lie in the file.
struct ZipEntry {
  uint64_t begin = 0;
  uint64_t size = 0;
};

/// The entries of a zip file of which every one is stored as it is, by name; with or without zip64 records.
///
/// Throws CheckpointError that names the file: no or a damaged central directory, an entry that is compressed or
/// encrypted, lies outside the file, overlaps another, has two different names, or shares its name with another.
/// Checksums are not verified: torch.save can be told not to compute them.
/// Source: PKWARE APPNOTE.TXT 6.3.10, sections 4.3 and 4.5.3.
std::map<std::string, ZipEntry> read_zip_directory(std::string_view bytes, const std::string& file);

}  // namespace lintorch::io::detail
