"""python -m posekit: the command-line program, in this process's place, so that signals and exit codes are its own. It adds Parquet."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn


def main() -> NoReturn:
    program = Path(__file__).parent / "bin/posekit"
    if not program.is_file():
        sys.exit(f"posekit: the program is not at {program}: this package was built without it (POSEKIT_CLI=OFF)")
    # What Python ignores would stay ignored.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    torch = importlib.util.find_spec("torch")  # not imported: that takes longer than many a command
    folders = [str(Path(folder) / "lib") for folder in (torch.submodule_search_locations or [])] if torch else []
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [*folders, os.environ.get("LD_LIBRARY_PATH", "")]))
    if any("parquet" in argument for argument in sys.argv):
        from . import _parquet

        if _parquet.is_wanted(sys.argv[1:]):
            sys.exit(_parquet.run(program, sys.argv[1:]))
    os.execv(program, ["posekit", *sys.argv[1:]])


if __name__ == "__main__":
    main()
