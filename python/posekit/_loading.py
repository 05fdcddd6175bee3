"""What models, estimators, detectors and predictors share: options that make a native object, here and in other processes."""

from __future__ import annotations

import os
import threading
from typing import Any, Generic, TypeVar

from ._errors import ForkedError
from ._fork import check_can_load

Native = TypeVar("Native")


class Loadable(Generic[Native]):
    """A native object that is made of options: by the constructor at once, after unpickling at its first use.

    It must not load while it is unpickled: an error there would end a worker of multiprocessing, and its caller would wait for ever.
    """

    _loaded: Native | None

    def __init__(self, options: dict[str, Any]) -> None:
        self.__setstate__(options)
        self._loaded = self._load()

    def __getstate__(self) -> dict[str, Any]:
        return dict(self._options)

    def __setstate__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._made_by = os.getpid()
        self._lock = threading.RLock()  # a signal's handler may use the object while it loads
        self._loaded = None

    def _load(self) -> Native:
        check_can_load()
        return self._make(**self._options)

    def _make(self, **options: Any) -> Native:
        raise NotImplementedError

    @property
    def _native(self) -> Native:
        if self._loaded is not None:
            return self._loaded
        if self._made_by != os.getpid():  # the lock may be held by a thread that is gone
            raise ForkedError(
                f"{type(self).__name__} was made by process {self._made_by} and is used in its child after fork(): make it in the child"
            )
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded
