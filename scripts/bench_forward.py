#!/usr/bin/env python3
"""Measures what makes a forward fast on this CPU: ways to run a network, each as a ratio to Torch's own forward of the frozen network.

    bench_forward.py [MODEL.pt ...]     models of posekit; none: the shipped ones and a ViT-S of random weights, which is made first
        [--threads 1,2] [--batches 1,2,4,8] [--rounds 15] [--json FILE]
        [--write PAGE]                  puts the tables into PAGE (docs/performance.md)

Runs with the Python that has Torch and posekit. One process for each model and number of threads; in it, all ways take turns, and medians are
compared. Quiet machine, please. "other numbers" marks a way whose output differs from the plain one's by more than a thousandth of its maximum.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- made by scripts/bench_forward.py --write -->", "<!-- end of what scripts/bench_forward.py made -->"
SHIPPED = ("pose_landmark_full.pt", "pose_landmark_lite.pt", "person_detector.pt", "shape308.pt")
WAYS = {
    "posekit": "as posekit loads it by default",
    "fuser": "torch.jit.enable_onednn_fusion",
    "channels last": "input with the channels last",
    "weights too": "input and weights with the channels last",
    "oneDNN layout": "weights and values in oneDNN's own layout",
    "optimize_for_inference": "torch.jit.optimize_for_inference",
    "bf16": "bfloat16, where the CPU computes in it",
}
LIMIT = 1e-3
CACHE = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"  # of 1024 by default: too few for all ways of a network at once


def cpu_values() -> dict[str, str]:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines) if value}


def cpu() -> str:
    values = cpu_values()
    flags = values.get("flags", "").split()
    widest = next((name for name in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if name in flags), "neither AVX2 nor AVX-512")
    return f"{values.get('model name', 'unknown CPU')} (family {values.get('cpu family')}, model {values.get('model')}, {widest})"


def has_bf16() -> bool:
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(cpu_values().get("flags", "").split())


def milliseconds(module, x) -> float:
    start = time.perf_counter()
    module(x)
    return 1000 * (time.perf_counter() - start)


def outputs(value) -> list:
    return [value] if not isinstance(value, (tuple, list)) else list(value)


def are_close(expected, found) -> bool:
    for a, b in zip(outputs(expected), outputs(found), strict=True):
        if a.is_floating_point() and float((a - b.float()).abs().max()) > LIMIT * float(a.abs().max()):
            return False
    return True


def ways_of(path: str):
    """The ways that Torch itself has, by name: a function of a batch. Those that fail are left out."""
    import torch

    def frozen(prepare=lambda module: module):
        return torch.jit.freeze(prepare(torch.jit.load(path).eval()))

    def last(x):
        return x.to(memory_format=torch.channels_last)

    def in_onednn_layout():
        module = frozen()
        torch._C._jit_pass_convert_frozen_ops_to_mkldnn(module.graph)
        return module

    def fused():
        module = frozen()
        torch.jit.enable_onednn_fusion(True)  # while it compiles
        return module

    def cast_to_bf16():
        module = frozen(lambda module: module.to(torch.bfloat16))
        return lambda x: module(x.to(torch.bfloat16))

    def with_last(module):
        return lambda x: module(last(x))

    makers = {
        "plain": frozen,
        "fuser": fused,
        "channels last": lambda: with_last(frozen()),
        "weights too": lambda: with_last(frozen(lambda module: module.to(memory_format=torch.channels_last))),
        "oneDNN layout": in_onednn_layout,
        "optimize_for_inference": lambda: torch.jit.optimize_for_inference(torch.jit.load(path).eval()),
    }
    if has_bf16():
        makers["bf16"] = cast_to_bf16
    return makers


def posekit_calls(path: str, task: str, batch: int, fuse: bool):
    """A function that runs a batch in posekit and gives the milliseconds of its forward, or of a detector's whole call."""
    import numpy as np
    import posekit

    image = (np.arange(480 * 640 * 3, dtype=np.uint32) * 2654435761 >> 24).astype(np.uint8).reshape(480, 640, 3)
    model = posekit.Model(path, fuse=fuse)
    if task == "pose":
        estimator = posekit.PoseEstimator(model, max_batch=batch)
        boxes = np.tile(np.array([200.0, 60.0, 440.0, 420.0]), (batch, 1))
        return lambda: estimator.estimate(image, boxes).timings.inference
    detector = posekit.PersonDetector(model, max_batch=batch)
    return lambda: milliseconds(detector.detect_batch, [image] * batch)


