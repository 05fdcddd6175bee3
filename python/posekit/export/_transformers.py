"""What the families of the package transformers share: importing it, loading a folder, its processor's numbers."""

from __future__ import annotations

import importlib
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .._errors import InvalidModelError, UnsupportedModelError
from ._files import check_weights, first_line, read_json
from ._note import note

IMAGENET_MEAN, IMAGENET_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
"""Of values 0..1, red first: what both families' processors have by default."""
BUFFERS = re.compile(r"position_ids$|num_batches_tracked$|inv_freq$|periods$|mask_token$")
"""Entries that are computed, or that training alone uses: files may have them or not."""


class Heatmaps(nn.Module):
    """A network of transformers as posekit calls networks: pixels [B,3,H,W] in, heatmaps [B,K,h,w] out."""

    def __init__(self, model: nn.Module, dataset_index: int | None = None) -> None:
        super().__init__()
        self.model = model
        self.dataset_index = dataset_index

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if self.dataset_index is None:
            return self.model(pixel_values=pixels).heatmaps  # type: ignore[no-any-return]
        # Made of the input, so that the traced graph has one for each crop of any batch, on any device.
        index = torch.full((pixels.shape[0],), self.dataset_index, dtype=torch.long, device=pixels.device)
        return self.model(pixel_values=pixels, dataset_index=index).heatmaps  # type: ignore[no-any-return]


def transformers_class(name: str) -> Any:
    """A class of transformers by name.

    A torchvision that does not fit torch makes every import of a model fail there (a usual case: PyPI's torchvision beside a CPU build of torch).
    Exports don't need it, so it is hidden from the process.

    Raises UnsupportedModelError if transformers is missing, too old, or broken.
    """
    _hide_broken_torchvision()
    try:
        package = importlib.import_module("transformers")
    except ImportError as error:
        if getattr(error, "name", None) == "transformers":
            raise UnsupportedModelError(
                "this export needs the package transformers: install it, pip install '.[export]' in posekit's folder"
            ) from None
        raise UnsupportedModelError(f'transformers is installed and its import fails ("{first_line(error)}"): install it again') from error
    package.logging.set_verbosity_error()
    package.logging.disable_progress_bar()
    try:
        return getattr(package, name)
    except AttributeError:
        version = package.__version__
        raise UnsupportedModelError(
            f"transformers {version} has no {name}, a later one is expected: install 'transformers>=5.24'"
        ) from None
    except (ImportError, RuntimeError) as error:
        found = "torchvision" in str(error) or "torchvision" in str(error.__cause__)
        remedy = "install the torchvision that is made for this torch, or none" if found else "install it again"
        raise UnsupportedModelError(f'transformers can\'t import {name} ("{first_line(error)}"): {remedy}') from error


def _hide_broken_torchvision() -> None:
    if "torchvision" in sys.modules or "transformers" in sys.modules:
        return
    try:
        importlib.import_module("torchvision")
    except ModuleNotFoundError as error:
        if error.name != "torchvision":
            raise
    except (ImportError, RuntimeError, OSError):
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        sys.modules["torchvision"] = None  # type: ignore[assignment]
        note(f"the installed torchvision does not fit torch {torch.__version__}: it is left out, this export does not need it")


def check_config(folder: Path, family: str) -> None:
    """Refuses a folder whose config.json is of another family, or makes transformers read anything but the weights in the folder.

    Raises IoError, InvalidModelError, UnsupportedModelError.
    """
    path = folder / "config.json"
    config = read_json(path)
    found = config.get("model_type")
    if found != family:
        raise UnsupportedModelError(f'"{path}" is of a model of type "{found}", "{family}" is expected: choose the exporter of its family')
    for key in ("backbone", "use_timm_backbone", "use_pretrained_backbone", "transformers_weights"):
        backbone = config.get("backbone_config")
        if config.get(key) or (isinstance(backbone, dict) and backbone.get(key)):
            raise UnsupportedModelError(
                f'"{path}" has "{key}", which takes weights from elsewhere: write the whole model with save_pretrained'
            )


