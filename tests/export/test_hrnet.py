"""HRNet: checkpoints of mmpose in every form give mmpose's own numbers, and what is not an HRNet is refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
import torch
from conftest import SHARED, Export, need_shared
from message_form import check_message_form
from posekit.export import ExportNote, hrnet
from posekit.export._checkpoint import read_checkpoint
from posekit.export._hrnet_network import HRNet

GOLDEN = need_shared(SHARED / "golden/exporters")
CASES = [case for case in json.loads((GOLDEN / "cases.json").read_text())["cases"] if case["family"] == "hrnet"]
FORMS = [(case, key) for case in CASES for key in ("checkpoint", "checkpoint_published", "checkpoint_with_meta") if key in case]


@pytest.mark.parametrize(("case", "form"), FORMS, ids=[f"{case['name']}-{form}" for case, form in FORMS])
def test_every_form_of_checkpoint_gives_the_heatmaps_that_mmpose_computes(
    case: dict[str, Any], form: str, tmp_path: Path, export: Export
) -> None:
    file = tmp_path / "hrnet.pt"
    size = f"{case['width']}x{case['height']}"
    text = export("hrnet", GOLDEN / case[form], "-o", file, "--size", size, "--decoding", "dark")
    assert "batches 1, 2, 5" in text and size in text and "refinement dark" in text
    found = torch.jit.load(str(file))(torch.from_numpy(np.load(GOLDEN / case["input"]))).detach().numpy()
    expected = np.load(GOLDEN / case["heatmaps"])
    assert np.abs(found - expected).max() <= case["tolerance"] * np.abs(expected).max()
    info = posekit.Model(file, device="cpu").info
    assert info.pose and info.pose.keypoints == posekit.builtin_keypoint_set("coco17")
    assert (info.input.width, info.input.height, info.input.color) == (case["width"], case["height"], "rgb")


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    return dict(read_checkpoint(GOLDEN / CASES[0]["checkpoint"]).weights)


@pytest.mark.parametrize(
    "prefixes", [("backbone.", "keypoint_head."), ("", ""), ("module.backbone.", "module.head.")], ids=["mmpose-0", "original", "parallel"]
)
def test_the_names_of_other_writers_are_understood(prefixes: tuple[str, str], weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    renamed = {name.replace("backbone.", prefixes[0]).replace("head.", prefixes[1]): value for name, value in weights.items()}
    assert prefixes[0] == "backbone." or renamed.keys() != weights.keys()
    torch.save({"state_dict": renamed, "optimizer": {"lr": 1e-3}}, tmp_path / "model.pth")
    size = (CASES[0]["width"], CASES[0]["height"])
    network, _ = hrnet(tmp_path / "model.pth", size=size)
    expected, _ = hrnet(GOLDEN / CASES[0]["checkpoint"], size=size)
    x = torch.from_numpy(np.load(GOLDEN / CASES[0]["input"]))
    assert torch.equal(network(x), expected(x))


@pytest.mark.parametrize(
    ("stem", "options", "codec", "refinement", "alignment", "size"),
    [
        ("td-hm_hrnet-w32_8xb64-210e_coco-256x192-81c58e40_20220909", {}, "heatmap", "quarter", "classic", (192, 256)),
        ("td-hm_hrnet-w32_udp-8xb64-210e_coco-384x288-9a3f7c85_20220914", {}, "udp_heatmap", "dark", "udp", (288, 384)),
        ("hrnet_w32_coco_256x192_dark-07f147eb_20200812", {}, "heatmap", "dark", "classic", (192, 256)),
        (
            "hrnet_w32_coco_256x192_udp-aba0be42_20210220",
            {"decoding": "classic", "size": (128, 160)},
            "heatmap",
            "quarter",
            "classic",
            (128, 160),
        ),
        ("epoch_210", {"decoding": "udp"}, "udp_heatmap", "dark", "udp", (192, 256)),
    ],
)
def test_the_file_name_says_how_to_decode_and_options_win(
    stem: str,
    options: dict[str, Any],
    codec: str,
    refinement: str,
    alignment: str,
    size: tuple[int, int],
    tmp_path: Path,
    weights: dict[str, torch.Tensor],
) -> None:
    torch.save(weights, tmp_path / f"{stem}.pth")
    _, document = hrnet(tmp_path / f"{stem}.pth", **options)
    info = posekit.parse_model_info(json.dumps(document))
    output = info.output
    assert info.pose and isinstance(output, posekit.HeatmapOutput)
    assert (output.codec, output.refinement, info.pose.alignment) == (codec, refinement, alignment)
    assert (info.input.width, info.input.height) == size and (output.width, output.height) == (size[0] // 4, size[1] // 4)
    assert output.flip_shift == (codec == "heatmap")


def shapes_of(width: int) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a full HRNet as its paper has it: modules (1, 4, 3), four blocks in each branch, branches of width, 2, 4 and 8 times that."""
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(convolution: str, norm: str, outputs: int, inputs: int, kernel: int) -> None:
        shapes[f"{convolution}.weight"] = (outputs, inputs, kernel, kernel)
        shapes.update({f"{norm}.{name}": (outputs,) for name in ("weight", "bias", "running_mean", "running_var")})
        shapes[f"{norm}.num_batches_tracked"] = ()

    layer("conv1", "bn1", 64, 3, 3)
    layer("conv2", "bn2", 64, 64, 3)
    for i in range(4):
        for j, (outputs, inputs, kernel) in enumerate(((64, 256 if i else 64, 1), (64, 64, 3), (256, 64, 1)), 1):
            layer(f"layer1.{i}.conv{j}", f"layer1.{i}.bn{j}", outputs, inputs, kernel)
    layer("layer1.0.downsample.0", "layer1.0.downsample.1", 256, 64, 1)
    before = [256]
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        widths = [width * 2**i for i in range(stage)]
        for i, outputs in enumerate(widths):
            if i >= len(before):
                layer(f"transition{stage - 1}.{i}.0.0", f"transition{stage - 1}.{i}.0.1", outputs, before[-1], 3)
            elif before[i] != outputs:
                layer(f"transition{stage - 1}.{i}.0", f"transition{stage - 1}.{i}.1", outputs, before[i], 3)
        for m in range(modules):
            part = f"stage{stage}.{m}"
            for i, outputs in enumerate(widths):
                for j in range(4):
                    for k in (1, 2):
                        layer(f"{part}.branches.{i}.{j}.conv{k}", f"{part}.branches.{i}.{j}.bn{k}", outputs, outputs, 3)
            for target in range(1 if (stage, m) == (4, 2) else stage):
                for source in range(stage):
                    name = f"{part}.fuse_layers.{target}.{source}"
                    if source > target:
                        layer(f"{name}.0", f"{name}.1", widths[target], widths[source], 1)
                    for k in range(target - source):
                        outputs = widths[target] if k == target - source - 1 else widths[source]
                        layer(f"{name}.{k}.0", f"{name}.{k}.1", outputs, widths[source], 3)
        before = widths
    shapes |= {"final_layer.weight": (17, width, 1, 1), "final_layer.bias": (17,)}
    return shapes


