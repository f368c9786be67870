#!/usr/bin/env bash
# Sets up, builds, and runs everything that can be checked without a GPU: source rules, format, unit, parity and
# integration tests, and parity with the pinned reference libraries. Arguments go to ctest, e.g. scripts/test.sh -R unit.rng
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

started=$SECONDS
stage() { echo; echo "== $* ($((SECONDS - started)) s)"; }

stage "set-up"
./scripts/setup.sh --with-reference
stage "source rules"
python3 scripts/check_layers.py
./scripts/format.sh --check
stage "build"
./scripts/build.sh
stage "tests"
status=0
# One thread: tiny tensors on many threads spend their time waiting for each other.
OMP_NUM_THREADS=1 ctest --test-dir "${BUILD_DIR:-build}" --output-on-failure --no-tests=error -L 'unit|parity|integration|reference' "$@" || status=$?
stage "finished"
exit $status