def load_pretrained(class_name: str, folder: Path, named: Path, **options: Any) -> Any:
    """A network in float32 and eval mode, all of whose weights are in the folder, and which uses them all.

    named: the folder, or the file in it that the user named.

    Raises UnsupportedModelError, NotFoundError, IoError, InvalidModelError.
    """
    if (folder / "adapter_config.json").exists():
        raise UnsupportedModelError(
            f'"{folder}" has an adapter (adapter_config.json) beside its weights: write the merged model into a folder first, with '
            "merge_and_unload of peft and save_pretrained"
        )
    if "config" not in options:
        check_weights(folder, named)
    chosen = transformers_class(class_name)
    try:
        model, report = chosen.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, local_files_only=True, ignore_mismatched_sizes=True, **options
        )
    except Exception as error:  # broken configurations, unreadable files: many types
        raise InvalidModelError(
            f'"{folder}" does not load as {class_name} ("{first_line(error)}"): check that config.json and weights belong together'
        ) from error
    for problem, key in (
        ("entries of another shape than those of", "mismatched_keys"),
        ("entries beside those of", "unexpected_keys"),
        ("no", "missing_keys"),
    ):
        names = sorted(str(entry[0] if isinstance(entry, tuple) else entry) for entry in report.get(key, ()))
        names = [name for name in names if not BUFFERS.search(name)]
        if names:
            what = f"lack {len(names)} entries of" if key == "missing_keys" else f"have {len(names)} {problem}"
            raise InvalidModelError(
                f'the weights in "{folder}" {what} {class_name}, "{names[0]}" among them: check that config.json and weights belong together'
            )
    return model.eval()


def processor_numbers(
    folder: Path, size: tuple[int, int] | None, *, expected: bool = True
) -> tuple[dict[str, Any], tuple[int, int] | None]:
    """The metadata's "input" without its size, and the size (width, height), from preprocessor_config.json.

    Its numbers only: no processor is imported. Without the file the family's own numbers count, with a note if the file was expected.
    size: what the network was built for; another one in the file is an error. None: any.

    Raises IoError, InvalidModelError, UnsupportedModelError.
    """
    path = folder / "preprocessor_config.json"
    numbers = read_json(path) if path.exists() else {}
    if expected and not numbers:
        note(f'no preprocessor_config.json in "{folder.name}": mean and deviation of ImageNet are assumed, as the family has them')
    if numbers.get("do_affine_transform", True) is not True:
        raise UnsupportedModelError(
            f'"{path}" has do_affine_transform off, a crop for each box is expected: correct it if that is a mistake'
        )
    if numbers.get("normalize_factor", 200.0) != 200.0:
        raise UnsupportedModelError(
            f'"{path}" has the normalize_factor {json.dumps(numbers["normalize_factor"])[:40]}, 200 is expected, as boxes get 1.25: correct the file'
        )
    found = _size_of(path, numbers.get("size"))
    if size and found and found != size:
        raise InvalidModelError(
            f'"{path}" has a size of {found[0]}x{found[1]}, but config.json of {size[0]}x{size[1]}; equal ones are expected: correct one of them'
        )
    rescale = 1 / _numbers(path, numbers, "rescale_factor", 1 / 255) if numbers.get("do_rescale", True) else 1.0
    if numbers.get("do_normalize", True):
        mean = [value * rescale for value in _numbers(path, numbers, "image_mean", IMAGENET_MEAN)]
        std = [value * rescale for value in _numbers(path, numbers, "image_std", IMAGENET_STD)]
    else:
        mean, std = [0.0] * 3, [rescale] * 3
    # 123.675 is written as people know it: the rest is rounding of 1 / 255.
    return {"color": "rgb", "mean": [round(value, 6) for value in mean], "std": [round(value, 6) for value in std]}, found


def _numbers(path: Path, numbers: dict[str, Any], key: str, default: Any) -> Any:
    """A number, or three, by the default. Deviations and factors are not zero."""
    value = numbers.get(key, default)
    if value is None and isinstance(default, list):
        value = default
    each = value if isinstance(value, list) else [value]
    sound = all(isinstance(number, (int, float)) and math.isfinite(number) and (number > 0 or key == "image_mean") for number in each)
    if not sound or isinstance(value, list) != isinstance(default, list) or len(each) != (3 if isinstance(default, list) else 1):
        expected = "a list of three numbers" if isinstance(default, list) else "a number above 0"
        raise InvalidModelError(f'"{path}" has the {key} {json.dumps(value)[:40]}, {expected} is expected: correct the file')
    return value


def _size_of(path: Path, value: Any) -> tuple[int, int] | None:
    if not isinstance(value, dict) or not {"width", "height"} <= value.keys():
        return None
    if not all(isinstance(value[key], int) and value[key] > 0 for key in ("width", "height")):
        raise InvalidModelError(
            f'"{path}" has the size {json.dumps(value)[:60]}, width and height in pixels are expected: correct the file'
        )
    return value["width"], value["height"]


def pair(value: Any) -> tuple[int, int]:
    """A size of transformers, (height, width) or one number, as (height, width)."""
    return (int(value[0]), int(value[1])) if isinstance(value, (list, tuple)) else (int(value), int(value))


def label_names(config: Any) -> list[str] | None:
    """The keypoints' names of a configuration; None where it has only LABEL_0, LABEL_1, …"""
    names = [str(config.id2label[i]) for i in range(config.num_labels)]
    return None if all(name.upper() == f"LABEL_{i}" for i, name in enumerate(names)) else names
