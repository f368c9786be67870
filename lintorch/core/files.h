#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace lintorch {

/// Reads a whole file. Throws IoError naming the path.
std::string read_file(const std::filesystem::path& path);

/// Writes a file so that a crash leaves either the old content or the new one: temporary file, fsync, rename.
/// Creates missing parent folders. Throws IoError naming the path; the temporary file is removed.
void write_file_atomic(const std::filesystem::path& path, std::string_view content);

/// Creates a folder and its parents. Throws IoError naming it and the reason.
void create_folder(const std::filesystem::path& folder);

/// Creates the parents of a file to be written later. Throws IoError if it could not be written: before hours of work, not after.
void prepare_file(const std::filesystem::path& file);

/// Throws IoError naming needed and available bytes, and the remedy, unless the disk of `folder` (which need not exist yet)
/// has them.
void check_free_space(const std::filesystem::path& folder, int64_t needed_bytes, std::string_view remedy);

/// Bytes that can still be written to the disk of `folder`, which need not exist yet.
int64_t free_space(const std::filesystem::path& folder);

/// Flushes a file or folder to the disk. Throws IoError.
void sync_path(const std::filesystem::path& path);

}  // namespace lintorch
