"""What a source file or folder is, by its first bytes, before any library opens it."""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

from .._errors import Error, InvalidArgumentError, InvalidModelError, IoError, NotFoundError, UnsupportedModelError

P = ParamSpec("P")
R = TypeVar("R")

LONGEST_HEADER = 100_000_000
"""Bytes of a safetensors header; the format's own limit."""
LONGEST_PICKLE = 256 << 20
"""Bytes of the objects of a checkpoint without its weights."""


def first_line(error: BaseException) -> str:
    """What an error says, short, for a quotation in a message."""
    line = next((line.strip() for line in str(error).split("\n") if line.strip()), type(error).__name__)
    return line[:100].replace('"', "'")


def one_sentence(family: Callable[P, R]) -> Callable[P, R]:
    """What a family's files may hold in ways that nobody thought of ends as an InvalidModelError, too."""

    @functools.wraps(family)
    def call(*arguments: P.args, **options: P.kwargs) -> R:
        try:
            return family(*arguments, **options)
        except (Error, MemoryError):
            raise
        except Exception as error:
            raise InvalidModelError(
                f'"{arguments[0] if arguments else ""}" can\'t be exported ("{type(error).__name__}: {first_line(error)}"): check that its files are '
                "whole and of this family"
            ) from error

    return call


class Source(NamedTuple):
    """A folder or file that is here."""

    path: Path
    name: str
    """As the user calls it: the last part of a path, or a hub's name."""

    @property
    def folder(self) -> Path:
        """Itself, or the folder that it is in."""
        return self.path if self.path.is_dir() else self.path.parent

    @property
    def title(self) -> str:
        """For a model of this folder: its name, or what comes after the organisation."""
        return self.folder.resolve().name if self.path.name == self.name else self.name.rpartition("/")[2]


def local_source(source: str | os.PathLike[str]) -> Source:
    """The folder or file that a source names.

    source: a path; or a hub's name ("organisation/model"), which huggingface_hub resolves if it is installed: from its cache, or by its own
        download.

    Raises NotFoundError.
    """
    path = Path(os.fsdecode(source))
    if os.path.exists(path):
        return Source(path, path.name or path.resolve().name)
    name = os.fsdecode(source)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise NotFoundError(
            f'the source "{name}" does not exist: pass the path of a folder or checkpoint, or a name of the hub such as "org/model"'
        )
    try:
        hub: Any = importlib.import_module("huggingface_hub")
    except ImportError:
        raise NotFoundError(
            f'"{name}" does not exist here, and names of the hub need the package huggingface_hub: install it, or fetch the model and pass its path'
        ) from None
    try:
        return Source(Path(hub.snapshot_download(name, allow_patterns=["*.json", "*.safetensors", "*.bin", "README.md"])), name)
    except Exception as error:  # its exceptions are many: offline, no such name, gated, network
        raise NotFoundError(
            f'"{name}" does not exist here, and huggingface_hub can\'t provide it (reason: "{first_line(error)}"): fetch the model, and pass its path'
        ) from error


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises IoError, InvalidModelError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise IoError(f'"{path}" can\'t be read ({error.strerror}): check the file and its permissions') from error
    except (ValueError, RecursionError) as error:
        raise InvalidModelError(f'"{path}" does not hold a JSON document ("{first_line(error)}"): fetch the file again') from error
    if not isinstance(document, dict):
        raise InvalidModelError(f'"{path}" holds a JSON {type(document).__name__}, an object is expected')
    return document


def kind_of(path: Path) -> str:
    """Which of two a checkpoint is: "pickle" (of torch.save) or "safetensors". Anything else is refused with what it is.

    Raises IoError, InvalidModelError, UnsupportedModelError.
    """
    try:
        with path.open("rb") as file:
            head = file.read(64)
            file.seek(0)
            entries = _archive_entries(path) if head.startswith(b"PK") else None
    except OSError as error:
        raise IoError(f'"{path}" can\'t be read ({error.strerror}): check the file and its permissions') from error
    if not head:
        raise InvalidModelError(f'"{path}" is empty: fetch the file again')
    if head.startswith(b"version https://git-lfs"):
        raise InvalidModelError(
            f'"{path}" is a Git LFS pointer, which names the weights and does not hold them: run "git lfs pull" in its folder'
        )
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise InvalidModelError(f'"{path}" is a web page, as a failed download leaves it: fetch the weights again')
    if head.startswith(b"PK"):
        if entries is None:
            raise InvalidModelError(f'"{path}" is a truncated or broken archive: fetch the file again')
        if any(entry.filename.endswith("constants.pkl") for entry in entries):
            raise UnsupportedModelError(f'"{path}" is a TorchScript file already: pass it to posekit as it is, metadata beside it')
        pickles = [entry for entry in entries if entry.filename.endswith("data.pkl")]
        # torch.save never compresses. A small file that becomes a large one is made to fill the memory.
        if pickles and (any(entry.compress_type != zipfile.ZIP_STORED for entry in entries) or pickles[0].file_size > LONGEST_PICKLE):
            raise UnsupportedModelError(
                f'"{path}" is a compressed archive or has a huge pickle, what torch.save writes is expected: save it again'
            )
        if pickles:
            return "pickle"
        raise UnsupportedModelError(f'"{path}" is an archive that torch.save did not write: a checkpoint (.pth, .safetensors) is expected')
    if len(head) > 9 and 2 <= struct.unpack("<Q", head[:8])[0] <= LONGEST_HEADER and head[8:9] == b"{":
        return "safetensors"
    if head[:1] == b"\x80":  # PROTO: torch.save's format before version 1.6
        return "pickle"
    raise UnsupportedModelError(f'"{path}" is not a checkpoint: a file of torch.save (.pth) or .safetensors is expected')


