"""ViTPose and Sapiens2 of transformers: what an exported file computes and says is what the folder says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
import torch
from conftest import Export, make_torchvision_importable, need

need("transformers")
need("torchvision")
make_torchvision_importable()
import huggingface_hub
import models
import transformers
from models import HEIGHT, WIDTH, change
from posekit.export import ExportNote, sapiens2, vitpose
from posekit.export._sapiens2 import original_config

PIXELS = torch.randn(3, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(2))


def run(file: Path) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = torch.jit.load(str(file))(PIXELS)
    return found


@pytest.mark.parametrize(("simple", "experts", "expert"), [(True, 1, None), (False, 1, None), (True, 3, 0), (True, 3, 2)])
def test_a_vitpose_file_gives_the_heatmaps_of_transformers(
    simple: bool, experts: int, expert: int | None, tmp_path: Path, export: Export
) -> None:
    model = models.vitpose(simple, experts)
    models.save(model, tmp_path / "vitpose", "---\nlicense: apache-2.0\n---\nA card.\n")
    text = export("vitpose", tmp_path / "vitpose", "-o", tmp_path / "a.pt", *(["--dataset-index", expert] if experts > 1 else []))
    assert "batches 1, 2, 5" in text and "apache-2.0" in text and "coco17 (17)" in text
    index = None if expert is None else torch.full((3,), expert)
    with torch.inference_mode():
        expected = model(pixel_values=PIXELS, dataset_index=index).heatmaps
        if experts > 1:
            assert not torch.allclose(expected, model(pixel_values=PIXELS, dataset_index=torch.full((3,), 1)).heatmaps, rtol=0.01)
    assert (run(tmp_path / "a.pt") - expected).abs().max() <= 1e-5 * expected.abs().max()


def test_the_metadata_of_vitpose_are_the_numbers_of_its_files(tmp_path: Path) -> None:
    folder = models.save(models.vitpose(), tmp_path / "my-vitpose")
    _, found = vitpose(folder)
    expected = {"width": 192, "height": 256, "color": "rgb", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]}
    assert found["input"] == expected
    assert found["output"] == {"codec": "udp_heatmap", "width": 48, "height": 64, "blur_kernel": 11}
    assert (found["name"], found["box_padding"], found["keypoints"], found["licence"]) == ("my-vitpose", 1.25, "coco17", "unknown")
    assert str(tmp_path) not in found["source"]
    change(folder / "preprocessor_config.json", image_mean=[0.5, 0.25, 0.125], image_std=[0.1, 0.2, 0.3], rescale_factor=1 / 127.5)
    _, found = vitpose(folder / "model.safetensors", name="mine", licence="CC0")
    assert found["input"]["mean"] == [63.75, 31.875, 15.9375] and found["input"]["std"] == [12.75, 25.5, 38.25]
    assert (found["name"], found["licence"]) == ("mine", "CC0")
    change(folder / "preprocessor_config.json", do_normalize=False)
    assert vitpose(folder)[1]["input"]["std"] == [127.5] * 3


def test_labels_become_a_set_of_their_own_with_partners(tmp_path: Path) -> None:
    labels = ["Head", "Left Hand", "Right Hand", "L_Foot", "R_Foot", *(f"spine{i}" for i in range(12))]
    folder = models.save(models.vitpose(labels=labels), tmp_path / "own")
    _, found = vitpose(folder)
    points = posekit.parse_model_info(json.dumps(found)).pose
    assert points and points.keypoints.names[:5] == ["head", "left_hand", "right_hand", "left_foot", "right_foot"]
    assert points.keypoints.swap[:6] == [0, 2, 1, 4, 3, 5] and points.keypoints.can_mirror


def test_what_is_assumed_is_said(tmp_path: Path) -> None:
    folder = models.save(models.vitpose(labels=None), tmp_path / "plain")
    (folder / "preprocessor_config.json").unlink()
    with pytest.warns(ExportNote) as notes:
        _, found = vitpose(folder)
    text = "\n".join(str(note.message) for note in notes)
    assert found["keypoints"] == "coco17" and "coco17 is assumed" in text and "preprocessor_config.json" in text


def test_a_name_of_the_hub_is_found_in_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "models--org--vitpose-tiny"
    models.save(models.vitpose(), cache / "snapshots/0123456789abcdef0123456789abcdef01234567")
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text("0123456789abcdef0123456789abcdef01234567")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    _, found = vitpose("org/vitpose-tiny")
    assert found["source"].startswith("org/vitpose-tiny ") and found["name"] == "vitpose-tiny"


@pytest.fixture(scope="module")
def sapiens(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    model = models.sapiens2(308)
    return model, models.save(model, tmp_path_factory.mktemp("sapiens") / "sapiens2-tiny")


def heatmaps(model: Any) -> torch.Tensor:
    with torch.inference_mode():
        found: torch.Tensor = model(pixel_values=PIXELS).heatmaps
    return found


def test_a_sapiens2_file_gives_the_heatmaps_of_transformers(sapiens: tuple[Any, Path], tmp_path: Path, export: Export) -> None:
    model, folder = sapiens
    text = export("sapiens2", folder, "-o", tmp_path / "a.pt")
    assert "goliath308 (308)" in text and "Sapiens2 License" in text and "batches 1, 2, 5" in text
    expected = heatmaps(model)
    assert (run(tmp_path / "a.pt") - expected).abs().max() <= 1e-5 * expected.abs().max()
    _, found = sapiens2(folder)
    assert found["input"]["enlarge"] == "bicubic" and (found["input"]["width"], found["input"]["height"]) == (WIDTH, HEIGHT)
    assert found["output"] == {"codec": "udp_heatmap", "width": 48, "height": 64, "blur_kernel": 11}


def test_the_single_file_of_the_release_gives_the_same(sapiens: tuple[Any, Path], tmp_path: Path) -> None:
    """transformers writes the release's names."""
    model, folder = sapiens
    file = tmp_path / "sapiens2_tiny_pose.safetensors"
    shutil.copy(folder / "model.safetensors", file)
    for source in (file, tmp_path):
        network, found = sapiens2(source, size=(WIDTH, HEIGHT))
        with torch.inference_mode():
            assert torch.equal(network(PIXELS), heatmaps(model))
        assert found["keypoints"] == "goliath308" and found["name"] == "sapiens2_tiny_pose"
    _, found = sapiens2(file)
    assert (found["input"]["width"], found["input"]["height"], found["output"]["width"], found["output"]["height"]) == (768, 1024, 192, 256)


