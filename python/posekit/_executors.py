"""Where images are cropped and outputs decoded: on the caller's thread, or with a pool's help."""

from __future__ import annotations

from . import _core
from ._errors import InvalidArgumentError


class Serial:
    """Everything happens on the caller's thread. No thread is made."""

    @property
    def slots(self) -> int:
        """How many tasks of one call may run at once: 1."""
        return 1

    def __repr__(self) -> str:
        return "Serial()"

    @property
    def _native(self) -> None:
        return None


class ThreadPool:
    """Threads that help whoever calls. Safe to share between estimators and threads; the forward stays on the caller's thread.

    threads: how many work on one call, the caller's included: 1 makes no thread; 0 = as many as this process may use CPUs (affinity and
    cgroup quota). Pickles as its number of threads: another process makes a pool of its own.
    """

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads
        self._native = _core.ThreadPool(threads)

    @property
    def slots(self) -> int:
        """How many tasks of one call may run at once, the caller's included."""
        return self._native.slots

    def __reduce__(self) -> tuple[type[ThreadPool], tuple[int]]:
        return ThreadPool, (self._threads,)

    def __repr__(self) -> str:
        return f"ThreadPool({self._threads})"


Executor = Serial | ThreadPool


def native_executor(executor: Executor | None) -> _core.ThreadPool | None:
    """None: serial."""
    if executor is None:
        return None
    if not isinstance(executor, Executor):
        raise InvalidArgumentError(f"executor is {executor!r}, Serial(), ThreadPool(threads) or None is expected")
    return executor._native
