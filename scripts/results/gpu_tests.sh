#!/usr/bin/env bash
# The GPU tests, and those of the kernels again under compute-sanitizer: docs/results/gpu_tests_*.txt is what it prints.
#   scripts/results/gpu_tests.sh [FILE]
# FILE: where the output goes too. The test program is looked for in PATH, then in build/test/gpu; compute-sanitizer comes with the
# CUDA Toolkit.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$PATH:$root/build/test/gpu:$root/build/apps:/usr/local/cuda/bin
[[ $# == 0 ]] || exec > >(tee "$1") 2>&1
failed=0

verdict() { grep -aE "^(All tests passed|test cases:|assertions:|No tests ran)|SUMMARY:|^.*FAILED:" "$1" | sed 's/^=* *//' | sort | uniq -c | sed 's/^ *1 //'; }
run() { # COMMAND...
  local log
  log=$(mktemp)
  echo "\$ $*"
  "$@" > "$log" 2>&1 || { failed=1; tail -n 25 "$log"; }
  verdict "$log"
  rm -f "$log"
}

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1
lintorch-inspect --version
date -u +%F
run lintorch_gpu_tests
# Only our own kernels are watched: the references in fp64 beside them take hours otherwise. FP8 attention is cuDNN's.
for tag in fp8_attention hedgehog_features residual_layer_norm quantize_rows rms_norm_rope hedgehog_attention; do
  filter=(--kernel-regex kns=lintorch)
  [[ $tag != fp8_attention ]] || filter=()
  for tool in memcheck racecheck; do
    run compute-sanitizer --tool "$tool" "${filter[@]}" --error-exitcode 9 lintorch_gpu_tests "[gpu_$tag]"
  done
done
exit $failed
