#include "lintorch/core/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "lintorch/core/error.h"
#include "lintorch/core/json.h"

namespace lintorch {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  LT_CHECK(fs::exists(path), IoError, "[read_file] {} does not exist", path.string());
  LT_CHECK(!fs::is_directory(path), IoError, "[read_file] {} is a folder, expected a file", path.string());
  std::ifstream in(path, std::ios::binary);
  LT_CHECK(in.good(), IoError, "[read_file] cannot open {}: {}", path.string(), std::strerror(errno));
  std::ostringstream content;
  content << in.rdbuf();
  LT_CHECK(!in.bad(), IoError, "[read_file] cannot read {}: {}", path.string(), std::strerror(errno));
  return std::move(content).str();
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  LT_CHECK(!error && fs::is_directory(folder), IoError, "cannot create the folder {}: {}", folder.string(),
           error ? error.message() : "a file is in its place");
}

void prepare_file(const fs::path& file) {
  const fs::path parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  create_folder(parent);
  LT_CHECK(::access(parent.c_str(), W_OK) == 0, IoError, "cannot write {}: {}", file.string(), std::strerror(errno));
}

int64_t free_space(const fs::path& folder) {
  fs::path existing = fs::absolute(folder);
  while (!fs::exists(existing)) existing = existing.parent_path();
  return static_cast<int64_t>(fs::space(existing).available);
}

void check_free_space(const fs::path& folder, int64_t needed_bytes, std::string_view remedy) {
  const int64_t available = free_space(folder);
  LT_CHECK(available >= needed_bytes, IoError, "[check_free_space] {} needs {:.2f} GB, the disk has {:.2f} GB free: {}",
           folder.string(), static_cast<double>(needed_bytes) / 1e9, static_cast<double>(available) / 1e9, remedy);
}

void sync_path(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  LT_CHECK(fd >= 0, IoError, "[sync_path] cannot open {}: {}", path.string(), std::strerror(errno));
  const int result = ::fsync(fd);
  const int error = errno;
  ::close(fd);
  LT_CHECK(result == 0 || error == EINVAL, IoError, "[sync_path] {}: {}", path.string(), std::strerror(error));
}

void write_file_atomic(const fs::path& path, std::string_view content) {
  if (path.has_parent_path()) create_folder(path.parent_path());
  const fs::path temporary = path.string() + ".tmp" + std::to_string(::getpid());
  try {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    out.close();
    LT_CHECK(out.good(), IoError, "[write_file_atomic] cannot write {}: {}", path.string(), std::strerror(errno));
    sync_path(temporary);
    fs::rename(temporary, path);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw;
  }
}

Json read_json_file(const fs::path& path) {
  const std::string text = read_file(path);
  try {
    return Json::parse(text, nullptr, true, /*ignore_comments=*/true);
  } catch (const nlohmann::json::exception& e) {
    const std::string what = e.what();  // "[json.exception.parse_error.101] parse error at ..."
    const size_t end = what.find("] ");
    throw ConfigError(fmt::format("[read_json_file] {} is not valid JSON: {}", path.string(),
                                  end == std::string::npos ? what : what.substr(end + 2)));
  }
}

void write_json_file(const fs::path& path, const Json& json) { write_file_atomic(path, json.dump(2) + "\n"); }

}  // namespace lintorch
