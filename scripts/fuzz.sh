#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while: scripts/fuzz.sh [SECONDS each, default 20]. What it finds it leaves in build/fuzz.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-20}

mkdir -p build
cmake --preset fuzz >build/fuzz-configure.log 2>&1 || { cat build/fuzz-configure.log >&2; exit 1; }
cmake --build build/fuzz --target posekit_fuzz_targets
for program in build/fuzz/tests/fuzz/fuzz_*; do
  [ -f "$program" ] && [ -x "$program" ] || continue
  target=${program##*/fuzz_}
  mkdir -p "build/fuzz/corpus/$target"
  echo "== fuzzing $target for $seconds s"
  "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/$target-" "build/fuzz/corpus/$target" "tests/fuzz/corpus/$target" 2>build/fuzz/"$target.log" ||
    { tail -n 40 "build/fuzz/$target.log" >&2; exit 1; }
  grep -E 'number_of_executed_units' "build/fuzz/$target.log"
done