@pytest.mark.parametrize(("width", "millions"), [(32, 28.5), (48, 63.6)])
def test_the_published_widths_are_built_with_the_published_number_of_parameters(width: int, millions: float) -> None:
    shapes = shapes_of(width)
    with torch.device("meta"):
        network = HRNet(shapes)
        found = network(torch.zeros(1, 3, 256, 192))
    assert {name: tuple(value.shape) for name, value in network.state_dict().items()} == shapes
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == millions
    assert found.shape == (1, 17, 64, 48)
    assert len(shapes) == 1752 + 2  # as many entries as mmpose's backbone has, and the head


Weights = dict[str, torch.Tensor]
SIZE = (CASES[0]["width"], CASES[0]["height"])


def refused(weights: Weights, file: Path, thing: str, error: type[posekit.Error] = posekit.UnsupportedModelError, **more: Any) -> None:
    torch.save({"state_dict": weights} | more, file)
    with pytest.raises(error) as caught:
        hrnet(file, size=SIZE)
    check_message_form(caught.value, thing)


@pytest.mark.parametrize(
    "name",
    [
        "head.conv_layers.0.weight",
        "head.mlp_head_x.weight",
        "neck.conv.weight",
        "backbone.incre_modules.0.weight",
        "keypoint_head.conv1.weight",
    ],
)
def test_an_entry_of_the_network_that_is_not_used_is_refused_by_name(name: str, weights: Weights, tmp_path: Path) -> None:
    refused(weights | {name: torch.ones(2, 2, 3, 3)}, tmp_path / "a.pth", f'"{name}"')


def test_two_entries_of_one_name_are_refused(weights: Weights, tmp_path: Path) -> None:
    refused(weights | {"conv1.weight": torch.zeros_like(weights["backbone.conv1.weight"])}, tmp_path / "a.pth", '"backbone.conv1.weight"')


def test_what_is_beside_the_network_is_left_out(weights: Weights, tmp_path: Path) -> None:
    torch.save(weights | {"loss.weight": torch.ones(2), "data_preprocessor.mean": torch.ones(3)}, tmp_path / "a.pth")
    assert hrnet(tmp_path / "a.pth", size=SIZE)[1]["keypoints"] == "coco17"


