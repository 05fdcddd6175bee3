"""HRNet checkpoints of mmpose 0.x and 1.x, and of the original repository: .pth files with the backbone's weights and one convolution as head."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import torch
from torch import nn

from .._errors import InvalidArgumentError, InvalidModelError, NotFoundError, UnsupportedModelError
from ._checkpoint import Checkpoint, read_checkpoint
from ._files import check_size, local_source, one_sentence
from ._hrnet_network import HRNet
from ._keypoints import chosen_keypoints, keypoints_of
from ._note import note

Decoding = Literal["classic", "udp", "dark"]
BACKBONE = ("conv1.", "conv2.", "bn1.", "bn2.", "layer1.", "transition", "stage")
"""What the names of the backbone's entries begin with."""
OWN = re.compile(r"(?:module\.)?(backbone\.|neck\.|(?:keypoint_)?head\.)?")
"""What an entry of the network begins with: mmpose 1.x writes "head.", 0.x "keypoint_head.", the original repository neither."""


@one_sentence
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
        name says ("udp", "dark"), else classic, with a note. The blur of UDP and DARK has 11 cells; 17, with a note, for a checkpoint of mmpose
        0.x with an input of 288x384, as its configurations have it.
    size: width and height of the input in pixels, multiples of 32. None: what the file's name says ("256x192", height first), else 192x256, with
        a note.
    keypoints: a built-in set's name or the file of one. None: the names in the checkpoint's dataset_meta; without them by number, with a note,
        unless the file's name has another data set's.
    name, licence: for the metadata. None: the file's name, and "unknown".

    The weights are copied: the file may change afterwards.

    Raises NotFoundError, IoError, InvalidModelError, UnsupportedModelError, InvalidArgumentError.
    """
    if decoding is not None and decoding not in get_args(Decoding):
        raise InvalidArgumentError(f'decoding "{decoding}" was given, one of {", ".join(get_args(Decoding))} is expected')
    check_size(size)
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
    if decoding == "classic":
        output |= {"codec": "heatmap", "refinement": "quarter"}
    else:
        output |= {"codec": "udp_heatmap"} if decoding == "udp" else {"codec": "heatmap", "refinement": "dark"}
        output["blur_kernel"] = _blur_kernel(checkpoint, (width, height))
    count = network.keypoints
    names = _names_of(checkpoint.meta, count, path)
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
        "keypoints": chosen_keypoints(keypoints, count) if keypoints else keypoints_of(names, count, name, path.stem),
    }


def _network_of(checkpoint: Checkpoint, path: Path) -> HRNet:
    weights = _plain_names(checkpoint.weights, path)
    for name, value in weights.items():
        _check_tensor(name, value, path)
    contradiction = f'"{path}" has weights whose shapes contradict each other: check that the file is an HRNet, and whole'
    try:
        network = HRNet({name: tuple(value.shape) for name, value in weights.items()})
        missing, unexpected = network.load_state_dict(weights, strict=False)
    except KeyError as error:
        raise UnsupportedModelError(
            f'"{path}" has no entry "{error.args[0]}", which HRNet has: pass a checkpoint of HRNet with one convolution as head'
        ) from error
    except Exception as error:  # of shapes that no convolution has: IndexError, RuntimeError, ...
        raise InvalidModelError(contradiction) from error
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]  # which no forward reads
    if missing or unexpected:
        verb, names = ("lacks", missing) if missing else ("has more than", unexpected)
        raise UnsupportedModelError(
            f'"{path}" {verb} the entries of an HRNet ("{names[0]}" is one): check that the file is an HRNet, and whole'
        )
    for tensor in network.state_dict().values():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise InvalidModelError(f'"{path}" has weights that are not finite: fetch the file again')
    return network


def _check_tensor(name: str, value: torch.Tensor, path: Path) -> None:
    """Refuses what has no values of its own: a tensor on "meta", a sparse one, or one that repeats a few values many times."""
    dense = value.layout == torch.strided and value.device.type == "cpu"
    number = value.is_floating_point() or name.endswith("num_batches_tracked")
    if not (dense and number and value.untyped_storage().nbytes() >= value.numel() * value.element_size()):
        raise InvalidModelError(
            f'"{path}" has an entry "{name}" of {value.dtype} on {value.device}, dense floating point in memory is expected: save the state_dict '
            "of the network in float32"
        )


def _plain_names(weights: Mapping[str, torch.Tensor], path: Path) -> dict[str, torch.Tensor]:
    """The backbone's and the head's entries by the names of the original repository. Other parts of a checkpoint, such as a loss, are left out."""
    found: dict[str, torch.Tensor] = {}
    before: dict[str, str] = {}
    for name, value in weights.items():
        match = OWN.match(name)
        assert match
        part, plain = match[1] or "", name[match.end() :]
        if "deconv_layers" in plain:
            raise UnsupportedModelError(
                f'"{path}" has deconvolutions in its head ("{name}"), one convolution is expected: export it with "module"'
            )
        if not plain.startswith({"": (*BACKBONE, "final_layer."), "backbone.": BACKBONE, "neck.": ()}.get(part, "final_layer.")):
            if part:
                raise UnsupportedModelError(
                    f'"{path}" has an entry "{name}", a backbone of HRNet and one convolution as head are expected: export it with "module"'
                )
            continue
        if plain in found:
            raise UnsupportedModelError(
                f'"{path}" has both "{before[plain]}" and "{name}", one of them is expected: save the state_dict of one network'
            )
        found[plain], before[plain] = value, name
    return found


def _blur_kernel(checkpoint: Checkpoint, size: tuple[int, int]) -> int:
    """Cells of the blur before DARK's step: mmpose 1.x has 11 at every size, the 384x288 configurations of 0.x have modulate_kernel=17."""
    if size != (288, 384) or not any("keypoint_head." in name for name in checkpoint.weights):
        return 11
    note(
        "a blur_kernel of 17 is assumed, as mmpose 0.x has it for an input of 288x384; edit the metadata if the model was made with another"
    )
    return 17


