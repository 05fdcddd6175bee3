#!/usr/bin/env python3
"""Runs a program on each photo of the reference and expects the same keypoints, bit by bit: same_poses.py REFERENCE COMMAND...

COMMAND gets the photo (PPM) as its last argument and prints lines as make_reference writes them.
"""
import pathlib
import struct
import subprocess
import sys


def poses(text):
    """(person, name, bits of x, y and score as float32) of each line."""
    lines = [line.split() for line in text.splitlines()]
    return [(person, name, *(struct.pack("<f", float(value)) for value in values)) for person, name, *values in lines]


def main():
    reference, command = pathlib.Path(sys.argv[1]), sys.argv[2:]
    total = 0
    for photo in sorted(reference.glob("*.ppm")):
        expected = poses(photo.with_suffix(".txt").read_text())
        done = subprocess.run([*command, str(photo)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{photo.name}: the program ended with {done.returncode}:\n{done.stderr}")
        found = poses(done.stdout)
        if found != expected:
            sys.exit(f"{photo.name}: {len(found)} keypoints that are not the {len(expected)} of the C++ library:\n{done.stdout}")
        total += len(found)
    if total == 0:
        sys.exit(f"no person in {reference}: nothing was compared")
    print(f"{total} keypoints are equal")


if __name__ == "__main__":
    main()
