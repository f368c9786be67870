#include "lintorch/media/image.h"

#include <ATen/ops/full.h>
#include <ATen/ops/isnan.h>

// The encoder is compiled into this file alone.
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

#include "lintorch/core/error.h"
#include "lintorch/core/files.h"
#include "lintorch/core/logging.h"

namespace lintorch::media {

std::string encode_png(const at::Tensor& image_HWC) {
  LT_CHECK(image_HWC.dim() == 3 && image_HWC.scalar_type() == at::kByte && image_HWC.numel() > 0, Error,
           "[encode_png] expected a uint8 image [H, W, C], got {} dimensions of {}", image_HWC.dim(),
           c10::toString(image_HWC.scalar_type()));
  const int64_t channels = image_HWC.size(2);
  LT_CHECK(channels == 1 || channels == 3 || channels == 4, Error, "[encode_png] expected 1, 3 or 4 channels, got {}",
           channels);
  const at::Tensor image = image_HWC.to(at::kCPU).contiguous();
  const auto height = static_cast<int>(image.size(0));
  const auto width = static_cast<int>(image.size(1));
  const auto append = [](void* context, void* data, int size) {
    static_cast<std::string*>(context)->append(static_cast<const char*>(data), static_cast<size_t>(size));
  };
  std::string png;
  const int ok = stbi_write_png_to_func(append, &png, width, height, static_cast<int>(channels), image.const_data_ptr(),
                                        width * static_cast<int>(channels));
  LT_CHECK(ok != 0, Error, "[encode_png] cannot encode an image of {}x{} pixels", width, height);
  return png;
}

void write_png(const std::filesystem::path& path, const at::Tensor& image_HWC) {
  write_file_atomic(path, encode_png(image_HWC));
}

at::Tensor to_frames_u8(const at::Tensor& video_CFHW) {
  LT_CHECK(video_CFHW.dim() == 4 && video_CFHW.is_floating_point(), Error,
           "[to_frames_u8] expected a float video [C, F, H, W], got {} dimensions of {}", video_CFHW.dim(),
           c10::toString(video_CFHW.scalar_type()));
  at::Tensor video = video_CFHW.detach().to(at::kFloat);
  if (at::isnan(video).any().item<bool>()) {
    log_warning("the video holds NaN; shown as black");
    video = video.nan_to_num(-1.0, 1.0, -1.0);
  }
  const at::Tensor scaled = video.clamp(-1, 1).add(1).div(2).mul(255);
  return scaled.to(at::kByte).permute({1, 2, 3, 0}).contiguous().to(at::kCPU);
}

at::Tensor contact_sheet(const at::Tensor& frames_FHWC, int64_t columns) {
  LT_CHECK(frames_FHWC.dim() == 4 && frames_FHWC.scalar_type() == at::kByte && frames_FHWC.numel() > 0, Error,
           "[contact_sheet] expected uint8 frames [F, H, W, C], got {} dimensions of {}", frames_FHWC.dim(),
           c10::toString(frames_FHWC.scalar_type()));
  LT_CHECK(columns >= 1, Error, "[contact_sheet] expected at least one column, got {}", columns);
  constexpr int64_t kGap = 2;
  const int64_t count = frames_FHWC.size(0);
  const int64_t height = frames_FHWC.size(1);
  const int64_t width = frames_FHWC.size(2);
  const int64_t used_columns = std::min(columns, count);
  const int64_t rows = (count + columns - 1) / columns;
  at::Tensor sheet = at::full(
      {rows * (height + kGap) - kGap, used_columns * (width + kGap) - kGap, frames_FHWC.size(3)}, 255, at::kByte);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = i / columns * (height + kGap);
    const int64_t left = i % columns * (width + kGap);
    sheet.slice(0, top, top + height).slice(1, left, left + width).copy_(frames_FHWC[i]);
  }
  return sheet;
}

}  // namespace lintorch::media
