#!/usr/bin/env python3
"""Empty stand-ins for the CUDA libraries that libtorch_cuda.so names, so that Python's torch imports without them.

The torch wheels of PyPI do not load unless 2 GB of CUDA libraries are there, even for work on the CPU alone. Functions are
bound when they are first called, and on the CPU none is: the loader is content with libraries of the right names and
symbol versions.

Usage: cuda_stubs.py TORCH_LIB_FOLDER OUTPUT_FOLDER. Use the result through LD_LIBRARY_PATH, for tests on the CPU only.
"""

import pathlib
import re
import subprocess
import sys

CUDA = re.compile(r"lib(cu|nv|nccl)[A-Za-z_]*\.so")
# libcudart: kernels register with it at load time. libcupti: comes with the wheels of libtorch.txt. The others are the
# driver and what only it makes useful, opened on demand.
NOT_STUBBED = re.compile(r"lib(cudart|cupti|cuda|nvrtc)\.so")


def read_elf(option, path):
    return subprocess.run(["readelf", option, "-W", str(path)], capture_output=True, text=True, check=True).stdout


def wanted_symbols(library):
    """(name, version or "") of the functions that a library expects from others."""
    symbols = set()
    for line in read_elf("--dyn-syms", library).splitlines():
        if found := re.search(r" UND (\w+)(?:@(\S+))?", line):
            symbols.add((found.group(1), found.group(2) or ""))
    return symbols


def main():
    torch_lib, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    versions, symbols = {}, set()
    for library in sorted(torch_lib.glob("*.so")):
        for name in re.findall(r"\(NEEDED\).*\[(.+)\]", read_elf("-d", library)):
            if CUDA.match(name) and not NOT_STUBBED.match(name):
                versions.setdefault(name, set())
        current = None
        for line in read_elf("-V", library).splitlines():
            if file := re.search(r"Version: 1  File: (\S+)  Cnt", line):
                current = file.group(1)
            elif (version := re.search(r"Name: (\S+)  Flags", line)) and current in versions:
                versions[current].add(version.group(1))
        symbols |= wanted_symbols(library)
    if not versions:
        sys.exit(f"cuda_stubs: no library in {torch_lib} names a CUDA library")
    output.mkdir(parents=True, exist_ok=True)
    for name, nodes in versions.items():
        prefix = re.match(r"lib([a-z]+)", name).group(1)
        script, code = "", ""
        for node in sorted(nodes) or [""]:
            mine = sorted(symbol for symbol, version in symbols
                          if version == node and (version or symbol.lower().startswith(prefix)))
            code += "".join(f"void {symbol}(void) {{ __builtin_trap(); }}\n" for symbol in mine)
            script += f"{node} {{ global: {' '.join(f'{symbol};' for symbol in mine)} }};\n" if node else ""
        arguments = ["gcc", "-shared", "-fPIC", "-nostdlib", "-w", "-fno-builtin", "-x", "c", "-",
                     "-o", str(output / name), f"-Wl,-soname,{name}"]
        if script:
            (output / "map").write_text(script)
            arguments.append(f"-Wl,--version-script={output / 'map'}")
        subprocess.run(arguments, input=code, text=True, check=True)
    (output / "map").unlink()
    print("cuda_stubs:", " ".join(sorted(versions)))


if __name__ == "__main__":
    main()
