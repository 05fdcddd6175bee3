#!/usr/bin/env bash
# Sets posekit up on Debian or Ubuntu, builds it, and runs its demo or its tests. Safe to run again: what is done stays done.
set -euo pipefail

torch_version=2.13.0
python_packages=("numpy>=1.26,<3" "pybind11>=3" "scikit-build-core>=0.11" pytest mypy opencv-python-headless av pillow)
# For the tests: what results become and are measured with, what docs have recipes for, what runs notebooks, and what lints Python.
python_dev_packages=(ipykernel matplotlib nbclient pandas polars pyarrow "pycocotools>=2.0.8" supervision ruff==0.17.6)
python_evaluator=trackeval==1.3.0        # alone: it asks for another OpenCV than Python's tests, and its metrics use only NumPy and SciPy
# For the tests of posekit.export, in an environment of their own. torchvision: its processors are what exports are held against; without its
# dependencies, as torch is .venv's.
exporters_packages=(transformers==5.24.0 safetensors==0.8.0 scipy==1.17.1)
exporters_torchvision=torchvision==0.28.0
packages=(g++ cmake ninja-build libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev libopencv-videoio-dev libjpeg-dev libpng-dev
          libwebp-dev libtiff-dev libopenjp2-7-dev libfmt-dev nlohmann-json3-dev libcli11-dev catch2 libbenchmark-dev ccache strace)
dev_packages=(clang-16 clang-format-16 clang-tidy-16 libclang-rt-16-dev abigail-tools pkgconf)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
venv=$root/.venv
exporters=$root/.venv-exporters
build=$root/build/release

usage() {
  cat <<'TEXT'
usage: ./bootstrap.sh setup|build|demo|test [OPTION...]

  setup   install what is missing: packages (apt), a Python environment with Torch in .venv
  build   setup, then build everything into build/release
  demo    setup, build the posekit program, run it on examples/images; results in posekit-out
  test    setup, build everything, run the tests

  --cuda             build for NVIDIA GPUs (default: where nvidia-smi finds one and nvcc is there)
  --cpu              build for the CPU only
  --torch-dir DIR    use the LibTorch in DIR (it holds share/cmake/Torch) instead of .venv; or POSEKIT_TORCH_DIR
  --torch-index URL  also look for Torch in this pip index; or POSEKIT_TORCH_INDEX
  --no-packages      install no packages: they are there already, or the system is not Debian or Ubuntu
  --exporters        also make .venv-exporters, with transformers and what else the tests of posekit.export need
  --dev              also install clang-16, its runtime, clang-format-16, clang-tidy-16, abigail-tools,
                     pkgconf and, into .venv, ruff
  --jobs N           compile and test N at a time
  -h, --help         this text

PYTHON names the Python (3.10 or later) that .venv is made with; CXX the compiler (GCC 12 or later, Clang 16 or later).
TEXT
}

say() { printf '== [%4ds] %s\n' "$SECONDS" "$*"; }
die() { printf 'bootstrap.sh: %s\n' "$*" >&2; exit 1; }

verb= variant= torch_dir=${POSEKIT_TORCH_DIR:-} torch_index=${POSEKIT_TORCH_INDEX:-} with_packages=1 with_dev=0 with_exporters=0 jobs=
parse() {
  while [ $# -gt 0 ]; do
    case $1 in
      setup|build|demo|test) [ -z "$verb" ] || die "both '$verb' and '$1' given: one verb a call"; verb=$1 ;;
      --cuda) variant=cuda ;;
      --cpu) variant=cpu ;;
      --torch-dir|--torch-index|--jobs)
        [ $# -ge 2 ] || die "$1 wants a value (see ./bootstrap.sh --help)"
        case $1 in --torch-dir) torch_dir=$2 ;; --torch-index) torch_index=$2 ;; --jobs) jobs=$2 ;; esac
        shift ;;
      --no-packages) with_packages=0 ;;
      --dev) with_dev=1 ;;
      --exporters) with_exporters=1 ;;
      -h|--help) usage; exit 0 ;;
      *) die "unknown argument '$1' (see ./bootstrap.sh --help)" ;;
    esac
    shift
  done
  [ -n "$verb" ] || { usage >&2; exit 2; }
  [ -z "$jobs" ] || [[ $jobs =~ ^[1-9][0-9]*$ ]] || die "--jobs wants a number of at least 1, got '$jobs'"
}

# As many as there are CPUs, but a file that includes Torch takes 1 GB to compile.
default_jobs() {
  local cpus gigabytes
  cpus=$(nproc)
  gigabytes=$(awk '/^MemAvailable:/ {print int($2 / 1048576)}' /proc/meminfo)
  [ "${gigabytes:-1}" -ge 1 ] || gigabytes=1
  echo $((cpus < gigabytes ? cpus : gigabytes))
}

