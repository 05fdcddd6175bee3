"""write: the file has what was asked for, it was compared with the network, and it is there whole or not at all."""

from __future__ import annotations

import argparse
import errno
import inspect
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

import networks
import numpy as np
import posekit
import posekit.export
import pytest
import torch
from conftest import ROOT, Export, listing
from message_form import check_message_form
from networks import METADATA, Net
from posekit.export import _write, write
from posekit.export.__main__ import parser

DETECTION = {key: METADATA[key] for key in ("format", "name", "licence", "source", "input")} | {"task": "detect"}


def with_output(**output: Any) -> dict[str, Any]:
    return METADATA | {"output": output}


def test_the_file_has_the_metadata_and_the_networks_numbers(tmp_path: Path) -> None:
    found = write(Net(), METADATA, tmp_path / "a.pt")
    assert (found.path, found.batches, found.file_bytes) == (tmp_path / "a.pt", (1, 2, 5), (tmp_path / "a.pt").stat().st_size)
    assert found.parameters == 3 * 2 * 16 + 2 and found.difference <= 1e-7 and found.rounding == 0 and found.notes == ()
    with zipfile.ZipFile(tmp_path / "a.pt") as archive:
        name = next(name for name in archive.namelist() if name.endswith("extra/posekit.json"))
        assert json.loads(archive.read(name)) == METADATA
    assert (found.info.name, found.info.licence, found.info.source) == ("net", "none", "a test")
    image = np.random.default_rng(1).integers(0, 255, (96, 128, 3), np.uint8)
    result = posekit.PoseEstimator(tmp_path / "a.pt").estimate(image, [[10, 10, 60, 80]] * 3)
    assert result.keypoints.shape == (3, 2, 2) and np.array_equal(result.keypoints[0], result.keypoints[2])
    assert listing(tmp_path) == ["a.pt"]


def test_the_file_may_be_of_a_document_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text(json.dumps(METADATA))
    assert write(Net(), tmp_path / "meta.json", tmp_path / "a.pt").info.name == "net"


@pytest.mark.parametrize(("verify", "batches"), [("none", ()), ("quick", (1, 2)), ("full", (1, 2, 5))])
def test_verify_says_at_which_batches_the_file_is_compared(verify: Any, batches: tuple[int, ...], tmp_path: Path) -> None:
    assert write(Net(), METADATA, tmp_path / "a.pt", verify=verify).batches == batches


def test_a_slow_network_is_not_compared_at_five(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_write, "QUICK_SECONDS", 0.0)
    assert write(Net(), METADATA, tmp_path / "a.pt").batches == (1, 2)


@pytest.mark.parametrize(("precision", "dtype", "bits"), [("fp16", torch.float16, 11), ("bf16", torch.bfloat16, 8)])
def test_half_precision_is_traced_in_half_and_what_it_costs_is_measured(
    precision: Any, dtype: torch.dtype, bits: int, tmp_path: Path
) -> None:
    network = Net()
    x = torch.randn(3, 3, 64, 48)
    expected = network(x).detach()
    found = write(network, METADATA, tmp_path / "a.pt", precision=precision)
    assert found.difference <= 2.0**-bits and 0 < found.rounding <= 2.0 ** (1 - bits) * 2  # input, weights and output are rounded, sums are not
    loaded = torch.jit.load(str(tmp_path / "a.pt"))
    output = loaded(x.to(dtype))
    assert output.dtype == dtype and torch.allclose(output.float(), expected, atol=0.05 * float(expected.abs().max()))
    assert json.loads(Path(tmp_path / "a.pt").read_bytes().split(b'"dtype": ')[1].split(b"}")[0]) == precision


def test_dropout_is_switched_off_and_training_mode_does_not_matter(tmp_path: Path) -> None:
    write(networks.Dropping().train(), METADATA, tmp_path / "a.pt")
    x = torch.randn(3, 3, 64, 48)
    assert torch.allclose(torch.jit.load(str(tmp_path / "a.pt"))(x), Net()(x))


def test_random_numbers_of_the_caller_stay_as_they_are(tmp_path: Path) -> None:
    network = Net()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    write(network, METADATA, tmp_path / "a.pt")
    assert torch.equal(torch.rand(1), expected)


def test_a_tuple_of_two_is_simcc(tmp_path: Path) -> None:
    info = write(networks.Pair(), with_output(codec="simcc"), tmp_path / "a.pt").info
    assert isinstance(info.output, posekit.SimccOutput)


