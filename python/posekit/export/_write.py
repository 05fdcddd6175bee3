"""write: a network in eager form and its metadata become a TorchScript file that was checked."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from .. import _core
from .._errors import Error, InvalidArgumentError, InvalidModelError, IoError, NotFoundError, UnsupportedModelError
from .._model import inspect_model
from ._files import first_line, read_json
from ._note import note

Precision = Literal["fp32", "fp16", "bf16"]
Verify = Literal["none", "quick", "full"]
JIT: Any = torch.jit
"""Its functions have no types, and some names are not declared as exported."""
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
LIMITS = {"fp32": 1e-5, "fp16": 2e-2, "bf16": 2e-2}
"""How far the file's outputs may be from the network's in the same type, in parts of the largest value."""
QUICK_SECONDS = 10.0
"""A forward of one crop that takes longer leaves the batch of five out."""
LARGE_ROUNDING = 0.1
"""What half precision may cost, in parts of the largest value, without a note."""
LONGEST_NAME = 230
"""Bytes of a file's name: the folder beside it has some more, and file systems allow 255."""
NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
"""What file systems without hard links answer."""


@dataclass(frozen=True)
class Written:
    """What `write` made."""

    path: Path
    """The file."""
    file_bytes: int
    """Its size."""
    info: _core.ModelInfo
    """Its metadata, as posekit reads them back from it."""
    notes: tuple[str, ...]
    """What posekit.inspect_model remarks on it."""
    parameters: int
    """Number of values in parameters and buffers."""
    batches: tuple[int, ...]
    """The batch sizes at which the file was compared with the network."""
    difference: float
    """The largest difference found there, in parts of the largest value of each output; 0 if none were compared."""
    rounding: float
    """How far the network in half precision is from itself in float32, in the same parts; 0 in fp32, or if nothing was compared."""


def write(
    module: nn.Module,
    metadata: Mapping[str, Any] | str | os.PathLike[str],
    path: str | os.PathLike[str],
    *,
    precision: Precision = "fp32",
    verify: Verify = "full",
    overwrite: bool = False,
) -> Written:
    """Traces a network, writes the TorchScript file with the metadata inside, and compares the file's outputs with the network's.

    module: float tensor [B,3,H,W] in, a tensor or a tuple of tensors out (docs/models.md, "Codecs"). It is changed: put into eval mode, on the
        CPU, and in half precision cast in place, as no second copy of the weights is made for that.
    metadata: a document (docs/models.md) or the path of one, with "licence" and "source". In half precision "dtype" is added.
    path: the file, a regular one, whose name has at most 230 bytes. It appears when it is whole and checked; until then, and never after a
        failure, there is a folder beside it that ends in ".partial", which only this user can read.
    precision: the type of weights, input and graph. A file in fp32 runs in every precision that posekit is asked for, if the network's code names
        no type (Sapiens2's does); one in fp16 or bf16 runs in that alone.
    verify: "full" compares at batches of 1, 2 and 5 crops of noise (1 and 2 if a forward of one takes 10 s or more), "quick" at 1 and 2, "none"
        not at all. The limit is 1e-5 of the largest value of each output, in half precision 2e-2. What half precision itself costs is measured
        with one crop: an ExportNote above 0.1, and an error if it turns all of an output into zeros.
    overwrite: replace a file that is there, except the metadata's own.

    At its peak it takes the network's memory, that of one more copy of the weights, and that of a forward. Not thread-safe: tracing is one at a
    time in a process.

    Raises InvalidArgumentError, NotFoundError, IoError; InvalidModelError if metadata and network contradict each other or the file differs from
    the network; UnsupportedModelError if the network can't be traced.
    """
    _check_choice("precision", precision, tuple(DTYPES))
    _check_choice("verify", verify, ("none", "quick", "full"))
    target = Path(os.fsdecode(path))
    check_target(target, overwrite, [metadata] if isinstance(metadata, (str, os.PathLike)) else [])
    document = _complete(metadata, precision)
    text = _text_of(document)
    info = _core.parse_model_info(text)
    _prepare(module)
    with _file_errors(target), _unfinished(target) as partial:
        with torch.no_grad(), _no_foreign_warnings():
            measured = verify != "none" and precision != "fp32"
            exact = _forward(module, info, 1, "fp32") if measured else []
            _cast(module, precision)
            expected = _expected(module, info, precision, verify)
            rounding = _rounding(expected[1], exact, precision) if measured else 0.0
            _trace_and_save(module, info, precision, text, partial)
            difference = _compare(partial, expected, info, precision)
        report = inspect_model(partial)
        _to_disk(partial)
        _give_name(partial, target, overwrite)
    if rounding > LARGE_ROUNDING:
        note(
            f"{precision} moves the network's output by {rounding:.2g} of the largest value: check its keypoints, or choose another precision"
        )
    notes = tuple(json.loads(report.to_json())["notes"])
    return Written(target, report.file_bytes, report.info, notes, report.parameters, tuple(expected), difference, rounding)


