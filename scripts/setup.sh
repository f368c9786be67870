#!/usr/bin/env bash
# Installs what lintorch needs to build and run. Run it as often as you like: it only adds what is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
  cat <<'EOF'
Usage: scripts/setup.sh [--with-reference] [--cuda | --no-cuda]

1. System packages (Debian 12, about 140 MB to download): compiler, CMake, the C++ libraries, FFmpeg, and the
   Fashion-MNIST pictures. As root, or with passwordless sudo, missing ones are installed with apt-get; otherwise the
   command to run is printed. Pinning: Debian 12 is the pin. Each package is asked for at the upstream version of that
   release (table below), so only Debian's own security fixes can change it. On other releases the distribution's
   version is taken, with a warning; CMake refuses what is too old.
2. LibTorch 2.11.0. An existing one is used if found: Torch_DIR, CMAKE_PREFIX_PATH, or an importable Python torch of
   exactly this version. Otherwise the wheel (544 MB to download, 1.3 GB on disk) goes into .deps/venv inside this
   folder, pinned by hash; nothing outside the folder changes, except pip's usual download cache.
3. Where an NVIDIA GPU is present and libtorch_cuda.so does not load yet: the CUDA libraries torch declares (about
   2 GB), into the same place. --cuda and --no-cuda force or suppress this.
4. Where a CUDA compiler (nvcc) is present: the headers of cuDNN and of its frontend, into .deps/cudnn (19 MB to
   download, 3 MB on disk), pinned by hash; GPU or not.

--with-reference   also the pinned Python libraries that lintorch is compared with in test/reference (diffusers,
                   transformers, ...: about 70 MB to download), into the same place. scripts/test.sh asks for them. Where
                   the CUDA libraries are missing, which Python's torch names, stand-ins go into .deps/cuda_stubs.

Delete .deps to undo 2 to 4.
EOF
}

readonly torch_version=2.11.0
readonly venv=.deps/venv
readonly stamp=.deps/setup.stamp

# package           version in Debian 12   what it is for
readonly packages="
g++                 4:12.2.*               C++20 compiler
cmake               3.25.*                 build system
ninja-build         1.11.*                 build system
ccache              4.*                    rebuilds only what changed
mold                1.10.*                 linker: LibTorch programs link in a second
pkg-config          1.8.*                  finds FFmpeg
python3             3.11.*                 installs LibTorch, runs the checks in scripts/
python3-venv        3.11.*                 keeps LibTorch inside the project folder
libfmt-dev          9.1.*                  text formatting
libspdlog-dev       1:1.10.*               logging
nlohmann-json3-dev  3.11.*                 configuration files
libcxxopts-dev      3.1.*                  command lines
libsentencepiece-dev 0.1.97-*              tokenizer
libstb-dev          0.0~git20220908.*      PNG files
zlib1g-dev          1:1.2.13.*             compression
libavcodec-dev      7:5.1.*                H.264 video
libavformat-dev     7:5.1.*                mp4 files
libavutil-dev       7:5.1.*                video frames
libswscale-dev      7:5.1.*                RGB to YUV
ffmpeg              7:5.1.*                ffprobe checks the written videos in the tests
catch2              2.13.*                 unit tests
libbenchmark-dev    1.7.*                  micro-benchmarks
dataset-fashion-mnist 0.0~git20200523.*    60,000 pictures of garments, the material of the bundled miniature (31 MB)
"

with_reference=no cuda=auto
for arg in "$@"; do
  case "$arg" in
    --with-reference) with_reference=yes ;;
    --cuda) cuda=yes ;;
    --no-cuda) cuda=no ;;
    -h|--help) usage; exit 0 ;;
    *) echo "setup.sh: unknown option $arg" >&2; usage >&2; exit 2 ;;
  esac
done

say() { echo "setup: $*"; }
die() { echo "setup: $*" >&2; exit 1; }

# retry COMMAND...: three tries, for downloads.
retry() {
  local try
  for try in 1 2 3; do
    "$@" && return 0
    (( try == 3 )) || { say "failed, try $((try + 1)) of 3 in $((try * 5)) s"; sleep $((try * 5)); }
  done
  return 1
}

# Names of the packages that are missing. A tool that is on the PATH counts, wherever it came from.
missing_packages() {
  local name version purpose installed
  installed=" $(dpkg-query -W -f='${db:Status-Abbrev}${binary:Package}\n' 2>/dev/null | sed -n 's/^ii \+\([^:]*\).*/\1/p' | tr '\n' ' ')"
  while read -r name version purpose; do
    [[ -z "$name" || "$installed" == *" $name "* ]] && continue
    case "$name" in
      g++|cmake|ccache|mold|pkg-config|python3|ffmpeg) command -v "$name" >/dev/null && continue ;;
      ninja-build) command -v ninja >/dev/null && continue ;;
      python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null && continue ;;
    esac
    echo "$name"
  done <<<"$packages"
}