def _decoding_of(stem: str) -> Decoding:
    if re.search(r"regress|combined", stem):
        raise UnsupportedModelError(
            f'"{stem}" is a UDP model with offsets beside its heatmaps, plain heatmaps are expected: choose a "…_udp-…" model'
        )
    found: Decoding = "udp" if re.search(r"[_-]udp", stem) else "dark" if re.search(r"[_-]dark", stem) else "classic"
    reason = "as the file's name names no other" if found == "classic" else "from the file's name"
    note(f"decoding {found} is assumed, {reason}; --decoding says otherwise")
    return found


def _size_of(stem: str) -> tuple[int, int]:
    found = re.search(r"(?<!\d)(\d{2,4})x(\d{2,4})(?!\d)", stem)
    size = (int(found[2]), int(found[1])) if found else (192, 256)  # mmpose's names have the height first
    note(
        f"an input of {size[0]}x{size[1]} (width x height) is assumed{', from the name of the file' if found else ''}; --size says otherwise"
    )
    return size


def _names_of(meta: Mapping[str, Any], count: int, path: Path) -> list[str] | None:
    """The keypoints' names in mmpose's dataset_meta. Raises UnsupportedModelError where they are not those of the channels."""
    data = meta.get("dataset_meta")
    names = data.get("keypoint_id2name") if isinstance(data, Mapping) else None
    if not isinstance(names, Mapping) or not names or set(names) != set(range(len(names))):
        return None
    if len(names) != count:
        raise UnsupportedModelError(
            f'"{path}" has {count} channels and names {len(names)} keypoints, one heatmap for each keypoint is expected (no offsets, no tags): '
            'export it with "module"'
        )
    return [str(names[i]) for i in range(count)]