@contextlib.contextmanager
def _file_errors(target: Path) -> Iterator[None]:
    """Turns an OSError of the target or its folder into a sentence."""
    try:
        yield
    except OSError as error:
        if isinstance(error, Error):
            raise
        raise IoError(
            f'"{target}" can\'t be written ({error.strerror}): check the folder, its permissions and the space on the disk'
        ) from error


@contextlib.contextmanager
def _unfinished(target: Path) -> Iterator[Path]:
    """A file of the target's name, as torch puts that into the file, in a folder beside it that nobody else can enter or foresee."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".partial", dir=target.parent) as folder:
        yield Path(folder, target.name)


def _give_name(partial: Path, target: Path, overwrite: bool) -> None:
    """Without overwrite, a file that was made meanwhile is kept."""
    if not overwrite:
        taken = IoError(f'"{target}" was made by another process meanwhile: delete it, or pass --overwrite (overwrite=True)')
        try:
            os.link(partial, target)
            return
        except FileExistsError:
            raise taken from None
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
        if os.path.lexists(target):
            raise taken
    os.replace(partial, target)


def _check_choice(name: str, value: str, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise InvalidArgumentError(f'{name} "{value}" was given, one of {", ".join(allowed)} is expected')


def check_target(target: Path, overwrite: bool, inputs: Iterable[str | os.PathLike[str]]) -> None:
    """Finds at the beginning what would make the file fail at the end. inputs: files that the export reads.

    Raises InvalidArgumentError, NotFoundError, IoError.
    """
    with _file_errors(target):
        folder = target.parent
        if len(os.fsencode(target.name)) > LONGEST_NAME:
            raise InvalidArgumentError(
                f'the name "{target.name}" is too long, at most {LONGEST_NAME} bytes are expected: choose a shorter one'
            )
        if not folder.is_dir():
            raise NotFoundError(f'the folder "{folder}" does not exist: make it first')
        if target.is_dir():
            raise InvalidArgumentError(f'"{target}" is a folder, a file is expected: name one in it')
        if os.path.lexists(target) and not (target.exists() and stat.S_ISREG(target.stat().st_mode)):
            raise InvalidArgumentError(f'"{target}" is a device, a pipe or a broken link, a regular file is expected: choose another name')
        if target.exists() and any(os.path.exists(file) and target.samefile(file) for file in inputs):
            raise InvalidArgumentError(f'"{target}" is a file that the export reads, and would be lost: choose another name')
        if target.exists() and not overwrite:
            raise IoError(f'"{target}" exists already: pass --overwrite (overwrite=True) to replace it')
        if not os.access(folder, os.W_OK | os.X_OK):
            raise IoError(f'the folder "{folder}" can\'t be written to: check its permissions, or name another')


def _complete(metadata: Mapping[str, Any] | str | os.PathLike[str], precision: Precision) -> dict[str, Any]:
    if not isinstance(metadata, (Mapping, str, os.PathLike)):
        raise InvalidArgumentError(f"the metadata are a {type(metadata).__name__}, a document or the path of one is expected")
    document = dict(metadata) if isinstance(metadata, Mapping) else read_json(Path(metadata))
    for key in ("licence", "source"):
        if not isinstance(document.get(key), str) or not document[key]:
            raise InvalidArgumentError(f'the metadata have no "{key}": add the weights\' {key}, or "unknown"')
    if document.get("dtype", precision) != precision:
        raise InvalidArgumentError(
            f'the metadata have the dtype "{document["dtype"]}", precision "{precision}" was asked for: make them equal'
        )
    if precision != "fp32":
        document["dtype"] = precision
    return document


def _text_of(document: Mapping[str, Any]) -> str:
    try:
        text = json.dumps(document, ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(
            f'the metadata can\'t be written as JSON ("{first_line(error)}"): use objects, lists, text and numbers'
        ) from error
    return text


def _prepare(module: nn.Module) -> None:
    if not isinstance(module, nn.Module):
        raise InvalidArgumentError(f'the network is of the type "{type(module).__name__}", a torch.nn.Module is expected')
    try:
        module.eval().to("cpu")
    except Exception as error:  # weights without data, or a method of the network's own
        raise InvalidModelError(f'the network can\'t be moved to the CPU ("{first_line(error)}"): load its weights first') from error


def _cast(module: nn.Module, precision: Precision) -> None:
    try:
        module.to(DTYPES[precision])
    except Exception as error:
        raise UnsupportedModelError(
            f'the network can\'t be cast to {precision} ("{first_line(error)}"): choose another precision'
        ) from error


@contextlib.contextmanager
def _no_foreign_warnings() -> Iterator[None]:
    """Torch warns that tracing is deprecated, and of checks of sizes in networks: the comparison is what counts."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", category=JIT.TracerWarning)
        yield


