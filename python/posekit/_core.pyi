"""The native module: the library without files. The package's other modules are the public face of its classes.

What `posekit` exports from here has its documentation here too; the rest is private.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias, overload

import numpy as np
import numpy.typing as npt

MetadataChoice: TypeAlias = tuple[str, str | bytes] | None

class KeypointSet:
    """What the K channels of a pose model mean: names, partners, skeleton links, subsets.

    Immutable. Sets compare by value, hash and pickle.
    """

    @property
    def name(self) -> str:
        """The set's name, for example "coco17"."""
    @property
    def provenance(self) -> str:
        """Where names and numbers come from."""
    @property
    def names(self) -> list[str]:
        """K names; the position is the index."""
    @property
    def swap(self) -> list[int | None]:
        """K indices that the keypoints become in a mirrored image; None if the set does not say."""
    @property
    def links(self) -> list[tuple[int, int]]:
        """Skeleton: pairs of keypoint indices."""
    @property
    def sigmas(self) -> list[float]:
        """OKS fall-off for each keypoint (COCO), or empty."""
    @property
    def subsets(self) -> dict[str, list[int]]:
        """Named lists of indices, for example "coco17"."""
    @property
    def can_mirror(self) -> bool:
        """Whether every keypoint says its partner: what the flip test needs."""
    def __len__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getstate__(self) -> tuple[Any, ...]: ...
    def __setstate__(self, state: tuple[Any, ...], /) -> None: ...

class InputInfo:
    """What a model's input is."""

    @property
    def width(self) -> int:
        """W, pixels."""
    @property
    def height(self) -> int:
        """H, pixels."""
    @property
    def color(self) -> str:
        """"rgb" or "bgr"."""
    @property
    def mean(self) -> list[float]:
        """Three values in the order of `color`, units 0..255."""
    @property
    def std(self) -> list[float]:
        """Input value = (pixel - mean) / std."""

class HeatmapOutput:
    """Heatmaps [B,K,h,w]."""

    @property
    def codec(self) -> str:
        """"udp_heatmap" or "heatmap"."""
    @property
    def width(self) -> int:
        """Cells in a row."""
    @property
    def height(self) -> int:
        """Rows of cells."""
    @property
    def refinement(self) -> str:
        """"none", "quarter" or "dark"."""
    @property
    def blur_kernel(self) -> int:
        """Odd, in cells; for "dark"."""
    @property
    def flip_shift(self) -> bool:
        """Whether the flip test moves the mirrored map right by one cell. Never with "udp_heatmap"."""

class SimccOutput:
    """Two classifications a keypoint, x [B,K,Wx] and y [B,K,Wy]."""

    @property
    def codec(self) -> str:
        """"simcc"."""
    @property
    def split_ratio(self) -> float:
        """Bins for each input pixel."""

class RegressionOutput:
    """Coordinates [B,K,2 or 3]."""

    @property
    def codec(self) -> str:
        """"regression"."""
    @property
    def normalized(self) -> bool:
        """Whether they are in 0..1 instead of input pixels."""

class BoxesOutput:
    """A detector's boxes [B,N,4], scores [B,N], optional labels [B,N]."""

    @property
    def codec(self) -> str:
        """"boxes_scores"."""

class PoseInfo:
    """What only pose models have."""

    @property
    def box_padding(self) -> float:
        """Factor on the box's size."""
    @property
    def enlarge(self) -> str:
        """"bilinear" or "bicubic": how a crop is made where it enlarges its part of the image."""
    @property
    def alignment(self) -> str:
        """"udp" or "classic"."""
    @property
    def keypoints(self) -> KeypointSet:
        """What the K channels mean."""

class DetectInfo:
    """What only detectors have."""

    @property
    def resize(self) -> str:
        """"letterbox" or "stretch"."""
    @property
    def pad(self) -> str:
        """"right_bottom" or "center"."""
    @property
    def pad_value(self) -> int:
        """Grey level 0..255 of the border."""
    @property
    def score_threshold(self) -> float:
        """Scores must exceed it."""
    @property
    def nms_iou(self) -> float:
        """Of two boxes that overlap more, the weaker is removed."""
    @property
    def person_label(self) -> int:
        """The label that means a person."""
    @property
    def max_persons(self) -> int | None:
        """At most this many boxes are kept, the best. None: no limit."""

class ValueOrigin:
    """Where one value of a ModelInfo came from."""

    @property
    def key(self) -> str:
        """As in the document, for example "output.codec"."""
    @property
    def value(self) -> str:
        """As JSON text."""
    @property
    def origin(self) -> str:
        """For example "archive", "preset sapiens-coco17", "option" or "default"."""

