#!/usr/bin/env bash
# Builds posekit against Torch's CUDA build, on a machine that needs no GPU, and checks what can be checked there: that it links and starts, that
# each reason for having no device is told apart, and that the tests of the label gpu are there and say why they are skipped.
#
#   scripts/check_cuda.sh [FOLDER]     FOLDER (default build/cuda) keeps Torch, the toolkit folder and the build
#
# Wants nvcc in PATH, and the packages of bootstrap.sh. TORCH_VERSION (default 2.13.0); JOBS (default 2). docs/testing.md has its time and size.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
folder=$(realpath -m "${1:-$root/build/cuda}")
torch_version=${TORCH_VERSION:-2.13.0}
say() { printf '== [%4ds] %s\n' "$SECONDS" "$*"; }
die() { printf 'check_cuda: %s\n' "$*" >&2; exit 1; }
command -v nvcc >/dev/null || die "no nvcc in PATH: install NVIDIA's CUDA toolkit"
mkdir -p "$folder"

say "Torch $torch_version with CUDA"
[ -x "$folder/venv/bin/python" ] || python3 -m venv "$folder/venv"
# Three '=': two would also take a CPU build of that version.
"$folder/venv/bin/python" -c "import torch; assert torch.version.cuda and torch.__version__.startswith('$torch_version')" 2>/dev/null ||
  "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "torch===$torch_version" numpy >"$folder/pip.log" 2>&1 || { tail -n 15 "$folder/pip.log"; exit 1; }
[ -e "$folder/toolkit/bin/nvcc" ] || { rm -rf "$folder/toolkit"; "$root/scripts/cuda_toolkit.sh" "$folder/toolkit" "$folder/venv/bin/python" >/dev/null; }

say "building"
cmake -S "$root" -B "$folder/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPOSEKIT_WERROR=ON -DPOSEKIT_CUDA=ON \
  "-DCMAKE_PREFIX_PATH=$("$folder/venv/bin/python" -c 'import torch; print(torch.utils.cmake_prefix_path)')" \
  "-DPython_EXECUTABLE=$folder/venv/bin/python" "-DCMAKE_CUDA_COMPILER=$folder/toolkit/bin/nvcc" "-DCUDA_TOOLKIT_ROOT_DIR=$folder/toolkit" \
  -DCMAKE_CUDA_RUNTIME_LIBRARY=Shared '-DTORCH_CUDA_ARCH_LIST=8.0;9.0' >"$folder/configure.log" 2>&1 || { cat "$folder/configure.log"; exit 1; }
cmake --build "$folder/build" --parallel "${JOBS:-2}" --target posekit_cli posekit_torchscript_tests posekit_golden_device_tests posekit_gpu_tests \
  posekit_device_bench \
  >"$folder/build.log" 2>&1 || { grep -E 'error|FAILED' -A 5 "$folder/build.log"; exit 1; }

say "reasons"
mkdir -p "$folder/driver"
"${CC:-cc}" -shared -fPIC -Wall -Wextra -Werror -Wl,-soname,libcuda.so.1 -o "$folder/driver/libcuda.so.1" "$root/tests/support/fake_cuda_driver.c"
estimate() { "$folder/build/bin/posekit" estimate "$root/examples/images/astronaut.jpg" --whole-image --overwrite -o "$folder/results" "$@"; }
expect() { # expect WORDS [VERSION ERROR]: what --device cuda says, with a driver of this version that fails like this, or none
  local output code=0
  if [ $# -gt 1 ]; then
    output=$(LD_LIBRARY_PATH=$folder/driver FAKE_CUDA_VERSION=$2 FAKE_CUDA_ERROR=$3 estimate --device cuda 2>&1) || code=$?
  else
    output=$(estimate --device cuda 2>&1) || code=$?
  fi
  [ $code = 1 ] && [[ $output == *"CUDA was asked for, but"*"$1"* ]] || die "expected exit code 1 and \"$1\", got $code and: $output"
  echo "   $output"
}
if [ -e /proc/driver/nvidia/version ]; then say "there is a driver on this machine, so that its absence is not checked"; else expect "there is no NVIDIA driver"; fi
expect "driver is too old: it knows CUDA 12.4, this posekit's Torch needs" 12040 100
expect "sees no device" 99000 100
expect "CUDA can't start" 99000 999
noted=$(LD_LIBRARY_PATH=$folder/driver FAKE_CUDA_VERSION=12040 FAKE_CUDA_ERROR=100 estimate --device auto 2>&1)
[[ $noted == *'"auto" is the CPU here: the NVIDIA driver is too old'* ]] || die "expected a note about the driver with --device auto, got: $noted"
echo "   --device auto says why it is the CPU"
if [ ! -e /proc/driver/nvidia/version ]; then
  estimate --device auto --quiet
  python3 -c 'import json, sys; assert json.load(open(sys.argv[1]))["instance_info"][0]["keypoints"]' "$folder/results/astronaut.jpg.json"
  echo "   --device auto works on the CPU"
fi

say "tests: the device's way on the CPU, and those of the label gpu"
ctest --test-dir "$folder/build" --output-on-failure --no-tests=error -j "${JOBS:-2}" -R 'posekit_(torchscript|golden_device)_tests' >"$folder/tests.log" 2>&1 ||
  { cat "$folder/tests.log"; exit 1; }
tail -n 12 "$folder/tests.log" | grep 'tests passed'
"$folder/build/tests/torch/posekit_gpu_tests" >"$folder/gpu_tests.log" 2>&1 || [ $? = 4 ] || { cat "$folder/gpu_tests.log"; exit 1; }
tail -n 3 "$folder/gpu_tests.log"
"$folder/build/tests/bench/posekit_device_bench" machine "$root/examples/models/pose_landmark_lite.pt" --device cpu --seconds 0.01 >/dev/null
echo "   posekit_device_bench starts"
say "done; $(du -shL --exclude=results "$folder/venv" | cut -f1) of Torch, $(du -sh "$folder/build" | cut -f1) of build"