@pytest.mark.parametrize(
    ("network", "metadata", "thing"),
    [
        (networks.FixedBatch, METADATA, "batch of 1"),
        (networks.OtherBatch, METADATA, "differ"),
        (networks.Random, METADATA, "differ"),
        (networks.Dictionary, METADATA, "returns dict"),
        (networks.Infinite, METADATA, "not finite"),
        (networks.NotANumber, METADATA, "differ"),
        (networks.Complex, METADATA, "complex64"),
        (networks.Whole, METADATA, "int64"),
        (networks.Asserts, METADATA, '"99 columns"'),
        (networks.Divides, METADATA, "zero"),
        (networks.ReadsFile, METADATA, "the network fails"),
        (networks.LowDetector, DETECTION, "[1, 4, 1]"),
        (networks.WholeDetector, DETECTION, "int64"),
        (Net, DETECTION, "boxes"),
        (Net, METADATA | {"name": "\ud800"}, "JSON"),
        (Net, METADATA | {"name": {1}}, "JSON"),
        (Net, [METADATA], "a list"),
        (lambda: 3, METADATA, "torch.nn.Module"),
        (lambda: Net().to("meta"), METADATA, "the CPU"),
        (Net, with_output(codec="heatmap", width=13, height=16), "[1, 2, 16, 13]"),
        (Net, with_output(codec="simcc"), "[1, 2, 96]"),
        (networks.Pair, with_output(codec="simcc", split_ratio=3), "[1, 2, 144]"),
        (Net, METADATA | {"keypoints": "coco17"}, "[1, 17, 16, 12]"),
        (Net, METADATA | {"input": {"width": 2, "height": 2}}, "[1, 3, 2, 2]"),
        (Net, {key: value for key, value in METADATA.items() if key != "licence"}, '"licence"'),
        (Net, METADATA | {"source": ""}, '"source"'),
        (Net, METADATA | {"task": "fly"}, "task"),
        (Net, METADATA | {"dtype": "bf16"}, "dtype"),
    ],
    ids=lambda value: getattr(value, "__name__", "") or None,
)
def test_what_contradicts_itself_is_refused_and_leaves_nothing(network: Any, metadata: Any, thing: str, tmp_path: Path) -> None:
    with pytest.raises(posekit.Error) as caught:
        write(network(), metadata, tmp_path / "a.pt")
    check_message_form(caught.value, thing)
    assert listing(tmp_path) == []


def test_a_file_that_exists_is_kept_unless_overwrite_is_given(tmp_path: Path) -> None:
    file = tmp_path / "a.pt"
    file.write_text("mine")
    with pytest.raises(posekit.IoError) as caught:
        write(Net(), METADATA, file)
    check_message_form(caught.value, str(file))
    assert file.read_text() == "mine"
    with pytest.raises(posekit.InvalidModelError):
        write(networks.Random(), METADATA, file, overwrite=True)
    assert file.read_text() == "mine" and listing(tmp_path) == ["a.pt"]
    write(Net(), METADATA, file, overwrite=True)
    assert posekit.inspect_model(file).info.name == "net" and listing(tmp_path) == ["a.pt"]


def test_half_precision_that_moves_the_output_far_is_noted(tmp_path: Path) -> None:
    with pytest.warns(posekit.export.ExportNote, match="another precision"):
        found = write(networks.Coarse(), METADATA, tmp_path / "a.pt", precision="fp16")
    assert found.rounding > 0.1


def test_half_precision_that_leaves_zeros_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(posekit.InvalidModelError) as caught:
        write(networks.Tiny(), METADATA, tmp_path / "a.pt", precision="fp16")
    check_message_form(caught.value, "fp16")
    assert listing(tmp_path) == []


def test_a_detector_has_boxes_scores_and_labels(tmp_path: Path) -> None:
    assert write(networks.Detector(), DETECTION, tmp_path / "a.pt").batches == (1, 2, 5)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to(tmp_path / "gone")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "broken", tmp_path / "pipe", Path("/dev/null")):
        for overwrite in (False, True):
            with pytest.raises(posekit.InvalidArgumentError) as caught:
                write(Net(), METADATA, path, overwrite=overwrite)
            check_message_form(caught.value, f'"{path}"')
    assert listing(tmp_path) == ["broken", "pipe"]


