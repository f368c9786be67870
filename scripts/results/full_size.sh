#!/usr/bin/env bash
# Full-size generation with random weights: seconds and peak device memory of every part, one JSON file per run.
#   scripts/results/full_size.sh WEIGHTS REPORTS [RUN...]
# WEIGHTS: folder for the random models (44 GB; kept, and used again). REPORTS: folder for the reports.
# RUN: 1_3b 1_3b_resident 14b vae_720p vae_720p_bf16 vae_720p_tiled; default: all. The lintorch programs are looked for
# in PATH, then in build/apps. scripts/results/full_size_table.py turns the reports into docs/results/full_size.*.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$PATH:$root/build/apps
weights=$1 reports=$2
shift 2
runs=${*:-1_3b 1_3b_resident 14b vae_720p vae_720p_bf16 vae_720p_tiled}
steps_14b=${STEPS_14B:-3}  # a full run of 50 takes half an hour; every step costs the same
mkdir -p "$weights" "$reports"

model() { # NAME ARGUMENTS: random weights, written once
  local name=$1
  shift
  [[ -f $weights/$name/model_index.json ]] || lintorch-inspect random --output "$weights/$name" --set dtype=bf16 "$@"
}
models() {
  model 1_3b --preset t2v_1_3b &
  [[ " $runs " != *" 14b "* ]] || model 14b --preset t2v_14b --set 'components=["transformer"]' &
  wait
}

prompt="two anthropomorphic cats in comfy boxing gear fight on a spotlighted stage"
generate() { # NAME ARGUMENTS
  local name=$1
  shift
  echo "== $name: lintorch-generate $*"
  lintorch-generate --model "$weights/1_3b" --prompt "$prompt" --dtype bf16 --device cuda --report "$reports/$name.json" \
    --output "$reports/$name.gif" "$@"
  rm -f "$reports/$name.gif"
}

time models
latents=$weights/latents_720p.safetensors
for run in $runs; do
  case "$run" in
    1_3b) generate "$run" --size 832x480 --frames 81 --steps 50 --offload sequential ;;
    1_3b_resident) generate "$run" --size 832x480 --frames 81 --steps 4 --offload none ;;
    14b) generate "$run" --size 1280x720 --frames 81 --steps "$steps_14b" --shift 5 \
        --set "components.transformer=$weights/14b/transformer" --save-latents "$latents" ;;
    vae_720p*)
      [[ -f $latents ]] || generate latents --size 1280x720 --frames 81 --steps 1 --guidance 1 --save-latents "$latents"
      case "$run" in
        vae_720p) generate "$run" --size 1280x720 --frames 81 --latents "$latents" ;;
        vae_720p_bf16) generate "$run" --size 1280x720 --frames 81 --latents "$latents" --vae-dtype bf16 ;;
        vae_720p_tiled) generate "$run" --size 1280x720 --frames 81 --latents "$latents" --tiled-decode true ;;
      esac ;;
    *) echo "unknown run $run" >&2; exit 2 ;;
  esac
done
