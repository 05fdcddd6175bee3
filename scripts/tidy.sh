#!/usr/bin/env bash
# Runs clang-tidy-16 on the files that changed: scripts/tidy.sh [--torch] [--analyzer] [--all | FILE... | --since BASE]
#
# BASE defaults to where origin/main was left, or to the last commit where nothing was added to it. Of more than POSEKIT_TIDY_FILES changed
# files (default 12) those with the most changed lines are looked at. Files that include Torch take a minute each: only with --torch.
# So do clang's analyzer and files with JSON: only with --analyzer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
limit=${POSEKIT_TIDY_FILES:-12} with_torch=0 checks=--checks=-clang-analyzer-* all=0 base= files=()
while [ $# -gt 0 ]; do
  case $1 in
    --torch) with_torch=1 ;;
    --analyzer) checks= ;;
    --all) all=1 ;;
    --since) [ $# -ge 2 ] || { echo "tidy.sh: --since wants a commit" >&2; exit 2; }; base=$2; shift ;;
    -*) echo "tidy.sh: unknown argument '$1'" >&2; exit 2 ;;
    *) files+=("$1") ;;
  esac
  shift
done

if [ ${#files[@]} -gt 0 ]; then
  limit=${#files[@]} with_torch=1
elif [ $all = 1 ]; then
  mapfile -t files < <(git ls-files -- '*.cc')
  limit=${#files[@]}
else
  [ -n "$base" ] || base=$(git merge-base origin/main HEAD 2>/dev/null) || base=HEAD
  [ "$(git rev-parse "$base")" != "$(git rev-parse HEAD)" ] || base=HEAD~1
  git rev-parse -q --verify "$base" >/dev/null || base=$(git hash-object -t tree /dev/null)
  mapfile -t files < <(git diff --numstat --no-renames --diff-filter=d "$base" -- '*.cc' | sort -rn | cut -f3)
fi

# Only what is compiled on this machine is in the compile database; it lists each file alone (no unity).
mkdir -p build
cmake --preset clang >build/clang-configure.log 2>&1 || { cat build/clang-configure.log >&2; exit 1; }
mapfile -t files < <(python3 - "$with_torch" "$limit" "${files[@]}" <<'PYTHON'
import json, os, sys
with_torch, limit, files = sys.argv[1] == "1", int(sys.argv[2]), sys.argv[3:]
commands = {os.path.relpath(entry["file"]): entry["command"] for entry in json.load(open("build/clang/compile_commands.json"))}
kept = [file for file in files if file in commands and (with_torch or "torch/include" not in commands[file])]
print(*kept[:limit], sep="\n", end="\n" if kept else "")
if len(kept) > limit:
    print(f"looked at: {limit} of {len(kept)} files, those that changed most; POSEKIT_TIDY_FILES=N for more", file=sys.stderr)
PYTHON
)
if [ ${#files[@]} = 0 ]; then echo "no file to look at"; exit 0; fi
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" clang-tidy-16 -p build/clang --quiet ${checks:+"$checks"}
echo "clang-tidy-16 finds nothing in ${#files[@]} files"