# --- packages ---

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Prefix of a command that must be root; fails where there is no way to be.
as_root() {
  if [ "$(id -u)" = 0 ]; then env DEBIAN_FRONTEND=noninteractive "$@"
  elif [ -t 0 ]; then sudo env DEBIAN_FRONTEND=noninteractive "$@"
  else sudo -n env DEBIAN_FRONTEND=noninteractive "$@"; fi
}

check_system() {
  local id=unknown version=0
  if [ -r /etc/os-release ]; then
    id=$(. /etc/os-release; echo "${ID:-unknown}")
    version=$(. /etc/os-release; echo "${VERSION_ID:-9999}") # Debian's testing has none
  fi
  case $id in
    debian) [ "${version%%.*}" -ge 12 ] && return ;;
    ubuntu) [ "${version%%.*}" -ge 24 ] && return ;;
  esac
  die "packages can be installed on Debian 12 and Ubuntu 24.04 or later; this is $id $version. Install by hand: a C++20 compiler (GCC 12 or
later, Clang 16 or later), CMake 3.22 or later, Ninja, OpenCV 4.5 or later (core, imgproc, imgcodecs, videoio),
libjpeg-turbo, libpng, libwebp, libtiff 4.5 or later, OpenJPEG, fmt, nlohmann-json, CLI11,
Catch2 3, Google Benchmark and Python 3.10 or later with venv and headers. Then go on with: ./bootstrap.sh $verb --no-packages"
}

# Debian 12 has Catch2 2; version 3 is in its backports, which outrank nothing else when they are added.
catch2_release() {
  mkdir -p "$root/build"
  local id codename list=/etc/apt/sources.list.d/posekit-backports.sources uri
  id=$(. /etc/os-release; echo "$ID$VERSION_ID")
  [ "$id" = debian12 ] || return 0
  codename=$(. /etc/os-release; echo "$VERSION_CODENAME")-backports
  if ! apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages' | grep -x "$codename" >/dev/null; then
    uri=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' |
          awk -v c="${codename%-backports}" '$2 == c && !n++ {print $1}')
    [ -n "$uri" ] || die "apt names no source of ${codename%-backports}, so none of its backports: install Catch2 3 by hand, then ./bootstrap.sh $verb --no-packages"
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' "$uri" "$codename" |
      as_root tee $list >/dev/null
    as_root apt-get update -q -o Dir::Etc::sourcelist=$list -o Dir::Etc::sourceparts=- -o APT::Get::List-Cleanup=0 >>"$root/build/apt.log" 2>&1
  fi
  echo "$codename"
}

apt_install() {
  local log=$root/build/apt.log
  mkdir -p "$root/build"
  as_root apt-get install -y -q --no-install-recommends "$@" >>"$log" 2>&1 </dev/null && return
  as_root apt-get update -q >>"$log" 2>&1 </dev/null || true # lists that are missing or too old
  as_root apt-get install -y -q --no-install-recommends "$@" >>"$log" 2>&1 </dev/null && return
  tail -n 15 "$log" >&2
  die "apt-get could not install: $* (all of its output: $log)"
}

install_packages() {
  local wanted=("${packages[@]}") missing=() name release
  [ $with_dev = 0 ] || wanted+=("${dev_packages[@]}")
  [ -n "$torch_dir" ] || "$python" -c 'import ensurepip, venv' 2>/dev/null || wanted+=(python3 python3-venv)
  [ -n "$torch_dir" ] || has_python_headers || wanted+=(python3-dev)
  check_system
  for name in "${wanted[@]}"; do
    if [ "$name" = catch2 ]; then
      installed catch2 && dpkg --compare-versions "$(dpkg-query -W -f '${Version}' catch2)" ge 3 || missing+=(catch2)
    else
      installed "$name" || missing+=("$name")
    fi
  done
  if [ ${#missing[@]} = 0 ]; then say "packages: all there"; return; fi

  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    die "packages are missing, and installing needs root (sudo is not there). As root, run:
  apt-get update && apt-get install --no-install-recommends ${missing[*]}
and start again. (On Debian 12 catch2 comes from bookworm-backports: add -t bookworm-backports for it.)"
  fi
  say "packages: installing ${missing[*]}"
  [ -n "$(apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages')" ] || as_root apt-get update -q </dev/null
  local plain=() late=0
  for name in "${missing[@]}"; do if [ "$name" = catch2 ]; then late=1; else plain+=("$name"); fi; done
  [ ${#plain[@]} = 0 ] || apt_install "${plain[@]}"
  if [ $late = 1 ]; then
    release=$(catch2_release)
    apt_install ${release:+-t "$release"} catch2
  fi
}

has_python_headers() { "$python" -c 'import os, sysconfig as s, sys; sys.exit(not os.path.exists(s.get_path("include") + "/Python.h"))' 2>/dev/null; }

# --- Torch ---

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }
find_nvcc() {
  local nvcc
  for nvcc in "$(command -v nvcc || true)" /usr/local/cuda/bin/nvcc; do
    if [ -x "$nvcc" ]; then echo "$nvcc"; return; fi
  done
  return 1
}

choose_variant() {
  case $variant in
    cuda) find_nvcc >/dev/null || die "--cuda needs nvcc, the compiler of NVIDIA's CUDA toolkit: install the toolkit and put nvcc into PATH" ;;
    cpu) ;;
    *) variant=cpu
       if has_gpu; then
         if find_nvcc >/dev/null; then variant=cuda; else say "torch: there is an NVIDIA GPU but no nvcc (CUDA toolkit), so this build is for the CPU"; fi
       fi ;;
  esac
}

