#!/usr/bin/env python3
"""Compiles every file of a build folder once more with clang, for its warnings only (nothing is written).

    check_clang.py BUILD [CLANG]    CLANG defaults to clang++-16; files in C are compiled with the same name without ++
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys


def command_of(entry, clang):
    words = shlex.split(entry["command"])
    compiler = next(i for i, word in enumerate(words) if not word.endswith("ccache"))
    kept, skip = [], False
    for word in words[compiler + 1:]:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ"):
            skip = True
        elif word not in ("-MD", "-MMD", "-c"):
            kept.append(word)
    if entry["file"].endswith(".c"):
        clang = clang.replace("++", "")
    return [clang, *kept, "-Wno-unknown-warning-option", "-Werror", "-fsyntax-only"]


def check(entry, clang):
    return subprocess.run(command_of(entry, clang), cwd=entry["directory"], capture_output=True, text=True, check=False)


def main():
    build = pathlib.Path(sys.argv[1])
    clang = sys.argv[2] if len(sys.argv) > 2 else "clang++-16"
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    # The longest first: files that include Torch.
    entries.sort(key=lambda entry: "torch/include" not in entry["command"])
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for result in pool.map(lambda entry: check(entry, clang), entries):
            if result.returncode != 0:
                failed += 1
                sys.stderr.write(result.stderr)
    if failed:
        sys.exit(f"check_clang: {failed} of {len(entries)} files have warnings or errors")
    print(f"{len(entries)} files compile with {clang} without a warning")


if __name__ == "__main__":
    main()