@pytest.mark.parametrize(
    ("change", "thing"),
    [
        (lambda value: torch.tensor(1.0), "contradict each other"),
        (lambda value: torch.ones(3), "contradict each other"),
        (lambda value: torch.ones(0, 3, 3, 3), "contradict each other"),
        (lambda value: torch.ones(1).expand(1_000_000, 1_000_000, 3, 3), "conv1.weight"),
        (lambda value: value.to_sparse(), "conv1.weight"),
        (lambda value: value.to("meta"), "meta"),
        (lambda value: value.to(torch.complex64), "complex64"),
        (lambda value: value.int(), "int32"),
        (lambda value: value * float("nan"), "not finite"),
    ],
    ids=["scalar", "line", "empty", "expanded", "sparse", "meta", "complex", "integer", "nan"],
)
def test_weights_without_sound_values_are_refused(change: Any, thing: str, weights: Weights, tmp_path: Path) -> None:
    weights["backbone.conv1.weight"] = change(weights["backbone.conv1.weight"])
    refused(weights, tmp_path / "a.pth", thing, posekit.InvalidModelError)


def test_a_missing_entry_is_named_as_a_whole(weights: Weights, tmp_path: Path) -> None:
    name = "backbone.stage2.0.branches.0.0.conv1.weight"
    del weights[name]
    refused(weights, tmp_path / "a.pth", f'"{name.removeprefix("backbone.")}"')


def test_a_part_of_a_huge_number_is_refused_at_once(weights: Weights, tmp_path: Path) -> None:
    for i, digits in enumerate(("9" * 12, "9" * 5000)):
        refused(weights | {f"backbone.layer1.{digits}.conv1.weight": torch.ones(1)}, tmp_path / f"{i}.pth", "conv1.weight")


def test_weights_in_half_precision_are_read(weights: Weights, tmp_path: Path) -> None:
    torch.save({name: value.half() if value.is_floating_point() else value for name, value in weights.items()}, tmp_path / "a.pth")
    network, _ = hrnet(tmp_path / "a.pth", size=SIZE)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_the_network_does_not_follow_its_file(weights: Weights, tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "a.pth")
    network, _ = hrnet(tmp_path / "a.pth", size=SIZE)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with (tmp_path / "a.pth").open("r+b") as file:
        file.write(b"\0" * (tmp_path / "a.pth").stat().st_size)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_names_for_another_number_of_channels_are_refused_with_both_numbers(weights: Weights, tmp_path: Path) -> None:
    """Tags of associative embedding, or offsets beside the heatmaps."""
    last = weights["head.final_layer.weight"]
    weights |= {"head.final_layer.weight": torch.ones(34, *last.shape[1:]), "head.final_layer.bias": torch.ones(34)}
    meta = {"dataset_meta": {"keypoint_id2name": {i: f"k{i}" for i in range(17)}}}
    refused(weights, tmp_path / "a.pth", "34 channels and names 17 keypoints", meta=meta)


@pytest.mark.parametrize(
    ("head", "size", "cells"),
    [("keypoint_head.", (288, 384), 17), ("keypoint_head.", (192, 256), 11), ("head.", (288, 384), 11)],
)
@pytest.mark.parametrize("decoding", ["dark", "udp"])
def test_the_blur_is_that_of_the_release_that_made_the_file(
    head: str, size: tuple[int, int], cells: int, decoding: Any, weights: Weights, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    torch.save({re.sub("^head[.]", head, name): value for name, value in weights.items()}, tmp_path / "a.pth")
    _, document = hrnet(tmp_path / "a.pth", size=size, decoding=decoding)
    assert document["output"]["blur_kernel"] == cells
    assert any("blur_kernel of 17" in str(note.message) for note in recwarn) == (cells == 17)


@pytest.mark.parametrize(
    "stem", ["hrnet_w32_ap10k_256x256-18aac840_20211029", "hrnet_w32_macaque_256x192", "td-hm_hrnet-w32_animalpose-256x256", "w32-fly"]
)
def test_the_keypoints_of_other_data_sets_are_not_assumed_to_be_peoples(stem: str, weights: Weights, tmp_path: Path) -> None:
    torch.save(weights, tmp_path / f"{stem}.pth")
    with pytest.warns(ExportNote, match="not assumed"):
        _, document = hrnet(tmp_path / f"{stem}.pth")
    assert document["keypoints"]["keypoints"][1] == {"id": 1, "name": "keypoint_1"}


def test_a_note_says_why_classic_is_assumed(weights: Weights, tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "epoch_210.pth")
    with pytest.warns(ExportNote, match="classic is assumed, as the file's name names no other"):
        hrnet(tmp_path / "epoch_210.pth")


@pytest.mark.parametrize("options", [{"decoding": "dakr"}, {"size": (0, 0)}, {"size": (-32, 64)}, {"size": (32.0, 64)}])
def test_bad_arguments_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        hrnet(GOLDEN / CASES[0]["checkpoint"], **options)
    check_message_form(caught.value, "was given")
