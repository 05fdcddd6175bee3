"""Weights of a checkpoint that torch.save or safetensors wrote, without running anything that the file names."""

from __future__ import annotations

import _compat_pickle
import importlib
import pickle
import pickletools
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import torch

from .._errors import InvalidModelError, UnsupportedModelError
from ._files import first_line, kind_of, safetensors_shapes


class Ignored:
    """Stands for a class or function that a checkpoint names and that weights don't need.

    Making one, calling one and giving it a state do nothing.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _empty_dict(*arguments: Any) -> dict[Any, Any]:
    """Stands for collections.defaultdict, whose entries follow: torch's unpickler adds entries to a plain dict alone."""
    return {}


def _empty_list(*arguments: Any) -> list[Any]:
    """Stands for collections.deque."""
    return []


STAND_INS = {"collections.defaultdict": _empty_dict, "collections.deque": _empty_list}


class Checkpoint(NamedTuple):
    """What a checkpoint holds."""

    weights: dict[str, torch.Tensor]
    """By name. They may be views of the mapped file: read-only."""
    meta: Mapping[str, Any]
    """The entry "meta" of mmpose's checkpoints. Objects in it may be Ignored."""


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads the weights, at the top or under "state_dict", on the CPU.

    torch.load runs with weights_only=True, whose unpickler calls nothing but what is allowed by name. Training frameworks put objects of their
    own beside the weights (mmengine's log buffers, NumPy arrays). These names, and no others, are allowed as `Ignored`, so that the file's
    objects become nothing and none of its code, nor any package that it names, is imported or run.

    Changes torch's list of allowed names while it runs: no other thread should load a checkpoint at that time.

    Raises IoError, InvalidModelError, UnsupportedModelError.
    """
    if kind_of(path) == "safetensors":
        return Checkpoint(_read_safetensors(path), {})
    try:
        names = sorted(unknown_globals(path))
        with torch.serialization.safe_globals([(STAND_INS.get(name, Ignored), name) for name in names]):
            document = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        if "is blocked" in str(error):
            raise UnsupportedModelError(
                f'"{path}" wants to call functions of the operating system, which no checkpoint needs: check where the file comes from'
            ) from error
        reason = str(error).rpartition("WeightsUnpickler error: ")[2].strip().split("\n")[0][:100].replace('"', "'")
        raise UnsupportedModelError(
            f'"{path}" has objects that torch\'s weights-only reader refuses ("{reason}"): load it where it was made, and save its state_dict with torch.save'
        ) from error
    except Exception as error:  # of a file that is cut short: EOFError, RuntimeError, struct.error, ...
        raise InvalidModelError(f'"{path}" is a truncated or broken checkpoint: fetch the file again') from error
    return Checkpoint(_weights_of(document, path), _meta_of(document))


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    safetensors_shapes(path)
    try:
        library: Any = importlib.import_module("safetensors.torch")
    except ImportError:
        raise UnsupportedModelError(f'"{path}" needs the package safetensors: install it, pip install safetensors') from None
    try:
        weights: dict[str, torch.Tensor] = library.load_file(path)
    except Exception as error:  # of its own, for types and offsets that are none
        raise InvalidModelError(f'"{path}" is a broken safetensors file ("{first_line(error)}"): fetch the file again') from error
    return weights


def _meta_of(document: Any) -> Mapping[str, Any]:
    meta = document.get("meta")
    return meta if isinstance(meta, Mapping) else {}


def _weights_of(document: Any, path: Path) -> dict[str, torch.Tensor]:
    state = document
    if isinstance(document, Mapping):
        state = next((document[key] for key in ("state_dict", "model") if isinstance(document.get(key), Mapping)), document)
    if not isinstance(state, Mapping):
        found = "a whole network, or another object," if isinstance(state, Ignored) else f"a {type(state).__name__}"
        raise UnsupportedModelError(
            f'"{path}" holds {found} where weights by name are expected: load it where it was made, and save its state_dict with torch.save'
        )
    weights = {str(name): value for name, value in state.items() if isinstance(value, torch.Tensor)}
    if not weights:
        raise UnsupportedModelError(f'"{path}" holds no weights: a state_dict, alone or under the key "state_dict", is expected')
    return weights


def unknown_globals(path: Path) -> set[str]:
    """The classes and functions that a checkpoint's pickles name and torch does not allow by itself."""
    allowed = torch._weights_only_unpickler._get_allowed_globals()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
            with archive.open(name) as file:
                return set(_globals_of(file)) - set(allowed)
    found: set[str] = set()
    with path.open("rb") as file:
        for _ in range(5):  # torch.save before 1.6: a magic number, a version, the system, the document, the names of storages; then data
            found.update(_globals_of(file))
    return found - set(allowed)


def _globals_of(file: IO[bytes]) -> Iterator[str]:
    """The names in one pickle, read and not run. Raises ValueError where it is broken."""
    for code, argument, _ in pickletools.genops(file):
        if code.name == "GLOBAL":
            module, name = str(argument).split(" ", 1)
            # Pickles of protocol 2 have Python 2's names for builtins, and torch translates them as pickle does.
            if (module, name) in _compat_pickle.NAME_MAPPING:
                module, name = _compat_pickle.NAME_MAPPING[(module, name)]
            elif module in _compat_pickle.IMPORT_MAPPING:
                module = _compat_pickle.IMPORT_MAPPING[module]
            yield f"{module}.{name}"
