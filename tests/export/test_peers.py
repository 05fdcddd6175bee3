"""Exported files in posekit against the original: transformers' processors and networks, and the formulas in float64, on photos of people."""

from __future__ import annotations

import json
import math
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import posekit
import pytest
import torch
from conftest import SHARED, make_torchvision_importable, need, need_shared
from reference import Array, Box, Geometry, decode
from torch import nn

need("transformers")
need("torchvision")
need("scipy")
PHOTOS = need_shared(SHARED / "data/coco")
make_torchvision_importable()
import models
import planted
import transformers
from PIL import Image
from posekit.export import write
from posekit.export.__main__ import main

PROGRAM = Path(posekit.__file__).parent / "bin/posekit"
MEAN, STD = np.array([123.675, 116.28, 103.53]), np.array([58.395, 57.12, 57.375])
GEOMETRY = Geometry()
BICUBIC = Geometry(enlarge="bicubic")
"""Of Sapiens2: crops are enlarged by the cubic kernel."""


@dataclass
class Pictures:
    """Photos as PNG, so that both sides see the same pixels, and their boxes."""

    folder: Path
    images: dict[str, Array]
    boxes: dict[str, list[Box]]

    def each(self) -> list[tuple[str, int, Box]]:
        return [(name, i, box) for name, boxes in self.boxes.items() for i, box in enumerate(boxes)]

    def exact(self, name: str, box: Box, geometry: Geometry = GEOMETRY) -> Array:
        """The crop as the network should see it: rounded, normalised, [3,H,W]."""
        found: Array = ((np.floor(geometry.crop(self.images[name], box) + 0.5) - MEAN) / STD).transpose(2, 0, 1)
        return found


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    folder = tmp_path_factory.mktemp("photos")
    data = json.loads((PHOTOS / "test_coco.json").read_text())
    found = Pictures(folder, {}, {})
    rng = np.random.default_rng(7)
    for entry in data["images"]:
        photo = Image.open(PHOTOS / entry["file_name"]).convert("RGB")
        name = Path(entry["file_name"]).stem + ".png"
        photo.save(folder / name, compress_level=1)
        found.images[name] = np.array(photo)
        w, h = photo.size
        people = [a["bbox"] for a in data["annotations"] if a["image_id"] == entry["id"] and not a["iscrowd"]]
        boxes = [[x, y, x + bw, y + bh] for x, y, bw, bh in people]
        for _ in range(12):  # any size and aspect, tiny ones too, most of them inside
            bw, bh = np.exp(rng.uniform(np.log(6), np.log([w, h])))
            x, y = rng.uniform([-bw / 3, -bh / 3], [w - bw * 2 / 3, h - bh * 2 / 3])
            boxes.append([x, y, x + bw, y + bh])
        # Over each border and corner, the whole image, more than it, whole and half positions, tiny.
        boxes += [
            [-40.5, -30.25, 90, 150],
            [w - 80, -20, w + 50.5, 140],
            [-60, h - 130, 70.75, h + 40],
            [w - 100, h - 150, w + 30, h + 20.5],
        ]
        boxes += [
            [0, 0, w, h],
            [0, 0, w - 1, h - 1],
            [-w / 2, -h / 2, 1.5 * w, 1.5 * h],
            [10, 20, 110, 220],
            [10.5, 20.5, 60.5, 40.5],
            [3, 3, 7, 9],
        ]
        found.boxes[name] = [[float(value) for value in box] for box in boxes]
    assert len(found.images) >= 4 and len(found.each()) >= 100
    return found


def estimate(model: Path, pictures: Pictures, boxes: dict[str, list[Box]]) -> dict[str, tuple[Array, Array]]:
    """posekit's program: keypoints [N,K,2] and scores [N,K] of each photo."""
    listed = model.with_suffix(".json")
    listed.write_text(json.dumps(boxes))
    files = [pictures.folder / name for name in boxes]
    command = [PROGRAM, "estimate", *files, "-m", model, "--boxes", listed, "-o", "-", "--quiet", "--threads", "1", "--torch-threads", "1"]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = {}
    for line in done.stdout.splitlines():
        document = json.loads(line)
        rows = sorted(document["instance_info"], key=lambda row: row["box_index"])
        found[Path(document["image"]["path"]).name] = (
            np.array([row["keypoints"] for row in rows]),
            np.array([row["keypoint_scores"] for row in rows]),
        )
    assert {name: len(found[name][0]) for name in boxes} == {name: len(listed) for name, listed in boxes.items()}
    return found


