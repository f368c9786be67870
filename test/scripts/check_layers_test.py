"""Each rule of scripts/check_layers.py must catch a planted violation, and accept its legal twin."""

import sys
import tempfile
import tomllib
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.dont_write_bytecode = True
import check_layers  # noqa: E402

RULES = tomllib.loads((ROOT / "scripts" / "layers.toml").read_text())


class CheckLayersTest(unittest.TestCase):
    def check(self, files, **overrides):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "lintorch").mkdir()
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            rules = {**RULES, "extra_arrows": {}, "file_length": {**RULES["file_length"], "exempt": {}}, **overrides}
            return [str(violation) for violation in check_layers.check_tree(root, rules)[0]]

    def assert_refused(self, file, text, message):
        found = self.check({file: text})
        self.assertEqual(len(found), 1, found)
        self.assertIn(message, found[0])
        self.assertTrue(found[0].startswith(f"{file}:"), found[0])

    def assert_accepted(self, file, text):
        self.assertEqual(self.check({file: text}), [])

    def test_include_direction(self):
        self.assert_refused("lintorch/ops/a.cpp", '#include "lintorch/layers/b.h"\n', "ops/ must not include layers/")
        self.assert_refused("lintorch/train/a.h", '#include "lintorch/linvideo/b.h"\n', "train/ must not include linvideo/")
        self.assert_refused("lintorch/core/a.h", '#include "test/support/b.h"\n', "must not include test/")
        self.assert_accepted("lintorch/layers/a.cpp", '#include "lintorch/ops/b.h"\n')
        self.assert_accepted("apps/a.cpp", '#include "lintorch/linvideo/b.h"\n')

    def test_arrows_have_no_cycle(self):
        arrows, done = dict(RULES["may_include"]), set()
        while arrows:
            ready = [folder for folder, targets in arrows.items() if set(targets) <= done]
            self.assertTrue(ready, f"cycle among {sorted(arrows)}")
            done.update(ready)
            for folder in ready:
                del arrows[folder]

    def test_violation_names_the_line(self):
        found = self.check({"lintorch/ops/a.cpp": '#include <vector>\n\n#include "lintorch/io/b.h"\n'})
        self.assertTrue(found[0].startswith("lintorch/ops/a.cpp:3:"), found)

    def test_banned_headers(self):
        self.assert_refused("lintorch/models/a.cpp", "#include <torch/torch.h>\n", "precompiled header")
        self.assert_refused("lintorch/models/a.h", "#include <torch/all.h>\n", "precompiled header")
        self.assert_refused("lintorch/ops/a.cpp", "#include <ATen/ATen.h>\n", "narrow")
        self.assert_refused("lintorch/train/a.cpp", "#include <spdlog/spdlog.h>\n", "core/logging.h")
        self.assert_refused("lintorch/eval/a.cpp", "#include <sentencepiece_processor.h>\n", "umt5/tokenizer.h")
        self.assert_refused("apps/a.cpp", "#  include <libavcodec/avcodec.h>\n", "lintorch/media/")
        self.assert_refused("lintorch/train/a.cpp", "#include <torch/csrc/distributed/c10d/Store.hpp>\n", "dist/")
        self.assert_accepted("lintorch/core/logging.cpp", "#include <spdlog/spdlog.h>\n")
        self.assert_accepted("lintorch/media/a.cpp", "#include <libavcodec/avcodec.h>\n")
        self.assert_accepted("lintorch/models/umt5/tokenizer.cpp", "#include <sentencepiece_processor.h>\n")
        self.assert_accepted("test/unit/ops/a_test.cpp", "#include <torch/torch.h>\n")

    def test_cuda_sources_are_free_of_torch(self):
        for header in ("ATen/core/Tensor.h", "c10/cuda/CUDAStream.h", "torch/library.h"):
            self.assert_refused("lintorch/ops/cuda/a.cu", f"#include <{header}>\n", "plain pointers")
            self.assert_refused("lintorch/ops/cuda/a.cuh", f"#include <{header}>\n", "plain pointers")
            self.assert_accepted("lintorch/ops/cuda/a_kernel.cpp", f"#include <{header}>\n")

    def test_file_length(self):
        file = "lintorch/core/a.cpp"
        self.assert_accepted(file, "int a;\n" * 400)
        self.assert_refused(file, "int a;\n" * 401, "401 lines, at most 400")
        exempt = {"file_length": {**RULES["file_length"], "exempt": {file: "one table"}}}
        self.assertEqual(self.check({file: "int a;\n" * 600}, **exempt), [])
        self.assertEqual(len(self.check({file: "int a;\n" * 601}, **exempt)), 1)

    def test_comments(self):
        marker = "TO" + "DO"
        self.assert_refused("lintorch/core/a.cpp", f"int a;  // {marker}: later\n", "issue number")
        self.assert_refused("lintorch/core/a.cpp", "//" + "=" * 8 + "\n", "banner")
        self.assert_refused("scripts/a.py", "# " + "-" * 8 + " helpers\n", "banner")
        self.assert_accepted("lintorch/core/a.cpp", f"int a;  // {marker}(#12): later\n")
        self.assert_accepted("lintorch/core/a.cpp", "#include <vector>\n// plain\n/// doc\n")

    def test_rules_must_cover_the_tree(self):
        found = self.check({"lintorch/newfolder/a.h": "#pragma once\n"})
        self.assertIn("no row in [may_include]", found[0])
        gone = {"extra_arrows": {"lintorch/ops/gone.cpp": ["io"]}}
        self.assertIn("does not exist", self.check({"lintorch/ops/a.h": "\n"}, **gone)[0])


if __name__ == "__main__":
    unittest.main()
