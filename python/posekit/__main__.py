"""python -m posekit: the command-line program, in this process's place, so that signals and exit codes are its own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

import torch


def main() -> NoReturn:
    program = Path(__file__).parent / "bin/posekit"
    if not program.is_file():
        sys.exit(f"posekit: the program is not at {program}: this package was built without it (POSEKIT_CLI=OFF)")
    # What Python ignores would stay ignored.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    libraries = [str(Path(torch.__file__).parent / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, libraries))
    os.execv(program, ["posekit", *sys.argv[1:]])


if __name__ == "__main__":
    main()
