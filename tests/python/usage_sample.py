"""Uses the package as a typed program does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import posekit
import torch


def wrist_heights(results: Sequence[posekit.PoseResult]) -> list[float]:
    heights: list[float] = []
    for result in results:
        left: int = result.keypoint_names.index("left_wrist")
        points: npt.NDArray[np.float32] = result.keypoints
        heights += [float(y) for y in points[:, left, 1]]
    return heights


def main() -> None:
    executor: posekit.Executor = posekit.ThreadPool(2)
    detector = posekit.PersonDetector(executor=executor, score_threshold=0.4)
    estimator = posekit.PoseEstimator(
        posekit.shipped_model("pose_landmark_lite.pt"),
        device="cpu",
        precision="fp32",
        executor=executor,
        keypoints="coco17",
        metadata=None,
        warm_up="none",
    )
    model: posekit.Model = posekit.Model(Path(posekit.shipped_model("pose_landmark_lite.pt")).read_bytes(), precision="fp32")
    device: str = model.device
    memory: posekit.MemoryReport = posekit.Model(posekit.shipped_model(), device="cpu").measure_memory()
    sides = posekit.PoseEstimator(model, keypoints=["left_hip", "right_hip"])
    assert sides.model is model and device.startswith(("cpu", "cuda")) and memory.weights > 0
    images = [posekit.load_image(path) for path in sorted(Path("examples/images").glob("*.jpg"))]
    boxes = [found.boxes for found in detector.detect_batch(images)]
    results = estimator.estimate_batch(images, boxes, format="bgr", timeout=60.0)
    assert len(wrist_heights(results)) == sum(map(len, results))
    predictor = posekit.Predictor(estimator, detector)
    predicted: list[posekit.PoseResult] = predictor.predict_batch(images, [None, *boxes[1:]])
    assert [len(each) for each in predicted] == [len(each) for each in results] and len(predictor.predict(images[0], boxes=[])) == 0
    output = model.info.output
    normalized: bool = isinstance(output, posekit.RegressionOutput) and output.normalized
    pose: posekit.PoseInfo | None = model.info.pose
    assert pose is not None and pose.box_padding > 0 and normalized in (True, False)
    one: posekit.PoseResult = estimator.estimate(torch.from_numpy(images[0]), boxes[0])
    error: posekit.Error | None = one.error
    links: list[tuple[int, int]] = estimator.keypoints.links
    tracker = posekit.Tracker(estimator.keypoints, max_gap_s=2.0)
    tracked: posekit.PoseResult = tracker.update(one, time_s=0.0)
    ids: npt.NDArray[np.int64] | None = tracked.track_ids
    assert ids is not None and len(ids) == len(one) and tracker.predict(0.1).shape == (len(one), 5)
    picture: npt.NDArray[np.uint8] = posekit.draw_poses(images[0], one, min_score=0.5)
    whole: posekit.PoseResult = posekit.estimate(images[0], model=estimator, boxes=boxes[0])
    several: Iterator[posekit.PoseResult] = predictor.estimate(images, boxes=boxes)
    part: npt.NDArray[np.uint8] = whole.crop(images[0], keypoints=["nose", "left_hip"], size=(64, 64))
    assert sum(map(len, several)) == sum(map(len, results)) and part.shape == whole.plot()[:64, :64].shape
    try:
        posekit.PoseEstimator("none.pt")
    except posekit.NotFoundError as missing:
        code: posekit.ErrorCode = missing.code
        assert code is posekit.ErrorCode.NOT_FOUND
    assert error is None and len(links) > 0 and picture.shape == images[0].shape


if __name__ == "__main__":
    main()