def coco(box: Box) -> Box:
    return [box[0], box[1], box[2] - box[0], box[3] - box[1]]


def metadata(codec: str, count: int, **values: Any) -> dict[str, Any]:
    output = {"codec": codec} | ({} if codec == "regression" else {"width": GEOMETRY.columns, "height": GEOMETRY.rows})
    points = {"name": f"points{count}", "keypoints": [{"id": i, "name": f"k{i}"} for i in range(count)]}
    entry = {"width": GEOMETRY.width, "height": GEOMETRY.height, "mean": MEAN.tolist(), "std": STD.tolist()}
    common = {"format": "posekit-model/1", "task": "pose", "name": "test", "licence": "none", "source": "a test", "alignment": "udp"}
    return common | {"input": entry | values, "output": output, "keypoints": points}


class Probe(nn.Module):
    """Gives pixels of its input back as keypoints: x and y are red and green, the score is blue, in grey levels."""

    def __init__(self, index: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("index", index)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2)[:, :, self.index].permute(0, 2, 1).contiguous()


class Constant(nn.Module):
    """The same heatmaps for every crop."""

    def __init__(self, heatmaps: Array) -> None:
        super().__init__()
        self.register_buffer("heatmaps", torch.from_numpy(heatmaps.astype(np.float32)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.heatmaps[None].expand(x.shape[0], -1, -1, -1) + 0 * x.mean((1, 2, 3))[:, None, None, None]


def processor_crops(family: str, pictures: Pictures, name: str) -> Array:
    """[N,H,W,3] in grey levels."""
    kind = transformers.Sapiens2ImageProcessor if family == "sapiens2" else transformers.VitPoseImageProcessorPil
    processor = kind(size={"height": GEOMETRY.height, "width": GEOMETRY.width})
    boxes = [coco(box) for box in pictures.boxes[name]]
    found = processor(Image.fromarray(pictures.images[name]), boxes=[boxes], return_tensors="pt")["pixel_values"]
    crops: Array = np.stack([np.asarray(crop, np.float64) for crop in found]).transpose(0, 2, 3, 1) * STD + MEAN
    return crops


CROPS = {"vitpose": GEOMETRY, "sapiens2": BICUBIC}


@pytest.mark.parametrize("family", CROPS)
def test_the_crop_is_the_formulas_and_the_processors(family: str, pictures: Pictures, tmp_path: Path) -> None:
    geometry = CROPS[family]
    index = torch.from_numpy(np.sort(np.random.default_rng(1).choice(geometry.width * geometry.height, 2048, replace=False)))
    document = metadata("regression", len(index), **({"enlarge": geometry.enlarge} if geometry.enlarge != "bilinear" else {}))
    document["input"] |= {"mean": [0, 0, 0], "std": [1, 1, 1]}
    write(Probe(index), document, tmp_path / "probe.pt", verify="quick")
    found = estimate(tmp_path / "probe.pt", pictures, pictures.boxes)
    worst, equal, inner_worst, inner_count = 0.0, [], 0.0, 0
    for name in pictures.images:
        peers = processor_crops(family, pictures, name)
        for i, box in enumerate(pictures.boxes[name]):
            centre, size = geometry.region(box)
            seen = np.empty((len(index), 3))
            # The program has turned "coordinates of the crop" into the photo's.
            seen[:, :2] = (found[name][0][i] - centre + size / 2) / size * [geometry.width - 1, geometry.height - 1]
            seen[:, 2] = found[name][1][i]
            exact = np.floor(geometry.crop(pictures.images[name], box) + 0.5).reshape(-1, 3)[index]
            worst = max(worst, float(np.abs(seen - exact).max()))
            equal.append(np.abs(seen - exact) < 0.5)
            # transformers' ViTPose does not blend with black at the photo's edge, where the original does.
            inner = geometry.inside(pictures.images[name], box).ravel()[index]
            # The original crops bytes; transformers' Sapiens2 leaves the cubic kernel's overshoot in.
            peer = np.clip(peers[i], 0, 255).reshape(-1, 3)[index]
            inner_worst = max(inner_worst, float(np.abs(seen - peer)[inner].max(initial=0)))
            inner_count += int(inner.sum())
    assert inner_count > 50_000
    assert worst <= 1.01 and np.concatenate(equal).mean() >= 0.99
    assert inner_worst <= 1.01


def gaussians(count: int, low: float, high: float, noise: float = 0.0, seed: int = 3) -> Array:
    """Heatmaps whose peaks are in a part of the map; noise is smooth, in parts of the peak."""
    rng = np.random.default_rng(seed)
    ys, xs = np.mgrid[0 : GEOMETRY.rows, 0 : GEOMETRY.columns]
    maps = []
    for _ in range(count):
        x, y = rng.uniform(low, high, 2) * [GEOMETRY.columns, GEOMETRY.rows] - 0.5
        sigma, top = rng.uniform(1.5, 2.5), rng.uniform(0.4, 1.0)
        maps.append(top * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * sigma**2)))
        if noise:
            coarse = torch.from_numpy(rng.standard_normal((1, 1, 16, 12)))
            maps[-1] += noise * nn.functional.interpolate(coarse, size=(GEOMETRY.rows, GEOMETRY.columns), mode="bicubic")[0, 0].numpy()
    return np.array(maps, np.float32)


