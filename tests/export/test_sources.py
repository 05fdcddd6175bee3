"""Sources that can't be exported: each has a sentence with a remedy, and leaves the folder as it was."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import posekit
import posekit.export
import pytest
import torch
from conftest import Export, listing, make_torchvision_importable, need
from message_form import check_message_form, problem_of_form
from posekit.export._transformers import transformers_class

need("transformers")
need("torchvision")
make_torchvision_importable()
import models
from models import change


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for each family."""
    folder = tmp_path_factory.mktemp("held")
    models.save(models.vitpose(), folder / "vitpose")
    models.save(models.vitpose(experts=3), folder / "plus")
    models.save(models.sapiens2(17), folder / "sapiens2")
    return folder


Damage = Callable[[Path], "Path | str"]


def cut(name: str, keep: float = 0.5) -> Damage:
    def damage(folder: Path) -> Path:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(len(data) * keep)])
        return folder

    return damage


def replace(name: str, data: bytes | str) -> Damage:
    def damage(folder: Path) -> Path:
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
        return folder

    return damage


def without(name: str) -> Damage:
    def damage(folder: Path) -> Path:
        (folder / name).unlink()
        return folder

    return damage


def changed(name: str, **values: object) -> Damage:
    def damage(folder: Path) -> Path:
        change(folder / name, **values)
        return folder

    return damage