class ModelInfo:
    """A model's metadata (docs/models.md), complete: defaults are filled in, options applied.

    Immutable.
    """

    @property
    def task(self) -> str:
        """"pose" or "detect"."""
    @property
    def name(self) -> str:
        """The model's name."""
    @property
    def licence(self) -> str:
        """The weights' licence, or empty."""
    @property
    def source(self) -> str:
        """Where the weights come from, or empty."""
    @property
    def sha256(self) -> str:
        """Of the weights file, lower-case hex, or empty."""
    @property
    def dtype(self) -> str:
        """"fp32", "fp16" or "bf16": the type that the file computes in."""
    @property
    def input(self) -> InputInfo:
        """What the input is."""
    @property
    def output(self) -> HeatmapOutput | SimccOutput | RegressionOutput | BoxesOutput:
        """What the output is: HeatmapOutput, SimccOutput, RegressionOutput or BoxesOutput."""
    @property
    def pose(self) -> PoseInfo | None:
        """None for a detector."""
    @property
    def detect(self) -> DetectInfo | None:
        """None for a pose model."""
    @property
    def origins(self) -> list[ValueOrigin]:
        """Where each value came from."""
    @property
    def notes(self) -> list[str]:
        """For example unknown keys that were ignored."""
    def to_json(self) -> str:
        """The metadata as a document that parse_model_info reads back: one line, the keypoint set in full."""

class ModelReport:
    """What a model file is."""

    @property
    def path(self) -> Path:
        """The file."""
    @property
    def file_bytes(self) -> int:
        """The file's size."""
    @property
    def parameters(self) -> int:
        """Number of values in parameters and buffers."""
    @property
    def parameter_bytes(self) -> int:
        """Their size."""
    @property
    def info(self) -> ModelInfo:
        """The metadata."""
    def to_json(self) -> str:
        """The report as one JSON object: path, file_bytes, parameters, parameter_bytes, metadata, origins, notes."""

class MemoryReport:
    """What a model takes of its device's memory, in bytes.

    Torch's tensors and the crops count; what kernels take besides, and CUDA's own context, are not seen.
    """

    @property
    def device(self) -> str:
        """"cpu" or "cuda:N"."""
    @property
    def weights(self) -> int:
        """Held while the model is loaded."""
    @property
    def batch(self) -> int:
        """More for a batch, however many persons are in it."""
    @property
    def person(self) -> int:
        """And for each person in it, at the peak: crop, activations, output."""
    @property
    def available(self) -> int | None:
        """What could be had beside the weights; None: the system does not report it."""
    @property
    def largest_batch(self) -> int | None:
        """The batch that fits into that; 0: none. None: not known."""

class BoxError:
    def __init__(self, box_index: int, code: int, message: str | bytes) -> None: ...
    @property
    def box_index(self) -> int: ...
    @property
    def code(self) -> int: ...
    @property
    def message(self) -> str: ...

class Timings:
    def __init__(self, *, decode: float, detect: float, preprocess: float, inference: float, postprocess: float) -> None: ...
    @property
    def decode(self) -> float: ...
    @property
    def detect(self) -> float: ...
    @property
    def preprocess(self) -> float: ...
    @property
    def inference(self) -> float: ...
    @property
    def postprocess(self) -> float: ...

class BoxesFile:
    def __init__(
        self,
        path: str | os.PathLike[str],
        images: Sequence[str | os.PathLike[str]],
        annotations: str | os.PathLike[str] | None,
        category: int | None,
        score_threshold: float | None,
        scale: bool,
    ) -> None: ...
    def boxes(self, image: str | os.PathLike[str], width: int, height: int) -> npt.NDArray[np.float64]: ...
    def has_entry(self, image: str | os.PathLike[str]) -> bool: ...
    @property
    def lists_images(self) -> bool: ...
    @property
    def unused_entries(self) -> list[str]: ...
    @property
    def notes(self) -> list[str]: ...

class ImageResult:
    """Immutable: any number of threads may read one. Each array is made when it is asked for, and owns its memory."""

    def __init__(
        self,
        *,
        code: int,
        message: str | bytes,
        keypoints: npt.NDArray[np.float32],
        scores: npt.NDArray[np.float32],
        boxes: npt.NDArray[np.float64],
        box_scores: npt.NDArray[np.float32],
        box_indices: npt.NDArray[np.int64],
        track_ids: npt.NDArray[np.int64] | None,
        box_errors: Sequence[BoxError],
        timings: Timings,
    ) -> None: ...
    @property
    def code(self) -> int: ...
    @property
    def message(self) -> str: ...
    @property
    def keypoints(self) -> npt.NDArray[np.float32]: ...
    @property
    def scores(self) -> npt.NDArray[np.float32]: ...
    @property
    def boxes(self) -> npt.NDArray[np.float64]: ...
    @property
    def box_scores(self) -> npt.NDArray[np.float32]: ...
    @property
    def box_indices(self) -> npt.NDArray[np.int64]: ...
    @property
    def track_ids(self) -> npt.NDArray[np.int64]: ...
    @property
    def box_errors(self) -> list[BoxError]: ...
    @property
    def timings(self) -> Timings: ...

