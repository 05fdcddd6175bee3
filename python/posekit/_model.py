"""Model: a loaded model, which estimators and detectors share; and the report on a model file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union

from . import _core
from ._errors import InvalidArgumentError, NotFoundError
from ._fork import check_can_load
from ._loading import Loadable

if TYPE_CHECKING:
    from typing_extensions import Buffer  # collections.abc has it from Python 3.12 on

PathLike = str | os.PathLike[str]
ModelSource = Union[PathLike, "Buffer"]
"""A model file's path, or its bytes."""
Metadata = Mapping[str, Any] | PathLike
Precision = Literal["auto", "as_exported", "fp32", "fp16", "bf16"]
WarmUp = Literal["check", "none"]


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


def _metadata_choice(metadata: Metadata | None, preset: str | None) -> _core.MetadataChoice:
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


def inspect_model(path: PathLike, *, metadata: Metadata | None = None, preset: str | None = None, sha256: str = "") -> _core.ModelReport:
    """Loads a model on the CPU without running it and says what it is.

    metadata, preset, sha256: as in posekit.Model. Loading runs code from the file: open only files you trust.

    Raises what posekit.Model raises.
    """
    check_can_load()
    return _core.inspect_model(path, _metadata_choice(metadata, preset), sha256)


def _path_or_bytes(source: Any) -> str | memoryview:
    if isinstance(source, (str, os.PathLike)):
        return os.fsdecode(source)
    try:
        view = memoryview(source)
    except TypeError as error:
        raise InvalidArgumentError(
            f"a model of type {type(source).__name__} was given, a posekit.Model, a path or the bytes of a model file are expected"
        ) from error
    if not view.c_contiguous:
        raise InvalidArgumentError("a model's bytes were given with gaps between them, contiguous bytes are expected")
    return view


class Model(Loadable[_core.Model]):
    """A loaded model, which estimators and detectors share.

    source: path of a model file (docs/models.md), or the bytes of one (bytes, bytearray, memoryview, mmap.mmap, …): these are read in place while the
        model is loaded and not kept, nothing is written to disk, and metadata are in the archive or in the options. Loading runs code from the
        file: open only files you trust.
    device: "auto" (CUDA if there is one, else the CPU), "cpu", "cuda", "cuda:N". Several of one kind joined by commas ("cuda:0,cuda:1"): a
        replica on each, with a thread of its own, on CUDA one more that launches the work; they share the work, and replicas on one device the weights.
    precision: "fp32", "fp16" or "bf16": weights and crops are converted. "as_exported": nothing of the network is cast, and crops are given to it in
        the metadata's dtype. "auto": as exported if that is "fp16" or "bf16", else "fp32".
    metadata, preset: a document, the path of one, or a preset's name, instead of what the model brings.
    sha256: checksum that the file must have; "" = not checked.
    warm_up: "check" runs one black crop to hold the model against its metadata, "none" leaves that to the first batch.
    fuse: on a CPU in float32, a network of convolutions runs with fused operators, up to twice as fast. Results differ in their last digits from
        those without, and the weights of convolutions are held twice. Loading compiles the network, for the number of Torch threads that there
        are then: with another number it runs without. False: never fused.

    Immutable: any number of threads may use it, and what is made of it, at once. The weights are freed when the model and all that was made of
    it are gone. Loading runs without the GIL.

    A model pickles as its options: another process loads it again, when it first uses it. One made of bytes does not pickle. After fork() every
    call in the child raises ForkedError.

    Raises NotFoundError, IoError, InvalidModelError, UnsupportedModelError, DeviceUnavailableError, InvalidArgumentError,
    OutOfMemoryError, and ForkedError where Torch could hang.
    """

    def __init__(
        self,
        source: ModelSource,
        *,
        device: str = "auto",
        precision: Precision = "auto",
        metadata: Metadata | None = None,
        preset: str | None = None,
        sha256: str = "",
        warm_up: WarmUp = "check",
        fuse: bool = True,
    ) -> None:
        super().__init__(
            {
                "source": _path_or_bytes(source),
                "metadata": _metadata_choice(metadata, preset),
                "sha256": sha256,
                "device": device,
                "precision": precision,
                "warm_up": warm_up,
                "fuse": fuse,
            }
        )
        if self._path is None:
            self._options["source"] = None  # it was borrowed

    def __getstate__(self) -> dict[str, Any]:
        if self._path is None:
            raise InvalidArgumentError("a model that was made from bytes does not pickle: make it from a path, or make it again in the other process")
        return self._options | {"source": os.path.abspath(self._path)}

    def __repr__(self) -> str:
        return f"Model({'bytes' if self._path is None else repr(self._path)}, device={self._options['device']!r})"

    def _make(self, **options: Any) -> _core.Model:
        return _core.Model(**options)

    @property
    def _path(self) -> str | None:
        source = self._options["source"]
        return source if isinstance(source, str) else None

    @property
    def info(self) -> _core.ModelInfo:
        """The metadata, complete."""
        return self._native.info

    @property
    def device(self) -> str:
        """Where it runs: "cpu" or "cuda:N"; replicas joined by commas."""
        return self._native.device

    @property
    def is_fused(self) -> bool:
        """Whether the network runs with fused operators: see fuse."""
        return self._native.is_fused

    def measure_memory(self) -> _core.MemoryReport:
        """What the model takes of its device's memory.

        Runs batches of one and of two crops of zeros to see it, without the GIL. Torch's tensors and the crops count; what kernels take besides,
        and CUDA's own context, are not seen.

        Raises InvalidArgumentError for a model on several devices, InvalidModelError, OutOfMemoryError, ForkedError.
        """
        return self._native.measure_memory()


def model_of(model: Model | ModelSource | None, shipped: str, **options: Any) -> Model:
    """The model that an estimator or a detector was given, or the one that it loads itself.

    model: None = the shipped one.
    options: of Model; None = not given. A loaded model takes none.
    """
    given = {name: value for name, value in options.items() if value is not None}
    if not isinstance(model, Model):
        return Model(shipped_model(shipped) if model is None else model, **given)
    if given:
        raise InvalidArgumentError(
            f"{' and '.join(given)} {'was' if len(given) == 1 else 'were'} given beside a posekit.Model, which is already loaded: "
            "pass options of the loading to posekit.Model(...)"
        )
    return model