def oblong(count: int) -> Array:
    ys, xs = np.mgrid[0 : GEOMETRY.rows, 0 : GEOMETRY.columns]
    centres = np.random.default_rng(4).uniform([10, 12, 0], [38, 52, math.pi], (count, 3))
    along = [((xs - x) * math.cos(q) + (ys - y) * math.sin(q), (ys - y) * math.cos(q) - (xs - x) * math.sin(q)) for x, y, q in centres]
    return np.array([0.9 * np.exp(-(a**2) / 18 - b**2 / 4.5) for a, b in along], np.float32)


SETS = {
    "clean": gaussians(200, 0.2, 0.8),
    "noisy": gaussians(200, 0.2, 0.8, noise=0.03),
    "at the border": np.concatenate([gaussians(100, 0.0, 0.08), gaussians(100, 0.92, 1.0)]),
    "two people": np.maximum(gaussians(150, 0.3, 0.7, seed=5), 0.75 * gaussians(150, 0.3, 0.7, seed=6)),
    "oblong": oblong(150),
}


@pytest.mark.parametrize("name", SETS)
def test_the_decoding_is_the_formulas_and_sapiens2s(name: str, pictures: Pictures, tmp_path: Path) -> None:
    maps = SETS[name]
    write(Constant(maps), metadata("udp_heatmap", len(maps)), tmp_path / "maps.pt", verify="quick")
    photo = next(iter(pictures.images))
    boxes = pictures.boxes[photo][:4]
    points, scores = estimate(tmp_path / "maps.pt", pictures, {photo: boxes})[photo]
    exact, _, posed = decode(maps)
    assert posed.sum() >= 70
    processor = transformers.Sapiens2ImageProcessor(size={"height": GEOMETRY.height, "width": GEOMETRY.width})
    outputs = SimpleNamespace(heatmaps=torch.from_numpy(maps)[None].repeat(len(boxes), 1, 1, 1))
    peers = processor.post_process_pose_estimation(outputs, boxes=[[coco(box) for box in boxes]])[0]
    for i, box in enumerate(boxes):
        cells = GEOMETRY.to_cells(points[i], box)
        assert np.abs(cells - exact)[posed].max() <= 1e-3
        assert np.abs(cells - GEOMETRY.to_cells(peers[i]["keypoints"].double().numpy(), box))[posed].max() <= 1e-3
        assert np.abs(scores[i] - maps.max((1, 2))).max() <= 1e-6


@pytest.fixture(scope="module")
def some_crops(pictures: Pictures) -> torch.Tensor:
    """What the blobs are planted with: boxes of the tests' own."""
    chosen = [
        (name, box)
        for name in pictures.images
        for box in [[20.0, 10.0, 260.0, 310.0], [150.0, 40.0, 400.0, 200.0], [90.0, 150.0, 190.0, 300.0]]
    ]
    return torch.from_numpy(np.stack([pictures.exact(name, box) for name, box in chosen])).float()


