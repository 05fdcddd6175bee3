"""What a program has switched on in Torch does not reach posekit, and is still on afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

META = {
    "format": "posekit-model/1",
    "task": "pose",
    "name": "sensitive",
    "input": {"width": 16, "height": 16},
    "output": {"codec": "heatmap", "width": 4, "height": 4, "refinement": "none"},
    "keypoints": {"name": "two", "keypoints": [{"name": "a"}, {"name": "b"}]},
}
BOXES = [[0.0, 0.0, 30.0, 40.0], [10.0, 5.0, 50.0, 44.0]]
PICTURE = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)


class Sensitive(torch.nn.Module):
    """Convolutions and products, and values that are made without a type."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 2, 4, stride=4)
        self.norm = torch.nn.BatchNorm2d(2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.size(0)
        y = torch.matmul(self.norm(self.layer(x)), torch.eye(4) + torch.full([n, 1, 1, 4], 0.3) + torch.linspace(0, 1, 4))
        return y + torch.tensor([0.1 * n / n, 0.2, 0.3, 0.7]) + torch.zeros([n, 1, 1, 1]) + torch.arange(0.0, 0.4, 0.1)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    file = tmp_path_factory.mktemp("models") / "sensitive.pt"
    torch.jit.save(torch.jit.script(Sensitive().eval()), file, _extra_files={"posekit.json": json.dumps(META)})
    return file


class Refusing(TorchDispatchMode):
    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"the host's mode was asked for {func}")


class RefusingFunctions(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise RuntimeError(f"the host's mode was asked for {func}")


@contextmanager
def default_type() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextmanager
def default_device() -> Iterator[None]:
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


def refuse(_: Any) -> Any:
    raise RuntimeError("the host's hook was called")


SWITCHES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "autocast without a cache": lambda: torch.autocast("cpu", dtype=torch.float16, cache_enabled=False),
    "fake tensors": FakeTensorMode,
    "a dispatch mode": Refusing,
    "a function mode": RefusingFunctions,
    "default type": default_type,
    "default device": default_device,
    "anomaly detection": lambda: torch.autograd.set_detect_anomaly(True),
    "inference mode": torch.inference_mode,
    "no gradients": torch.no_grad,
    "gradients": torch.enable_grad,
    "hooks of saved tensors": lambda: torch.autograd.graph.saved_tensors_hooks(refuse, refuse),
    "a profiler": lambda: torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]),
}


def state() -> tuple[Any, ...]:
    return (
        torch.is_autocast_enabled("cpu"),
        torch.get_autocast_dtype("cpu"),
        torch.is_autocast_cache_enabled(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_anomaly_enabled(),
        torch.get_default_dtype(),
        torch._C._len_torch_dispatch_stack(),
        torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE),
        torch._C._len_torch_function_stack(),
        torch._C._autograd._saved_tensors_hooks_is_enabled(),
    )


def keypoints(estimator: posekit.PoseEstimator) -> Any:
    result = estimator.estimate(PICTURE, BOXES)
    return np.concatenate([result.keypoints, result.scores[..., None]], axis=-1)


@pytest.mark.parametrize("switch", SWITCHES)
def test_what_the_host_has_switched_on_changes_nothing_and_stays_on(path: Path, lite: Path, switch: str) -> None:
    models = [path, lite]
    quiet = [posekit.PoseEstimator(model) for model in models]
    expected = [keypoints(each) for each in quiet]
    parameters = posekit.inspect_model(path).parameters
    with SWITCHES[switch]():
        before = state()
        inside = [keypoints(each) for each in quiet]
        after_forward = state()
        loaded = [posekit.PoseEstimator(model) for model in models]
        after_load = state()
        both = [keypoints(each) for each in loaded]
        memory = loaded[0].model.measure_memory()
        report = posekit.inspect_model(path)
        with pytest.raises(posekit.InvalidModelError):
            posekit.Model(path, metadata={**META, "output": {"codec": "heatmap", "width": 5, "height": 4}})
        at_the_end = state()
    assert before == after_forward == after_load == at_the_end
    assert memory.weights > 0 and report.parameters == parameters
    for found in (inside, both, [keypoints(each) for each in loaded]):
        assert all(np.array_equal(a, b) for a, b in zip(found, expected))


def test_a_call_inside_of_vmap_grad_and_a_trace_gives_the_same(path: Path) -> None:
    estimator = posekit.PoseEstimator(path)
    expected = keypoints(estimator)
    found = []

    def called(x: torch.Tensor) -> torch.Tensor:
        found.append(keypoints(estimator))
        found.append(keypoints(posekit.PoseEstimator(path)))
        return (x * 2).sum()

    doubled = torch.func.vmap(called)(torch.ones(3, 2))
    slope = torch.func.grad(called)(torch.ones(2))
    traced = torch.jit.trace(called, torch.ones(2), check_trace=False)
    assert doubled.tolist() == [4, 4, 4] and slope.tolist() == [2, 2] and traced(torch.ones(2)) == 4
    assert len(found) >= 6 and all(np.array_equal(each, expected) for each in found)
    assert "conv" not in str(traced.inlined_graph)


def test_the_hosts_profiler_sees_the_models_work(path: Path) -> None:
    estimator = posekit.PoseEstimator(path)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        keypoints(estimator)
    assert any("conv" in event.key for event in profile.key_averages())
