#!/usr/bin/env bash
# Trains a model of 113 M parameters as teacher, linearizes three quarters of its layers and compares both: minutes on one large GPU.
#   scripts/results/mid_size.sh [--set KEY=VALUE of lintorch-train]
# Everything goes to runs/mid_wan; configs/mid_wan has the runs. The lintorch programs are looked for in PATH, then in build/apps.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
export PATH=$PATH:$PWD/build/apps
mkdir -p runs/mid_wan/parts
cp -r configs/tiny_wan/model/{tokenizer,vae} runs/mid_wan/parts/
time lintorch-pretrain --config configs/mid_wan/pretrain.json
time lintorch-collect --config configs/mid_wan/collect.json
time lintorch-train --config configs/mid_wan/linearize.json "$@"
lintorch-export --config configs/mid_wan/export.json
time lintorch-eval --config configs/mid_wan/eval.json
