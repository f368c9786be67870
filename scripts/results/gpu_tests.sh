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
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
runs=0 pids=()
start() { # COMMAND...: in the background
  local log=$logs/$((++runs))
  echo "\$ $*" > "$log.command"
  { "$@" > "$log" 2>&1; echo $? > "$log.rc"; } &
  pids+=($!)
}
report() { # waits for all, then what each said, in their order
  wait "${pids[@]}"
  for ((run = 1; run <= runs; run++)); do
    cat "$logs/$run.command"
    [[ $(cat "$logs/$run.rc") == 0 ]] || { failed=1; tail -n 25 "$logs/$run"; }
    verdict "$logs/$run"
  done
  runs=0 pids=()
}

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -n 1
lintorch-inspect --version
date -u +%F
start lintorch_gpu_tests
report
# Only our own kernels are watched: the references in fp64 beside them take hours otherwise. FP8 attention is cuDNN's, whose races
# racecheck takes more than five minutes to look for.
# racecheck breaks down over a kernel of cuBLAS that it does not watch (CUDA 13.0: "failed to handle a hardware exception"); when it
# watches them, it finds races inside cuBLAS's nvjet kernels. So tests with cuBLAS are watched whole, and only other races count.
racecheck_beside_cublas() { # TESTS
  local log ours
  log=$(mktemp -p "$logs")
  compute-sanitizer --tool racecheck lintorch_gpu_tests "$1" > "$log" 2>&1 || { cat "$log"; return 1; }
  ours=$(grep -a "access at" "$log" | grep -cv "nvjet_")
  [[ $ours == 0 ]] || { cat "$log"; return 1; }
  grep -aE "^All tests passed" "$log"
  echo "RACECHECK SUMMARY: 0 hazards outside cuBLAS, $(grep -ac "Race reported" "$log") reports inside its nvjet kernels"
}
for tag in fp8_attention hedgehog_features residual_layer_norm quantize_rows rms_norm_rope hedgehog_attention; do
  filter=(--kernel-regex kns=lintorch)
  [[ $tag != fp8_attention ]] || filter=()
  start compute-sanitizer --tool memcheck "${filter[@]}" --error-exitcode 9 lintorch_gpu_tests "[gpu_$tag]"
  [[ $tag == fp8_attention ]] ||
    start compute-sanitizer --tool racecheck "${filter[@]}" --error-exitcode 9 lintorch_gpu_tests "[gpu_$tag]~[cublas]"
done
start racecheck_beside_cublas "[gpu_hedgehog_attention][cublas]~[fp64]"
report
exit $failed