def make_model(case: str, crops: torch.Tensor) -> tuple[Any, dict[str, Any]]:
    """A network with planted blobs, and the arguments that it wants beside pixels."""
    if case == "sapiens2":
        model = models.sapiens2(20)
        targets = planted.blobs_where_crops_say(crops, 20, GEOMETRY.rows, GEOMETRY.columns)
        planted.plant(model, model.decode_head.predictor, crops, targets)
        return model, {}
    model = models.vitpose(simple=case != "classic", experts=3 if case == "experts" else 1)
    with torch.no_grad():
        model.backbone.embeddings.position_embeddings.mul_(50)  # so that features know where they are
    arguments = {"dataset_index": torch.tensor(2)} if case == "experts" else {}
    targets = planted.blobs(17, GEOMETRY.rows, GEOMETRY.columns)
    planted.plant(model, model.head.conv, crops, targets, **{key: value.repeat(len(crops)) for key, value in arguments.items()})
    return model, arguments


CASES = {"simple": GEOMETRY, "classic": GEOMETRY, "experts": GEOMETRY, "sapiens2": BICUBIC}


@pytest.mark.parametrize("case", CASES)
def test_keypoints_of_an_exported_file_are_the_originals(case: str, pictures: Pictures, some_crops: torch.Tensor, tmp_path: Path) -> None:
    geometry = CASES[case]
    model, arguments = make_model(case, some_crops)
    models.save(model, tmp_path / case)
    family = "sapiens2" if case == "sapiens2" else "vitpose"
    expert = ["--dataset-index", "2"] if case == "experts" else []
    assert main([family, str(tmp_path / case), "-o", str(tmp_path / "model.pt"), "--verify", "quick", *expert]) == 0
    found = estimate(tmp_path / "model.pt", pictures, pictures.boxes)
    processor = transformers.Sapiens2ImageProcessor(size={"height": GEOMETRY.height, "width": GEOMETRY.width})
    gaps, same, peers = [], [], []
    for name, boxes in pictures.boxes.items():
        crops = torch.from_numpy(np.stack([pictures.exact(name, box, geometry) for box in boxes])).float()
        with torch.inference_mode():
            heatmaps = model(pixel_values=crops, **{key: value.repeat(len(crops)) for key, value in arguments.items()}).heatmaps
        decoded = processor.post_process_pose_estimation(SimpleNamespace(heatmaps=heatmaps), boxes=[[coco(box) for box in boxes]])[0]
        for i, box in enumerate(boxes):
            cells, peaks, posed = decode(heatmaps[i].numpy())
            ours = found[name][0][i]
            # Refinement moves a peak by two cells at most.
            at_peak = np.linalg.norm(geometry.to_cells(ours, box) - peaks, axis=1) <= 2.001
            same.append(at_peak[posed])
            use = posed & at_peak
            gaps.append(np.linalg.norm(ours - geometry.to_image(cells, box), axis=1)[use])
            peers.append(np.linalg.norm(ours - decoded[i]["keypoints"].double().numpy(), axis=1)[use])
    name, boxes = next(iter(pictures.boxes.items()))
    points = posekit.PoseEstimator(tmp_path / "model.pt").estimate(posekit.read_image(pictures.folder / name), boxes[:8]).keypoints
    assert np.abs(points - found[name][0][:8]).max() <= 1e-3  # batches of another size
    gap, peer = np.concatenate(gaps), np.concatenate(peers)
    print(f"{case}: {len(np.concatenate(same))} well posed, same peak {np.concatenate(same).mean():.4f}")
    print(f"  photo pixels: median {np.median(gap):.5f}, p99 {np.percentile(gap, 99):.4f}, max {gap.max():.4f}")
    assert len(np.concatenate(same)) >= 500
    assert np.concatenate(same).mean() >= 0.99
    assert np.median(gap) <= 0.001 and np.percentile(gap, 99) <= 0.01 and gap.max() <= 0.05
    if family == "sapiens2":
        assert np.median(peer) <= 0.001 and np.percentile(peer, 99) <= 0.01 and peer.max() <= 0.05