def test_the_file_of_the_metadata_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_text(json.dumps(METADATA))
    (tmp_path / "link.json").hardlink_to(tmp_path / "meta.json")
    with pytest.raises(posekit.InvalidArgumentError) as caught:
        write(Net(), tmp_path / "meta.json", tmp_path / "link.json", overwrite=True)
    check_message_form(caught.value, "link.json")
    assert json.loads((tmp_path / "meta.json").read_text()) == METADATA


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_is_made_meanwhile_is_kept(links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the last moment, where a look before the file gets its name would be too early."""
    plain = os.link

    def link(source: Path, target: Path) -> None:
        target.write_text("another's")
        if not links:
            raise PermissionError(errno.EPERM, "no hard links here")
        plain(source, target)

    monkeypatch.setattr(os, "link", link)
    with pytest.raises(posekit.IoError) as caught:
        write(Net(), METADATA, tmp_path / "a.pt")
    check_message_form(caught.value, "meanwhile")
    assert (tmp_path / "a.pt").read_text() == "another's" and listing(tmp_path) == ["a.pt"]


def test_a_file_system_without_links_gets_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*paths: Path) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", link)
    write(Net(), METADATA, tmp_path / "a.pt")
    assert listing(tmp_path) == ["a.pt"]


def test_nobody_else_can_enter_the_folder_of_an_unfinished_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Path] = []
    monkeypatch.setattr(_write, "_to_disk", seen.append)
    for name in ("a.pt", "b.pt"):
        (tmp_path / name).unlink(missing_ok=True)
        write(Net(), METADATA, tmp_path / name, verify="none")

    def stop(partial: Path, *rest: Any) -> float:
        modes.append(stat.S_IMODE(partial.parent.stat().st_mode))
        raise posekit.InvalidModelError("stop")

    modes: list[int] = []
    monkeypatch.setattr(_write, "_compare", stop)
    with pytest.raises(posekit.InvalidModelError):
        write(Net(), METADATA, tmp_path / "c.pt")
    assert modes == [0o700] and [file.name for file in seen] == ["a.pt", "b.pt"]
    assert all(re.fullmatch(r"\.[ab]\.pt\.\w+\.partial", file.parent.name) and str(os.getpid()) not in file.parent.name for file in seen)


def test_two_exports_of_a_network_are_the_same_bytes(tmp_path: Path) -> None:
    """Each in a process of its own: in one, torch numbers the classes that it meets again."""
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        code = (
            f"import networks, posekit.export; posekit.export.write(networks.Net(), networks.METADATA, {str(tmp_path / folder / 'a.pt')!r})"
        )
        subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parent)
    assert (tmp_path / "one/a.pt").read_bytes() == (tmp_path / "two/a.pt").read_bytes()


@pytest.mark.parametrize(
    ("name", "options", "error"),
    [
        ("none/a.pt", {}, posekit.NotFoundError),
        (".", {}, posekit.InvalidArgumentError),
        ("a" * 240, {}, posekit.InvalidArgumentError),
        ("a" * 300, {}, posekit.InvalidArgumentError),
        (f"{'a' * 300}/a.pt", {}, posekit.IoError),
        ("a.pt", {"precision": "fp8"}, posekit.InvalidArgumentError),
        ("a.pt", {"verify": "some"}, posekit.InvalidArgumentError),
    ],
)
def test_bad_arguments_are_refused_before_anything_runs(name: str, options: dict[str, Any], error: type[Exception], tmp_path: Path) -> None:
    class Never(Net):
        def forward(self, x: torch.Tensor) -> Any:
            raise AssertionError("it ran")

    with pytest.raises(error) as caught:
        write(Never(), METADATA, tmp_path / name, **options)
    check_message_form(caught.value, "")
    assert listing(tmp_path) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        Path(arguments[1]).write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:688] . unexpected pos 1 vs 0")

    monkeypatch.setattr(torch.jit, "save", fail)
    with pytest.raises(posekit.IoError) as caught:
        write(Net(), METADATA, tmp_path / "a.pt")
    check_message_form(caught.value, "a.pt")
    assert listing(tmp_path) == []


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(sent: signal.Signals, tmp_path: Path) -> None:
    """In a process of its own. The network signals that the file is being compared, by a pipe, and waits to be interrupted."""
    code = f"""
import os, sys, threading
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from posekit.export import __main__, _write, _module
import networks
compare = _write._compare
def wait(partial, *rest):
    assert partial.exists()
    os.write(1, b"x")
    threading.Event().wait()
_write._compare = wait
sys.exit(__main__.main(["module", "networks:make", "--metadata", {str(tmp_path / "meta.json")!r}, "-o", {str(tmp_path / "a.pt")!r}]))
"""
    (tmp_path / "meta.json").write_text(json.dumps(METADATA))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.read(1) == "x"
        assert any(name.endswith(".partial") for name in listing(tmp_path))
        process.send_signal(sent)
        assert process.wait(60) == 130, process.stderr and process.stderr.read()
    assert listing(tmp_path) == ["meta.json"]


SETUP = f"import os, signal, sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); from posekit.export import __main__, _write\n"


def command(folder: Path) -> str:
    """Code that exports a network of this folder's tests."""
    (folder / "meta.json").write_text(json.dumps(METADATA))
    words = ["module", "networks:make", "--metadata", str(folder / "meta.json"), "-o", str(folder / "a.pt"), "--verify", "quick"]
    return f"sys.exit(__main__.main({words!r}))"


def test_a_hangup_that_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """As nohup leaves it."""
    code = f"""{SETUP}
signal.signal(signal.SIGHUP, signal.SIG_IGN)
compare = _write._compare
def hang_up(*rest):
    os.kill(os.getpid(), signal.SIGHUP)
    return compare(*rest)
_write._compare = hang_up
{command(tmp_path)}"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and (tmp_path / "a.pt").exists(), done.stderr


def test_a_summary_that_can_not_be_printed_is_a_note(tmp_path: Path) -> None:
    for sink in ("/dev/full", "a closed pipe"):
        code = SETUP + command(tmp_path)
        (tmp_path / "a.pt").unlink(missing_ok=True)
        if sink == "/dev/full":
            stdout = os.open(sink, os.O_WRONLY)
        else:
            reader, stdout = os.pipe()
            os.close(reader)
        done = subprocess.run([sys.executable, "-c", code], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)
        os.close(stdout)
        assert done.returncode == 0 and (tmp_path / "a.pt").exists(), done.stderr
        lines = done.stderr.strip().split("\n")
        assert len(lines) == 1 and lines[0].startswith("posekit.export: note: ") and "is written" in lines[0]


def test_module_exports_what_a_function_returns(tmp_path: Path, export: Export) -> None:
    (tmp_path / "meta.json").write_text(json.dumps(METADATA))
    text = export("module", "networks:make", "--metadata", tmp_path / "meta.json", "-o", tmp_path / "a.pt", "--verify", "quick")
    assert "batches 1, 2" in text and "two (2)" in text and "heatmap 12x16" in text
    x = torch.randn(2, 3, 64, 48)
    assert torch.equal(torch.jit.load(str(tmp_path / "a.pt"))(x), Net()(x))


def test_memory_is_that_of_one_more_copy_of_the_weights(tmp_path: Path) -> None:
    """256 MB of weights, in a process of its own that reports its peak."""
    code = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch, networks
from posekit.export import write
class Big(networks.Net):
    def __init__(self):
        super().__init__()
        self.many = torch.nn.ParameterList(torch.nn.Parameter(torch.zeros(16, 1 << 20)) for _ in range(4))
    def forward(self, x):
        return self.layer(x) + sum(part[0, 0] for part in self.many)
network = Big()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
write(network, networks.METADATA, {str(tmp_path / "a.pt")!r})
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.pt").stat().st_size > 256 << 20
    assert float(done.stdout) < 1.25 * 256


def test_every_public_name_is_there_and_documented() -> None:
    for name in posekit.export.__all__:
        thing = getattr(posekit.export, name)
        assert (thing.__doc__ or "").strip() and not thing.__doc__.startswith(f"{name}("), name
    hints = inspect.get_annotations(posekit.export.Written)
    source = inspect.getsource(posekit.export.Written)
    assert hints and all(re.search(rf'    {field}: .*\n    """', source) for field in hints)


def test_the_page_has_every_option_of_every_family() -> None:
    page = (ROOT / "docs/export.md").read_text()
    rows = re.findall(r"^\| (`-[^|]*) \| ([^|]+) \|", page.replace("\\|", "/"), re.MULTILINE)
    families = {"vitpose", "sapiens2", "hrnet", "module"}
    found: dict[str, set[str]] = {family: set() for family in families}
    for options, where in rows:
        named = set(re.findall(r"`(\w+)`", where))
        for family in families - named if where.startswith("all but") else families if where == "all" else named:
            found[family] |= set(re.findall(r"--[a-z-]+", options))
    choices = next(action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction))
    for family, sub in choices.items():
        assert found[family] == {option for action in sub._actions for option in action.option_strings if option.startswith("--")} - {
            "--help"
        }


def test_importing_the_package_imports_neither_transformers_nor_timm() -> None:
    code = "import sys, posekit.export; print([name for name in ('transformers', 'timm', 'safetensors', 'torchvision', 'scipy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr


def test_exports_on_two_threads_do_not_disturb_other_work(tmp_path: Path) -> None:
    write(Net(), METADATA, tmp_path / "a.pt")
    image = np.zeros((64, 64, 3), np.uint8)
    estimator = posekit.PoseEstimator(tmp_path / "a.pt")
    first = estimator.estimate(image, [[0, 0, 40, 40]]).keypoints
    thread = threading.Thread(target=lambda: write(Net(), METADATA, tmp_path / "b.pt"))
    thread.start()
    for _ in range(20):
        assert np.array_equal(estimator.estimate(image, [[0, 0, 40, 40]]).keypoints, first)
    thread.join()
    assert (tmp_path / "b.pt").exists()
