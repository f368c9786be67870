#include "lintorch/models/wan/vae_tiling.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "lintorch/core/config_fields.h"
#include "lintorch/core/error.h"
#include "lintorch/core/shape_check.h"

namespace lintorch::wan {
namespace {

// Dimensions of BCFHW.
constexpr int kHeight = 3, kWidth = 4;

// The first rows (or columns) of `tile` fade in over the last ones of its neighbour; in place.
void blend(const at::Tensor& neighbour, const at::Tensor& tile, int dim, int64_t overlap) {
  const int64_t extent = std::min({neighbour.size(dim), tile.size(dim), overlap});
  if (extent == 0) return;
  std::vector<int64_t> shape(5, 1);
  shape[dim] = extent;
  const at::Tensor weight = (at::arange(extent, tile.options()) / static_cast<double>(extent)).view(shape);
  const at::Tensor head = tile.narrow(dim, 0, extent);
  head.copy_(neighbour.narrow(dim, neighbour.size(dim) - extent, extent) * (1 - weight) + head * weight);
}

}  // namespace

int64_t decode_memory_bytes(const WanVaeConfig& config, int64_t height, int64_t width, int64_t element_size) {
  constexpr int64_t kFeatureMaps = 23;
  return kFeatureMaps * config.base_dim * config.temporal_factor() * height * width * element_size;
}

void TileConfig::validate(const std::string& path, int64_t spatial_factor) const {
  const auto check = [&](const char* name, int64_t value, int64_t largest) {
    LT_CHECK(value > 0 && value % spatial_factor == 0 && value <= largest, ConfigError,
             "{}: expected a positive multiple of {}, at most {}, got {}", lintorch::detail::join_path(path, name),
             spatial_factor, largest, value);
  };
  constexpr int64_t kAny = 1 << 20;
  check("tile_height", tile_height, kAny);
  check("tile_width", tile_width, kAny);
  check("stride_height", stride_height, tile_height);
  check("stride_width", stride_width, tile_width);
}

at::Tensor decode_tiled(WanVae& vae, const at::Tensor& latent_BCTHW, const TileConfig& tiles, ClipMode mode) {
  return decode_raw_tiled(vae, vae->denormalize(latent_BCTHW), tiles, mode).clamp(-1, 1);
}

at::Tensor decode_raw_tiled(WanVae& vae, const at::Tensor& z_BCTHW, const TileConfig& tiles, ClipMode mode) {
  const int64_t factor = vae->spatial_factor();
  tiles.validate("decode_tiled", factor);
  check_shape(z_BCTHW, {-1, vae->config().z_dim, -1, -1, -1}, "decode_tiled: latent");
  const int64_t B = z_BCTHW.size(0), height = z_BCTHW.size(3), width = z_BCTHW.size(4);
  const int64_t tile_h = tiles.tile_height / factor, tile_w = tiles.tile_width / factor;
  const int64_t stride_h = tiles.stride_height / factor, stride_w = tiles.stride_width / factor;
  if (height <= tile_h && width <= tile_w) return vae->decode_raw(z_BCTHW, mode);

  const int64_t num_frames = 1 + (z_BCTHW.size(2) - 1) * vae->temporal_factor();
  const at::Tensor video = at::empty({B, 3, num_frames, height * factor, width * factor}, z_BCTHW.options());
  std::vector<at::Tensor> above;
  for (int64_t top = 0; top < height; top += stride_h) {
    std::vector<at::Tensor> row;
    for (int64_t left = 0; left < width; left += stride_w) {
      const at::Tensor tile = vae->decode_raw(z_BCTHW.narrow(kHeight, top, std::min(tile_h, height - top))
                                                  .narrow(kWidth, left, std::min(tile_w, width - left)),
                                              mode);
      if (top > 0) blend(above[row.size()], tile, kHeight, tiles.tile_height - tiles.stride_height);
      if (left > 0) blend(row.back(), tile, kWidth, tiles.tile_width - tiles.stride_width);
      const int64_t kept_h = std::min(tiles.stride_height, tile.size(kHeight));
      const int64_t kept_w = std::min(tiles.stride_width, tile.size(kWidth));
      video.narrow(kHeight, top * factor, kept_h)
          .narrow(kWidth, left * factor, kept_w)
          .copy_(tile.narrow(kHeight, 0, kept_h).narrow(kWidth, 0, kept_w));
      row.push_back(tile);
    }
    above = std::move(row);
  }
  return video;
}

}  // namespace lintorch::wan