def file(name: str, data: bytes) -> Damage:
    def damage(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        return folder / name

    return damage


def fewer_layers(folder: Path) -> Path:
    """The first of two layers: the second one's weights would be left out."""
    backbone = json.loads((folder / "config.json").read_text())["backbone_config"]
    backbone |= {"num_hidden_layers": 1, "out_indices": [1], "out_features": ["stage1"], "stage_names": ["stem", "stage1"]}
    return change(folder / "config.json", backbone_config=backbone) or folder


def named(name: str) -> Damage:
    """A file of the folder beside the one that loads."""

    def damage(folder: Path) -> Path:
        if not (folder / name).exists():
            shutil.copy(folder / "model.safetensors", folder / name)
        return folder / name

    return damage


def indexed(weight_map: object) -> Damage:
    def damage(folder: Path) -> Path:
        (folder / "model.safetensors").unlink()
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
        return folder

    return damage


def saved(value: object) -> Damage:
    def damage(folder: Path) -> Path:
        torch.save(value, folder / "a.pth")
        return folder / "a.pth"

    return damage


def torchscript(folder: Path) -> Path:
    shutil.copy(posekit.shipped_model("pose_landmark_lite.pt"), folder / "a.pth")
    return folder / "a.pth"


def original(rename: Callable[[str], str]) -> Damage:
    """A single file of Sapiens2 with other names in its header."""

    def damage(folder: Path) -> Path:
        data = (folder / "model.safetensors").read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = rename(data[8 : 8 + length].decode()).encode()
        alone = folder / "alone"
        alone.mkdir()
        (alone / "sapiens2_x_pose.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + data[8 + length :])
        return alone / "sapiens2_x_pose.safetensors"

    return damage


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0123\nsize 123456\n"
HEAD = {"conv1.weight": torch.zeros(4, 3, 3, 3), "final_layer.weight": torch.zeros(17, 4, 1, 1)}

CASES: list[tuple[str, str, Damage, list[str], str]] = [
    # family, folder, what is done to it, options, what the message names
    ("vitpose", "vitpose", lambda folder: folder / "none", [], "does not exist"),
    ("vitpose", "vitpose", lambda folder: "org/no-such-model", [], "huggingface_hub"),
    ("vitpose", "vitpose", without("config.json"), [], "config.json"),
    ("vitpose", "vitpose", replace("config.json", "{"), [], "config.json"),
    ("vitpose", "vitpose", replace("config.json", "[1]"), [], "config.json"),
    ("vitpose", "vitpose", changed("config.json", model_type="detr"), [], '"detr"'),
    ("vitpose", "sapiens2", lambda folder: folder, [], '"sapiens2"'),
    ("vitpose", "vitpose", without("model.safetensors"), [], "no weights"),
    ("vitpose", "vitpose", cut("model.safetensors"), [], "truncated"),
    ("vitpose", "vitpose", cut("model.safetensors", 0.01), [], "truncated"),
    ("vitpose", "vitpose", replace("model.safetensors", b""), [], "empty"),
    ("vitpose", "vitpose", replace("model.safetensors", POINTER), [], "Git LFS pointer"),
    ("vitpose", "vitpose", replace("model.safetensors", "<!DOCTYPE html><html>"), [], "web page"),
    ("vitpose", "vitpose", changed("config.json", id2label={"0": "a", "1": "b"}, label2id=None), [], "belong together"),
    ("vitpose", "vitpose", changed("config.json", use_simple_decoder=False), [], "belong together"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", size={"height": 384, "width": 288}), [], "288x384"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", normalize_factor=100.0), [], "normalize_factor"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", do_affine_transform=False), [], "do_affine_transform"),
    ("vitpose", "plus", lambda folder: folder, [], "--dataset-index"),
    ("vitpose", "plus", lambda folder: folder, ["--dataset-index", "3"], "--dataset-index 3"),
    ("vitpose", "vitpose", lambda folder: folder, ["--dataset-index", "1"], "has no experts"),
    ("vitpose", "vitpose", lambda folder: folder, ["--dataset-index", "0"], "has no experts"),
    ("vitpose", "vitpose", fewer_layers, [], "entries beside those of VitPoseForPoseEstimation"),
    ("vitpose", "vitpose", changed("config.json", id2label={"0": "a", "1": "b"}, label2id=None), [], "2 entries of another shape than"),
    ("vitpose", "vitpose", named("model_ema.safetensors"), [], "model_ema.safetensors"),
    ("vitpose", "vitpose", file("README.md", b"# A card"), [], "README.md"),
    ("sapiens2", "sapiens2", named("model_ema.safetensors"), [], "model_ema.safetensors"),
    ("vitpose", "vitpose", indexed(["a"]), [], "weight_map"),
    ("vitpose", "vitpose", indexed({"a": 5}), [], "weight_map"),
    ("vitpose", "vitpose", indexed({"a": "../b.safetensors"}), [], "weight_map"),
    ("vitpose", "vitpose", indexed({}), [], "weight_map"),
    ("vitpose", "vitpose", changed("config.json", backbone="resnet18", use_timm_backbone=True), [], '"backbone"'),
    ("vitpose", "vitpose", changed("config.json", use_timm_backbone=True), [], '"use_timm_backbone"'),
    (
        "vitpose",
        "vitpose",
        changed("config.json", backbone_config={"model_type": "timm_backbone", "backbone": "resnet18"}),
        [],
        '"backbone"',
    ),
    ("vitpose", "vitpose", changed("config.json", transformers_weights="other.safetensors"), [], '"transformers_weights"'),
    ("vitpose", "vitpose", replace("adapter_config.json", "{}"), [], "adapter_config.json"),
    ("vitpose", "vitpose", replace("config.json", "[" * 100_000), [], "config.json"),
    ("vitpose", "vitpose", changed("config.json", scale_factor="a"), [], "check that"),
    ("vitpose", "vitpose", lambda folder: "a" * 300, [], "does not exist"),
    ("vitpose", "vitpose", lambda folder: folder, ["--keypoints", "a" * 300], "aaa"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", rescale_factor=0), [], "rescale_factor"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", rescale_factor="a"), [], "rescale_factor"),
    ("vitpose", "vitpose", replace("preprocessor_config.json", '{"rescale_factor": null}'), [], "rescale_factor"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", image_mean=0.5), [], "image_mean"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", image_mean=["a", "b", "c"]), [], "image_mean"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", image_std=[0.5, 0.5]), [], "image_std"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", image_std=[0, 0, 0]), [], "image_std"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", size={"width": "a", "height": "b"}), [], "size"),
    ("vitpose", "vitpose", changed("preprocessor_config.json", size={"width": None, "height": 3}), [], "size"),
    ("sapiens2", "sapiens2", lambda folder: folder, ["--size", "0x16"], "0x16"),
    ("vitpose", "vitpose", lambda folder: folder, ["--keypoints", "no-such-set"], "no-such-set"),
    ("vitpose", "vitpose", lambda folder: folder, ["--keypoints", "mpii16"], "mpii16"),
    ("sapiens2", "sapiens2", lambda folder: folder, ["--size", "100x100"], "100x100"),
    ("sapiens2", "sapiens2", lambda folder: folder, ["--size", "big"], '"big"'),
    ("sapiens2", "sapiens2", original(lambda text: text.replace("conv_pose", "conv_segm")), [], "another task"),
    ("sapiens2", "sapiens2", original(lambda text: text.replace("decode_head", "decode_body")), [], "no head"),
    ("sapiens2", "sapiens2", original(lambda text: text.replace("storage_tokens", "storage_tookns")), [], "storage_tokens"),
    ("sapiens2", "sapiens2", original(lambda text: text.replace("blocks.1.ln1", "blocks.1.lnx")), [], "belong together"),
    ("sapiens2", "sapiens2", file("a.pth", b"PK\x03\x04 no archive"), [], "archive"),
    ("hrnet", "vitpose", lambda folder: folder, [], "folder"),
    ("hrnet", "vitpose", file("a.pth", b""), [], "empty"),
    ("hrnet", "vitpose", file("a.pth", POINTER.encode()), [], "Git LFS pointer"),
    ("hrnet", "vitpose", file("a.pth", b"\x08\x07\x12\x07pytorch"), [], "not a checkpoint"),
    ("hrnet", "vitpose", file("a.pth", b"\x80\x02garbage"), [], "broken checkpoint"),
    ("hrnet", "vitpose", torchscript, [], "TorchScript"),
    ("hrnet", "vitpose", saved({"epoch": 3}), [], "no weights"),
    ("hrnet", "vitpose", saved(torch.nn.Linear(2, 2)), [], "whole network"),
    ("hrnet", "vitpose", saved([1, 2]), [], "a list"),
    ("hrnet", "vitpose", saved({"state_dict": {"backbone.layer1.0.conv1.weight": torch.zeros(1)}}), [], "final_layer.weight"),
    ("hrnet", "vitpose", saved(HEAD), [], "conv2.weight"),
    ("hrnet", "vitpose", saved(HEAD | {"keypoint_head.deconv_layers.0.weight": torch.zeros(1)}), [], "deconv_layers"),
    ("hrnet", "vitpose", lambda folder: folder / "model.safetensors", [], "backbone.embeddings"),
    ("module", "vitpose", lambda folder: "no_such_package:make", ["--metadata", "none.json"], "no_such_package"),
    ("module", "vitpose", lambda folder: "networks", ["--metadata", "none.json"], "package:function"),
    ("module", "vitpose", lambda folder: ".a:b", ["--metadata", "none.json"], "package:function"),
    ("module", "vitpose", lambda folder: "a..b:c", ["--metadata", "none.json"], "package:function"),
    ("module", "vitpose", lambda folder: "networks:none", ["--metadata", "none.json"], '"none"'),
    ("module", "vitpose", lambda folder: "json:dumps", ["--metadata", "none.json"], "needs arguments"),
    ("module", "vitpose", lambda folder: "networks:make_text", ["--metadata", "none.json"], "returns str"),
    ("module", "vitpose", lambda folder: "networks:make", ["--metadata", "none.json"], "none.json"),
]


