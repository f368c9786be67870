"""lintorch's tokenizer against SentencePiece and Hugging Face's tokenizers, prompts cleaned as in Diffusers' WanPipeline.

google/umt5-xxl cannot be bundled: a model trained here with the same flags stands in for it. What the reference pipeline
makes of a prompt is: ftfy.fix_text if ftfy is installed, html.unescape twice, white space, then the fast tokenizer."""

import collections
import pathlib
import tempfile
import unittest.mock

import sentencepiece
import torch
from diffusers.pipelines.wan import pipeline_wan
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

import support
import tokenizer_prompts

LENGTH = 512


def read_fields(data):
    """Top-level fields of a protobuf message: {number: [value, ...]}, for lengths and varints below 2^64."""
    fields, at = {}, 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 2:
            size = varint()
            value, at = data[at:at + size], at + size
        elif key & 7 == 5:
            value, at = data[at:at + 4], at + 4
        else:
            value = varint()
        fields.setdefault(key >> 3, []).append(value)
    return fields


def train_model(folder, prompts, length=LENGTH):
    """spiece.model and tokenizer_config.json with the flags of UMT5's; rare characters are left out of the vocabulary, so
    that they take the byte fallback."""
    sentences = [pipeline_wan.prompt_clean(prompt) for kind, prompt in prompts if kind in ("script", "mixed", "symbols")]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([sentence for sentence in sentences if sentence]), model_prefix=str(folder / "spiece"),
        model_type="unigram", vocab_size=3000, hard_vocab_limit=False, byte_fallback=True, character_coverage=0.995,
        normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1, bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="</s>",
        num_threads=1, minloglevel=2)
    (folder / "tokenizer_config.json").write_text(f'{{"model_max_length": {length}}}')


def fast_tokenizer(folder):
    """What google/umt5-xxl's tokenizer.json describes: Unigram with byte fallback, the model's own normalisation,
    WhitespaceSplit and Metaspace, EOS at the end."""
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spiece.model"))
    normalizer = read_fields(read_fields((folder / "spiece.model").read_bytes())[3][0])
    vocabulary = [(model.id_to_piece(i), model.get_score(i)) for i in range(model.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=True))
    tokenizer.normalizer = normalizers.Precompiled(normalizer[2][0])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")])
    tokenizer.post_processor = processors.TemplateProcessing(single=["$A", "</s>"], special_tokens=[("</s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", pad_token="<pad>", unk_token="<unk>")


class TokenizerTest(support.ReferenceTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scratch = tempfile.TemporaryDirectory(prefix="lintorch_reference_")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.model = pathlib.Path(cls.scratch.name)
        cls.prompts = tokenizer_prompts.make_prompts()
        train_model(cls.model, cls.prompts)

    def ours(self, prompts):
        data = [prompt.encode() for prompt in prompts]
        inputs = {"text": torch.tensor(list(b"".join(data)), dtype=torch.uint8),
                  "lengths": torch.tensor([len(text) for text in data])}
        return support.inspect_run("tokenizer", self.model, inputs)

    def clean(self, prompts, ftfy):
        with unittest.mock.patch.object(pipeline_wan, "is_ftfy_available", lambda: ftfy):
            return [pipeline_wan.prompt_clean(prompt) for prompt in prompts]

    def sentencepiece_ids(self, prompts):
        model = sentencepiece.SentencePieceProcessor(model_file=str(self.model / "spiece.model"))
        rows = [(model.encode(prompt)[:LENGTH - 1] + [1]) for prompt in prompts]
        return torch.tensor([row + [0] * (LENGTH - len(row)) for row in rows])

    def fast_ids(self, prompts):
        return fast_tokenizer(self.model)(prompts, padding="max_length", max_length=LENGTH, truncation=True,
                                          return_attention_mask=True, return_tensors="pt")

    def differing(self, ours, reference, prompts):
        rows = (ours != reference).any(dim=1).nonzero().flatten().tolist()
        return [prompts[row] for row in rows]

    def test_prompts(self):
        texts = [prompt for _, prompt in self.prompts]
        self.assertGreaterEqual(len(set(texts)), 2000)
        self.assertGreaterEqual(len(tokenizer_prompts.SCRIPTS), 10)
        ours = self.ours(texts)
        cleaned = self.clean(texts, ftfy=False)
        reference = self.sentencepiece_ids(cleaned)
        differing = self.differing(ours["input_ids"], reference, self.prompts)
        print(f"{len(texts)} prompts, {len(tokenizer_prompts.SCRIPTS)} scripts, {int((reference < 260).sum())} byte or "
              f"special pieces: {len(differing)} differ from SentencePiece", flush=True)
        self.assertEqual(differing, [])
        fast = self.fast_ids(cleaned)
        differing = self.differing(ours["input_ids"], fast.input_ids, self.prompts)
        print(f"{len(differing)} differ from the fast tokenizer", flush=True)
        self.assertEqual(differing, [])
        self.assertTrue(torch.equal(ours["attention_mask"], fast.attention_mask))

    def test_documented_differences_to_the_fast_tokenizer(self):
        """docs/parity.md lists them; should one vanish, the list is out of date."""
        for prompts in (tokenizer_prompts.STACKED_MARKS, tokenizer_prompts.RESERVED):
            ours = self.ours(prompts)["input_ids"]
            self.assertTrue(torch.equal(ours, self.sentencepiece_ids(prompts)))
            self.assertEqual(self.differing(ours, self.fast_ids(prompts).input_ids, prompts), prompts)

    def test_ftfy(self):
        """With ftfy installed the reference cleans more. Everyday text comes out the same; what does not is listed in
        docs/parity.md."""
        texts = [prompt for _, prompt in self.prompts]
        reference = self.sentencepiece_ids(self.clean(texts, ftfy=True))
        differing = self.differing(self.ours(texts)["input_ids"], reference, self.prompts)
        print("differ from ftfy:", dict(collections.Counter(kind for kind, _ in differing)), flush=True)
        self.assertFalse({"script", "mixed", "emoji", "empty", "long"} & {kind for kind, _ in differing}, differing[:3])
        found = {}
        for kind, prompts in tokenizer_prompts.FTFY.items():
            reference = self.sentencepiece_ids(self.clean(prompts, ftfy=True))
            found[kind] = len(self.differing(self.ours(prompts)["input_ids"], reference, prompts))
        print("differ from ftfy:", found, flush=True)
        self.assertEqual({kind for kind, count in found.items() if count},
                         set(found) - {"full width", "ligatures"})


if __name__ == "__main__":
    support.main()
