#!/usr/bin/env bash
# What to run on a machine with a GPU, in a build folder of posekit with POSEKIT_CUDA, after `ctest -L gpu`: makes the model, measures, compares with the
# demo loop, soaks. Each part has a time limit, and the rest goes on after a failure.
#
#   tests/bench/device.sh BUILD OUT [SOAK_SECONDS]     PYTHON (default python3) has the Torch that posekit was built for
#
# DEVICE=cpu SMALL=1: a dry run of the script, with a tiny model.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
build=${1:?usage: device.sh BUILD OUT [SOAK_SECONDS]} out=${2:?usage: device.sh BUILD OUT [SOAK_SECONDS]} soak=${3:-0}
python=${PYTHON:-python3} device=${DEVICE:-cuda}
shape=() bench=(--batches 1,8,32 --rounds 7 --seconds 2) precision=bf16 demo=(--batch 32 --seconds 20)
if [ "${SMALL:-0}" = 1 ]; then
  shape=(--size 96x128 --depth 2 --dim 64 --heads 4 --head 32 --keypoints coco17)
  bench=(--batches 1,2 --rounds 1 --seconds 0.05) precision=fp32 demo=(--batch 2 --seconds 0.1)
fi
mkdir -p "$out"
failed=0
part() { # part NAME SECONDS COMMAND…
  local name=$1 limit=$2 code=0
  shift 2
  printf '== [%4ds] %s\n' "$SECONDS" "$name"
  timeout "$limit" "$@" >"$out/$name.log" 2>&1 || code=$?
  tail -n 20 "$out/$name.log"
  [ $code = 0 ] || { printf '   %s failed with exit code %d\n' "$name" $code; failed=1; }
}
command -v nvidia-smi >/dev/null && part machine 20 nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.sm,clocks.max.sm --format=csv
part export 240 "$python" "$here/export_vit.py" "$out/vit.pt" --device "$device" "${shape[@]}"
part bench 500 "$build/tests/bench/posekit_device_bench" "$out/vit.pt" --device "$device" --precision "$precision" "${bench[@]}" --json "$out/bench.json"
part demo_loop 240 "$python" "$here/demo_loop.py" "$out/vit.pt" --device "$device" --precision "$precision" "${demo[@]}"
if command -v compute-sanitizer >/dev/null && [ "$device" != cpu ]; then
  for tool in memcheck racecheck synccheck; do
    part "sanitizer_$tool" 240 compute-sanitizer --tool "$tool" --error-exitcode 9 "$build/tests/torch/posekit_gpu_tests" '*used again*,*fails in a session*,*twice*'
  done
fi
if [ "$soak" != 0 ]; then
  part soak $((soak + 240)) "$build/tests/bench/posekit_device_bench" "$out/vit.pt" --device "$device" --precision "$precision" --batches 8 --rounds 1 --seconds 1 --soak "$soak"
fi
rm -f "$out/vit.pt"
exit $failed