class Prediction:
    @property
    def boxes(self) -> npt.NDArray[np.float64]: ...
    @property
    def detected(self) -> bool: ...
    @property
    def result(self) -> ImageResult: ...

class PipelineResult(Prediction):
    @property
    def frame(self) -> Any: ...

class DetectionResult:
    @property
    def code(self) -> int: ...
    @property
    def message(self) -> str: ...
    @property
    def boxes(self) -> npt.NDArray[np.float64]: ...
    @property
    def timings(self) -> Timings: ...

class Model:
    def __init__(
        self,
        source: str | os.PathLike[str] | memoryview,
        *,
        metadata: MetadataChoice,
        sha256: str,
        device: str,
        precision: str,
        warm_up: str,
        fuse: bool,
    ) -> None: ...
    @property
    def info(self) -> ModelInfo: ...
    @property
    def device(self) -> str: ...
    @property
    def is_fused(self) -> bool: ...
    def measure_memory(self) -> MemoryReport: ...

class ThreadPool:
    def __init__(self, threads: int) -> None: ...
    @property
    def slots(self) -> int: ...

class DeviceImage:
    @overload
    def __init__(self, capsule: object) -> None: ...
    @overload
    def __init__(
        self, owner: object, pointer: int, shape: Sequence[int], strides: Sequence[int] | None, device: int, stream: int
    ) -> None: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def strides(self) -> tuple[int, ...]: ...
    @property
    def pointer(self) -> int: ...
    @property
    def device(self) -> int: ...
    @property
    def stream(self) -> int: ...

# The options of these classes are checked where they are set: the tables in python/src.

class PoseEstimator:
    def __init__(self, model: Model, **options: Any) -> None: ...
    @property
    def info(self) -> ModelInfo: ...
    @property
    def keypoints(self) -> KeypointSet: ...
    def estimate_batch(
        self,
        images: Sequence[npt.NDArray[np.uint8] | DeviceImage],
        boxes: Sequence[npt.NDArray[np.float64]],
        rgb: bool,
        timeout: float | None,
    ) -> list[ImageResult]: ...

class PersonDetector:
    def __init__(self, model: Model, **options: Any) -> None: ...
    @property
    def info(self) -> ModelInfo: ...
    def detect_batch(self, images: Sequence[npt.NDArray[np.uint8]], rgb: bool, timeout: float | None) -> list[DetectionResult]: ...

class Predictor:
    def __init__(self, estimator: PoseEstimator, detector: PersonDetector | None) -> None: ...
    def predict_batch(
        self,
        images: Sequence[npt.NDArray[np.uint8] | DeviceImage],
        boxes: Sequence[npt.NDArray[np.float64] | None],
        rgb: bool,
        timeout: float | None,
    ) -> list[Prediction]: ...

class Tracker:
    def __init__(self, keypoint_set: KeypointSet, **options: Any) -> None: ...
    def update(self, result: ImageResult, time_s: float) -> ImageResult: ...
    def predict(self, time_s: float) -> npt.NDArray[np.float64]: ...
    def reset(self) -> None: ...
    def save(self) -> str: ...
    def restore(self, state: str) -> None: ...

class Stream:
    def __init__(self, predictor: Predictor, tracker: Tracker | None, **options: Any) -> None: ...
    def submit(
        self,
        frame: object,
        index: int,
        time_s: float,
        pixels: npt.NDArray[np.uint8] | None,
        rgb: bool,
        boxes: npt.NDArray[np.float64] | None,
    ) -> None: ...
    def take(self, number: int) -> PipelineResult | None: ...
    def finish(self) -> None: ...
    def close(self) -> None: ...
    def metrics(self) -> dict[str, Any]: ...

def parse_keypoint_set(json: str) -> KeypointSet:
    """Reads a set in the form of docs/models.md ("Own keypoint sets").

    Raises InvalidArgumentError that names the key, what was found and what is allowed.
    """

def builtin_keypoint_sets() -> list[str]:
    """Names of the sets that come with posekit, sorted."""

def builtin_keypoint_set(name: str) -> KeypointSet:
    """A set that comes with posekit.

    Raises NotFoundError that lists the names there are.
    """

def select_keypoints(set: KeypointSet, selection: Sequence[str]) -> list[int]:
    """Which channels a selection names: names of subsets or of keypoints, which may mix.

    Raises NotFoundError that names the entry and what there is; InvalidArgumentError if the selection is empty or names a keypoint twice.
    """