pip_python= # the Python that pip installs for, where it is not .venv's
pip_install() { # what pip says goes into a log; the screen shows it when it matters
  "$venv/bin/python" -m pip ${pip_python:+--python "$pip_python"} install --no-input --disable-pip-version-check ${torch_index:+--extra-index-url "$torch_index"} "$@" \
    >>"$venv/pip.log" 2>&1 </dev/null
}

install_torch() {
  local stamp=$venv/posekit-stamp want="torch $torch_version $variant ${python_packages[*]}"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && "$venv/bin/python" -c '' 2>/dev/null; then say "torch: $torch_version ($variant) is in .venv"; return; fi

  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    die "needs Python 3.10 or later, '$python' is $("$python" --version 2>&1 || true): name another one, PYTHON=… ./bootstrap.sh $verb"
  say "torch: installing $torch_version ($variant) into .venv"
  # --clear: a folder that was moved or half made does not matter then.
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$venv"
  rm -f "$stamp"
  : >"$venv/pip.log"
  if [ "$variant" = cuda ]; then
    # Three '=': two would also take a CPU build of that version.
    pip_install "torch===$torch_version" || pip_failed
  elif ! pip_install "torch==$torch_version+cpu"; then
    grep -q 'No matching distribution' "$venv/pip.log" || pip_failed
    say "torch: pip's index has no CPU-only build of $torch_version: taking its default build, which may carry CUDA libraries of several GB."
    say "       To avoid them, name the index of CPU builds that pytorch.org's installation page shows: --torch-index URL"
    pip_install "torch==$torch_version" || pip_failed
  fi
  pip_install "${python_packages[@]}" || pip_failed
  echo "$want" >"$stamp"
}

install_python_dev() {
  local stamp=$venv/posekit-dev-stamp want="${python_dev_packages[*]} $python_evaluator"
  [ "$(cat "$stamp" 2>/dev/null)" != "$want" ] || return 0
  say "python: installing $want into .venv"
  pip_install "${python_dev_packages[@]}" scipy || pip_failed
  pip_install --no-deps "$python_evaluator" || pip_failed
  echo "$want" >"$stamp"
}