ARCHITECTURES = {  # github.com/facebookresearch/sapiens2: width, layers, heads (backbones/standalone/sapiens2.py); deconvolutions, convolutions
    "0.4b": (1024, 24, 16, (1024, 768), (512, 512, 256)),
    "1b": (1536, 40, 24, (1536, 1024), (768, 512, 256)),
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_architectures_of_the_release_are_read_from_shapes(name: str, tmp_path: Path) -> None:
    width, layers, heads, deconvolutions, convolutions = ARCHITECTURES[name]
    shapes: dict[str, tuple[int, ...]] = {
        "backbone.patch_embed.projection.weight": (width, 3, 16, 16),
        "backbone.cls_token": (1, 1, width),
        "backbone.storage_tokens": (1, 8, width),
        "backbone.rope_embed.periods": (width // heads // 4,),
        "decode_head.conv_pose.weight": (308, convolutions[-1], 1, 1),
    }
    for i in range(layers):
        grouped = 8 <= i < layers - 8
        block = f"backbone.blocks.{i}."
        shapes[f"{block}attn.q_norm.weight"] = (width // heads,)
        shapes[f"{block}attn.wk.weight"] = (width // 2 if grouped else width, width)
        shapes[f"{block}attn.wk.bias"] = shapes[f"{block}attn.wk.weight"][:1]
        shapes[f"{block}ffn.w3.weight"] = (width, 4 * width)
    for i, (inputs, outputs) in enumerate(zip((width, *deconvolutions), deconvolutions)):
        shapes[f"decode_head.deconv_layers.{3 * i}.weight"] = (inputs, outputs, 4, 4)
    for i, (inputs, outputs) in enumerate(zip((deconvolutions[-1], *convolutions), convolutions)):
        shapes[f"decode_head.conv_layers.{3 * i}.weight"] = (outputs, inputs, 1, 1)
    config = transformers.Sapiens2Config(**original_config(shapes, tmp_path))
    assert (config.hidden_size, config.num_hidden_layers, config.num_attention_heads) == (width, layers, heads)
    assert config.num_key_value_heads_per_layer == [heads // 2 if 8 <= i < layers - 8 else heads for i in range(layers)]
    assert (config.intermediate_size, config.patch_size, config.num_register_tokens, config.num_labels) == (4 * width, 16, 8, 308)
    assert config.head_config.upsample_out_channels == list(deconvolutions) and config.head_config.conv_out_channels == list(convolutions)
    if name == "0.4b":  # transformers' defaults are its architecture
        default = transformers.Sapiens2Config()
        assert config.num_key_value_heads_per_layer == default.num_key_value_heads_per_layer and config.hidden_size == default.hidden_size


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_is_in_the_file(precision: str, sapiens: tuple[Any, Path], tmp_path: Path, export: Export) -> None:
    model, folder = sapiens
    export("sapiens2", folder, "-o", tmp_path / "a.pt", "--precision", precision)
    dtype = torch.float16 if precision == "fp16" else torch.bfloat16
    loaded = torch.jit.load(str(tmp_path / "a.pt"))
    assert {value.dtype for value in loaded.state_dict().values() if value.is_floating_point()} == {dtype}
    with torch.inference_mode():
        found, expected = loaded(PIXELS.to(dtype)).float(), heatmaps(model)
    assert 0 < (found - expected).abs().max() <= 0.05 * expected.abs().max()
    picture = np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8)
    result = posekit.PoseEstimator(tmp_path / "a.pt").estimate(picture, [[10, 5, 100, 90]])
    assert result.scores.shape[1] == found.shape[1] and np.isfinite(result.scores).all() and result.scores.any()
    assert posekit.inspect_model(tmp_path / "a.pt").info.dtype == precision
    with pytest.raises(posekit.InvalidArgumentError, match=precision):
        posekit.Model(tmp_path / "a.pt", precision="fp32")