def measure(path: str, threads: int, batches: list[int], rounds: int) -> list[dict]:
    import posekit
    import torch

    torch.set_num_threads(threads)
    posekit.keep_freed_memory()
    info = posekit.inspect_model(path).info
    shape = (3, info.input.height, info.input.width)
    rows = []
    for batch in batches:
        torch.manual_seed(batch)
        x = torch.randn(batch, *shape)
        calls, different = {}, []
        with torch.inference_mode():
            expected = None
            for name, make in ways_of(path).items():
                try:
                    module = make()
                    for _ in range(3):
                        found = module(x)
                except Exception:
                    continue
                finally:
                    if name == "fuser":
                        torch.jit.enable_onednn_fusion(False)
                expected = found if expected is None else expected
                if not are_close(expected, found):
                    different.append(name)
                calls[name] = module
            times: dict[str, list[float]] = {name: [] for name in [*calls, "posekit, not fused", "posekit"]}
            own = {"posekit, not fused": posekit_calls(path, info.task, batch, False), "posekit": posekit_calls(path, info.task, batch, True)}
            for call in own.values():
                for _ in range(3):
                    call()
            for _ in range(rounds):
                for name, module in calls.items():
                    times[name].append(milliseconds(module, x))
                for name, call in own.items():
                    times[name].append(call())
            medians = {name: statistics.median(values) for name, values in times.items()}
            row = {"model": info.name, "threads": threads, "batch": batch, "plain_ms": medians["plain"], "other_numbers": different}
            row["ratios"] = {name: medians[name] / medians["plain"] for name in medians if name in WAYS and name != "posekit"}
            row["ratios"]["posekit"] = medians["posekit"] / medians["posekit, not fused"]
            rows.append(row)
    if threads == 1:
        rows.append({"model": info.name, "side_by_side": side_by_side(path, info.task, rounds)})
    return rows


def side_by_side(path: str, task: str, rounds: int) -> dict:
    """Forwards of one crop a second: one after the other with as many Torch threads as CPUs, and as many callers as CPUs with one thread each."""
    import torch

    cpus = len(os.sched_getaffinity(0))

    def each_second(callers: int, threads: int) -> float:
        torch.set_num_threads(threads)
        calls = [posekit_calls(path, task, 1, True) for _ in range(callers)]

        def work(call) -> None:
            torch.set_num_threads(threads)
            for _ in range(rounds):
                call()

        with concurrent.futures.ThreadPoolExecutor(callers) as pool:
            list(pool.map(work, calls))
            start = time.perf_counter()
            list(pool.map(work, calls))
            return callers * rounds / (time.perf_counter() - start)

    in_turn, together = [], []
    for _ in range(3):
        in_turn.append(each_second(1, cpus))
        together.append(each_second(cpus, 1))
    return {"cpus": cpus, "ratio": statistics.median(together) / statistics.median(in_turn)}


def tables(document: dict) -> str:
    rows = [row for row in document["rows"] if "ratios" in row]
    used = [name for name in WAYS if any(name in row["ratios"] for row in rows)]
    lines = [BEGIN, f"{document['cpu']}, {document['cpus']} CPUs, Torch {document['torch']}, {document['date']}; {document['rounds']} rounds.", ""]
    lines += [f"| model | threads | batch | plain, ms | {' | '.join(used)} |", "|---|---|---|---|" + "---|" * len(used)]
    for row in rows:
        cells = []
        for name in used:
            ratio = row["ratios"].get(name)
            cells.append("fails" if ratio is None else f"{ratio:.2f}" + (", other numbers" if name in row["other_numbers"] else ""))
        lines.append(f"| {row['model']} | {row['threads']} | {row['batch']} | {row['plain_ms']:.1f} | {' | '.join(cells)} |")
    lines += ["", "Forwards of one crop side by side, one Torch thread each ÷ in turn with all CPUs (throughput):", "", "| model | callers | ratio |"]
    lines += ["|---|---|---|"]
    for row in document["rows"]:
        if "side_by_side" in row:
            lines.append(f"| {row['model']} | {row['side_by_side']['cpus']} | {row['side_by_side']['ratio']:.2f} |")
    return "\n".join([*lines, END])


def write(page: pathlib.Path, text: str) -> None:
    old = page.read_text()
    if BEGIN not in old or END not in old:
        sys.exit(f"bench_forward.py: {page} has no lines \"{BEGIN}\" and \"{END}\": put them where the tables belong")
    page.write_text(old[: old.index(BEGIN)] + text + old[old.index(END) + len(END) :])


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--batches", type=numbers, default=[1, 2, 4, 8])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json")
    parser.add_argument("--write", type=pathlib.Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # a process of one model and number of threads
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.models[0], options.threads[0], options.batches, options.rounds)))
        return
    import torch

    document = {"format": "posekit-bench-forward/1", "cpu": cpu(), "cpus": len(os.sched_getaffinity(0)), "torch": torch.__version__,
                "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(), "rounds": options.rounds, "rows": []}
    with tempfile.TemporaryDirectory() as folder:
        models = options.models or [str(ROOT / "examples/models" / name) for name in SHIPPED]
        if not options.models:
            models.append(f"{folder}/vit_s.pt")
            subprocess.run([sys.executable, ROOT / "tests/bench/export_vit.py", models[-1], "--size", "192x256", "--depth", "12", "--dim", "384",
                            "--heads", "6", "--keypoints", "coco17", "--head", "256"], check=True, stdout=sys.stderr)
        for model in models:
            for threads in options.threads:
                command = [sys.executable, __file__, "--one", model, "--threads", str(threads), "--rounds", str(options.rounds),
                           "--batches", ",".join(map(str, options.batches))]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {CACHE: "16384"})
                document["rows"] += json.loads(done.stdout)
    text = tables(document)
    print(text)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(document, indent=1) + "\n")
    if options.write:
        write(options.write, text)


if __name__ == "__main__":
    main()
