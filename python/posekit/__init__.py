"""Top-down human pose estimation over LibTorch: images and boxes in, keypoints out.

Images are NumPy arrays (or anything with ``__dlpack__``) of uint8, shape (H, W), (H, W, 3) or (H, W, 4), BGR unless ``format="rgb"`` says
otherwise. Coordinates are pixels of the image, (0, 0) at the centre of the top-left one. Every class and function may be used from any
number of threads at once; native work runs without the GIL. docs/python.md has the rest.
"""

import atexit as _atexit
import logging as _logging

from ._boxes import read_boxes
from ._core import (
    BoxesOutput,
    CpuReport,
    DetectInfo,
    HeatmapOutput,
    InputInfo,
    KeypointSet,
    MemoryReport,
    ModelInfo,
    ModelReport,
    PoseInfo,
    RegressionOutput,
    SimccOutput,
    ValueOrigin,
    built_with_cuda,
    builtin_keypoint_set,
    builtin_keypoint_sets,
    cpu_report,
    keep_freed_memory,
    model_presets,
    object_keypoint_similarity,
    parse_keypoint_set,
    parse_model_info,
    select_keypoints,
    set_device_memory_limit,
    set_log_callback,
    set_torch_tf32,
    set_torch_threads,
    subset,
    torch_tf32,
    torch_threads,
    torch_versions,
    usable_cpus,
    version,
)
from ._detector import PersonDetector
from ._errors import (
    CancelledError,
    ClosedError,
    DeadlineExceededError,
    DeviceUnavailableError,
    Error,
    ErrorCode,
    ForkedError,
    InternalError,
    InvalidArgumentError,
    InvalidModelError,
    IoError,
    NotFoundError,
    OutOfMemoryError,
    UnsupportedModelError,
)
from ._estimate import estimate
from ._estimator import PoseEstimator
from ._evaluate import Evaluation, evaluate, evaluate_model
from ._executors import Executor, SerialExecutor, ThreadPool
from ._files import decode_image, draw_poses, load_image, read_image, write_image
from ._model import Model, inspect_model, shipped_model
from ._predictor import Predictor
from ._results import BoxError, DetectionResult, PoseResult, Timings
from ._stream import EstimateMetrics, StageMetrics, Stream, StreamMetrics, StreamResult, TimeStats
from ._tables import results_table
from ._tracker import Tracker
from ._video import Frame, VideoReader, list_images, list_videos, open_video, silence_video_messages

__version__ = version()

__all__ = [
    "BoxError",
    "BoxesOutput",
    "CancelledError",
    "ClosedError",
    "CpuReport",
    "DeadlineExceededError",
    "DetectInfo",
    "DetectionResult",
    "DeviceUnavailableError",
    "Error",
    "ErrorCode",
    "EstimateMetrics",
    "Evaluation",
    "Executor",
    "ForkedError",
    "Frame",
    "HeatmapOutput",
    "InputInfo",
    "InternalError",
    "InvalidArgumentError",
    "InvalidModelError",
    "IoError",
    "KeypointSet",
    "MemoryReport",
    "Model",
    "ModelInfo",
    "ModelReport",
    "NotFoundError",
    "OutOfMemoryError",
    "PersonDetector",
    "PoseEstimator",
    "PoseInfo",
    "PoseResult",
    "Predictor",
    "RegressionOutput",
    "SerialExecutor",
    "SimccOutput",
    "StageMetrics",
    "Stream",
    "StreamMetrics",
    "StreamResult",
    "ThreadPool",
    "TimeStats",
    "Timings",
    "Tracker",
    "UnsupportedModelError",
    "ValueOrigin",
    "VideoReader",
    "built_with_cuda",
    "builtin_keypoint_set",
    "builtin_keypoint_sets",
    "cpu_report",
    "decode_image",
    "draw_poses",
    "estimate",
    "evaluate",
    "evaluate_model",
    "inspect_model",
    "keep_freed_memory",
    "list_images",
    "list_videos",
    "load_image",
    "model_presets",
    "object_keypoint_similarity",
    "open_video",
    "parse_keypoint_set",
    "parse_model_info",
    "read_boxes",
    "read_image",
    "results_table",
    "select_keypoints",
    "set_device_memory_limit",
    "set_log_callback",
    "set_torch_tf32",
    "set_torch_threads",
    "shipped_model",
    "silence_video_messages",
    "subset",
    "torch_tf32",
    "torch_threads",
    "torch_versions",
    "usable_cpus",
    "version",
    "write_image",
]



def _log(level: str, message: str) -> None:
    _logger.log(_logging.WARNING if level == "warning" else _logging.INFO, "%s", message)


_logger = _logging.getLogger("posekit")
_logger.addHandler(_logging.NullHandler())  # a library prints nothing: the program says where messages go
set_log_callback(_log)

# A callback that outlives the interpreter could not be called, nor freed.
_atexit.register(set_log_callback, None)