# apt's "name=version" for each package name.
pinned() {
  local name version purpose wanted=" $* "
  while read -r name version purpose; do
    [[ -n "$name" && "$wanted" == *" $name "* ]] || continue
    if [[ "$debian12" == yes ]]; then echo "$name=$version"; else echo "$name"; fi
  done <<<"$packages"
}

install_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "not a Debian system: install these packages' equivalents yourself (CMake names any that it misses):"
    awk 'NF { printf "  %-22s %s\n", $1, $2 }' <<<"$packages"
    return
  fi
  local missing
  mapfile -t missing < <(missing_packages)
  if (( ${#missing[@]} == 0 )); then say "system packages: all present"; return; fi

  local debian12=no
  grep -q '^VERSION_CODENAME=bookworm' /etc/os-release && debian12=yes
  [[ $debian12 == yes ]] || say "WARNING: tested on Debian 12 only; taking this system's own package versions"
  say "system packages to install:"
  local name
  for name in "${missing[@]}"; do awk -v n="$name" '$1 == n { $2 = ""; print "  " $0 }' <<<"$packages"; done
  mapfile -t pins < <(pinned "${missing[@]}")

  local as_root=()
  if (( $(id -u) != 0 )); then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
      as_root=(sudo)
    else
      echo "setup: root is needed for the packages above. Have an administrator run" >&2
      echo "  apt-get update && apt-get install -y --no-install-recommends ${pins[*]@Q}" >&2
      die "and start again."
    fi
  fi
  local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3)
  retry "${as_root[@]}" "${apt[@]}" update -qq || say "WARNING: apt-get update failed; going on with the old lists"
  retry "${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "${pins[@]}" || die "apt-get failed"
}

# The torch folder of an installed wheel below or at $1, if it is the right version.
torch_folder() {
  local folder
  for folder in "$1" "$1/torch" "$1/../.." "$1/../../.."; do
    if [[ -f "$folder/lib/libtorch_cpu.so" && -f "$folder/version.py" ]] &&
       grep -Eq "^__version__ = ['\"]${torch_version//./\\.}([+'\"])" "$folder/version.py"; then
      (cd "$folder" && pwd)
      return 0
    fi
  done
  return 1
}

# Same order as cmake/find_torch.cmake.
find_torch() {
  local prefix
  [[ -n "${Torch_DIR:-}" ]] && torch_folder "$Torch_DIR" && return
  local IFS=:
  for prefix in ${CMAKE_PREFIX_PATH:-}; do torch_folder "$prefix" && return; done
  for prefix in "$venv"/lib/python3*/site-packages; do torch_folder "$prefix" && return; done
  prefix=$(python3 -c "import importlib.util as u, os; s = u.find_spec('torch'); print(os.path.dirname(s.origin))" 2>/dev/null) || return 1
  torch_folder "$prefix"
}

loads() { python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>&1; }

make_venv() {
  if [[ ! -x $venv/bin/python ]]; then
    [[ $(uname -sm) == "Linux x86_64" ]] || die "the pinned wheels are for Linux on x86-64; set Torch_DIR to a LibTorch $torch_version"
    python3 -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' ||
      die "LibTorch $torch_version has wheels for Python 3.10 to 3.13, this is $(python3 -V); put another python3 first in PATH"
    mkdir -p .deps
    python3 -m venv "$venv"
  fi
}

pip_install() {
  make_venv
  retry "$venv/bin/python" -m pip install --disable-pip-version-check --retries 5 --no-deps --progress-bar off "$@" ||
    die "pip failed; run scripts/setup.sh again to go on"
}

install_libtorch() {
  torch=$(find_torch) || torch=
  if [[ -z "$torch" ]]; then
    say "LibTorch $torch_version: installing into $venv (544 MB to download, 1.3 GB on disk)"
    pip_install --require-hashes -r scripts/requirements/libtorch.txt
    torch=$(find_torch) || die "no LibTorch $torch_version in $venv after installing it; delete .deps and start again"
  fi
  local problem
  problem=$(loads "$torch/lib/libtorch_cpu.so") || die "$torch/lib/libtorch_cpu.so does not load: ${problem##*$'\n'}"
  say "LibTorch $torch_version: $torch"
}

install_cuda_libraries() {
  if [[ $cuda == no ]]; then return; fi
  if [[ $cuda == auto ]] && ! nvidia-smi -L >/dev/null 2>&1; then say "no NVIDIA GPU: CUDA libraries not needed"; return; fi
  if loads "$torch/lib/libtorch_cuda.so" >/dev/null; then say "CUDA libraries: present"; return; fi
  [[ "$torch" == "$PWD/$venv"/* ]] || die "$torch/lib/libtorch_cuda.so does not load: $(loads "$torch/lib/libtorch_cuda.so" | tail -n 1)"
  say "CUDA libraries for LibTorch: installing into $venv (about 2 GB to download)"
  pip_install --require-hashes -r scripts/requirements/cuda.txt
  loads "$torch/lib/libtorch_cuda.so" >/dev/null || say "WARNING: libtorch_cuda.so still does not load: $(loads "$torch/lib/libtorch_cuda.so" | tail -n 1)"
}

# Where CMake looks for it.
cuda_compiler() { if command -v nvcc >/dev/null || [[ -x /usr/local/cuda/bin/nvcc ]]; then echo yes; else echo no; fi; }

# The wheels are unpacked by hand: installed, they would bring 17 MB of libraries and a Python package that nobody loads.
install_cudnn_headers() {
  if [[ $(cuda_compiler) == no ]]; then
    say "no CUDA compiler: cuDNN headers not needed"
    return
  fi
  local headers=.deps/cudnn requirements=scripts/requirements/cudnn_headers.txt
  if cmp -s $requirements $headers/requirements.txt; then say "cuDNN headers: present"; return; fi
  say "cuDNN headers: unpacking into $headers (19 MB to download, 3 MB on disk)"
  make_venv
  local wheels
  wheels=$(mktemp -d)
  retry "$venv/bin/python" -m pip download --disable-pip-version-check --retries 5 --no-deps --progress-bar off --quiet \
    --require-hashes --only-binary :all: --python-version 3.11 --platform manylinux_2_27_x86_64 -d "$wheels" -r $requirements ||
    die "pip failed; run scripts/setup.sh again to go on"
  rm -rf $headers.new
  python3 - "$wheels" $headers.new <<'EOF'
import pathlib, re, sys, zipfile
for wheel in pathlib.Path(sys.argv[1]).glob("*.whl"):
    with zipfile.ZipFile(wheel) as files:
        for name in files.namelist():
            header = re.fullmatch(r"(?:nvidia/cudnn_jit/)?(include/.*\.(?:h|hpp))", name)
            licence = re.fullmatch(r"(\w+)-[^/]*\.dist-info/(?:licenses/)?(LICEN[CS]E[^/]*|License[^/]*)", name)
            if not header and not licence: continue
            target = pathlib.Path(sys.argv[2], header[1] if header else f"{licence[1]}-{licence[2]}")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(files.read(name))
EOF
  cp $requirements $headers.new/requirements.txt
  rm -rf $headers "$wheels"
  mv $headers.new $headers
}

install_reference() {
  [[ $with_reference == yes ]] || return 0
  say "Python reference libraries: installing into $venv (about 70 MB to download)"
  pip_install --require-hashes -r scripts/requirements/libtorch.txt
  pip_install -r scripts/requirements/reference.txt
  local torch_lib
  torch_lib=$(echo "$venv"/lib/python3*/site-packages/torch/lib)
  loads "$torch_lib/libtorch_cuda.so" >/dev/null || python3 scripts/cuda_stubs.py "$torch_lib" .deps/cuda_stubs
  LD_LIBRARY_PATH="$PWD/.deps/cuda_stubs" "$venv/bin/python" -c 'import torch, diffusers, transformers, sentencepiece' ||
    die "the reference libraries do not import"
}

# The stamp names everything the result depends on, so that a finished set-up is recognised in a moment.
fingerprint() {
  cat scripts/setup.sh scripts/requirements/*.txt | cksum
  echo "options $with_reference $cuda nvcc $(cuda_compiler) Torch_DIR=${Torch_DIR:-} CMAKE_PREFIX_PATH=${CMAKE_PREFIX_PATH:-}"
}

if [[ -f $stamp && "$(fingerprint)" == "$(sed '$d' "$stamp")" && -f "$(tail -n 1 "$stamp")/lib/libtorch_cpu.so" ]] &&
   { ! command -v dpkg-query >/dev/null || [[ -z "$(missing_packages)" ]]; }; then
  say "up to date (LibTorch in $(tail -n 1 "$stamp"))"
  exit 0
fi

install_packages
install_libtorch
install_cuda_libraries
install_cudnn_headers
install_reference
mkdir -p .deps
{ fingerprint; echo "$torch"; } >"$stamp.new" && mv "$stamp.new" "$stamp"
say "done"
