#!/usr/bin/env bash
# Configures and builds lintorch into build/ (or $BUILD_DIR). Arguments that start with - go to CMake's configure step, e.g.
#   scripts/build.sh -DCMAKE_BUILD_TYPE=Debug -DLINTORCH_CUDA=OFF
# other arguments are the targets to build (default: everything; "apps" builds the lintorch-* programs only).
#
# ccache keeps its store where it always does (CCACHE_DIR, else ~/.cache/ccache) and not in the project folder, so that a
# fresh clone on the same machine, such as the next CI run, rebuilds from it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

build=${BUILD_DIR:-build}
options=() targets=()
for arg in "$@"; do
  case "$arg" in
    -h|--help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    -*) options+=("$arg") ;;
    *) targets+=("$arg") ;;
  esac
done

# A LibTorch source file takes up to 1.5 GB to compile: no more jobs than the memory carries.
jobs=$(nproc)
memory_gb=$(awk '/^MemAvailable/ { print int($2 / 1024 / 1024) }' /proc/meminfo 2>/dev/null || echo 4)
by_memory=$((memory_gb * 2 / 3 > 0 ? memory_gb * 2 / 3 : 1))
(( jobs <= by_memory )) || jobs=$by_memory

generator=()
[[ -f $build/CMakeCache.txt ]] || ! command -v ninja >/dev/null || generator=(-G Ninja)
cmake -S . -B "$build" "${generator[@]}" "${options[@]}"
# Seen once: GCC wrote a precompiled header that it then refused ("not used because ... defined as"), and ccache kept it; every
# file would take three times as long. The first file that reads it says so; it is made again, past ccache.
precompile() { cmake --build "$build" --parallel "$jobs" --target lintorch_pch; }
if ! precompile; then
  rm -f "$build"/lintorch/CMakeFiles/lintorch_pch.dir/cmake_pch.hxx.gch
  CCACHE_RECACHE=1 precompile
fi
if (( ${#targets[@]} )); then
  cmake --build "$build" --parallel "$jobs" --target "${targets[@]}"
else
  cmake --build "$build" --parallel "$jobs"
fi
echo "build: done; programs in $build/apps, library in $build/lintorch"
