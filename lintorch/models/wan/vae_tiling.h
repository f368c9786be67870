#pragma once

#include <string>

#include "lintorch/models/wan/vae.h"

namespace lintorch::wan {

/// Overlapping spatial tiles of a video, in pixels. Neighbours share tile - stride pixels, over which they are blended.
struct TileConfig {
  int64_t tile_height = 256, tile_width = 256;
  int64_t stride_height = 192, stride_width = 192;

  template <class V>
  void visit(V& v) {
    v("tile_height", tile_height, "pixels");
    v("tile_width", tile_width, "pixels");
    v("stride_height", stride_height, "pixels from one tile to the next, at most tile_height");
    v("stride_width", stride_width, "pixels from one tile to the next, at most tile_width");
  }
  /// Throws ConfigError unless all are positive multiples of the autoencoder's spatial factor and strides fit tiles.
  void validate(const std::string& path, int64_t spatial_factor) const;
};

/// Device memory that a streamed decode of height x width pixels takes, weights apart, in bytes: a number of feature maps of
/// the last stage for one latent frame. The number was measured (docs/results/full_size.md).
int64_t decode_memory_bytes(const WanVaeConfig& config, int64_t height, int64_t width, int64_t element_size);

/// WanVae::decode in spatial tiles: latent [B, z_dim, T, h, w] -> [B, 3, F, H, W] in [-1,1]. The memory of the decoder's
/// features is that of one tile. Not the same function as decode(): each tile sees only itself in the convolutions and
/// in the attention of the middle block; linear blending hides the seams.
/// Tiles, order and weights of the blending as AutoencoderKLWan.tiled_decode (Diffusers 0.33 and later); a latent no
/// larger than one tile is decoded whole. Throws Error for a latent that does not fit, ConfigError for wrong tiles.
at::Tensor decode_tiled(WanVae& vae, const at::Tensor& latent_BCTHW, const TileConfig& tiles,
                        ClipMode mode = ClipMode::kAuto);

/// The same for WanVae::decode_raw: z is not normalized, the result is not clamped.
at::Tensor decode_raw_tiled(WanVae& vae, const at::Tensor& z_BCTHW, const TileConfig& tiles,
                            ClipMode mode = ClipMode::kAuto);

}  // namespace lintorch::wan
