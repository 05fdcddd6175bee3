"""Networks as people export them: traced or scripted, with what goes wrong on the way."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import posekit
import pytest
import torch
from message_form import check_message_form
from torch import nn
from torch.nn import functional as F

WIDTH, HEIGHT = 48, 64
META = {
    "format": "posekit-model/1",
    "task": "pose",
    "name": "net",
    "input": {"width": WIDTH, "height": HEIGHT},
    "output": {"codec": "heatmap", "width": 12, "height": 16, "refinement": "none"},
    "keypoints": {"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]},
}
PICTURE: npt.NDArray[np.uint8] = np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8)
BOXES = [[0.0, 0.0, 30.0, 40.0], [10.0, 5.0, 100.0, 90.0], [60.0, 20.0, 90.0, 60.0], [5.0, 50.0, 120.0, 95.0]]


class Net(nn.Module):
    """17 layers of nothing special: heatmaps by one convolution, then what a test adds."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.layer = nn.Conv2d(3, 2, 4, stride=4)

    def heatmaps(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.heatmaps(x)


def save(module: Any, path: Path, meta: dict[str, Any] = META) -> Path:
    torch.jit.save(module, path, _extra_files={"posekit.json": json.dumps(meta)})
    return path


def trace(module: nn.Module, path: Path, batch: int = 2) -> Path:
    with torch.no_grad():
        return save(torch.jit.trace(module, torch.rand(batch, 3, HEIGHT, WIDTH), check_trace=False), path)


def keypoints(model: posekit.Model | Path, **options: Any) -> Any:
    result = posekit.PoseEstimator(model, **options).estimate(PICTURE, BOXES)
    return np.concatenate([result.keypoints, result.scores[..., None]], axis=-1)


class Windowed(Net):
    """Attention with a table of relative positions and a mask, as in Swin."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(300, 2))
        self.register_buffer("relative_position_index", torch.arange(12 * 12).mul(17).remainder(300).view(12, 12))
        self.register_buffer("mask", torch.eye(12).bool())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.heatmaps(x)
        bias = self.table[self.relative_position_index.view(-1)].view(12, 12, 2).permute(2, 0, 1)
        attention = (y.transpose(2, 3) @ y * 0.1 + bias).masked_fill(self.mask, -100.0).softmax(-1)
        return y @ attention


@pytest.mark.parametrize("scripted", [False, True])
def test_a_windowed_transformers_indices_and_masks_survive_every_precision(scripted: bool, tmp_path: Path) -> None:
    network = Windowed().eval()
    path = save(torch.jit.script(network), tmp_path / "m.pt") if scripted else trace(network, tmp_path / "m.pt")
    exact = keypoints(posekit.Model(path))
    with torch.no_grad():  # what Torch itself gives for a crop of one grey
        grey = network(torch.full((1, 3, HEIGHT, WIDTH), 100 / 255))[0]
    flat = np.full((96, 128, 3), 100, np.uint8)
    found = posekit.PoseEstimator(path).estimate(flat, [[30, 20, 60, 60]]).scores[0]
    assert np.allclose(found, grey.amax((1, 2)).numpy(), atol=1e-5)
    for precision, tolerance in (("fp16", 0.01), ("bf16", 0.06)):
        half = keypoints(posekit.Model(path, precision=precision))
        assert np.abs(half[..., 2] - exact[..., 2]).max() <= tolerance


class Device(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.heatmaps(x) + torch.zeros(1, device=x.device) + torch.arange(x.shape[3] // 4, device=x.device)


def test_a_network_that_was_traced_on_a_gpu_runs_on_the_cpu(tmp_path: Path) -> None:
    path = trace(Device().eval(), tmp_path / "cpu.pt")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(tmp_path / "cuda.pt", "w", zipfile.ZIP_STORED) as target:
        changed = 0
        for entry in source.infolist():
            content = source.read(entry.filename)
            if entry.filename.endswith(".py"):
                changed += content.count(b'torch.device("cpu")')
                content = content.replace(b'torch.device("cpu")', b'torch.device("cuda:0")')
            target.writestr(entry.filename, content)
    assert changed >= 2
    assert np.array_equal(keypoints(tmp_path / "cuda.pt"), keypoints(path))


class DropPath(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return x
        return x * x.new_empty([x.shape[0], 1, 1, 1]).bernoulli_(0.5)


class With(Net):
    def __init__(self, after: nn.Module) -> None:
        super().__init__()
        self.after = after

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.after(self.heatmaps(x))


AFTER: dict[str, Any] = {
    "dropout": lambda: nn.Dropout(0.9),
    "dropout2d": lambda: nn.Dropout2d(0.5),
    "alpha dropout": lambda: nn.AlphaDropout(0.5),
    "drop path": DropPath,
    "batch norm": lambda: nn.BatchNorm2d(2),
    "rrelu": nn.RReLU,
}


@pytest.mark.parametrize("after", AFTER)
def test_training_mode_is_refused_and_eval_mode_is_not(after: str, tmp_path: Path) -> None:
    path = trace(With(AFTER[after]()).train(), tmp_path / "train.pt")
    for load in (posekit.Model, posekit.inspect_model):
        with pytest.raises(posekit.InvalidModelError, match=r"model\.eval\(\)") as caught:
            load(path)
        check_message_form(caught.value, "train.pt", "training mode")
    with pytest.raises(posekit.InvalidModelError, match=r"model\.eval\(\)"):
        posekit.Model(path, warm_up="none")
    good = [
        trace(With(AFTER[after]()).eval(), tmp_path / "traced.pt"),
        save(torch.jit.script(With(AFTER[after]()).eval()), tmp_path / "scripted.pt"),
        save(torch.jit.script(With(AFTER[after]()).train()), tmp_path / "switched.pt"),  # scripted code has both, and loading switches
    ]
    expected = keypoints(good[0])
    for path in good:
        assert np.allclose(keypoints(path), expected, atol=1e-5) and not posekit.inspect_model(path).info.notes


class One(Net):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.heatmaps(x).view(1, 2, 16, 12)


class Token(Net):
    """A token for each batch, expanded to the batch that was traced."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.ones(1, 1, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.heatmaps(x).flatten(1).unflatten(1, (12, 32))
        y = torch.cat([self.token.expand(int(x.shape[0]), -1, -1), y], 1)
        return (y[:, 1:] + y[:, :1]).reshape(-1, 2, 16, 12)


class Whole(Net):
    """Normalised by the batch itself."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(2, track_running_stats=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.heatmaps(x))


@pytest.mark.parametrize("network", [One, Token, Whole])
@pytest.mark.parametrize("warm_up", ["check", "none"])
def test_a_network_for_one_crop_runs_in_batches_of_one_and_is_noted(network: type[Net], warm_up: Any, tmp_path: Path) -> None:
    path = trace(network().eval(), tmp_path / "m.pt", batch=1)
    said: list[str] = []
    posekit.set_log_callback(lambda _, text: said.append(text))
    try:
        model = posekit.Model(path, warm_up=warm_up, fuse=False)
        found = keypoints(model, max_batch=4)
        flipped = keypoints(posekit.Model(path, warm_up=warm_up, fuse=False, device="cpu,cpu"), max_batch=4)
    finally:
        posekit.set_log_callback(None)
    assert len(said) == 2 and said[0] == said[1] and "batches of one" in said[0]
    check_message_form(RuntimeError(said[0]), '"net"', "")
    for i, box in enumerate(BOXES):
        alone = posekit.PoseEstimator(model).estimate(PICTURE, [box])
        assert np.array_equal(found[i, :, :2], alone.keypoints[0]) and np.array_equal(found[i, :, 2], alone.scores[0])
    assert np.array_equal(found, flipped)
    assert any("batch" in note for note in posekit.inspect_model(path).info.notes)
    assert model.measure_memory().person > 0


@pytest.mark.parametrize("network", [One, Token])
def test_a_fused_network_for_one_crop_takes_batches_as_it_gets_their_crops_one_by_one(network: type[Net], tmp_path: Path) -> None:
    path = trace(network().eval(), tmp_path / "m.pt", batch=1)
    said: list[str] = []
    posekit.set_log_callback(lambda _, text: said.append(text))
    try:
        model = posekit.Model(path)
    finally:
        posekit.set_log_callback(None)
    assert model.is_fused and not said
    assert np.array_equal(keypoints(model, max_batch=4), keypoints(model, max_batch=1))
    assert np.allclose(keypoints(model, max_batch=4), keypoints(posekit.Model(path, fuse=False)), atol=1e-4)


def test_a_network_that_was_traced_with_two_crops_by_numbers_of_its_own_says_so(tmp_path: Path) -> None:
    class Two(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.heatmaps(x).reshape(2, 2, 16, 12)

    path = trace(Two().eval(), tmp_path / "m.pt")
    with pytest.raises(posekit.InvalidModelError, match="batches of 2 only") as caught:
        posekit.Model(path)
    check_message_form(caught.value, "net", "aten::reshape to [2, 2, 16, 12]")


def test_functional_dropout_in_scripted_code_is_refused(tmp_path: Path) -> None:
    class Always(Net):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.dropout(self.heatmaps(x), 0.5)

    path = save(torch.jit.script(Always().eval()), tmp_path / "m.pt")
    with pytest.raises(posekit.InvalidModelError, match="aten::dropout"):
        posekit.Model(path)


class OnGpu(nn.Module):
    """Code of a class of which a network has two."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.cuda() + torch.ones(1, device=torch.device("cuda:0"))


class Twice(Net):
    def __init__(self) -> None:
        super().__init__()
        self.first = OnGpu()
        self.second = OnGpu()
        self.again = self.first

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.again(self.second(self.first(self.heatmaps(x)))) - 3


def test_parts_of_one_class_and_one_part_under_two_names_are_moved_once(tmp_path: Path) -> None:
    plain = keypoints(save(torch.jit.script(Net().eval()), tmp_path / "plain.pt"))
    assert np.allclose(keypoints(save(torch.jit.script(Twice().eval()), tmp_path / "twice.pt")), plain, atol=1e-3)


class FloatIsland(Net):
    """Computes in float32 whatever its type, as networks of fairseq's kind do."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(12)
        self.mix = nn.Parameter(torch.eye(12) + 0.1 * torch.randn(12, 12))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.heatmaps(x)
        y = F.layer_norm(y.float(), [12], self.norm.weight.float(), self.norm.bias.float()).to(x.dtype)
        return (y.float() @ self.mix.float()).to(x.dtype)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_parts_that_compute_in_float32_do_so_in_half_precision(precision: Any, tmp_path: Path) -> None:
    file = save(torch.jit.script(FloatIsland().eval()), tmp_path / "island.pt")
    whole, half = keypoints(file), keypoints(posekit.Model(file, precision=precision))
    assert np.median(np.abs(half[..., 2] - whole[..., 2])) < 0.05


class Half(Net):
    """One part computes in float32, as attention does, and its result is cast to the input's type, which tracing writes down."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(1 + 1e-3 * torch.randn(2, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.heatmaps(x)
        attention = (y.float() * self.gain).softmax(-1).to(x.dtype)
        return y @ (attention.transpose(2, 3) @ y)


HALVES = {"fp16": torch.float16, "bf16": torch.bfloat16}


def half_network(dtype: str) -> Half:
    network = Half().eval().to(HALVES[dtype])
    network.gain = nn.Parameter(Half().gain.detach())  # float32, as in the checkpoints of such networks
    return network


def trace_half(dtype: str, path: Path, meta: dict[str, Any]) -> Half:
    network = half_network(dtype)
    with torch.no_grad():
        save(torch.jit.trace(network, torch.rand(2, 3, HEIGHT, WIDTH).to(HALVES[dtype]), check_trace=False), path, meta)
    return network


@pytest.mark.parametrize("dtype", HALVES)
def test_a_network_that_was_traced_in_half_precision_runs_as_it_is(dtype: str, tmp_path: Path) -> None:
    network = trace_half(dtype, tmp_path / "m.pt", {**META, "dtype": dtype})
    assert posekit.inspect_model(tmp_path / "m.pt").info.dtype == dtype
    flat = np.full((96, 128, 3), 100, np.uint8)
    with torch.no_grad():
        grey = network(torch.full((1, 3, HEIGHT, WIDTH), 100 / 255).to(HALVES[dtype]))[0]
    for precision in ("auto", "as_exported", dtype):
        model = posekit.Model(tmp_path / "m.pt", precision=precision)  # type: ignore[arg-type]
        found = posekit.PoseEstimator(model).estimate(flat, [[30, 20, 60, 60]]).scores[0]
        assert np.array_equal(found, grey.amax((1, 2)).float().numpy())
    for precision in ("fp32", {"fp16": "bf16", "bf16": "fp16"}[dtype]):
        with pytest.raises(posekit.InvalidArgumentError, match=f"{dtype} and can't run in {precision}") as caught:
            posekit.Model(tmp_path / "m.pt", precision=precision)  # type: ignore[arg-type]
        check_message_form(caught.value, "net", precision)


@pytest.mark.parametrize("dtype", HALVES)
def test_a_network_in_half_precision_without_its_dtype_is_reported_with_that_key(dtype: str, tmp_path: Path) -> None:
    trace_half(dtype, tmp_path / "m.pt", META)
    with pytest.raises(posekit.InvalidModelError, match=f'"dtype": "{dtype}"') as caught:
        posekit.Model(tmp_path / "m.pt")
    check_message_form(caught.value, "net", dtype)
    keypoints(posekit.Model(tmp_path / "m.pt", metadata={**META, "dtype": dtype}))


def test_a_float32_network_runs_as_exported_with_the_same_results(tmp_path: Path) -> None:
    file = trace(Windowed().eval(), tmp_path / "m.pt")
    assert np.array_equal(keypoints(posekit.Model(file)), keypoints(posekit.Model(file, precision="fp32")))
    assert np.allclose(keypoints(posekit.Model(file, precision="as_exported")), keypoints(file), atol=1e-5)


def test_the_shipped_detector_which_stores_half_and_computes_in_float32_runs_in_every_precision() -> None:
    image = posekit.load_image(Path(__file__).parents[2] / "examples/images/people.jpg")
    model = posekit.shipped_model("person_detector.pt")

    def people(precision: Any) -> Any:
        return np.asarray(posekit.PersonDetector(model, precision=precision).detect(image))

    exact = people("fp32")
    assert len(exact) >= 2
    assert np.array_equal(people("auto"), exact)
    posekit.set_torch_tf32(True)
    try:
        tf32 = people("fp32")
    finally:
        posekit.set_torch_tf32(False)
    assert np.array_equal(tf32, exact)  # on the CPU TF32 is nothing
    assert np.allclose(people("as_exported"), exact, atol=0.01)
    for precision, pixels in (("fp16", 2), ("bf16", 12)):
        found = people(precision)
        assert found.shape == exact.shape and np.abs(found[:, :4] - exact[:, :4]).max() <= pixels
