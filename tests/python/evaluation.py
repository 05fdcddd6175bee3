"""Made results and annotations that fit together, for the tests of evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import posekit
from conftest import COCO, made


def annotated(*results: posekit.PoseResult, shift: float = 0) -> dict[str, Any]:
    """Annotations whose keypoints are those of the results, shifted along x."""
    images, annotations = [], []
    for number, result in enumerate(results, 1):
        images.append({"id": number, "file_name": Path(result.path or "").name, "width": result.image_size[0], "height": result.image_size[1]})
        for points, (x1, y1, x2, y2) in zip(result.keypoints, result.boxes):
            labels = [value for x, y in points for value in (float(x) + shift, float(y), 2)]
            box = [float(x1), float(y1), float(x2 - x1), float(y2 - y1)]
            one = {"id": len(annotations), "image_id": number, "category_id": 1, "iscrowd": 0, "bbox": box, "area": box[2] * box[3] / 2}
            annotations.append(one | {"keypoints": labels, "num_keypoints": len(points)})
    categories = [{"id": 1, "name": "person", "keypoints": result.keypoint_names}]
    return {"images": images, "annotations": annotations, "categories": categories}


def person_of(path: str = "a.jpg", people: int = 1, keypoint_set: posekit.KeypointSet = COCO) -> posekit.PoseResult:
    """People in boxes of 100 x 200 pixels."""
    result = made(people, keypoint_set, path=path)
    for i in range(people):
        result.boxes[i] = [150 * i, 100, 150 * i + 100, 300]
        result.keypoints[i] = np.random.default_rng(i).uniform(result.boxes[i, :2], result.boxes[i, 2:], (len(keypoint_set), 2)).round()
    result.scores[:] = 0.5
    return result
