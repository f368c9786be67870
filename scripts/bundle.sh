#!/usr/bin/env bash
# Packs the built programs for a machine that has LibTorch of the same version (for example the torch wheel) but none of the
# other packages: a container or a cluster node. There
#   tar -xJf lintorch.tar.xz && export PATH=$PWD/lintorch/bin:$PATH
#   export LD_LIBRARY_PATH=$PWD/lintorch/lib:$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__) + "/lib")')
#
#   scripts/bundle.sh [OUT.tar.xz] [FOLDER_OF_LIBRARIES...]
# Default: lintorch.tar.xz. Libraries are looked for in the folders first, e.g. those of a small FFmpeg; Debian's, with all
# that it needs, takes 100 MB. The GPU tests come along if they are built. BUILD_DIR as for scripts/build.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$root" && realpath -m "${BUILD_DIR:-build}")
out=$(realpath -m "${1:-lintorch.tar.xz}")
shift || true
[[ -x $build/apps/lintorch-train ]] || { echo "bundle: no programs in $build/apps; run scripts/build.sh apps first" >&2; exit 1; }

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage"/lintorch/{bin,lib}
cp "$build"/apps/lintorch-* "$stage/lintorch/bin/"
tests=$build/test/gpu/lintorch_gpu_tests
[[ ! -x $tests ]] || cp "$tests" "$stage/lintorch/bin/"
find "$build/lintorch" -name 'liblintorch*.so*' -exec cp -P {} "$stage/lintorch/lib/" \;

# What they need and neither LibTorch nor the C++ run-time brings.
libraries=$(printf '%s:' "$@")
LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:-} ldd "$stage"/lintorch/bin/* "$stage"/lintorch/lib/*.so |
  awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
  grep -vE '/site-packages/|/(libc|libm|libdl|librt|libutil|libpthread|libgcc_s|libstdc\+\+|libgomp[^/]*|ld-linux[^/]*)\.so|/lib(torch|c10|lintorch|cu|nv|nccl)[^/]*\.so' |
  while read -r library; do cp -L "$library" "$stage/lintorch/lib/"; done
strip --strip-unneeded "$stage"/lintorch/bin/* "$stage"/lintorch/lib/*.so* 2>/dev/null || true
tar -C "$stage" -caf "$out" lintorch
echo "bundle: $out, $(du -h "$out" | cut -f1): $(ls "$stage/lintorch/bin" | wc -l) programs, $(ls "$stage/lintorch/lib" | wc -l) libraries"
