"""Decodes videos by this environment's cv2, where posekit's own library for videos has no OpenCV to load. The native VideoReader calls it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Decoder:
    """posekit::FrameDecoder (include/posekit/video.h) of a file."""

    def __init__(self, path: str) -> None:
        self._capture = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        self.is_open = self._capture.isOpened()
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)

    def info(self) -> tuple[int, int, float, float]:
        """Width, height, frames a second, number of frames."""
        get = self._capture.get
        return (
            int(get(cv2.CAP_PROP_FRAME_WIDTH)),
            int(get(cv2.CAP_PROP_FRAME_HEIGHT)),
            get(cv2.CAP_PROP_FPS),
            get(cv2.CAP_PROP_FRAME_COUNT),
        )

    def grab(self) -> bool:
        return self._capture.grab()

    def retrieve(self, rotation: int) -> npt.NDArray[np.uint8] | None:
        found, frame = self._capture.retrieve()
        if not found or frame is None or frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            return None
        return np.ascontiguousarray(cv2.rotate(frame, _TURNS[rotation]) if rotation in _TURNS else frame, np.uint8)

    def time_ms(self) -> float:
        return self._capture.get(cv2.CAP_PROP_POS_MSEC)
