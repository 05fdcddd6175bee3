#!/usr/bin/env python3
"""Checks who includes what: the way of the data through lib/ is one way, and third-party headers stay where they belong.

    check_layers.py [ROOT]    ROOT (default: the folder above this script's) holds include/, lib/, capi/, examples/, python/, tests/

Prints each include that breaks a rule as FILE:LINE and exits with 1. docs/architecture.md has the picture.
"""
import pathlib
import re
import sys

# The rooms of lib/ in the order of docs/architecture.md: a room may include those before it, never one behind it.
ROOMS = ("base", "host", "vector", "geometry", "keypoints", "execution", "codec", "model", "preprocess", "backend", "loading", "torch",
         "estimator", "detection", "results", "tracking", "pipeline", "io")
TORCH_ROOM = "lib/torch/"
TORCH_FILES = (TORCH_ROOM, "tests/support/caller_device.cc", "tests/support/fake_cuda.cc", "tests/support/model_builder.cc",
               "tests/support/operators.cc", "tests/support/torch_internals.cc", "tests/bench/device")

TORCH = re.compile(r"(torch|ATen|c10|caffe2)/")
THIRD_PARTY = {  # what it is: how its headers are recognised, and the folders and files that may include it
    "Torch": (TORCH, TORCH_FILES),
    "OpenCV": (re.compile(r"opencv2?/"), ("lib/io/", "include/posekit/opencv.h", "examples/cpp/", "tests/")),
    "image codec": (re.compile(r"(jpeglib|png|tiffio|openjpeg)\.h$|webp/"), ("lib/io/",)),
    "fmt": (re.compile(r"fmt/"), ("lib/", "examples/cli/", "tests/")),
    "nlohmann-json": (re.compile(r"nlohmann/"), ("lib/base/", "lib/keypoints/", "lib/model/", "lib/results/", "lib/tracking/", "examples/cli/",
                                                 "tests/")),
    "CLI11": (re.compile(r"CLI/"), ("examples/cli/",)),
    "Catch2": (re.compile(r"catch2/"), ("tests/",)),
    "Google Benchmark": (re.compile(r"benchmark/"), ("tests/bench/",)),
    "pybind11": (re.compile(r"pybind11/"), ("python/src/",)),
}
NOT_FOR_C = ("posekit/image_io.h", "posekit/draw.h", "posekit/video.h", "posekit/listing.h", "posekit/media.h", "posekit/opencv.h")
NOT_BESIDE_TORCH = ("fmt", "nlohmann-json")  # Torch's include folder carries copies of its own

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
SYSTEM = re.compile(r"[a-z0-9_]+(\.h)?$|(sys|linux|bits)/[a-z0-9_]+\.h$|ext/stdio_filebuf\.h$")


def room_of(path):
    return path.split("/")[1] if path.startswith("lib/") and path.count("/") > 1 else None


def broken_rule(root, file, header):
    """Why `file` (path from the root) may not include `header`, or None."""
    ours = file.startswith(("lib/", "tests/")) and (root / "lib" / header).is_file()  # lib/torch/ has the name of Torch's own folder
    for name, (pattern, allowed) in THIRD_PARTY.items():
        if not ours and pattern.match(header):
            if not file.startswith(allowed):
                return f"{name} may only be included in {', '.join(allowed)}"
            if name in NOT_BESIDE_TORCH and file.startswith(TORCH_FILES):
                return f"{name} must not meet Torch, whose include folder has another copy"
            return None
    if file.startswith("capi/"):
        if header in NOT_FOR_C:
            return "posekit_c links no OpenCV"
        if (root / "lib" / header).is_file():
            return "the C interface uses public headers only"
    if header.startswith("posekit/"):
        return None if (root / "include" / header).is_file() else "no such public header"
    if file.startswith("include/"):
        return None if SYSTEM.match(header) else "public headers include the standard library and posekit/ only"
    if SYSTEM.match(header) and not (root / file).parent.joinpath(header).is_file():
        return None
    if not file.startswith("lib/"):
        if file.startswith(("examples/", "python/")) and (root / "lib" / header).is_file():
            return "examples and bindings use public headers only"
        return None

    target = (root / "lib" / header)
    if not target.is_file():
        return "not a header of the standard library, of posekit/, of lib/, or of a library that is listed here"
    here, there = room_of(file), room_of(f"lib/{header}")
    if here not in ROOMS or there not in ROOMS:
        return "its room is not listed in scripts/check_layers.py"
    if there == "torch" and here != "torch":
        return "what is in lib/torch is reached through backend/model_backend.h"
    if here == "io" and there not in ("io", "base", "host"):
        return "posekit_io is a library of its own: of the other rooms it may use base and host alone, what they export"
    if ROOMS.index(there) > ROOMS.index(here):
        return f"{there} comes after {here}: {here} may use {', '.join(ROOMS[:ROOMS.index(here)]) or 'no other room'}"
    return None


def check(root):
    files = sorted(path for folder in ("include", "lib", "capi", "examples", "python", "tests") for path in (root / folder).rglob("*")
                   if path.suffix in (".h", ".cc", ".c", ".cu"))
    problems = []
    for path in files:
        file = path.relative_to(root).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            reason = found and broken_rule(root, file, found[2])
            if reason:
                problems.append(f"{file}:{number}: includes {found[2]}: {reason}")
    return files, problems


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    files, problems = check(root)
    if not files:
        sys.exit(f"check_layers: no source files under {root}")
    if problems:
        sys.exit("\n".join(problems) + f"\n{len(problems)} includes break a rule")
    print(f"{len(files)} files keep to their layers")


if __name__ == "__main__":
    main()
