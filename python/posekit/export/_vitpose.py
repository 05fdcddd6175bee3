"""ViTPose and ViTPose+ of transformers: VitPoseForPoseEstimation with the simple or the classic head, with or without experts."""

from __future__ import annotations

import os
from typing import Any

from torch import nn

from .._errors import InvalidArgumentError
from ._files import licence_of, local_source, one_sentence
from ._keypoints import chosen_keypoints, keypoints_of
from ._transformers import Heatmaps, check_config, label_names, load_pretrained, pair, processor_numbers


@one_sentence
def vitpose(
    source: str | os.PathLike[str],
    *,
    dataset_index: int | None = None,
    keypoints: str | None = None,
    name: str | None = None,
    licence: str | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """A ViTPose network, pixels [B,3,H,W] to heatmaps [B,K,H/4,W/4], on the CPU in float32, and its metadata.

    source: a folder as save_pretrained writes it, its config.json or weights file, or a name of the hub (see docs/export.md).
    dataset_index: which expert of ViTPose+ runs; required where there are several, refused where there are none.
    keypoints: a built-in set's name or the file of one; None: what config.json says.
    name, licence: for the metadata; None: the folder's name, and what its model card says.

    The network may map the weights file: leave it unchanged until `write` returns.

    Raises NotFoundError, IoError, InvalidModelError, UnsupportedModelError, InvalidArgumentError.
    """
    found = local_source(source)
    folder = found.folder
    check_config(folder, "vitpose")
    model = load_pretrained("VitPoseForPoseEstimation", folder, found.path)
    config, backbone = model.config, model.config.backbone_config
    experts = backbone.num_experts
    if experts > 1 and dataset_index is None:
        raise InvalidArgumentError(
            f'"{found.name}" has {experts} experts, one for each data set of its training: name one with --dataset-index, 0 to {experts - 1} '
            "(in ViTPose+ 0 is COCO; the model card has the others)"
        )
    if dataset_index is not None and experts <= 1:
        raise InvalidArgumentError(f'--dataset-index {dataset_index} was given, "{found.name}" has no experts to choose from: leave it out')
    if dataset_index is not None and not 0 <= dataset_index < experts:
        raise InvalidArgumentError(
            f'--dataset-index {dataset_index} was given, "{found.name}" has {experts} experts: 0 to {experts - 1} is expected'
        )
    height, width = pair(backbone.image_size)
    rows, columns = (size // patch for size, patch in zip((height, width), pair(backbone.patch_size)))
    scale = config.scale_factor if config.use_simple_decoder else 4  # two deconvolutions
    numbers, _ = processor_numbers(folder, (width, height))
    name = name or found.title
    count = config.num_labels
    return Heatmaps(model, dataset_index if experts > 1 else None).eval(), {
        "format": "posekit-model/1",
        "task": "pose",
        "name": name,
        "licence": licence or licence_of(folder),
        "source": f"{found.name} (transformers, VitPoseForPoseEstimation)",
        "input": {"width": width, "height": height, **numbers},
        "box_padding": 1.25,
        "output": {"codec": "udp_heatmap", "width": columns * scale, "height": rows * scale, "blur_kernel": 11},
        "keypoints": chosen_keypoints(keypoints, count) if keypoints else keypoints_of(label_names(config), count, name, found.title),
    }