@pytest.mark.parametrize(("family", "name", "damage", "options", "thing"), CASES, ids=[f"{i}-{case[4]}" for i, case in enumerate(CASES)])
def test_a_bad_source_has_a_remedy_and_leaves_nothing(
    family: str, name: str, damage: Damage, options: list[str], thing: str, held: Path, tmp_path: Path, export: Export
) -> None:
    source = damage(Path(shutil.copytree(held / name, tmp_path / name)))
    before = listing(tmp_path)
    text = export(family, source, "-o", tmp_path / "out.pt", *options, code=1).strip().split("\n")[-1]
    assert text.startswith("posekit.export: error: ")
    problem = problem_of_form(text.removeprefix("posekit.export: error: "), thing)
    assert not problem, f"{problem}: {text}"
    assert listing(tmp_path) == before


@pytest.mark.parametrize("output", ["model.safetensors", "config.json", "set.json"])
def test_a_file_that_is_read_is_not_replaced(output: str, held: Path, tmp_path: Path, export: Export) -> None:
    folder = Path(shutil.copytree(held / "vitpose", tmp_path / "vitpose"))
    (tmp_path / "set.json").write_text("{}")
    file = (folder if output != "set.json" else tmp_path) / output
    before = file.read_bytes()
    text = export("vitpose", folder, "--keypoints", tmp_path / "set.json", "-o", file, "--overwrite", code=1)
    assert "would be lost" in text and file.read_bytes() == before


