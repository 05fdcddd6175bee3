"""HRNet: checkpoints of mmpose in every form give mmpose's own numbers, and nothing that a checkpoint names is run."""

from __future__ import annotations

import collections
import datetime
import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
import torch
from conftest import SHARED, Export, listing, need_shared
from posekit.export import hrnet
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


class Runs:
    """Its pickle calls a function when it is opened."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def test_nothing_that_a_checkpoint_names_is_run(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    allowed = set(torch.serialization.get_safe_globals())
    document = {
        "state_dict": weights,
        "meta": {"a": Runs(exec, f"open({str(trace)!r}, 'w')"), "b": Runs(open, str(trace), "w"), "c": datetime.date(2026, 1, 1)},
    }
    torch.save(document, tmp_path / "new.pth")
    torch.save(document, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("new.pth", "old.pth"):
        checkpoint = read_checkpoint(tmp_path / name)
        assert checkpoint.weights.keys() == weights.keys()
        assert not trace.exists()
    assert set(torch.serialization.get_safe_globals()) == allowed
    pickle.loads(pickle.dumps(Runs(open, str(trace), "w"))).close()
    assert trace.exists()  # such a pickle does run, if it is opened as pickles are


def test_a_checkpoint_that_calls_the_system_is_refused_and_does_not_run(
    weights: dict[str, torch.Tensor], tmp_path: Path, export: Export
) -> None:
    torch.save({"state_dict": weights, "meta": Runs(os.system, f"touch {tmp_path / 'ran'}")}, tmp_path / "bad.pth")
    before = listing(tmp_path)
    text = export("hrnet", tmp_path / "bad.pth", "-o", tmp_path / "a.pt", code=1)
    assert "operating system" in text and listing(tmp_path) == before


def test_objects_beside_the_weights_are_ignored(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    document = {
        "state_dict": collections.OrderedDict(weights),
        "meta": {"epoch": np.float64(3), "seen": collections.defaultdict(int), "array": np.arange(5)},
        "optimizer": {"state": {0: {"step": torch.tensor(3)}}},
    }
    torch.save(document, tmp_path / "a.pth")
    found = read_checkpoint(tmp_path / "a.pth").weights
    assert all(torch.equal(found[name], value) for name, value in weights.items()) and len(found) == len(weights)
