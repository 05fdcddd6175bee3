"""Tiny models of transformers with random weights, as folders in the hub's layout. To be imported after make_torchvision_importable()."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

WIDTH, HEIGHT = 192, 256
COCO = ["Nose", "L_Eye", "R_Eye", "L_Ear", "R_Ear", "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist", "L_Hip", "R_Hip", "L_Knee",
        "R_Knee", "L_Ankle", "R_Ankle"]  # fmt: skip
"""As usyd-community's files name them."""


def vitpose(simple: bool = True, experts: int = 1, labels: list[str] | None = COCO, **options: Any) -> Any:
    torch.manual_seed(experts)
    backbone = transformers.VitPoseBackboneConfig(
        hidden_size=48,
        num_attention_heads=3,
        num_hidden_layers=2,
        out_indices=[2],
        num_experts=experts,
        part_features=12 if experts > 1 else 256,
    )
    named = {"id2label": dict(enumerate(labels))} if labels else {"num_labels": 17}
    return transformers.VitPoseForPoseEstimation(
        transformers.VitPoseConfig(backbone_config=backbone, use_simple_decoder=simple, **named, **options)
    ).eval()


def sapiens2(count: int = 308, image_size: tuple[int, int] = (HEIGHT, WIDTH)) -> Any:
    """Full and grouped attention, and the three convolutions that the released heads have."""
    torch.manual_seed(7)
    config = transformers.Sapiens2Config(
        hidden_size=32,
        num_attention_heads=2,
        num_hidden_layers=3,
        num_key_value_heads_per_layer=[2, 1, 2],
        intermediate_size=48,
        num_register_tokens=4,
        num_labels=count,
        image_size=list(image_size),
        head_config={"upsample_out_channels": [24, 16], "conv_out_channels": [20, 18, 16]},
    )
    return transformers.Sapiens2ForPoseEstimation(config).eval()


def save(model: Any, folder: Path, card: str = "") -> Path:
    """With the numbers that the family's processor writes beside it."""
    model.save_pretrained(folder)
    sapiens = type(model).__name__.startswith("Sapiens2")
    processor = transformers.Sapiens2ImageProcessor if sapiens else transformers.VitPoseImageProcessor
    processor(size={"height": HEIGHT, "width": WIDTH}).save_pretrained(folder)
    if card:
        (folder / "README.md").write_text(card)
    return folder


def change(file: Path, **values: Any) -> None:
    """Other values in a JSON file; None removes a key."""
    document = json.loads(file.read_text()) | values
    file.write_text(json.dumps({key: value for key, value in document.items() if value is not None}))
