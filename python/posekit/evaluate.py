"""python -m posekit.evaluate: measures results, or runs a model and measures it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ._errors import Error
from ._estimator import PoseEstimator
from ._evaluate import evaluate, evaluate_model

EPILOG = """exit code: 0 it is measured, 1 it is not, 2 wrong usage, 130 interrupted

docs/evaluation.md says how to repeat the numbers of a paper.
"""


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m posekit.evaluate",
        description="Measures results against COCO keypoint annotations; with --model it runs the model first.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument(
        "results",
        metavar="RESULTS",
        nargs="?",
        help="folder that posekit estimate wrote, or file of results; with --model the file to keep results in, with which the next run goes on",
    )
    top.add_argument("--annotations", required=True, metavar="FILE", help="COCO keypoint annotations, or COCO-WholeBody's")
    top.add_argument("--metric", choices=("ap", "pck"), default="ap", help="AP and AR (default), or PCK and AUC")
    top.add_argument(
        "--boxes-from", choices=("gt", "detector"), default="detector", help="whose boxes the results have: the annotations' or a detector's (default)"
    )
    top.add_argument("--oks-nms", type=_threshold, default=0.9, metavar="T", help="similarity above which the weaker pose is removed, or none (default: 0.9)")
    top.add_argument("--parts", action="store_true", help="of 133 keypoints also body, feet, face, hands and whole")
    top.add_argument("--category", type=int, metavar="ID", help="category of people (default: the only one, else the one named person)")
    top.add_argument("--subset-of-annotations", action="store_true", help="leave out annotated images without a result")
    top.add_argument("--keypoint-set", metavar="NAME", help="built-in keypoint set of COCO results that have neither 17 nor 133")
    top.add_argument("--json", metavar="FILE", help="also write the evaluation as JSON")
    model = top.add_argument_group("to run a model")
    model.add_argument("--model", metavar="FILE", help="the pose model")
    model.add_argument("--images", metavar="FOLDER", help="the folder that the annotations' file names are in")
    model.add_argument("--boxes", metavar="FILE", help="a detector's boxes (default: the detector finds the people)")
    model.add_argument("--detector", metavar="FILE", help="the detector (default: the shipped one)")
    model.add_argument("--keypoints", metavar="NAME,...", help="subset or names of the keypoints to decode, for example coco17 (default: all)")
    model.add_argument("--flip-test", action="store_true", help="average with the mirrored crop")
    model.add_argument("--metadata", metavar="FILE", help="metadata document for the model, instead of its own")
    model.add_argument("--preset", metavar="NAME", help="preset for a model without metadata")
    model.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N (default: auto)")
    model.add_argument("--precision", choices=("auto", "as_exported", "fp32", "fp16", "bf16"), default="auto", help="default: auto")
    return top


def _threshold(text: str) -> float | None:
    return None if text == "none" else float(text)


def run(given: argparse.Namespace) -> None:
    common: dict[str, Any] = {
        "metric": given.metric,
        "boxes_from": given.boxes_from,
        "oks_nms": given.oks_nms,
        "parts": given.parts,
        "category": given.category,
        "subset_of_annotations": given.subset_of_annotations,
    }
    if given.model is None:
        found = evaluate(given.results, given.annotations, keypoint_set=given.keypoint_set, **common)
    else:
        estimator = PoseEstimator(
            given.model,
            device=given.device,
            precision=given.precision,
            metadata=given.metadata,
            preset=given.preset,
            keypoints=given.keypoints.split(",") if given.keypoints else None,
            flip_test=given.flip_test,
        )
        found = evaluate_model(
            estimator, given.images, given.annotations, given.boxes, detector=given.detector, results=given.results, **common
        )
    print(found)
    if given.json:
        Path(given.json).write_text(found.to_json() + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    top = parser()
    given = top.parse_args(arguments)
    if given.model is None and given.results is None:
        top.error("RESULTS or --model is expected")
    if (given.model is None) != (given.images is None):
        top.error("--model and --images go together")
    others = ("boxes", "detector", "keypoints", "flip_test", "metadata", "preset", "device", "precision")
    for name in others if given.model is None else ("keypoint_set",):
        if getattr(given, name) != top.get_default(name):
            option = name.replace("_", "-")
            top.error(f"--{option} is of no use without --model" if given.model is None else f"--{option} is of no use with --model")
    if given.json and os.path.realpath(given.json) in [os.path.realpath(path) for path in (given.results, given.annotations) if path]:
        top.error("--json names a file that is read: name another one")
    try:
        run(given)
    except KeyboardInterrupt:
        print("posekit.evaluate: interrupted", file=sys.stderr)
        return 130
    except (Error, ImportError, OSError) as error:
        print(f"posekit.evaluate: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    warnings.formatwarning = lambda message, *_, **__: f"posekit.evaluate: note: {message}\n"
    sys.exit(main())
# This file is the command. `import posekit.evaluate` must give the function of that name.
sys.modules[__name__] = evaluate  # type: ignore[assignment]
