#!/usr/bin/env bash
# The first run on a GPU as one command: tests, faults, figures, part by part in the order of their worth, planned for 540 s on 16 cores.
#
#   scripts/gpu_first_run.sh OUT [BUILD]
#
# OUT/figures.jsonl has a line of JSON for each figure, written at once, and one for the end of each part with its exit code; OUT/PART.log has the
# rest. A part that fails or takes too long does not keep the next ones from running; none begins that does not fit into what is left of the time.
# Programs in BUILD (default build/gpu) that start on this machine are used as they are; else they are built there, which takes nvcc and the
# packages of bootstrap.sh, or those of a folder in CMAKE_PREFIX_PATH. PYTHON (default python3) has the Torch that they are built for.
#
# DEVICE=cpu SMALL=1: a dry run without a GPU, with a tiny model. BUDGET (default 540): seconds for all.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
[ $# -ge 1 ] || { echo "usage: gpu_first_run.sh OUT [BUILD]" >&2; exit 2; }
mkdir -p "$1"
out=$(realpath "$1") build=$(realpath -m "${2:-$root/build/gpu}")
python=${PYTHON:-python3} device=${DEVICE:-cuda} budget=${BUDGET:-540}
figures=$out/figures.jsonl
bench=$build/tests/bench/posekit_device_bench
models=$root/examples/models
lite=$models/pose_landmark_lite.pt full=$models/pose_landmark_full.pt detector=$models/person_detector.pt
photos=$root/examples/images/people.jpg,$root/examples/images/astronaut.jpg
[[ $python == /* ]] || python=$(realpath -s "$(command -v "$python" || echo "$python")") # not what a link of .venv leads to
# The models that are made are 4 GB, and are read often.
roomy=/dev/shm
[ "$(df --output=avail -BG $roomy 2>/dev/null | tr -dc 0-9)0" -ge 80 ] || roomy=${TMPDIR:-/tmp}
made=$(mktemp -d "$roomy/posekit.XXXXXX")
trap 'rm -rf "$made"' EXIT
vit=$made/vit
: >"$figures"
export POSEKIT_SOURCE=$root # programs that were built elsewhere look for models and data there

# What differs in a dry run. Tests of the label gpu have their likes for the CPU in another program.
tests=$build/tests/torch/posekit_gpu_tests usual_tests='~[delays]~[lost]~[memory]' precision=bf16 precisions=bf16,fp16,tf32,fp32 shape=()
seconds() { echo "$1"; }
batches() { echo "$1"; }
rounds=5 first=1,16,16,16,5,5,5,3,3,16,1,1 patience=2
if [ "$device" = cpu ]; then
  tests=$build/tests/torch/posekit_torchscript_tests usual_tests='[device]~[lost]~[memory]'
fi
if [ "${SMALL:-0}" = 1 ]; then
  precision=fp32 precisions=bf16,fp32 shape=(--size 96x128 --depth 2 --dim 64 --heads 4 --head 32 --keypoints coco_wholebody133)
  rounds=1 first=1,4,4,4,3,3,3,2,2,4,1,1 patience=4
  export OMP_NUM_THREADS=1 # as in other tests: a busy machine makes threads wait for each other
  seconds() { echo 0.05; }
  batches() { echo 1,2; }
fi

say() { printf '== [%4ds] %s\n' "$SECONDS" "$*"; }
note() { printf '{"part": "%s", "figure": "%s", %s}\n' "$1" "$2" "$3" >>"$figures"; }

# part NAME SECONDS COMMAND…: planned for so many seconds. In the first round it is only counted.
planned=0 failed=() counting=1
part() {
  local name=$1 plan=$2 left=$((budget - SECONDS)) begin=$SECONDS code
  shift 2
  if [ $counting = 1 ]; then planned=$((planned + plan)); return; fi
  if [ $left -lt "$plan" ]; then
    say "$name: left out, ${left} s are left and $plan s are planned for it"
    note "$name" "left out" "\"left_s\": $left, \"planned_s\": $plan"
    failed+=("$name, left out")
    return
  fi
  say "$name, $plan s"
  timeout -k 5 $((patience * plan < left ? patience * plan : left)) "$@" 2>"$out/$name.log" | tee -a "$out/$name.log" | grep --line-buffered '^{' >>"$figures"
  code=${PIPESTATUS[0]}
  [ "$code" = 0 ] || { failed+=("$name"); tail -n 12 "$out/$name.log"; say "$name failed with exit code $code"; }
  note "$name" end "\"exit_code\": $code, \"seconds\": $((SECONDS - begin)), \"planned_s\": $plan"
}

# on_gpu PART…: not in a dry run.
on_gpu() {
  if [ "$device" != cpu ]; then part "$@"; elif [ $counting = 0 ]; then note "$1" "left out" '"reason": "there is no GPU"'; fi
}

measure() { # measure NAME SECONDS PART-OF-THE-PROGRAM ARGUMENT…
  local name=$1 plan=$2
  shift 2
  part "$name" "$plan" "$bench" "$@" --device "$device"
}

card() { # the clocks, and why they are as they are
  command -v nvidia-smi >/dev/null || return 0
  local query=name,driver_version,clocks.sm,clocks.mem,clocks.max.sm,temperature.gpu,power.draw,clocks_event_reasons.active
  note "$1" card "\"$query\": \"$(nvidia-smi --query-gpu=$query --format=csv,noheader 2>&1 | head -n 1 | tr -d '"\\')\""
}

# --- the programs ---

torch=$("$python" -c 'import importlib.util, os; print(os.path.dirname(importlib.util.find_spec("torch").origin))') ||
  { echo "gpu_first_run: $python has no Torch: name one that has, PYTHON=…" >&2; exit 1; }
for folder in "$torch/lib" "$torch"/../nvidia/*/lib; do # programs that were built elsewhere look for Torch there
  [ ! -d "$folder" ] || LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(realpath "$folder")
done
export LD_LIBRARY_PATH

starts() {
  [ -x "$bench" ] && [ -x "$tests" ] || return 1
  ! ldd "$bench" "$tests" 2>&1 | grep -E 'not found|not a dynamic' || return 1
  timeout 20 "$tests" --list-tags >/dev/null && timeout 60 "$bench" machine "$lite" --device "$device" --seconds 0.01 >/dev/null
}

build_programs() {
  local options=(-DPOSEKIT_CUDA=OFF)
  if [ "$device" != cpu ]; then
    [ -e "$build/toolkit/bin/nvcc" ] || { rm -rf "$build/toolkit" && "$root/scripts/cuda_toolkit.sh" "$build/toolkit" "$python"; } || return
    options=(-DPOSEKIT_CUDA=ON "-DCMAKE_CUDA_COMPILER=$build/toolkit/bin/nvcc" "-DCUDA_TOOLKIT_ROOT_DIR=$build/toolkit"
             "-DPython_EXECUTABLE=$(command -v "$python")" -DCMAKE_CUDA_STANDARD=17 -DCMAKE_CUDA_RUNTIME_LIBRARY=Shared)
  fi
  rm -f "$build/CMakeCache.txt" # of another machine, perhaps
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release "-DCMAKE_PREFIX_PATH=$torch/share/cmake" "${options[@]}" || return
  cmake --build "$build" --target "$(basename "$bench")" "$(basename "$tests")"
}

if starts >"$out/starts.log" 2>&1; then
  say "the programs in $build start"
else
  say "building in $build"
  begin=$SECONDS code=0
  build_programs >"$out/build.log" 2>&1 || code=$?
  note build end "\"exit_code\": $code, \"seconds\": $((SECONDS - begin))"
  [ $code = 0 ] || { cat "$out/starts.log"; grep -E -A 5 'error|FAILED|CMake Error' "$out/build.log" | head -60; exit 1; }
fi

# --- the parts, in the order of their worth ---

all_parts() {
  measure machine 15 machine "$lite" --seconds "$(seconds 2)"
  part tests 35 "$tests" "$usual_tests" --durations yes
  on_gpu delays 10 "$tests" '[delays]'
  part lost 10 "$tests" '[lost]'
  part memory 20 "$tests" '[memory]'
  part export 30 "$python" "$root/tests/bench/export_vit.py" "$vit.pt" --device "$device" --peaks 0.8 --weak 0,5,25 "${shape[@]}"
  measure first 35 first "$vit-0.pt" "$lite" --precision "$precision" --batches "$first"
  measure ratio 45 ratio "$vit-0.pt" --precision "$precision" --batches "$(batches 1,8,32)" --rounds $rounds --seconds "$(seconds 1)"
  measure ratio_weak 30 ratio "$vit-5.pt" "$vit-25.pt" --precision "$precision" --batches "$(batches 8)" --rounds 3 --seconds "$(seconds 1)"
  measure stages 25 stages "$vit-5.pt" --precision "$precision" --batches "$(batches 1,8,32)" --seconds "$(seconds 0.25)"
  measure stages_fp32 15 stages "$vit-5.pt" --precision fp32 --batches "$(batches 1,8)" --seconds "$(seconds 0.25)"
  measure forward 35 forward "$vit-0.pt" "$lite" --precision "$precisions" --batches "$(batches 1,8)" --seconds "$(seconds 0.4)"
  measure callers 30 callers "$lite" "$full" --precision "$precision" --batches "$(batches 1,16,64)" --seconds "$(seconds 1)"
  part callers_of_two 10 "$bench" callers "$lite" --precision "$precision" --batches "$(batches 1,16)" --callers 1,4 --seconds "$(seconds 1)" --device "$two"
  measure precision 25 precision "$lite" "$full" --precision "$precisions" --detector "$detector" --photos "$photos"
  measure stream 25 stream "$lite" --precision "$precision" --detector "$detector" --photos "$photos" --seconds "$(seconds 8)"
  measure images 20 images "$lite" --precision "$precision" --batches "$(batches 16)" --seconds "$(seconds 2)"
  part demo 25 "$python" "$root/tests/bench/demo_loop.py" "$vit-0.pt" --device "$device" --precision "$precision" --batch "$large" --seconds "$(seconds 10)"
  if command -v compute-sanitizer >/dev/null; then
    on_gpu memcheck 30 compute-sanitizer --tool memcheck --error-exitcode 9 "$tests" '*staging memory is reused*,*overwritten and freed*'
  elif [ $counting = 0 ]; then
    note memcheck "left out" '"reason": "there is no compute-sanitizer"'
  fi
  local left=$((budget - SECONDS - 10))
  [ $counting = 1 ] || [ $left -ge "$soak" ] || [ $left -lt 20 ] || soak=$left # it takes what is left
  measure soak $((soak + 10)) soak "$vit-5.pt" --precision "$precision" --batches "$large" --seconds "$soak"
}
two=cuda:0,cuda:0 large=32 soak=60
[ "$device" != cpu ] || two=cpu,cpu
[ "${SMALL:-0}" != 1 ] || { large=2 soak=3; }

all_parts
say "$planned s are planned for the parts, $((budget - SECONDS)) s are left of $budget"
counting=0
card begin
all_parts
card end

say "the figures, all in $figures"
"$python" - "$figures" <<'END'
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    try:
        figure = json.loads(line)
    except json.JSONDecodeError:
        print(f"not whole: {line.strip()}")
        continue
    name, what = figure.pop("part", "?"), figure.pop("figure", "?")
    print(f"{name:14} {what:20}", ", ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in figure.items()))
END
[ ${#failed[@]} = 0 ] || { say "failed: $(printf '%s; ' "${failed[@]}")"; exit 1; }
say "all parts ended well"
