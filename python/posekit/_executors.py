"""Where images are cropped and outputs decoded: on the caller's thread, or with a pool's help."""

from __future__ import annotations

from . import _core
from ._errors import InvalidArgumentError


class Executor:
    """Where images are cropped and outputs decoded: a SerialExecutor or a ThreadPool.

    A program's own executor is for C++ and C only: each of its tasks would wait for the GIL.
    """

    @property
    def slots(self) -> int:
        """The number of tasks of one call that may run at once, the caller's included; at least 1."""
        raise NotImplementedError


class SerialExecutor(Executor):
    """Runs everything on the caller's thread. It makes no thread and holds no state: safe to share."""

    @property
    def slots(self) -> int:
        """The number of tasks of one call that may run at once: 1."""
        return 1

    def __repr__(self) -> str:
        return "SerialExecutor()"


class ThreadPool(Executor):
    """Threads that help the thread that calls.

    threads: the number that works on one call, the caller's included: 1 makes no thread; 0 = as many as this process may use CPUs
        (affinity and cgroup quota).

    Safe to share between estimators and threads. The forward stays on the caller's thread. A pool pickles as its number of threads: another
    process makes a pool of its own.

    Raises InvalidArgumentError for a number below 0 or above 4096, OutOfMemoryError if a thread can't be started.
    """

    def __init__(self, threads: int = 0) -> None:
        self._threads = threads
        self._native = _core.ThreadPool(threads)

    @property
    def slots(self) -> int:
        """The number of tasks of one call that may run at once, the caller's included."""
        return self._native.slots

    def __reduce__(self) -> tuple[type[ThreadPool], tuple[int]]:
        return ThreadPool, (self._threads,)

    def __repr__(self) -> str:
        return f"ThreadPool({self._threads})"


def native_executor(executor: Executor | None) -> _core.ThreadPool | None:
    """None: serial."""
    if executor is None or isinstance(executor, SerialExecutor):
        return None
    if not isinstance(executor, ThreadPool):
        raise InvalidArgumentError(f"executor is {executor!r}, SerialExecutor(), ThreadPool(threads) or None is expected")
    return executor._native
