#include "lintorch/pretrain/latent_pool.h"

#include <algorithm>

#include "lintorch/core/prefetcher.h"
#include "lintorch/core/progress_bar.h"
#include "lintorch/pretrain/unit_support.h"
#include "lintorch/train/autocast.h"

namespace lintorch::pretrain {

LatentPool make_latent_pool(const MovingFashion& clips, wan::WanVae& vae, const umt5::Tokenizer& tokenizer,
                            int64_t num_clips, int64_t batch_size, c10::Device device, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  const train::AutocastScope autocast(device, dtype);
  Prefetcher<ClipBatch> batches([&](int64_t index) {
    const int64_t first = index * batch_size;
    ClipBatch batch = clips.make_batch(Split::kTrain, first, std::clamp<int64_t>(num_clips - first, 0, batch_size));
    batch.video_BCFHW = stage_for(batch.video_BCFHW, device);
    return batch;
  });
  LatentPool pool;
  std::vector<std::string> captions;
  ProgressBar progress("encoding clips", num_clips);
  for (int64_t first = 0; first < num_clips; first += batch_size) {
    ClipBatch batch = batches.get(first / batch_size);
    const at::Tensor latents = vae->encode(send(batch.video_BCFHW, device));
    if (first == 0) {
      auto shape = latents.sizes().vec();
      shape[0] = num_clips;
      pool.latents_PCTHW = at::empty(shape, latents.options().dtype(device.is_cuda() ? at::kBFloat16 : at::kFloat));
    }
    pool.latents_PCTHW.slice(0, first, first + latents.size(0)).copy_(latents);
    std::ranges::move(batch.captions, std::back_inserter(captions));
    progress.update(first + latents.size(0));
  }
  const umt5::TokenBatch tokens = tokenizer.encode(captions), empty = tokenizer.encode({""});
  pool.ids_PS = tokens.ids_BS.to(device);
  pool.mask_PS = tokens.mask_BS.to(device);
  pool.empty_ids_1S = empty.ids_BS.to(device);
  pool.empty_mask_1S = empty.mask_BS.to(device);
  return pool;
}

}  // namespace lintorch::pretrain