def test_a_checkpoint_is_not_replaced(tmp_path: Path, export: Export) -> None:
    torch.save(HEAD, tmp_path / "a.pth")
    (tmp_path / "link.pth").symlink_to(tmp_path / "a.pth")
    assert "would be lost" in export("hrnet", tmp_path / "a.pth", "-o", tmp_path / "link.pth", "--overwrite", code=1)
    assert listing(tmp_path) == ["a.pth", "link.pth"]


HEADER = {"dtype": "F32", "data_offsets": [0, 0]}
ODD = {
    "decode_head.conv_pose.weight": [308, 1, 1, 1],
    "backbone.patch_embed.projection.weight": [64, 3, 16, 16],
    "backbone.blocks.0.attn.q_norm.weight": [16],
    "backbone.blocks.0.attn.wk.weight": [64, 64],
}


@pytest.mark.parametrize("name", list(ODD))
@pytest.mark.parametrize("shape", [[], [0], [1]])
def test_a_single_file_of_sapiens2_with_odd_shapes_has_a_remedy(name: str, shape: list[int], tmp_path: Path) -> None:
    header = json.dumps({entry: HEADER | {"shape": shape if entry == name else plain} for entry, plain in ODD.items()}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(posekit.Error) as caught:
        posekit.export.sapiens2(tmp_path / "a.safetensors")
    check_message_form(caught.value, "a.safetensors")


def test_a_wrong_command_line_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    from posekit.export.__main__ import main

    for words in ([], ["resnet", "a"], ["vitpose", "a"], ["hrnet", "a", "-o", "b", "--decoding", "sharp"], ["module", "a:b", "-o", "c"]):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == 2 and "usage:" in capsys.readouterr().err


def test_a_torchvision_that_does_not_fit_torch_is_left_out(held: Path, tmp_path: Path) -> None:
    """In a process of its own, with a stand-in that fails as PyPI's does beside a CPU build of torch, before any other that is installed."""
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision/__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    words = ["vitpose", str(held / "vitpose"), "-o", str(tmp_path / "a.pt"), "--verify", "quick"]
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nfrom posekit.export.__main__ import main\nsys.exit(main({words!r}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "does not fit torch" in done.stderr, done.stderr
    assert posekit.inspect_model(tmp_path / "a.pt").info.name == "vitpose"


class Broken(types.SimpleNamespace):
    """A transformers that was imported before, beside a torchvision that fails."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError("Failed to import transformers.models: operator torchvision::nms does not exist")


LOGGING = types.SimpleNamespace(set_verbosity_error=int, disable_progress_bar=int)


@pytest.mark.parametrize(
    ("package", "thing"),
    [
        (None, "pip install '.[export]'"),
        (types.SimpleNamespace(__version__="4.40.0", logging=LOGGING), "transformers 4.40.0"),
        (Broken(logging=LOGGING, __spec__=None), "install the torchvision that is made for this torch"),
    ],
    ids=["missing", "old", "torchvision"],
)
def test_a_transformers_that_does_not_serve_has_a_remedy(package: object, thing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", package)  # type: ignore[arg-type]
    with pytest.raises(posekit.UnsupportedModelError) as caught:
        transformers_class("Sapiens2ForPoseEstimation")
    check_message_form(caught.value, thing)
