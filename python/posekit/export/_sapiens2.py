"""Sapiens2's pose models: a folder of transformers' Sapiens2ForPoseEstimation, or the original single file sapiens2_*_pose.safetensors."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from torch import nn

from .._errors import InvalidModelError, UnsupportedModelError
from ._files import check_size, kind_of, licence_of, local_source, one_sentence, safetensors_shapes
from ._keypoints import chosen_keypoints, keypoints_of
from ._transformers import Heatmaps, check_config, label_names, load_pretrained, pair, processor_numbers, transformers_class

SIZE = (768, 1024)
"""Width and height of the input of every published pose model."""
Shapes = dict[str, tuple[int, ...]]


@one_sentence
def sapiens2(
    source: str | os.PathLike[str],
    *,
    size: tuple[int, int] | None = None,
    keypoints: str | None = None,
    name: str | None = None,
    licence: str | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """A Sapiens2 pose network, pixels [B,3,H,W] to heatmaps [B,K,H/4,W/4], on the CPU in float32, and its metadata.

    source: a folder as save_pretrained writes it, a single file of the original release or the folder that holds one, or a name of the hub.
    size: width and height of the input in pixels; None: what the folder says, else 768x1024.
    keypoints, name, licence: as in vitpose; 308 keypoints are goliath308.

    The network may map the weights file: leave it unchanged until `write` returns.

    Raises NotFoundError, IoError, InvalidModelError, UnsupportedModelError, InvalidArgumentError.
    """
    check_size(size)
    found = local_source(source)
    original = _original_file(found.path)
    folder = found.folder
    if original is not None:
        model = _load_original(original)
        built = None
        name = name or original.stem
    else:
        check_config(folder, "sapiens2")
        model = load_pretrained("Sapiens2ForPoseEstimation", folder, found.path)
        image_size = model.config.image_size
        built = (int(image_size[1]), int(image_size[0])) if isinstance(image_size, (list, tuple)) else None
        name = name or found.title
    numbers, asked = processor_numbers(folder, None if size else built, expected=original is None)
    width, height = size or asked or built or SIZE
    patch_height, patch_width = pair(model.config.patch_size)
    if width % patch_width or height % patch_height:
        raise InvalidModelError(
            f"the size {width}x{height} is not a multiple of the patch {patch_width}x{patch_height}: pass another with --size"
        )
    scale = 2 ** len(model.config.head_config.upsample_out_channels)
    count = model.config.num_labels
    names = label_names(model.config)
    licence = licence or licence_of(folder)
    return Heatmaps(model).eval(), {
        "format": "posekit-model/1",
        "task": "pose",
        "name": name,
        "licence": "Sapiens2 License" if licence == "unknown" else licence,
        "source": f"{found.name} (transformers, Sapiens2ForPoseEstimation)",
        # Its crops are made by a bicubic kernel where they are enlarged.
        "input": {"width": width, "height": height, **numbers, "enlarge": "bicubic"},
        "box_padding": 1.25,
        "output": {
            "codec": "udp_heatmap",
            "width": width // patch_width * scale,
            "height": height // patch_height * scale,
            "blur_kernel": 11,
        },
        "keypoints": _keypoints(keypoints, names, count, name, found.title),
    }


def _keypoints(choice: str | None, names: list[str] | None, count: int, name: str, source: str) -> str | dict[str, Any]:
    if choice:
        return chosen_keypoints(choice, count)
    return "goliath308" if names is None and count == 308 else keypoints_of(names, count, name, source)


def _original_file(path: Path) -> Path | None:
    """The file of the original release that a source is, or that is in its folder; None: a folder of transformers."""
    if path.is_file() and path.suffix not in (".json", ".bin"):
        if kind_of(path) != "safetensors":
            raise UnsupportedModelError(
                f'"{path}" is not a .safetensors file: pass the sapiens2_*_pose.safetensors of the release, or a folder'
            )
        return None if (path.parent / "config.json").exists() and path.name.startswith("model") else path
    folder = path if path.is_dir() else path.parent
    if any(folder.glob("model*.safetensors")) or (folder / "pytorch_model.bin").exists():
        return None
    files = sorted(folder.glob("*_pose.safetensors"))
    if len(files) > 1:
        raise UnsupportedModelError(f'"{folder}" has {len(files)} files *_pose.safetensors, one is expected: pass the file')
    if files and kind_of(files[0]) != "safetensors":
        raise UnsupportedModelError(f'"{files[0]}" is not a .safetensors file: fetch it again')
    return files[0] if files else None


def _load_original(file: Path) -> Any:
    """transformers has the renaming of the release's entries (its conversion mapping); the architecture is in the shapes."""
    config = transformers_class("Sapiens2Config")(**original_config(safetensors_shapes(file), file))
    config.transformers_weights = file.name
    return load_pretrained("Sapiens2ForPoseEstimation", file.parent, file, config=config)