def _noise(batch: int, info: _core.ModelInfo, precision: Precision) -> torch.Tensor:
    """Crops [batch,3,H,W] of noise, normalised, the same at every call; the caller's random numbers are not touched."""
    generator = torch.Generator().manual_seed(batch)
    return torch.randn(batch, 3, info.input.height, info.input.width, generator=generator).to(DTYPES[precision])


def _outputs(found: Any) -> list[torch.Tensor]:
    """Raises UnsupportedModelError."""
    parts = [found] if isinstance(found, torch.Tensor) else found
    if not isinstance(parts, (tuple, list)) or not parts or not all(isinstance(part, torch.Tensor) for part in parts):
        raise UnsupportedModelError(
            f"the network returns {type(found).__name__}, a tensor or a tuple of tensors is expected: wrap it in a module that returns one"
        )
    return list(parts)


def _expected(module: nn.Module, info: _core.ModelInfo, precision: Precision, verify: Verify) -> dict[int, list[torch.Tensor]]:
    """The network's own outputs by batch size."""
    if verify == "none":
        return {}
    start = time.monotonic()
    found = {1: _forward(module, info, 1, precision)}
    seconds = time.monotonic() - start
    _check_shapes(found[1], info)
    for batch in (2, 5) if verify == "full" and seconds < QUICK_SECONDS else (2,):
        found[batch] = _forward(module, info, batch, precision)
    return found


def _forward(module: nn.Module, info: _core.ModelInfo, batch: int, precision: Precision) -> list[torch.Tensor]:
    try:
        returned = module(_noise(batch, info, precision))
    except Exception as error:  # the network's own code: any
        raise InvalidModelError(
            f"the network fails with an input of [{batch}, 3, {info.input.height}, {info.input.width}] "
            f'("{first_line(error)}"): correct the network, or the size in the metadata'
        ) from error
    outputs = _outputs(returned)
    for output in outputs:
        if not bool(torch.isfinite(output).all()):
            remedy = "check that its weights are whole" if precision == "fp32" else "choose another precision"
            raise InvalidModelError(f"the network returns values that are not finite for normalised noise in {precision}: {remedy}")
    return [output.clone() for output in outputs]


def _check_shapes(outputs: list[torch.Tensor], info: _core.ModelInfo) -> None:
    """Holds the types, and the shapes for one crop, against the metadata. Raises InvalidModelError."""
    kinds = [str(part.dtype).removeprefix("torch.") for part in outputs[: 2 if info.pose is None else None] if not part.is_floating_point()]
    if kinds:
        raise InvalidModelError(f"the network returns {kinds[0]}, floating point is expected: cast its output in its forward")
    if info.pose is None:
        _check_detections([tuple(part.shape) for part in outputs])
        return
    output, count = info.output, len(info.pose.keypoints.names)
    if isinstance(output, _core.HeatmapOutput):
        expected: list[tuple[int, ...]] = [(1, count, output.height, output.width)]
    elif isinstance(output, _core.SimccOutput):
        expected = [(1, count, round(size * output.split_ratio)) for size in (info.input.width, info.input.height)]
    else:
        expected = [(1, count, 2 if outputs[0].shape[-1:] == (2,) else 3)]
    found = [tuple(part.shape) for part in outputs]
    if found != expected:
        raise InvalidModelError(
            f"the network returns {_shapes_text(found)}, {_shapes_text(expected)} is expected by the metadata: correct output or keypoints there"
        )


