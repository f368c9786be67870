"""Common parts of the reference suite: each test writes a random model with the reference library, runs the library and
lintorch-inspect on the same inputs, and compares. Needs the versions pinned in scripts/requirements/reference.txt."""

import importlib.metadata
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
APPS = pathlib.Path(os.environ.get("LINTORCH_APPS_DIR", ROOT / "build" / "apps"))
os.environ["HF_HUB_OFFLINE"] = "1"

try:
    import diffusers
    import safetensors.torch
    import torch
    import transformers
except (ImportError, OSError) as error:
    sys.exit(f"reference libraries: {error}\nInstall them with scripts/setup.sh --with-reference")

diffusers.logging.set_verbosity_error()
diffusers.logging.disable_progress_bar()
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
torch.set_grad_enabled(False)
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))


def check_versions():
    """Parity with one version says nothing about another."""
    pinned = (ROOT / "scripts" / "requirements" / "reference.txt").read_text()
    for package in ("diffusers", "transformers", "tokenizers", "sentencepiece", "safetensors", "ftfy"):
        wanted = re.search(rf"^{package}==(\S+)", pinned, re.MULTILINE).group(1)
        found = importlib.metadata.version(package)
        if found != wanted:
            sys.exit(f"reference libraries: {package} {found} is installed, {wanted} is pinned")


def run_app(name, *arguments):
    command = [str(APPS / f"lintorch-{name}"), *map(str, arguments)]
    # The stand-ins for CUDA libraries that Python's torch may run with are not for the programs.
    environment = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\nexit code {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def inspect_run(component, model, inputs, *arguments):
    """Runs one component of the model folder on named tensors."""
    with tempfile.TemporaryDirectory() as scratch:
        source, target = pathlib.Path(scratch, "in.safetensors"), pathlib.Path(scratch, "out.safetensors")
        safetensors.torch.save_file({name: tensor.contiguous() for name, tensor in inputs.items()}, source)
        run_app("inspect", "run", "--component", component, "--model", model, "--input", source, "--output", target,
                "--device", "cpu", *arguments)
        return safetensors.torch.load_file(target)


def randomize(module, generator, scale=1.0):
    """Random values everywhere, also where initialisation is trivial (biases, norms, zero heads): matrices with a gain
    of `scale`, vectors around their initial value."""
    for parameter in module.parameters():
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float32)
        if parameter.dim() > 1 and not (parameter.dim() == 3 and parameter.shape[0] == 1):
            parameter.copy_(noise * scale / parameter[0].numel() ** 0.5)
        else:
            parameter.add_(0.1 * noise)


def relative_error(value, reference):
    """The larger of two measures: root mean square error over that of the reference, largest error over its largest
    value."""
    if value.shape != reference.shape:
        raise AssertionError(f"expected shape {tuple(reference.shape)}, got {tuple(value.shape)}")
    value, reference = value.double(), reference.double()
    error = value - reference
    return max((error.norm() / reference.norm()).item(), (error.abs().max() / reference.abs().max()).item())


class ReferenceTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lintorch_reference_")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def assert_close(self, value, reference, bound, what):
        error = relative_error(value, reference)
        print(f"{what}: relative error {error:.2e}, bound {bound:.0e}", flush=True)
        self.assertLessEqual(error, bound, what)


def main():
    check_versions()
    unittest.main(verbosity=2)
