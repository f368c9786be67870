"""Tensor names of the published Wan 2.1 transformers: test/data/wan_dit_keys.txt.

Each line "original diffusers shape-1.3B shape-14B" stands for one tensor; "{}" for every block (30 and 40). The names come
from a table of both files' state dicts (columns wan_key, diffusers key, shape; tab-separated): dit_1.3B.tsv, dit_14B.tsv.

Usage: wan_dit_keys.py FOLDER_WITH_TABLES
"""

import pathlib
import re
import sys

DATA = pathlib.Path(__file__).resolve().parents[2] / "test" / "data"
NUM_BLOCKS = {"1.3B": 30, "14B": 40}


def patterns(path, num_blocks):
    result, count = {}, 0
    for line in path.read_text().splitlines()[1:]:
        original, diffusers, shape = line.split("\t")
        count += 1
        pair = tuple(re.sub(r"^blocks\.\d+\.", "blocks.{}.", name) for name in (original, diffusers))
        assert result.setdefault(pair, shape) == shape
    in_blocks = sum("{}" in pair[0] for pair in result)
    assert count == in_blocks * num_blocks + len(result) - in_blocks
    return result


def main():
    folder = pathlib.Path(sys.argv[1])
    small, large = (patterns(folder / f"dit_{size}.tsv", blocks) for size, blocks in NUM_BLOCKS.items())
    assert small.keys() == large.keys()
    lines = [f"{original} {diffusers} {shape} {large[original, diffusers]}" for (original, diffusers), shape in small.items()]
    (DATA / "wan_dit_keys.txt").write_text("\n".join(lines) + "\n")
    print(len(lines), "patterns")


if __name__ == "__main__":
    main()
