"""Checkpoints: the weights are read, what is beside them is ignored, and nothing that a checkpoint names is run."""

from __future__ import annotations

import collections
import datetime
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import posekit
import pytest
import torch
from conftest import Export, listing
from message_form import check_message_form
from posekit.export import _files
from posekit.export._checkpoint import read_checkpoint


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    return {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


class Runs:
    """Its pickle calls a function when it is opened."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def test_nothing_that_a_checkpoint_names_is_run(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    trace = tmp_path / "ran"
    allowed = set(torch.serialization.get_safe_globals())
    document = {
        "state_dict": weights,
        "meta": {"a": Runs(exec, f"open({str(trace)!r}, 'w')"), "b": Runs(open, str(trace), "w"), "c": datetime.date(2026, 1, 1)},
    }
    torch.save(document, tmp_path / "new.pth")
    torch.save(document, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    for name in ("new.pth", "old.pth"):
        checkpoint = read_checkpoint(tmp_path / name)
        assert checkpoint.weights.keys() == weights.keys()
        assert not trace.exists()
    assert set(torch.serialization.get_safe_globals()) == allowed
    pickle.loads(pickle.dumps(Runs(open, str(trace), "w"))).close()
    assert trace.exists()  # such a pickle does run, if it is opened as pickles are


def test_a_checkpoint_that_calls_the_system_is_refused_and_does_not_run(
    weights: dict[str, torch.Tensor], tmp_path: Path, export: Export
) -> None:
    torch.save({"state_dict": weights, "meta": Runs(os.system, f"touch {tmp_path / 'ran'}")}, tmp_path / "bad.pth")
    before = listing(tmp_path)
    text = export("hrnet", tmp_path / "bad.pth", "-o", tmp_path / "a.pt", code=1)
    assert "operating system" in text and listing(tmp_path) == before


def test_objects_beside_the_weights_are_ignored(weights: dict[str, torch.Tensor], tmp_path: Path) -> None:
    document = {
        "state_dict": collections.OrderedDict(weights),
        "meta": {
            "epoch": np.float64(3),
            "seen": collections.defaultdict(list, {"loss": [1.0]}),
            "last": collections.deque([1, 2], maxlen=5),
            "array": np.arange(5),
        },
        "optimizer": {"state": {0: {"step": torch.tensor(3)}}},
    }
    torch.save(document, tmp_path / "a.pth")
    found = read_checkpoint(tmp_path / "a.pth").weights
    assert all(torch.equal(found[name], value) for name, value in weights.items()) and len(found) == len(weights)


class Filled(dict[str, int]):
    """A class of its own."""


@pytest.mark.parametrize(
    ("thing", "options"),
    [(Filled(a=1), {}), (2**5000, {}), (1, {"pickle_protocol": 4}), (1, {"pickle_protocol": 5})],
    ids=["dict", "long", "4", "5"],
)
def test_what_torch_can_not_read_as_data_is_refused_with_its_reason(
    thing: Any, options: dict[str, Any], weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save({"state_dict": weights, "meta": thing}, tmp_path / "a.pth", **options)
    with pytest.raises(posekit.UnsupportedModelError) as caught:
        read_checkpoint(tmp_path / "a.pth")
    check_message_form(caught.value, "weights-only reader refuses")
    assert "Unsupported operand" in str(caught.value) or "SETITEM" in str(caught.value)


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"a" * 1_000_000
    for name, method in (("packed.pth", zipfile.ZIP_DEFLATED), ("plain.pth", zipfile.ZIP_STORED)):
        with zipfile.ZipFile(tmp_path / name, "w", method) as archive:
            archive.writestr("a/data.pkl", b"\x80\x02X" + struct.pack("<I", len(text)) + text + b".")
            archive.writestr("a/version", "3")
    monkeypatch.setattr(_files, "LONGEST_PICKLE", len(text))
    for name in ("packed.pth", "plain.pth"):
        with pytest.raises(posekit.UnsupportedModelError) as caught:
            read_checkpoint(tmp_path / name)
        check_message_form(caught.value, "compressed archive or has a huge pickle")


def safetensors(header: bytes, data: bytes = b"0000") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


@pytest.mark.parametrize(
    "data",
    [
        safetensors(b'{"a":{"dtype":"XX","shape":[1],"data_offsets":[0,4]}}'),
        safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}'),
        safetensors(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    ],
    ids=["type", "offsets", "deep"],
)
def test_a_broken_safetensors_file_has_a_remedy(data: bytes, tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(posekit.InvalidModelError) as caught:
        read_checkpoint(tmp_path / "a.safetensors")
    check_message_form(caught.value, "broken")
