#!/usr/bin/env bash
# Times of single operations, one block, the whole transformer (also against the number of frames) and a whole generation on
# one GPU, beside Diffusers on the same card in the same run.
#   scripts/results/inference.sh REPORTS [op] [block] [forward] [residual] [diffusers] [generate] [four_steps] [scaling] [1_3b] [14b]
# REPORTS: folder for the JSON files. Without names of parts or sizes: all of them. The lintorch programs are looked for in
# PATH, then in build/apps; python3 needs torch and diffusers for that part. scripts/results/inference_table.py turns the
# reports into docs/results/inference_h100.md, .json and .svg.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$PATH:$root/build/apps
reports=$1
shift
parts='' sizes=''
for word in "$@"; do
  case "$word" in
    1_3b|14b) sizes+=" $word" ;;
    op|block|forward|residual|diffusers|generate|four_steps|scaling) parts+=" $word" ;;
    *) echo "inference.sh: unknown part or size $word" >&2; exit 2 ;;
  esac
done
parts=${parts:-op block forward residual diffusers generate four_steps scaling} sizes=${sizes:-1_3b 14b}
wants() { [[ " $parts " == *" $1 "* ]]; }
mkdir -p "$reports"

if wants op; then
  lintorch-bench op --set 'sizes=["tiny","1.3b","14b"]' --set output="$reports/op.json"
fi
for size in $sizes; do
  # Eager attention of 14B takes 17 s a forward: two timings are enough.
  case "$size" in
    1_3b) video=832x480 linear='[0,16,20,30]' ends='[0,16]' steps=50 repeats=7 variants=() ;;
    14b) video=1280x720 linear='[0,22,40]' ends='[0,22]' steps=2 repeats=2
         variants=(--variants "eager, FlashAttention-2" "compiled, cuDNN") ;;
  esac
  model=(--preset "t2v_$size" --size $video)
  if wants block; then
    lintorch-bench block "${model[@]}" --output "$reports/block_$size.json"
  fi
  if wants forward; then
    lintorch-bench forward "${model[@]}" --frames 81 --set linear_layers=$linear --set 'fp8=["none","feed_forward","all"]' \
      --set fp8_attention='[false,true]' --set repeats=$repeats --set warmup=1 --output "$reports/forward_$size.json"
  fi
  if wants residual; then  # Diffusers' residual stream has the weights' type
    lintorch-bench forward "${model[@]}" --frames 81 --set linear_layers="$ends" --set 'fp8=["none","all"]' \
      --set 'residual=["fp32","weights"]' --set repeats=$repeats --set warmup=1 --output "$reports/residual_$size.json"
  fi
  if wants diffusers; then
    python3 "$root/scripts/results/diffusers_forward.py" "${model[@]}" --repeats $repeats --warmup 1 "${variants[@]}" \
      --output "$reports/diffusers_$size.json"
  fi
  if wants generate; then
    lintorch-bench generate "${model[@]}" --set linear_layers=$ends --set steps=$steps --set vae_dtype=bf16 \
      --output "$reports/generate_$size.json"
  fi
  if wants four_steps; then  # as a distilled model: no guidance
    lintorch-bench generate "${model[@]}" --set linear_layers=$ends --set steps=4 --set guidance=1 --set sampler=euler \
      --set vae_dtype=bf16 --output "$reports/four_steps_$size.json"
  fi
  if wants scaling && [[ $size == 1_3b ]]; then
    for frames in 21 41 81 161 321 641; do
      # Of 641 frames a forward takes 20 s with softmax everywhere: one timing is enough.
      long=$((frames > 161))
      lintorch-bench forward "${model[@]}" --frames $frames --set linear_layers='[0,16,30]' --set repeats=$((3 - 2 * long)) \
        --set warmup=$((1 - long)) \
        --output "$reports/scaling_${size}_$frames.json"
    done
  fi
done
