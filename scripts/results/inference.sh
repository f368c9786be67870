#!/usr/bin/env bash
# Times of single operations and of the whole transformer on one GPU, beside Diffusers on the same card in the same run.
#   scripts/results/inference.sh REPORTS [1_3b] [14b]
# REPORTS: folder for the JSON files. The lintorch programs are looked for in PATH, then in build/apps; python3 needs torch
# and diffusers. scripts/results/inference_table.py turns the reports into docs/results/inference_h100.md and .json.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$PATH:$root/build/apps
reports=$1
shift
sizes=${*:-1_3b 14b}
mkdir -p "$reports"

lintorch-bench op --set 'sizes=["tiny","1.3b","14b"]' --set output="$reports/op.json"
for size in $sizes; do
  case "$size" in
    1_3b) video=832x480 linear='[0,16,20,30]' repeats=7 variants=() ;;
    # Eager attention of 14B takes 17 s a forward: two timings are enough.
    14b) video=1280x720 linear='[0,22,40]' repeats=2 variants=(--variants "eager, FlashAttention-2" "compiled, cuDNN") ;;
  esac
  lintorch-bench forward --preset "t2v_$size" --size $video --frames 81 --set linear_layers=$linear --set repeats=$repeats \
    --set warmup=1 --output "$reports/forward_$size.json"
  python3 "$root/scripts/results/diffusers_forward.py" --preset "t2v_$size" --size $video --repeats $repeats --warmup 1 \
    "${variants[@]}" --output "$reports/diffusers_$size.json"
done