def original_config(shapes: Shapes, file: Path) -> dict[str, Any]:
    """Arguments of transformers' Sapiens2Config, from the names and shapes in a file of the original release.

    What shapes don't show is equal in all its models (github.com/facebookresearch/sapiens2, sapiens/backbones/standalone/sapiens2.py): patches
    without overlap, a rotary base of 100, RMS norms with 1e-6.

    Raises UnsupportedModelError for another task or architecture.
    """
    if "decode_head.conv_pose.weight" not in shapes:
        head = next((name for name in shapes if name.startswith("decode_head.")), None)
        said = f'a head of another task ("{head}")' if head else "no head"
        raise UnsupportedModelError(f'"{file}" has {said}, "decode_head.conv_pose.weight" is expected: pass a pose model of Sapiens2')
    if any(name.startswith("backbone.tokenizer.") for name in shapes):
        raise UnsupportedModelError(f'"{file}" has a tokenizer for 4K images, which transformers does not have: pass a model for 1024x768')
    try:
        hidden, _, patch, _ = shapes["backbone.patch_embed.projection.weight"]
        (head_dim,) = shapes["backbone.blocks.0.attn.q_norm.weight"]
        blocks = 1 + max(int(found[1]) for name in shapes if (found := re.match(r"backbone\.blocks\.(\d+)\.", name)))
        keys = [shapes[f"backbone.blocks.{i}.attn.wk.weight"][0] // head_dim for i in range(blocks)]
        deconvolutions, convolutions = _head_layers(shapes, "deconv_layers"), _head_layers(shapes, "conv_layers")
        return {
            "hidden_size": hidden,
            "num_attention_heads": hidden // head_dim,
            "num_hidden_layers": blocks,
            "num_key_value_heads_per_layer": keys,
            "intermediate_size": shapes["backbone.blocks.0.ffn.w3.weight"][1],
            "num_register_tokens": shapes["backbone.storage_tokens"][1],
            "patch_size": patch,
            "key_bias": "backbone.blocks.0.attn.wk.bias" in shapes,
            "num_labels": shapes["decode_head.conv_pose.weight"][0],
            "head_config": {
                "upsample_out_channels": [shape[1] for shape in deconvolutions],  # a transposed convolution has [in, out, k, k]
                "upsample_kernel_sizes": [shape[2] for shape in deconvolutions],
                "conv_out_channels": [shape[0] for shape in convolutions],
                "conv_kernel_sizes": [shape[2] for shape in convolutions],
            },
        }
    except KeyError as error:
        raise UnsupportedModelError(
            f'"{file}" has no entry "{error.args[0]}", which Sapiens2 has: pass sapiens2_*_pose.safetensors of the release'
        ) from error
    except (ValueError, IndexError, ArithmeticError) as error:
        raise InvalidModelError(
            f'"{file}" has weights whose shapes contradict each other: check that it is a Sapiens2, and whole'
        ) from error


def _head_layers(shapes: Shapes, kind: str) -> list[tuple[int, ...]]:
    """Shapes of the convolutions of the head, in order; norms and activations between them have no entries."""
    found = {
        int(match[1]): shape for name, shape in shapes.items() if (match := re.fullmatch(rf"decode_head\.{kind}\.(\d+)\.weight", name))
    }
    return [found[index] for index in sorted(found)]
