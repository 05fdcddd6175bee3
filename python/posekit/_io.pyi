"""The native module with OpenCV in it: image files and drawing."""

import os

import numpy as np
import numpy.typing as npt

from ._core import KeypointSet

def read_image(path: str | os.PathLike[str], max_pixels: int) -> npt.NDArray[np.uint8]: ...
def decode_image(file: bytes, name: str, max_pixels: int) -> npt.NDArray[np.uint8]: ...
def write_image(path: str | os.PathLike[str], image: npt.NDArray[np.uint8], rgb: bool) -> None: ...
def draw_poses(
    image: npt.NDArray[np.uint8],
    rgb: bool,
    keypoints: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    boxes: npt.NDArray[np.float64],
    box_indices: npt.NDArray[np.int64],
    track_ids: npt.NDArray[np.int64],
    keypoint_set: KeypointSet,
    min_score: float,
    draw_boxes: bool,
) -> npt.NDArray[np.uint8]: ...
