#!/usr/bin/env bash
# Formats the C++ and CUDA sources with clang-format 14 (Debian 12's). scripts/format.sh [--check] [FILES...]
# --check changes nothing and exits 1 if a file would change. Without that version of clang-format it does nothing:
# other versions break lines elsewhere.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

mode=(-i)
if [[ "${1:-}" == --check ]]; then mode=(--dry-run --Werror); shift; fi

for formatter in clang-format-14 clang-format none; do
  [[ "$("$formatter" --version 2>/dev/null)" == *"version 14."* ]] && break
done
if [[ $formatter == none ]]; then echo "format: no clang-format 14, skipped"; exit 0; fi

files=("$@")
if (( ${#files[@]} == 0 )); then
  mapfile -t files < <(find lintorch apps test -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' | sort)
fi
"$formatter" "${mode[@]}" "${files[@]}" || { echo "format: run scripts/format.sh" >&2; exit 1; }
echo "format: ${#files[@]} files"
