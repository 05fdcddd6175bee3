#!/usr/bin/env python3
"""The loop that Python demos around such models use, written for a comparison: persons a second, on the model that posekit runs.

    demo_loop.py MODEL.pt [--device cuda] [--precision bf16] [--batch 32] [--persons N] [--seconds S]

Per person: crop with a padded box, resize with OpenCV (numpy where there is none), normalise on the host in float32. Per batch: stack, pad with
zero images up to the batch size, upload, forward, bring all heatmaps to the host in float32, and there, for each person, argmax, blur, logarithm and
the Taylor step in numpy. One process, one thread of Python. Prints one JSON line.
"""
import argparse
import json
import time

import numpy as np
import torch

try:
    import cv2
except ImportError:
    cv2 = None


def kernel(size: int) -> np.ndarray:
    sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    values = np.exp(-((np.arange(size) - size // 2) ** 2) / (2 * sigma**2))
    return values / values.sum()


def blurred(heatmaps: np.ndarray, size: int) -> np.ndarray:
    if cv2 is not None:
        return np.stack([cv2.GaussianBlur(heatmap, (size, size), 0, borderType=cv2.BORDER_CONSTANT) for heatmap in heatmaps])
    half, weights = size // 2, kernel(size)
    for axis in (1, 2):
        padded = np.pad(heatmaps, [(half, half) if a == axis else (0, 0) for a in range(3)])
        heatmaps = sum(w * np.take(padded, range(i, i + heatmaps.shape[axis]), axis) for i, w in enumerate(weights))
    return heatmaps


def crop(image: np.ndarray, box: tuple, width: int, height: int) -> np.ndarray:
    x1, y1, x2, y2 = box
    cx, cy, w, h = (x1 + x2) / 2, (y1 + y2) / 2, 1.25 * (x2 - x1), 1.25 * (y2 - y1)
    w, h = max(w, h * width / height), max(h, w * height / width)
    if cv2 is not None:
        a, b = (width - 1) / w, (height - 1) / h
        return cv2.warpAffine(image, np.float32([[a, 0, a * (w / 2 - cx)], [0, b, b * (h / 2 - cy)]]), (width, height), flags=cv2.INTER_LINEAR)
    xs = np.clip(np.round(cx - w / 2 + np.arange(width) * w / (width - 1)).astype(int), 0, image.shape[1] - 1)
    ys = np.clip(np.round(cy - h / 2 + np.arange(height) * h / (height - 1)).astype(int), 0, image.shape[0] - 1)
    return image[ys[:, None], xs]


def decode(heatmaps: np.ndarray, size: int) -> np.ndarray:
    count, _, columns = heatmaps.shape
    flat = heatmaps.reshape(count, -1)
    index, score = flat.argmax(1), flat.max(1)
    x, y = index % columns, index // columns
    maps = blurred(heatmaps, size)
    maps *= (score / np.maximum(maps.reshape(count, -1).max(1), 1e-12))[:, None, None]
    log = np.pad(np.log(np.clip(maps, 1e-3, 50)), [(0, 0), (1, 1), (1, 1)], mode="edge")
    at = lambda dx, dy: log[np.arange(count), y + 1 + dy, x + 1 + dx]
    gx, gy = (at(1, 0) - at(-1, 0)) / 2, (at(0, 1) - at(0, -1)) / 2
    xx, yy = at(1, 0) - 2 * at(0, 0) + at(-1, 0), at(0, 1) - 2 * at(0, 0) + at(0, -1)
    xy = (at(1, 1) - at(1, 0) - at(0, 1) + 2 * at(0, 0) - at(-1, 0) - at(0, -1) + at(-1, -1)) / 2
    hessian = np.stack([np.stack([xx, xy], -1), np.stack([xy, yy], -1)], -2) + 1.1920929e-7 * np.eye(2)
    step = np.linalg.solve(hessian, np.stack([gx, gy], -1)[..., None])[..., 0]
    return np.concatenate([np.stack([x, y], -1) - step, score[:, None]], 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--precision", default="bf16", choices=("fp32", "fp16", "bf16"))
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--persons", type=int, default=0, help="of one run (default: two batches and a half, so that the last is padded)")
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    extra = {"posekit.json": ""}
    network = torch.jit.load(options.model, map_location=options.device, _extra_files=extra).eval()
    info = json.loads(extra["posekit.json"])
    kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[options.precision]
    network = network.to(kind)
    width, height = info["input"]["width"], info["input"]["height"]
    mean, std = (np.float32(info["input"][key]) for key in ("mean", "std"))
    images = [np.random.default_rng(i).integers(0, 256, (960, 1280, 3), dtype=np.uint8) for i in range(8)]
    persons = options.persons or max(1, 5 * options.batch // 2)

    def run() -> None:
        for first in range(0, persons, options.batch):
            crops = [((crop(images[i % 8], (300, 100, 900, 900), width, height)[..., ::-1] - mean) / std).transpose(2, 0, 1)
                     for i in range(first, min(first + options.batch, persons))]
            crops += [np.zeros_like(crops[0])] * (options.batch - len(crops))
            with torch.inference_mode():
                heatmaps = network(torch.from_numpy(np.stack(crops)).to(options.device).to(kind)).float().cpu().numpy()
            for i in range(min(options.batch, persons - first)):
                decode(heatmaps[i], info["output"].get("blur_kernel", 11))

    run()
    done, start = 0, time.perf_counter()
    while done == 0 or time.perf_counter() - start < options.seconds:
        run()
        done += persons
    rate = done / (time.perf_counter() - start)
    print(json.dumps({"part": "demo", "figure": "demo loop", "persons_per_s": round(rate, 2), "batch": options.batch, "persons": persons,
                      "precision": options.precision, "device": options.device, "opencv": cv2 is not None, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