# .venv's packages can be seen from it, and pip counts them as installed: Torch is there once.
install_exporters() {
  local stamp=$exporters/posekit-stamp want="${exporters_packages[*]} $exporters_torchvision $(cat "$venv/posekit-stamp")"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && "$exporters/bin/python" -c '' 2>/dev/null; then say "exporters: all there"; return; fi
  say "exporters: installing ${exporters_packages[*]} $exporters_torchvision into .venv-exporters"
  "$venv/bin/python" -m venv --without-pip --clear "$exporters"
  "$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' \
    >"$("$exporters/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/posekit.pth"
  pip_python=$exporters/bin/python
  pip_install --no-compile "${exporters_packages[@]}" || pip_failed # transformers has thousands of files, of which few are imported
  pip_install --no-compile --no-deps "$exporters_torchvision" || pip_failed
  pip_python=
  echo "$want" >"$stamp"
}

pip_failed() {
  tail -n 15 "$venv/pip.log" >&2
  die "pip could not install what .venv needs (all of its output: $venv/pip.log)"
}

torch_cmake() {
  if [ -n "$torch_dir" ]; then
    echo "$torch_dir/share/cmake"
  else
    # Not by importing torch: that takes seconds.
    "$venv/bin/python" -c 'import importlib.util, os; print(os.path.join(os.path.dirname(importlib.util.find_spec("torch").origin), "share", "cmake"))'
  fi
}

setup() {
  python=${PYTHON:-python3}
  if [ $with_packages = 1 ]; then install_packages; else say "packages: not touched"; fi
  if [ -n "$torch_dir" ]; then
    [ -d "$torch_dir" ] && torch_dir=$(cd "$torch_dir" && pwd -P)
    [ -r "$torch_dir/share/cmake/Torch/TorchConfig.cmake" ] ||
      die "--torch-dir $torch_dir: no share/cmake/Torch/TorchConfig.cmake in it; name the folder of LibTorch, or of the Python package torch"
    [ -n "$variant" ] || variant=cpu
    say "torch: the one in $torch_dir"
  else
    command -v "$python" >/dev/null || die "needs Python 3.10 or later, '$python' is not there: name another one, PYTHON=… ./bootstrap.sh $verb"
    choose_variant
    install_torch
    if [ $with_dev = 1 ] || [ "$verb" = test ]; then install_python_dev; fi
    [ $with_exporters = 0 ] || install_exporters
  fi
}

# --- build ---

cuda_options=()
prepare_cuda() {
  cuda_options=(-DPOSEKIT_CUDA=OFF)
  [ "$variant" = cuda ] || return 0
  local nvcc toolkit=$venv/cuda
  nvcc=$(find_nvcc)
  if [ -z "$torch_dir" ]; then
    [ -e "$toolkit/bin/nvcc" ] || { rm -rf "$toolkit"; PATH=$(dirname "$nvcc"):$PATH "$root/scripts/cuda_toolkit.sh" "$toolkit" "$venv/bin/python" >/dev/null; }
    cuda_options=("-DCUDA_TOOLKIT_ROOT_DIR=$toolkit" "-DPython_EXECUTABLE=$venv/bin/python")
    nvcc=$toolkit/bin/nvcc
  fi
  cuda_options+=(-DPOSEKIT_CUDA=ON "-DCMAKE_CUDA_COMPILER=$nvcc" -DCMAKE_CUDA_RUNTIME_LIBRARY=Shared)
}

build() { # build [TARGET]
  local log=$root/build/configure.log werror=OFF python_option=OFF torch
  [ "${CI:-}" != true ] || werror=ON
  mkdir -p "$root/build"
  torch=$(torch_cmake)
  prepare_cuda
  # CMake remembers where things are: a folder made for another place or another Torch is of no use.
  [ "$(cat "$build/posekit-stamp" 2>/dev/null)" = "$root $torch $variant" ] || rm -rf "$build"
  mkdir -p "$build"
  echo "$root $torch $variant" >"$build/posekit-stamp"
  say "configuring build/release"
  # A LibTorch that belongs to no Python serves no Python package, nor does a Python without headers.
  if [ -z "$torch_dir" ]; then
    if has_python_headers; then python_option=ON; else say "python: no Python.h (package python3-dev), so the Python package is not built"; fi
  fi
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPOSEKIT_WERROR=$werror "-DCMAKE_PREFIX_PATH=$torch" \
    -DPOSEKIT_PYTHON=$python_option -DPOSEKIT_UNITY=ON \
    "${cuda_options[@]}" >"$log" 2>&1 </dev/null || { cat "$log" >&2; die "configuring failed"; }
  say "building ($jobs at a time; the first time takes minutes)"
  cmake --build "$build" --parallel "$jobs" ${1:+--target "$1"} </dev/null
}

demo() {
  local images=$root/examples/images out=posekit-out code=0
  say "posekit estimate examples/images -o posekit-out --draw"
  (cd "$root" && "$build/bin/posekit" estimate examples/images -o "$out" --draw --overwrite </dev/null) || code=$?
  [ $code = 0 ] || die "the demo failed with exit code $code"
  say "results, one JSON file for each picture of ${images#"$root"/}: $root/$out"
  (cd "$root/$out" && find . -type f | sort | sed 's|^\./|   |')
  say "pictures with the poses drawn: $root/$out/*.pose.jpg"
}

run_tests() {
  say "testing"
  ctest --test-dir "$build" --output-on-failure --no-tests=error -LE soak -j "$jobs" </dev/null
}

main() {
  parse "$@"
  [ -n "$jobs" ] || jobs=$(default_jobs)
  setup
  case $verb in
    setup) say "done: ./bootstrap.sh demo, or ./bootstrap.sh test" ;;
    build) build; say "done: build/release/bin/posekit --help" ;;
    demo) build posekit_cli; demo ;;
    test) build; run_tests ;;
  esac
}
main "$@"
