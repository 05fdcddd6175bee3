"""Decodes videos by this environment's PyAV, where neither the system's OpenCV nor cv2 is there. The native VideoReader calls it."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt

_QUARTER_TURNS = {90: -1, 180: 2, 270: 1}  # anticlockwise, as np.rot90 turns


class Decoder:
    """posekit::FrameDecoder (include/posekit/video.h) of a file."""

    def __init__(self, path: str) -> None:
        self.is_open = False
        try:
            self._container = av.open(path)
        except av.error.FFmpegError:
            return
        if not self._container.streams.video:
            return
        self._stream = self._container.streams.video[0]
        self._frames = self._container.decode(self._stream)
        self._frame: av.VideoFrame | None = None
        self.is_open = True

    def info(self) -> tuple[int, int, float, float]:
        """Width, height, frames a second, number of frames."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return self._stream.width, self._stream.height, float(rate or 0), float(self._stream.frames)

    def grab(self) -> bool:
        try:
            self._frame = next(self._frames, None)
        except av.error.FFmpegError:  # damage; how much is missing, the number of frames says
            self._frame = None
        return self._frame is not None

    def retrieve(self, rotation: int) -> npt.NDArray[np.uint8] | None:
        if self._frame is None:
            return None
        pixels = self._frame.to_ndarray(format="bgr24")
        return np.ascontiguousarray(np.rot90(pixels, _QUARTER_TURNS[rotation]) if rotation in _QUARTER_TURNS else pixels, np.uint8)

    def time_ms(self) -> float:
        if self._frame is None or self._frame.pts is None or self._frame.time_base is None:
            return 0.0
        return float((self._frame.pts - (self._stream.start_time or 0)) * self._frame.time_base * 1000)
