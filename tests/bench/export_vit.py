#!/usr/bin/env python3
"""Exports a vision transformer of Sapiens-0.3b's shape with random weights as TorchScript, for benchmarks: speed depends on the shape alone.

    export_vit.py OUT.pt [--size WxH] [--depth N] [--dim N] [--heads N] [--keypoints SET] [--head N] [--device cpu|cuda] [--peaks SCALE [--weak SHARE,…]]

Defaults: 24 layers, dim 1024, 16 heads, 16x16 patches of 768x1024, two transposed convolutions and a head to 308 heatmaps of 192x256. Any size
in multiples of 16 will do. The weights are float32; the file carries its posekit.json. Checks that the file gives what the network gives, at
batches of one and two.

Random weights give flat heatmaps. With --peaks each channel has a bump of that height at a place of its own, to which the network's own output
adds little. --weak makes so many per cent of the channels so low that posekit reads their whole map: with several shares there is a file for
each, OUT-5.pt for 5 %.
"""
import argparse
import json
import pathlib
import warnings

import torch
from torch import nn
from torch.nn import functional

NETWORKS_SHARE = 1e-3  # of a heatmap with bumps, so that it is below the height of weak channels
WEAK = 1.6e-3  # posekit reads the whole map where a peak is above 1e-3 and its blurred surroundings are not: docs/design/device.md
COUNTS = {"goliath308": 308, "coco_wholebody133": 133, "coco17": 17}
PATCH = 16


def bumps(width: int, height: int, keypoints: int, scale: float, weak: float) -> torch.Tensor:
    """Gaussians of two cells, [1,K,h,w]; `weak` per cent of the channels, spread evenly, are of the height WEAK."""
    places = torch.rand(keypoints, 2, 1, generator=torch.Generator().manual_seed(2)) * torch.tensor([[width - 1.0], [height - 1.0]])
    x, y = (torch.exp(-((torch.arange(length) - at) ** 2) / 8) for length, at in ((width, places[:, 0]), (height, places[:, 1])))
    is_weak = torch.tensor([(i + 1) * weak // 100 > i * weak // 100 for i in range(keypoints)])
    heights = torch.where(is_weak, WEAK, scale)
    return (heights[:, None, None] * y[:, :, None] * x[:, None, :])[None]


class Layer(nn.Module):
    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.up, self.down = nn.Linear(dim, 4 * dim), nn.Linear(4 * dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, dim = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        attended = functional.scaled_dot_product_attention(q, k, v)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, tokens, dim))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class Pose(nn.Module):
    def __init__(self, width: int, height: int, depth: int, dim: int, heads: int, head: int, keypoints: int, peaks: float) -> None:
        super().__init__()
        self.scale = NETWORKS_SHARE if peaks else 1.0
        self.register_buffer("bumps", bumps(width // 4, height // 4, keypoints, peaks, 0) if peaks else None)
        self.rows, self.columns = height // PATCH, width // PATCH
        self.patches = nn.Conv2d(3, dim, PATCH, PATCH)
        self.position = nn.Parameter(0.02 * torch.randn(1, self.rows * self.columns, dim))
        self.layers = nn.Sequential(*[Layer(dim, heads) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim)
        upscale = [[nn.ConvTranspose2d(a, head, 4, 2, 1, bias=False), nn.BatchNorm2d(head), nn.SiLU()] for a in (dim, head)]
        mix = [[nn.Conv2d(head, head, 1), nn.BatchNorm2d(head), nn.SiLU()] for _ in range(2)]
        self.head = nn.Sequential(*[part for parts in upscale + mix for part in parts], nn.Conv2d(head, keypoints, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.position
        features = self.norm(self.layers(tokens)).transpose(1, 2)
        heatmaps = self.head(features.reshape(x.shape[0], -1, self.rows, self.columns))
        return heatmaps if self.bumps is None else self.bumps + self.scale * heatmaps


def metadata(width: int, height: int, keypoints: str) -> str:
    return json.dumps({
        "format": "posekit-model/1", "task": "pose", "name": "random vision transformer", "licence": "none needed",
        "input": {"width": width, "height": height, "color": "rgb", "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375]},
        "output": {"codec": "udp_heatmap", "width": width // 4, "height": height // 4, "blur_kernel": 11}, "keypoints": keypoints})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out")
    parser.add_argument("--size", default="768x1024")
    parser.add_argument("--depth", type=int, default=24)
    parser.add_argument("--dim", type=int, default=1024)
    parser.add_argument("--heads", type=int, default=16)
    parser.add_argument("--head", type=int, default=768, help="channels of the head")
    parser.add_argument("--keypoints", choices=COUNTS, default="goliath308")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--peaks", type=float, default=0, metavar="SCALE", help="height of a bump in each channel (default: none)")
    parser.add_argument("--weak", type=lambda text: [float(share) for share in text.split(",")], default=[0.0], metavar="SHARE,…",
                        help="per cent of weak channels")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    if width % PATCH or height % PATCH:
        parser.error(f"--size {options.size}: multiples of {PATCH} are expected")
    if any(options.weak) and not options.peaks:
        parser.error("--weak is a share of channels that have --peaks")
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # of TorchScript, which is what is wanted
    warnings.filterwarnings("ignore", category=FutureWarning)

    torch.manual_seed(1)
    keypoints = COUNTS[options.keypoints]
    network = Pose(width, height, options.depth, options.dim, options.heads, options.head, keypoints, options.peaks).eval().to(options.device)
    out = pathlib.Path(options.out)
    with torch.inference_mode():
        crops = torch.randn(2, 3, height, width, device=options.device)
        for weak in options.weak:
            path = out if len(options.weak) == 1 else out.with_stem(f"{out.stem}-{weak:g}")
            if network.bumps is not None:
                network.bumps.copy_(bumps(width // 4, height // 4, keypoints, options.peaks, weak))
            traced = torch.jit.trace(network, crops[:1], check_trace=False)
            traced.save(str(path), _extra_files={"posekit.json": metadata(width, height, options.keypoints)})
            loaded = torch.jit.load(str(path), map_location=options.device)
            for batch in (1, 2):
                difference = (loaded(crops[:batch]) - network(crops[:batch])).abs().max().item()
                if not difference < 1e-3 * network.scale:
                    raise SystemExit(f"export_vit: the file differs from the network by {difference} at batch {batch}")
            parameters = sum(p.numel() for p in network.parameters())
            print(f"{path}: {parameters / 1e6:.0f} M parameters, {options.keypoints} from {options.size}, Torch {torch.__version__}")


if __name__ == "__main__":
    main()