def _archive_entries(path: Path) -> list[zipfile.ZipInfo] | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return None


def safetensors_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a safetensors file, from its header alone.

    Raises IoError, InvalidModelError if the file is cut short or its header is broken.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            text = file.read(length)
        header = json.loads(text)
        header.pop("__metadata__", None)
        shapes = {name: tuple(int(size) for size in entry["shape"]) for name, entry in header.items()}
        end = 8 + length + max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except OSError as error:
        raise IoError(f'"{path}" can\'t be read ({error.strerror}): check the file and its permissions') from error
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, struct.error) as error:
        raise InvalidModelError(f'"{path}" has a broken or truncated safetensors header: fetch the file again') from error
    size = path.stat().st_size
    if size < end:
        raise InvalidModelError(f'"{path}" is truncated: it has {size} bytes, {end} are expected: fetch the file again')
    return shapes


def check_weights(folder: Path, named: Path | None = None) -> None:
    """Refuses a folder in the hub's layout whose weights are missing, truncated, or pointers of Git LFS.

    named: the folder, or a file in it that the user named: config.json, or one of the files that are loaded.

    Raises NotFoundError, IoError, InvalidModelError, UnsupportedModelError.
    """
    index = folder / "model.safetensors.index.json"
    if (folder / "model.safetensors").exists():
        files = [folder / "model.safetensors"]
    elif index.exists():
        files = _indexed(index)
    elif (folder / "pytorch_model.bin").exists():
        files = [folder / "pytorch_model.bin"]
    else:
        raise NotFoundError(f'"{folder}" has no weights: model.safetensors or pytorch_model.bin is expected beside config.json')
    if named and named.is_file() and named.name not in ("config.json", index.name, *(file.name for file in files)):
        raise UnsupportedModelError(
            f'"{named}" was given, and "{files[0].name}" is what loads from its folder: pass the folder, or copy the file with its config.json '
            "into another as model.safetensors"
        )
    for file in files:
        if not file.exists():
            raise NotFoundError(f'"{file}" is not there, but "{index.name}" names it: fetch the whole folder')
        if kind_of(file) == "safetensors":
            safetensors_shapes(file)


def _indexed(index: Path) -> list[Path]:
    """The files that an index names, all in its folder."""
    shards = read_json(index).get("weight_map")
    names = list(shards.values()) if isinstance(shards, dict) else []
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise InvalidModelError(f'"{index}" has a broken weight_map, names of entries with files are expected: fetch the file again')
    return sorted({index.parent / name for name in names})


def licence_of(folder: Path) -> str:
    """The licence that a model card (README.md) names in its head, or "unknown"."""
    try:
        card = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "unknown"
    head = re.match(r"---\s*\n(.*?)\n---", card, re.DOTALL)
    found: dict[str, str] = (
        dict(re.findall(r"^(license|license_name):\s*[\"']?([^\"'\n]+?)[\"']?\s*$", head[1], re.MULTILINE)) if head else {}
    )
    named = found.get("license", "unknown")
    return found.get("license_name", named) if named == "other" else named


def parse_size(text: str) -> tuple[int, int]:
    """ "288x384" as (width, height). Raises InvalidArgumentError."""
    found = re.fullmatch(r"(\d{1,5})[x×](\d{1,5})", text)
    if not found:
        raise InvalidArgumentError(f'the size "{text}" was given, WIDTHxHEIGHT in pixels is expected, for example 192x256')
    size = int(found[1]), int(found[2])
    check_size(size)
    return size


def check_size(size: tuple[int, int] | None) -> None:
    """Raises InvalidArgumentError."""
    if size is not None and not (len(size) == 2 and all(isinstance(side, int) and 0 < side <= 16384 for side in size)):
        raise InvalidArgumentError(f'the size "{"x".join(map(str, size))}" was given, width and height of 1 to 16384 pixels are expected')
