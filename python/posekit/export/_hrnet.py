"""HRNet checkpoints of mmpose 0.x and 1.x, and of the original repository: .pth files with the backbone's weights and one convolution as head."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from .._errors import InvalidModelError, NotFoundError, UnsupportedModelError
from ._checkpoint import Checkpoint, read_checkpoint
from ._files import local_source
from ._hrnet_network import HRNet
from ._keypoints import chosen_keypoints, keypoints_of
from ._note import note

Decoding = Literal["classic", "udp", "dark"]


def hrnet(
    source: str | os.PathLike[str],
    *,
    decoding: Decoding | None = None,
    size: tuple[int, int] | None = None,
    keypoints: str | None = None,
    name: str | None = None,
    licence: str | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """An HRNet, pixels [B,3,H,W] to heatmaps [B,K,H/4,W/4], on the CPU in float32, and its metadata.

    source: a checkpoint. Width, depth and number of keypoints are in its shapes.
    decoding: "classic" (quarter of a cell), "udp" or "dark": how the model was trained, which its weights don't show. None: what the file's
        name says ("udp", "dark"), else classic, with a note.
    size: width and height of the input in pixels, multiples of 32. None: what the file's name says ("256x192", height first), else 192x256, with
        a note.
    keypoints: a built-in set's name or the file of one. None: the names in the checkpoint's dataset_meta; without them by number, with a note.
    name, licence: for the metadata. None: the file's name, and "unknown".

    Raises NotFoundError, IoError, InvalidModelError, UnsupportedModelError, InvalidArgumentError.
    """
    path = local_source(source).path
    if path.is_dir():
        raise NotFoundError(f'"{path}" is a folder, a checkpoint of HRNet (.pth) is expected: pass the file')
    checkpoint = read_checkpoint(path)
    network = _network_of(checkpoint, path)
    decoding = decoding or _decoding_of(path.stem)
    width, height = size or _size_of(path.stem)
    if width % 32 or height % 32:
        raise InvalidModelError(
            f"the size {width}x{height} was given, multiples of 32 are expected, which HRNet needs: pass another with --size"
        )
    name = name or path.stem
    output: dict[str, Any] = {"width": width // 4, "height": height // 4}
    if decoding == "udp":
        output |= {"codec": "udp_heatmap", "blur_kernel": 11}
    elif decoding == "dark":
        output |= {"codec": "heatmap", "refinement": "dark", "blur_kernel": 11}
    else:
        output |= {"codec": "heatmap", "refinement": "quarter"}
    count = network.keypoints
    names = _names_of(checkpoint.meta, count)
    return network.eval(), {
        "format": "posekit-model/1",
        "task": "pose",
        "name": name,
        "licence": licence or "unknown",
        "source": f"{path.name} (an HRNet checkpoint)",
        "input": {
            "width": width,
            "height": height,
            "color": "rgb",
            "mean": [123.675, 116.28, 103.53],
            "std": [58.395, 57.12, 57.375],
        },
        "box_padding": 1.25,
        "output": output,
        "keypoints": chosen_keypoints(keypoints, count) if keypoints else keypoints_of(names, count, name),
    }


def _network_of(checkpoint: Checkpoint, path: Path) -> HRNet:
    weights = _plain_names(checkpoint.weights, path)
    shapes = {name: tuple(value.shape) for name, value in weights.items()}
    try:
        network = HRNet(shapes)
    except KeyError as error:
        raise UnsupportedModelError(
            f'"{path}" has no entry "{error.args[0]}", which HRNet has: pass a checkpoint of HRNet with one convolution as head'
        ) from error
    try:
        missing, unexpected = network.load_state_dict(weights, strict=False, assign=True)
    except RuntimeError as error:
        raise InvalidModelError(
            f'"{path}" has weights whose shapes contradict each other: check that the file is an HRNet, and whole'
        ) from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]  # which no forward reads
    if missing or unexpected:
        verb, names = ("lacks", missing) if missing else ("has more than", unexpected)
        raise UnsupportedModelError(
            f'"{path}" {verb} the entries of an HRNet ("{names[0]}" is one): check that the file is an HRNet, and whole'
        )
    for tensor in network.state_dict().values():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InvalidModelError(f'"{path}" has weights that are not finite: fetch the file again')
    return network.float()


def _plain_names(weights: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """The backbone's and the head's entries by the names of the original repository: mmpose 1.x writes "head.", 0.x "keypoint_head."."""
    found = {}
    for name, value in weights.items():
        plain = re.sub(r"^(module\.)?(backbone\.|(keypoint_)?head\.)?", "", name)
        if "deconv_layers" in plain:
            raise UnsupportedModelError(
                f'"{path}" has deconvolutions in its head ("{name}"), one convolution is expected: export it with "module"'
            )
        if plain.startswith(("conv1.", "conv2.", "bn1.", "bn2.", "layer1.", "transition", "stage", "final_layer.")):
            found[plain] = value
    return found


def _decoding_of(stem: str) -> Decoding:
    if re.search(r"regress|combined", stem):
        raise UnsupportedModelError(
            f'"{stem}" is a UDP model with offsets beside its heatmaps, plain heatmaps are expected: choose a "…_udp-…" model'
        )
    found: Decoding = "udp" if re.search(r"[_-]udp", stem) else "dark" if re.search(r"[_-]dark", stem) else "classic"
    note(f"decoding {found} is assumed, from the file's name; --decoding says otherwise")
    return found


def _size_of(stem: str) -> tuple[int, int]:
    found = re.search(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)", stem)
    size = (int(found[2]), int(found[1])) if found else (192, 256)  # mmpose's names have the height first
    note(
        f"an input of {size[0]}x{size[1]} (width x height) is assumed{', from the name of the file' if found else ''}; --size says otherwise"
    )
    return size


def _names_of(meta: Mapping[str, Any], count: int) -> list[str] | None:
    """The keypoints' names in mmpose's dataset_meta."""
    data = meta.get("dataset_meta")
    names = data.get("keypoint_id2name") if isinstance(data, Mapping) else None
    if not isinstance(names, Mapping) or sorted(names) != list(range(count)):
        return None
    return [str(names[i]) for i in range(count)]
