#!/usr/bin/env python3
"""The names of the C interface are the same everywhere: check_names.py ROOT [NM LIBRARY]

Compares the functions that posekit_c.h declares with the committed list, with the program that uses every function, with the C# declarations
and, given NM, with what the shared library exports.
"""
import pathlib
import re
import subprocess
import sys


def main():
    root = pathlib.Path(sys.argv[1])
    header = re.sub(r"/\*.*?\*/", "", (root / "capi/include/posekit_c.h").read_text(), flags=re.DOTALL)
    declared = re.findall(r"POSEKIT_C_API[^;]*?(posekit_\w+)\s*\(", header)
    listed = (root / "capi/posekit_c.symbols").read_text().split()
    program = (root / "tests/capi/every_function.c").read_text()
    csharp = (root / "examples/csharp/Posekit.cs").read_text()
    others = {
        "capi/posekit_c.symbols": listed,
        "tests/capi/every_function.c": [name for name in declared if re.search(rf"\b{name}\(", program)],
        "examples/csharp/Posekit.cs": re.findall(r"static extern [^;]*?(posekit_\w+)\s*\(", csharp),
    }
    if len(sys.argv) > 3:
        symbols = subprocess.run([sys.argv[2], "-D", "--defined-only", sys.argv[3]], capture_output=True, text=True, check=True).stdout
        others[sys.argv[3]] = [line.split()[-1] for line in symbols.splitlines()]
    problems = []
    if listed != sorted(listed):
        problems.append("capi/posekit_c.symbols is not sorted")
    for where, names in others.items():
        problems += [f"{where} lacks {name}" for name in sorted(set(declared) - set(names))]
        problems += [f"{where} has {name}, which posekit_c.h does not declare" for name in sorted(set(names) - set(declared))]
    if not declared or len(declared) != len(set(declared)):
        problems.append("posekit_c.h declares nothing, or something twice")
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(declared)} functions in {', '.join(['posekit_c.h', *others])}")


if __name__ == "__main__":
    main()
