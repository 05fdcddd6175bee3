"""What comes before a model is loaded: torch is imported, and a forked child where Torch would hang is refused.

fork() leaves a child without its parent's threads, Torch's OpenMP team among them: with more than one Torch thread the first forward waits
for a team that is gone. Nobody can tell whether the parent had a team, so a forked child has to ask for one thread.
"""

from __future__ import annotations

import multiprocessing
import os
import sys

from . import _core
from ._errors import ForkedError

_imported_by = os.getpid()


def _is_forked() -> bool:
    command = " ".join(sys.orig_argv)
    if "multiprocessing.forkserver" in command:
        return False  # forks of a server that has imported modules and done nothing else
    child_of_multiprocessing = multiprocessing.parent_process() is not None and "multiprocessing.spawn" not in command
    return os.getpid() != _imported_by or child_of_multiprocessing


def check_can_load() -> None:
    """Imports torch. Raises ForkedError that says what to do."""
    from . import _torch as _torch

    if _is_forked() and _core.torch_threads() > 1:
        raise ForkedError(
            f"process {os.getpid()} was made by fork(), and Torch with {_core.torch_threads()} threads can hang there: start processes with "
            'multiprocessing\'s "spawn" or "forkserver", or call posekit.set_torch_threads(1) first in the child'
        )
