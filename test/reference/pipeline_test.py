"""lintorch-generate against Diffusers' WanPipeline from the same initial noise, on a random model folder that the
reference pipeline wrote."""

import pathlib

import numpy
import safetensors.torch
import sentencepiece
import torch
from diffusers import (AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler, WanPipeline,
                       WanTransformer3DModel)
from PIL import Image
from transformers import UMT5Config, UMT5EncoderModel

import support
import tokenizer_prompts
import tokenizer_test

LENGTH = 40  # text tokens, for lintorch through model_max_length of tokenizer_config.json


def make_pipeline(folder):
    generator = torch.Generator().manual_seed(400)
    vae = AutoencoderKLWan(base_dim=6, dim_mult=[1, 1, 2, 2], num_res_blocks=1).eval()
    support.randomize(vae, generator)
    transformer = WanTransformer3DModel(num_attention_heads=3, attention_head_dim=24, in_channels=16, out_channels=16,
                                        text_dim=32, freq_dim=64, ffn_dim=128, num_layers=3).eval()
    support.randomize(transformer, generator)
    (folder / "tokenizer").mkdir()
    prompts = tokenizer_prompts.make_prompts()
    tokenizer_test.train_model(folder / "tokenizer", prompts, LENGTH)
    tokenizer = tokenizer_test.fast_tokenizer(folder / "tokenizer")
    vocabulary = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer" / "spiece.model"))
    text_encoder = UMT5EncoderModel(UMT5Config(vocab_size=vocabulary.get_piece_size(), d_model=32, d_kv=8, d_ff=64,
                                               num_layers=2, num_heads=4, feed_forward_proj="gated-gelu",
                                               dropout_rate=0.0)).eval()
    support.randomize(text_encoder, generator)
    scheduler = UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    pipeline = WanPipeline(tokenizer, text_encoder, vae, scheduler, transformer=transformer)
    pipeline.set_progress_bar_config(disable=True)
    # The real repository holds spiece.model beside what the pipeline writes.
    config = (folder / "tokenizer" / "tokenizer_config.json").read_text()
    pipeline.save_pretrained(folder)
    (folder / "tokenizer" / "tokenizer_config.json").write_text(config)
    return pipeline


class PipelineTest(support.ReferenceTest):
    def check(self, pipeline, prompt, negative_prompt, size, frames, steps, guidance):
        width, height = size
        noise = torch.randn(1, 16, (frames - 1) // 4 + 1, height // 8, width // 8, generator=torch.Generator().manual_seed(5))
        arguments = dict(prompt=prompt, negative_prompt=negative_prompt, width=width, height=height, num_frames=frames,
                         num_inference_steps=steps, guidance_scale=guidance, max_sequence_length=LENGTH)
        latents = pipeline(**arguments, latents=noise, output_type="latent").frames
        video = pipeline(**arguments, latents=noise, output_type="np").frames[0]
        safetensors.torch.save_file({"noise": noise}, self.folder / "noise.safetensors")
        support.run_app("generate", "--model", self.folder / "model", "--prompt", prompt, "--negative-prompt",
                        negative_prompt, "--size", f"{width}x{height}", "--frames", frames, "--steps", steps, "--guidance",
                        guidance, "--noise", self.folder / "noise.safetensors", "--sigma-convention", "diffusers",
                        "--save-latents", self.folder / "latents.safetensors", "--output", self.folder / "frames",
                        "--device", "cpu")
        what = f"{width}x{height}, {frames} frames, {steps} steps, guidance {guidance}"
        ours = safetensors.torch.load_file(self.folder / "latents.safetensors")["latents"]
        self.assert_close(ours, latents, 1e-4, f"{what}, latents")
        files = sorted(pathlib.Path(self.folder / "frames").glob("*.png"))
        pictures = numpy.stack([numpy.asarray(Image.open(file), dtype=numpy.float64) for file in files])
        reference = numpy.floor(video * 255)
        self.assertEqual(pictures.shape, reference.shape)
        self.assertGreater(reference.std(), 10)
        error = abs(pictures - reference).mean()
        print(f"{what}, frames: mean error {error:.3f} grey levels, largest {abs(pictures - reference).max():.0f}",
              flush=True)
        self.assertLessEqual(error, 1)

    def test_pipeline(self):
        (self.folder / "model").mkdir()
        pipeline = make_pipeline(self.folder / "model")
        for prompt, negative_prompt, size, frames, steps, guidance in (
                ("a red fox jumps over the lazy dog", "quiet rain", (48, 32), 9, 12, 5.0),
                ("一只红色的狐狸 &amp; ثعلب 😀", "", (32, 80), 1, 50, 6.0),
                ("лиса " * 60, "x", (64, 48), 13, 4, 1.0)):
            with self.subTest(prompt):
                self.check(pipeline, prompt, negative_prompt, size, frames, steps, guidance)
        with self.subTest("Euler"):  # as folders for distilled models have it
            pipeline.scheduler = FlowMatchEulerDiscreteScheduler(shift=5.0)
            pipeline.scheduler.save_pretrained(self.folder / "model" / "scheduler")
            self.check(pipeline, "a red fox in the snow", "rain", (48, 32), 5, 8, 5.0)


if __name__ == "__main__":
    support.main()