def subset(set: KeypointSet, indices: Sequence[int]) -> KeypointSet:
    """The set that is left when only these channels are kept, in this order.

    Names, links within, partners within and sigmas are kept. A named subset gives the new set its name.

    Raises InvalidArgumentError if an index is not in the set.
    """

def parse_model_info(json: str, origin: str = "document") -> ModelInfo:
    """Reads a metadata document alone, without a model.

    origin: a word for `origins` and messages.

    Raises InvalidModelError that names the key, what was found and what is allowed.
    """

def model_presets() -> list[str]:
    """Names of the metadata presets, sorted."""

def inspect_model(path: str | os.PathLike[str], metadata: MetadataChoice, sha256: str) -> ModelReport: ...
def to_json(
    result: ImageResult,
    path: bytes,
    image_size: tuple[int, int],
    frame: int | None,
    time_s: float | None,
    keypoints: KeypointSet,
    model_name: str,
) -> str: ...
def to_coco_entries(result: ImageResult, image_id: int | bytes) -> str: ...
def object_keypoint_similarity(pose: npt.ArrayLike, labelled: npt.ArrayLike, sigmas: Sequence[float], area: float) -> float:
    """Object keypoint similarity of a pose (K, 3) with a labelled one (K, 3: x, y, visibility): COCO's formula.

    area: the annotation's, in square pixels.

    Only labelled points (visibility > 0) count. Returns 0 to 1; 0 if no point is labelled.

    Raises InvalidArgumentError if the three lengths differ.
    """

def version() -> str:
    """The library's version, "major.minor.patch"."""

def torch_versions() -> tuple[str, str]:
    """The Torch that posekit was built for, and the one that runs."""

def built_with_cuda() -> bool:
    """Whether posekit was built with CUDA."""

def set_torch_threads(threads: int) -> None:
    """Sets the number of intra-op threads of a forward, and inter-op threads to 1 where that can still be set.

    It is Torch's setting, for the whole process. Call it before any model is loaded; results may differ in the last digits between counts.

    Raises InvalidArgumentError if threads < 1.
    """

def torch_threads() -> int:
    """Torch's number of intra-op threads."""

def set_torch_tf32(allowed: bool) -> None:
    """Lets float32 matrix products and convolutions use TF32 on NVIDIA GPUs.

    It is Torch's setting, for the whole process. Off unless set, but for convolutions of scripted models. Call it before any model is loaded.
    """

def torch_tf32() -> bool:
    """Whether float32 matrix products may use TF32."""

def set_device_memory_limit(device: str, bytes: int) -> None:
    """Limits what Torch's allocator takes of one CUDA device's memory.

    It is Torch's setting, for the whole process. Call it before any model is loaded.

    bytes: at least 1, at most what the device has.

    Raises InvalidArgumentError for a CPU or such a number, DeviceUnavailableError without the device.
    """

def keep_freed_memory() -> bool:
    """Lets malloc keep what is freed for the next forward instead of giving it back to the system.

    These are glibc's thresholds, for the whole process: fresh pages cost more than many a forward's work. The process then holds its peak. Call
    it early.

    Returns whether malloc was set: False with another C library than glibc, where nothing happens.
    """

def usable_cpus() -> int:
    """How many CPUs this process may use, at least 1.

    It is POSEKIT_CPUS where the environment has it, else the smallest of the process's CPU affinity, its cgroup's quota and OMP_NUM_THREADS where
    the environment has it. cpu_report says which.

    Raises InvalidArgumentError if POSEKIT_CPUS is not a number from 1 to 65536.
    """

class CpuReport:
    """How many CPUs this process may use, and why."""

    @property
    def usable(self) -> int:
        """What usable_cpus returns."""
    @property
    def decided_by(self) -> str:
        """The first that gives that number: "affinity", "cgroup", "omp_num_threads" or "posekit_cpus"."""
    @property
    def affinity(self) -> int:
        """CPUs that the process may run on."""
    @property
    def cgroup(self) -> int | None:
        """The cgroup's quota, rounded up; None: no quota."""
    @property
    def omp_num_threads(self) -> int | None:
        """OMP_NUM_THREADS; None: not set, or no number."""
    @property
    def posekit_cpus(self) -> int | None:
        """POSEKIT_CPUS; None: not set."""

def cpu_report() -> CpuReport:
    """How many CPUs this process may use, and why. Raises InvalidArgumentError as usable_cpus does."""

def set_log_callback(callback: Callable[[str, str], object] | None) -> None:
    """Where notes of the library go: callback(level, message) with level "info" or "warning".

    It is called on any thread that uses the library, several at once. None: nowhere. Unless set, notes go to logging.getLogger("posekit").
    """