def _check_detections(found: list[tuple[int, ...]]) -> None:
    count = found[0][1] if len(found[0]) == 3 else 0
    if found not in ([(1, count, 4), (1, count)], [(1, count, 4), (1, count), (1, count)]):
        raise InvalidModelError(
            f"the network returns {_shapes_text(found)}, boxes [1, N, 4], scores [1, N] and, if it has several classes, labels [1, N] are "
            "expected: correct its forward"
        )


def _rounding(half: Sequence[torch.Tensor], exact: Sequence[torch.Tensor], precision: Precision) -> float:
    """What half precision costs. Raises InvalidModelError where nothing is left of an output."""
    for found, wanted in zip(half, exact):
        if bool(wanted.any()) and not bool(found.any()):
            raise InvalidModelError(f"the network returns only zeros in {precision}, and others in fp32: choose another precision")
    return _largest(_difference(found, wanted) for found, wanted in zip(half, exact))


def _shapes_text(shapes: Sequence[tuple[int, ...]]) -> str:
    return " and ".join(str(list(shape)) for shape in shapes)


def _trace_and_save(module: nn.Module, info: _core.ModelInfo, precision: Precision, text: str, partial: Path) -> None:
    """The graph of a batch of two: at one, torch would take some dimensions for granted. It shares the weights with the network."""
    try:
        traced = JIT.trace(module, _noise(2, info, precision), check_trace=False)
    except Exception as error:  # of the network's own code, and of the tracer: many types
        raise UnsupportedModelError(
            f'the network can\'t be traced ("{first_line(error)}"): make it return tensors for a batch of crops'
        ) from error
    try:
        JIT.save(traced, str(partial), _extra_files={"posekit.json": text})
    except RuntimeError as error:
        raise IoError(f'"{partial.name}" can\'t be written ("{first_line(error)}"): check the folder and the space on the disk') from error


def _compare(partial: Path, expected: Mapping[int, list[torch.Tensor]], info: _core.ModelInfo, precision: Precision) -> float:
    """The largest difference between the file and the network. Raises InvalidModelError above the limit."""
    if not expected:
        return 0.0
    network = JIT.load(str(partial), map_location="cpu")
    worst = 0.0
    with JIT.optimized_execution(False):  # a few forwards are too few to win by it
        for batch, wanted in expected.items():
            try:
                found = _outputs(network(_noise(batch, info, precision)))
            except Exception as error:
                raise InvalidModelError(
                    f'the traced network fails with a batch of {batch} ("{first_line(error)}"): write its reshapes with -1 or x.shape[0]'
                ) from error
            if [part.shape for part in found] != [part.shape for part in wanted]:
                raise InvalidModelError(
                    f"the traced network returns {_shapes_text([tuple(part.shape) for part in found])} for a batch of {batch}, "
                    f"{_shapes_text([tuple(part.shape) for part in wanted])} is expected: write its reshapes with -1 or x.shape[0]"
                )
            worst = _largest([worst, *(_difference(a, b) for a, b in zip(found, wanted))])
    if not worst <= LIMITS[precision]:
        raise InvalidModelError(
            f"the file's outputs differ from the network's by {worst:.2g} of the largest value, at most {LIMITS[precision]:g} is allowed in "
            f"{precision}: leave out what is random or depends on the batch"
        )
    return worst


def _difference(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """In parts of the largest value; not a number if one is not."""
    largest = float(wanted.double().abs().max()) if wanted.numel() else 0.0
    gap = float((found.double() - wanted.double()).abs().max()) if wanted.numel() else 0.0
    return gap / largest if largest > 0 else gap


def _largest(values: Iterable[float]) -> float:
    """Not a number if one is not: max() would leave that out."""
    return max(values, key=lambda value: (math.isnan(value), value), default=0.0)


def _to_disk(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
