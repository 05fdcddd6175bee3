#!/usr/bin/env bash
# Runs what a change has to pass, cheap checks first: scripts/ci.sh [STEP...]. docs/testing.md says what each step takes.
#
#   format   clang-format-16 on C and C++
#   lint     ruff on Python
#   layers   who includes what
#   commits  commit messages since origin/main
#   tidy     clang-tidy-16 on the files that changed
#   build    everything, as it is shipped, warnings are errors
#   clang    everything with the second compiler, file by file, warnings are errors
#   tsan     what has threads and no Torch, under the thread sanitizer, five times
#   fuzz     each fuzz target for 5 s
#   asan     the tests that run libraries and program, under the address and undefined behaviour sanitizers
#   test     every test: ./bootstrap.sh test
#
# Without STEP: all of them, in this order. ./bootstrap.sh setup --dev --exporters installs what they need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export CI=true CCACHE_NOHASHDIR=1 # a folder's name is no reason to compile anew

steps=(format lint layers commits tidy build clang tsan fuzz asan test)

build_preset() {
  mkdir -p build
  cmake --preset "$1" >"build/$1-configure.log" 2>&1 || { cat "build/$1-configure.log" >&2; return 1; }
  cmake --build --preset "$1"
}

run_format() { git ls-files -z -- '*.cc' '*.h' '*.c' | xargs -0 clang-format-16 --dry-run -Werror; }
run_lint() { .venv/bin/ruff check --no-cache python scripts tests examples/notebooks; }
run_layers() { python3 scripts/check_layers.py; }
run_commits() { python3 scripts/check_commits.py; }
run_tidy() { scripts/tidy.sh; }
run_build() { ./bootstrap.sh build --dev; }
run_clang() { build_preset clang; }
run_tsan() { build_preset tsan && ctest --preset tsan --repeat until-fail:5; }
run_fuzz() { scripts/fuzz.sh 5; }
run_asan() { build_preset asan && ctest --preset asan; }
run_test() { ./bootstrap.sh test --exporters; }

[ $# -gt 0 ] || set -- "${steps[@]}"
for step in "$@"; do
  [[ " ${steps[*]} " == *" $step "* ]] || { echo "ci.sh: unknown step '$step', the steps are: ${steps[*]}" >&2; exit 2; }
done
summary=()
for step in "$@"; do
  printf '== [%4ds] %s\n' "$SECONDS" "$step"
  begin=$SECONDS code=0
  "run_$step" || code=$?
  summary+=("$(printf '%-8s %5d s' "$step" $((SECONDS - begin)))")
  [ $code = 0 ] || { printf '%s\n' "${summary[@]}"; echo "ci.sh: the step '$step' failed" >&2; exit 1; }
done
printf '%s\n' "${summary[@]}"
printf '%-8s %5d s\n' all "$SECONDS"
