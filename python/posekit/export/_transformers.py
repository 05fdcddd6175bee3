"""What the families of the package transformers share: importing it, loading a folder, its processor's numbers."""

from __future__ import annotations

import importlib
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
            raise UnsupportedModelError("this export needs the package transformers: install it, pip install 'posekit[export]'") from None
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


def check_config(folder: Path, family: str) -> dict[str, Any]:
    """config.json of a folder, which must be of the family. Raises IoError, InvalidModelError, UnsupportedModelError."""
    config = read_json(folder / "config.json")
    found = config.get("model_type")
    if found != family:
        raise UnsupportedModelError(
            f'"{folder / "config.json"}" is of a model of type "{found}", "{family}" is expected: choose the exporter of its family'
        )
    return config


def load_pretrained(class_name: str, folder: Path, **options: Any) -> Any:
    """A network in float32 and eval mode, all of whose weights are in the folder.

    Raises UnsupportedModelError, NotFoundError, IoError, InvalidModelError.
    """
    if "config" not in options:
        check_weights(folder)
    chosen = transformers_class(class_name)
    try:
        model, report = chosen.from_pretrained(folder, dtype=torch.float32, output_loading_info=True, local_files_only=True, **options)
    except Exception as error:  # shapes that don't fit, broken configurations, unreadable files: many types
        raise InvalidModelError(
            f'"{folder}" does not load as {class_name} ("{first_line(error)}"): check that config.json and weights belong together'
        ) from error
    for word, names in (("lack", report["missing_keys"]), ("have, of another shape,", report.get("mismatched_keys", ()))):
        if names:
            first = min(str(name) for name in names)
            raise InvalidModelError(
                f'the weights in "{folder}" {word} {len(names)} entries of {class_name}, "{first}" among them: '
                "check that config.json and weights belong together"
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
            f'"{path}" has a normalize_factor of {numbers["normalize_factor"]}, 200 is expected, as posekit pads boxes by 1.25: correct the file'
        )
    found = _size_of(numbers.get("size"))
    if size and found and found != size:
        raise InvalidModelError(
            f'"{path}" has a size of {found[0]}x{found[1]}, but config.json of {size[0]}x{size[1]}; equal ones are expected: correct one of them'
        )
    rescale = 1 / numbers.get("rescale_factor", 1 / 255) if numbers.get("do_rescale", True) else 1.0
    if numbers.get("do_normalize", True):
        mean = [value * rescale for value in numbers.get("image_mean") or IMAGENET_MEAN]
        std = [value * rescale for value in numbers.get("image_std") or IMAGENET_STD]
    else:
        mean, std = [0.0] * 3, [rescale] * 3
    # 123.675 is written as people know it: the rest is rounding of 1 / 255.
    return {"color": "rgb", "mean": [round(value, 6) for value in mean], "std": [round(value, 6) for value in std]}, found


def _size_of(value: Any) -> tuple[int, int] | None:
    return (int(value["width"]), int(value["height"])) if isinstance(value, dict) and {"width", "height"} <= value.keys() else None


def pair(value: Any) -> tuple[int, int]:
    """A size of transformers, (height, width) or one number, as (height, width)."""
    return (int(value[0]), int(value[1])) if isinstance(value, (list, tuple)) else (int(value), int(value))


def label_names(config: Any) -> list[str] | None:
    """The keypoints' names of a configuration; None where it has only LABEL_0, LABEL_1, …"""
    names = [str(config.id2label[i]) for i in range(config.num_labels)]
    return None if all(name.upper() == f"LABEL_{i}" for i, name in enumerate(names)) else names
