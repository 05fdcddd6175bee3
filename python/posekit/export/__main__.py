"""python -m posekit.export: the command line of the exporters."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import _core
from .._errors import Error
from . import _hrnet, _module, _sapiens2, _vitpose
from ._files import Source, parse_size
from ._note import ExportNote
from ._write import Written, check_target, write

EPILOG = """exit code: 0 the file is written and checked, 1 it is not, 2 wrong usage, 130 interrupted

The file has its name only when it is whole and checked. Checkpoints are read without running code from them. "module" runs your code, and the
file that is written is a program: use what you trust.
"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m posekit.export",
        description="Turns the models that people hold into the TorchScript file that posekit loads.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    families = top.add_subparsers(dest="family", required=True, metavar="vitpose|sapiens2|hrnet|module")
    source = "folder or file in the hub's layout, or a name of the hub (org/model), which huggingface_hub resolves"

    vitpose = families.add_parser("vitpose", help="ViTPose and ViTPose+ of transformers")
    vitpose.add_argument("source", metavar="SOURCE", help=source)
    vitpose.add_argument("--dataset-index", type=int, metavar="N", help="which expert of a ViTPose+ runs")

    sapiens2 = families.add_parser("sapiens2", help="Sapiens2 pose models: of transformers, or the original .safetensors")
    sapiens2.add_argument("source", metavar="SOURCE", help=f"{source}; or the original sapiens2_*_pose.safetensors")

    hrnet = families.add_parser("hrnet", help="HRNet checkpoints of mmpose 0.x and 1.x and of the original repository")
    hrnet.add_argument("source", metavar="SOURCE", help="the checkpoint, .pth")
    hrnet.add_argument(
        "--decoding", choices=("classic", "udp", "dark"), help="how the model was trained (default: from the file's name, else classic)"
    )

    module = families.add_parser("module", help="a network of your own")
    module.add_argument("source", metavar="PACKAGE:FUNCTION", help="a function without arguments that returns a torch.nn.Module")
    module.add_argument("--metadata", required=True, metavar="FILE", help="the metadata document (docs/models.md)")

    for family in (sapiens2, hrnet):
        family.add_argument("--size", metavar="WxH", help="width and height of the input in pixels (default: from the source)")
    for family in (vitpose, sapiens2, hrnet):
        family.add_argument("--keypoints", metavar="SET", help="a built-in keypoint set, or the file of one (default: from the source)")
        family.add_argument("--name", help="the model's name in the metadata (default: the source's)")
        family.add_argument("--licence", metavar="TEXT", help="the weights' licence in the metadata (default: from the model card)")
    for family in (vitpose, sapiens2, hrnet, module):
        family.add_argument("-o", "--output", required=True, metavar="FILE", help="the TorchScript file to write")
        family.add_argument(
            "--precision",
            choices=("fp32", "fp16", "bf16"),
            default="fp32",
            help="type of the file (default: fp32, which runs in every precision; Sapiens2's runs in fp32 only)",
        )
        family.add_argument(
            "--verify",
            choices=("none", "quick", "full"),
            default="full",
            help="compare the file with the network at batches 1 and 2 (quick), and 5 (full, the default)",
        )
        family.add_argument("--overwrite", action="store_true", help="replace FILE if it exists")
    return top


def network_of(arguments: argparse.Namespace) -> tuple[Any, Any]:
    """The network and the metadata that the command line asks for."""
    if arguments.family == "module":
        return _module.module_of(arguments.source), arguments.metadata
    common = {"keypoints": arguments.keypoints, "name": arguments.name, "licence": arguments.licence}
    if arguments.family == "vitpose":
        return _vitpose.vitpose(arguments.source, dataset_index=arguments.dataset_index, **common)
    common["size"] = parse_size(arguments.size) if arguments.size else None
    if arguments.family == "sapiens2":
        return _sapiens2.sapiens2(arguments.source, **common)
    return _hrnet.hrnet(arguments.source, decoding=arguments.decoding, **common)


def inputs_of(arguments: argparse.Namespace) -> list[Path]:
    """The files that the export reads, as far as they are here."""
    named = (Path(word) for word in (arguments.source, getattr(arguments, "keypoints", None), getattr(arguments, "metadata", None)) if word)
    found = [path for path in named if os.path.exists(path)]
    if arguments.family in ("vitpose", "sapiens2") and os.path.exists(arguments.source):
        folder = Source(Path(arguments.source), "").folder
        found += [path for path in folder.iterdir() if path.suffix in (".json", ".safetensors", ".bin", ".md")]
    return found


def print_summary(written: Written) -> None:
    """The file is there in any case: a closed pipe or a full disk is noted and is no failure."""
    try:
        print(summary(written), flush=True)
    except OSError as error:
        print(f'posekit.export: note: "{written.path}" is written, what it is can\'t be printed ({error.strerror})', file=sys.stderr)
        with contextlib.suppress(OSError, ValueError):  # what is left in its buffer would be printed again at the end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def summary(written: Written) -> str:
    """What was written, for people."""
    info, output = written.info, written.info.output
    lines = [f"{written.path}: {written.file_bytes / 1e6:.1f} MB, {written.parameters / 1e6:.1f} million values"]
    image = info.input
    numbers = [" ".join(f"{value:g}" for value in values) for values in (image.mean, image.std)]
    lines.append(f"  input      {image.width}x{image.height} {image.color}, mean {numbers[0]}, std {numbers[1]}")
    detail = ""
    if isinstance(output, _core.HeatmapOutput):
        detail = f" {output.width}x{output.height}, refinement {output.refinement}"
    lines.append(f"  output     {output.codec}{detail}")
    if info.pose:
        lines.append(f"  keypoints  {info.pose.keypoints.name} ({len(info.pose.keypoints.names)})")
    lines += [f"  licence    {info.licence}", f"  source     {info.source}"]
    if written.batches:
        batches = ", ".join(map(str, written.batches))
        lines.append(f"  checked    against the network at batches {batches}: {written.difference:.1e} of the largest value apart")
        if written.rounding:
            lines.append(f"  rounding   {written.rounding:.1e} of the largest value between {info.dtype} and fp32")
    else:
        lines.append("  checked    no: --verify none")
    return "\n".join([*lines, *(f"  note       {note}" for note in written.notes)])


def _give_freed_memory_back() -> None:
    """glibc keeps freed blocks of up to 32 MB for the next call, and tracing leaves small ones between them that last: with Sapiens2-0.4b that is
    several times the weights. Blocks of 1 MB and more are given back at once then."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(-3, 1 << 20)  # M_MMAP_THRESHOLD


def main(words: Sequence[str] | None = None) -> int:
    arguments = parser().parse_args(words)
    _give_freed_memory_back()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing half-written is left then either
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # ignored: by nohup
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    warnings.simplefilter("always", ExportNote)
    plain = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *rest: Any, **more: Any) -> None:
        if issubclass(category, ExportNote):
            print(f"posekit.export: note: {message}", file=sys.stderr)
        else:
            plain(message, category, *rest, **more)

    warnings.showwarning = show
    try:
        check_target(Path(arguments.output), arguments.overwrite, inputs_of(arguments))
        network, metadata = network_of(arguments)
        written = write(
            network,
            metadata,
            arguments.output,
            precision=arguments.precision,
            verify=arguments.verify,
            overwrite=arguments.overwrite,
        )
    except Error as error:
        print(f"posekit.export: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("posekit.export: interrupted, nothing was written", file=sys.stderr)
        return 130
    print_summary(written)
    return 0


if __name__ == "__main__":
    sys.exit(main())
