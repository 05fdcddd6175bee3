"""What estimator and detector share: a configuration that makes a native object, here and in other processes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from . import _core
from ._errors import ForkedError, InvalidArgumentError, NotFoundError
from ._executors import Executor
from ._fork import check_can_load

PathLike = str | os.PathLike[str]
Metadata = Mapping[str, Any] | PathLike
Native = TypeVar("Native")


def shipped_model(name: str = "pose_landmark_full.pt") -> Path:
    """A model that comes with posekit: person_detector.pt, pose_landmark_full.pt, pose_landmark_lite.pt.

    Looked for in $POSEKIT_MODELS, then in the package. Raises NotFoundError.
    """
    folders = [Path(__file__).parent / "share/posekit/models"]
    if os.environ.get("POSEKIT_MODELS"):
        folders.insert(0, Path(os.environ["POSEKIT_MODELS"]))
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    looked = ", ".join(f'"{folder}"' for folder in folders)
    raise NotFoundError(
        f'the shipped model "{name}" is in none of {looked}: name a model, or set POSEKIT_MODELS to the folder that holds it'
    )


def metadata_choice(metadata: Metadata | None, preset: str | None) -> _core.MetadataChoice:
    """Which metadata counts; None = the model's own (docs/models.md)."""
    if metadata is not None and preset is not None:
        raise InvalidArgumentError("both metadata and preset were given, one of them is expected")
    if preset is not None:
        return ("preset", preset)
    if metadata is None:
        return None
    if isinstance(metadata, Mapping):
        return ("document", json.dumps(dict(metadata)))
    return ("file", os.fsencode(os.path.abspath(metadata)))


def inspect_model(model: PathLike, *, metadata: Metadata | None = None, preset: str | None = None, sha256: str = "") -> _core.ModelReport:
    """Loads a model on the CPU without running it and says what it is. Loading runs code from the file: open only files you trust."""
    check_can_load()
    return _core.inspect_model(model, metadata_choice(metadata, preset), sha256)


def measure_memory(
    model: PathLike,
    *,
    device: str = "auto",
    precision: Literal["fp32", "fp16", "bf16"] = "fp32",
    metadata: Metadata | None = None,
    preset: str | None = None,
    sha256: str = "",
) -> _core.MemoryReport:
    """Loads a model on one device and runs batches of one and of two crops of zeros to see what they take. Everything is freed on return.

    Torch's tensors and the crops count; what kernels take besides, and CUDA's own context, are not seen.

    Raises what PoseEstimator and its calls raise, and InvalidArgumentError if several devices are given.
    """
    check_can_load()
    return _core.measure_memory(model, metadata_choice(metadata, preset), sha256, device, precision)


class Model(Generic[Native]):
    """A native object made of options: at once by the constructor, at its first use where it was unpickled.

    It must not load while it is unpickled: an error there would end a worker of multiprocessing, and its caller would wait for ever.
    """

    _loaded: Native | None

    def __init__(self, options: dict[str, Any]) -> None:
        self.__setstate__(options)
        self._loaded = self._load()

    def __getstate__(self) -> dict[str, Any]:
        return self._options | {"model": os.path.abspath(self._options["model"])}

    def __setstate__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._made_by = os.getpid()
        self._lock = threading.RLock()  # a signal's handler may use the object while it loads
        self._loaded = None

    def __repr__(self) -> str:
        executor = self._options["executor"]
        return f"{type(self).__name__}({os.fspath(self._options['model'])!r}, device={self._options['device']!r}, executor={executor or 'Serial()'!s})"

    def _load(self) -> Native:
        check_can_load()
        return self._make(**(self._options | {"executor": native_executor(self._options["executor"])}))

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


def native_executor(executor: Executor | None) -> _core.ThreadPool | None:
    """None: serial."""
    if executor is None:
        return None
    if not isinstance(executor, Executor):
        raise InvalidArgumentError(f"executor is {executor!r}, Serial(), ThreadPool(threads) or None is expected")
    return executor._native
