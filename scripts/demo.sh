#!/usr/bin/env bash
# The whole job in miniature, on the bundled teacher: collect trajectories, linearize half of its layers, export,
# generate with both models and with the bundled four-step one, compare. Does all set-up itself. Each run gets a folder of its own, runs/demo_001 and so
# on; nothing is ever overwritten. LINTORCH_DEVICE=cpu|cuda|auto picks the device (default auto).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

case "${1:-}" in
  "") ;;
  -h|--help) sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  *) echo "demo.sh: unexpected argument $1" >&2; exit 2 ;;
esac

bold='' dim='' red='' reset=''
if [[ -t 1 && -z "${NO_COLOR:-}" ]]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' reset=$'\e[0m'; fi

stages=() current='' stage_start=0
trap 'status=$?; if (( status != 0 )) && [[ -n $current ]]; then
  echo; echo "${red}demo: stage \"$current\" failed (exit status $status)${reset}" >&2; fi' EXIT

# stage NAME COMMAND...: runs it and keeps its time.
stage() {
  current=$1
  shift
  echo
  echo "${bold}== $current${reset}  ${dim}$*${reset}"
  stage_start=$SECONDS
  "$@"
  stages+=("$(printf '%-10s %4d s' "$current" $((SECONDS - stage_start)))")
}

new_run_folder() {
  local number=1
  mkdir -p runs
  while ! mkdir "$(printf 'runs/demo_%03d' "$number")" 2>/dev/null; do
    (( number += 1 ))
    (( number < 1000 )) || { echo "demo: cannot make a folder in runs/" >&2; return 1; }
  done
  printf 'runs/demo_%03d' "$number"
}

stage set-up ./scripts/setup.sh
stage build ./scripts/build.sh apps

app=${BUILD_DIR:-build}/apps
config=configs/tiny_wan
teacher=$config/model
four_steps=$config/four_steps
device=${LINTORCH_DEVICE:-auto}
run=$(new_run_folder)
prompt="a sneaker drifts up and left"
started=$SECONDS

stage collect "$app/lintorch-collect" --config $config/collect.json \
  --set model=$teacher --set output="$run/trajectories" --set device="$device"
stage linearize "$app/lintorch-train" --config $config/linearize.json \
  --set linearize.model=$teacher --set linearize.trajectories="$run/trajectories" --set output="$run/train" --set device="$device"
stage export "$app/lintorch-export" --config $config/export.json \
  --set checkpoint="$run/train" --set output="$run/linearized" --set untrained_swap="$run/untrained_swap"
for model in teacher linearized four_steps; do
  case $model in
    teacher) folder=$teacher ;;
    linearized) folder=$run/linearized ;;
    four_steps) folder=$four_steps ;;
  esac
  stage "$model" "$app/lintorch-generate" --config $config/generate.json --model "$folder" --prompt "$prompt" --seed 7 \
    --output "$run/$model.mp4" --device "$device"
done
stage eval "$app/lintorch-eval" --config $config/eval.json --set teacher=$teacher \
  --set "candidates=[{\"name\": \"linearized\", \"model\": \"$run/linearized\"}, {\"name\": \"untrained swap\", \"model\": \"$run/untrained_swap\"}, {\"name\": \"four steps, bundled\", \"model\": \"$four_steps\"}]" \
  --set train_metrics="$run/train/metrics.jsonl" --set output="$run/eval" --set device="$device"

echo
echo "${bold}Time per stage${reset}"
printf '  %s\n' "${stages[@]}"
echo "  after set-up and build: $((SECONDS - started)) s"
echo
echo "${bold}Results in $run${reset}"
echo "  teacher.mp4, linearized.mp4, four_steps.mp4    \"$prompt\", from the same noise"
echo "  eval/report.html               videos side by side, gates over training, the table above"
echo "  linearized/                    the exported model: $app/lintorch-generate --model $run/linearized --prompt \"...\" --output out.mp4"
