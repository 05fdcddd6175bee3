#!/usr/bin/env python3
"""Runs the benchmarks and prints each figure as a ratio to the bare primitive of the same run, beside its target.

    bench.py [--build BUILD] [--json FILE] [--rounds N]    run, print the table; FILE keeps the figures
    bench.py --from FILE.json ...                          the table of kept figures, rounds of several files together
    bench.py --write PAGE ...                              also put the table into PAGE (docs/performance.md)
    bench.py --compare OLD.json NEW.json                   ratios new / old of two such files

Medians of interleaved rounds. Quiet machine, please: figures of a busy one say little, though ratios say more than times.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def warp(kind, size, source):
    (w, h), (from_w, from_h) = size, source
    return f"{kind}/w:{w}/h:{h}/from_w:{from_w}/from_h:{from_h}"


def targets():
    """(what, benchmark, what it is held against, target): a benchmark to divide by, with a factor before it, or "-" to take off; or nothing.
    A counter of a benchmark is named after it."""
    small, large, vga, uhd = (192, 256), (768, 1024), (640, 480), (3840, 2160)
    limits = {(small, vga): 0.85, (large, vga): 0.40, (small, uhd): 1.1, (large, uhd): 1.0}
    rows = []
    for (size, source), limit in limits.items():
        name = f"{size[0]}×{size[1]} from {source[0]}×{source[1]}"
        rows.append((f"crop + normalise, {name} ÷ OpenCV's warp alone", warp("posekit_float", size, source), warp("opencv_warp", size, source), limit))
        rows.append((f"uint8 crop, {name} ÷ crop + normalise", warp("posekit_uint8", size, source), warp("posekit_float", size, source), 0.8))
    for percent in (100, 200, 400):
        enlarging = [f"posekit_enlarging/{kind}/w:768/h:1024/percent:{percent}" for kind in ("bicubic", "bilinear")]
        rows.append((f"crop + normalise, 768×1024 enlarged to {percent} %, bicubic ÷ bilinear", *enlarging, 1.6))
    large_maps, small_maps = "K:308/w:192/h:256", "K:17/w:48/h:64"
    rows += [
        ("decode, K = 308, 192×256 ÷ scan for the maximum", f"udp_decode/{large_maps}", f"maximum_scan/{large_maps}", 1.12),
        ("decode, K = 17, 48×64 (µs)", f"udp_decode/{small_maps}", None, 12),
        ("estimate() of one person around a model that does nothing − its bare parts, 192×256 (µs)",
         "estimate_one_person/pool:0/real_time", "-bare_parts/real_time", 50),
        ("the same for 16 people, pool of 2 ÷ serial", "estimate_crowd/pool:2/real_time", "estimate_crowd/pool:0/real_time", 1 / 1.85),
        ("the same for 10,000 boxes in one call ÷ 625 times 16 (linear: 1)", "estimate_10000_boxes/pool:0/real_time",
         "625 estimate_crowd/pool:0/real_time", 1.1),
        ("stream of 200 frames, three stages that sleep 10 ms each ÷ the stages in turn (95 frames/s beside 33: 0.35)",
         "sleeping_stages_in_a_pipeline/real_time", "sleeping_stages_in_turn/real_time", 0.35),
        ("stream through the shipped models ÷ the plain loop", "pipeline/real_time", "plain_loop/real_time", 1.0),
        ("two streams that share models and executor ÷ twice one", "two_pipelines/real_time", "2 pipeline/real_time", 1.05),
        ("16 empty tasks, serial (µs)", "serial_16_tasks", None, 5),
        ("16 empty tasks, pool of 2 (µs)", "pool_16_tasks/2/real_time", None, 20),
        ("16 empty tasks, pool of 4 (µs)", "pool_16_tasks/4/real_time", None, 20),
        ("a boxes file of 100,000 entries, matched to 100,000 images (µs)", "boxes_file/100000/0", None, 2_000_000),
        ("the same ÷ parsing its JSON alone", "boxes_file/100000/0", "boxes_file/json", 10),
        ("the same with 100 names in each of 1,000 folders (µs)", "boxes_file/100000/1", None, 2_000_000),
        ("the same with one name in all folders (µs)", "boxes_file/100000/2", None, 2_000_000),
        ("reading a JPEG photo ÷ OpenCV's decoder alone", "read_jpeg", "opencv_jpeg", 1),
        ("whole job on the shipped photos, `pose_landmark_full`: all but the forward ÷ forward", "whole_job/pool:0/torch:1/real_time rest_by_forward",
         None, 0.1),
        ("the same with 2 Torch threads, pool of 2 ÷ serial", "whole_job/pool:2/torch:2/real_time", "whole_job/pool:0/torch:2/real_time", 1),
        ("people of the shipped photos in one call, one Torch thread a replica: two replicas on the CPU ÷ one", "replicas/count:2/real_time",
         "replicas/count:1/real_time", 1 / 1.8),
    ]
    return rows


def run(build, rounds):
    """The measurements of both programs in one document."""
    documents = []
    for program in (build / "tests/bench" / name for name in ("posekit_bench", "posekit_whole_bench")):
        if not program.exists():
            sys.exit(f"bench.py: {program} is not there: build it first (./bootstrap.sh build), or name another folder with --build")
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            subprocess.run([program, f"--benchmark_out={file.name}", "--benchmark_out_format=json", f"--benchmark_repetitions={rounds}",
                            "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.1"], check=True, stdout=subprocess.DEVNULL)
            documents.append(json.loads(pathlib.Path(file.name).read_text(encoding="utf-8")))
    return {**documents[0], "benchmarks": [entry for document in documents for entry in document["benchmarks"]]}


def medians(document):
    """Benchmark name -> median over its rounds, in microseconds: of CPU time, or of wall time where several threads work. Counters likewise."""
    known = ("run_name", "family_index", "per_family_instance_index", "repetitions", "repetition_index", "threads", "iterations", "real_time", "cpu_time")
    times = {}
    for entry in document["benchmarks"]:
        if entry.get("run_type") == "iteration":
            factor = {"ns": 1e-3, "us": 1, "ms": 1e3, "s": 1e6}[entry["time_unit"]]
            kind = "real_time" if entry["run_name"].endswith("/real_time") else "cpu_time"
            times.setdefault(entry["run_name"], []).append(entry[kind] * factor)
            for counter, value in entry.items():
                if isinstance(value, (int, float)) and counter not in known:
                    times.setdefault(f"{entry['run_name']} {counter}", []).append(value)
    return {name: statistics.median(values) for name, values in times.items()}


def machine(document):
    context = document["context"]
    try:
        model = next(line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
                     if line.startswith("model name"))
    except (OSError, StopIteration):
        model = "unknown processor"
    return f"{model}, {context['num_cpus']} CPUs, {context['date'][:10]}, load {context['load_avg'][0]:.1f} at the start"


def shown(figure, digits):
    return f"{figure:,.0f}" if figure >= 1000 else f"{figure:{digits}}"


def table(document):
    found = medians(document)
    rounds = 1 + max(entry.get("repetition_index", 0) for entry in document["benchmarks"])
    lines = [f"{machine(document)}; medians of {document.get('files', 1) * rounds} interleaved rounds.", "", "| what | figure | target | |",
             "|---|---|---|---|"]
    for what, name, base, target in targets():
        figure = found[name]
        if base and base.startswith("-"):
            figure -= found[base[1:]]
        elif base:
            factor, _, of = base.rpartition(" ")
            figure /= found[of] * float(factor or 1)
        lines.append(f"| {what} | {shown(figure, '.2f')} | ≤ {shown(target, '.3g')} | {'met' if figure <= target else '**missed**'} |")
    return "\n".join(lines)


def read_kept(files):
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return {**documents[0], "files": len(documents), "benchmarks": [entry for document in documents for entry in document["benchmarks"]]}


def write_into(page, text):
    """Replaces what is between the page's two marks."""
    begin, end = "<!-- made by scripts/bench.py --write -->", "<!-- end of what scripts/bench.py made -->"
    old = page.read_text(encoding="utf-8")
    if old.count(begin) != 1 or old.count(end) != 1:
        sys.exit(f"bench.py: {page} lacks the marks {begin} and {end}: put them where the table goes")
    page.write_text(old.split(begin)[0] + f"{begin}\n{text}\n{end}" + old.split(end)[1], encoding="utf-8")


def compare(old, new):
    before, after = (medians(json.loads(pathlib.Path(path).read_text(encoding="utf-8"))) for path in (old, new))
    for name in sorted(before.keys() & after.keys()):
        print(f"{after[name] / before[name]:6.2f}  {name}  ({before[name]:.2f} µs → {after[name]:.2f} µs)")
    for name in sorted(before.keys() ^ after.keys()):
        print(f"  only in {old if name in before else new}: {name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--from", dest="kept", type=pathlib.Path, nargs="+", metavar="FILE.json")
    parser.add_argument("--write", type=pathlib.Path, metavar="PAGE")
    parser.add_argument("--compare", nargs=2, metavar=("OLD.json", "NEW.json"))
    arguments = parser.parse_args()
    if arguments.compare:
        compare(*arguments.compare)
        return
    document = read_kept(arguments.kept) if arguments.kept else run(arguments.build, arguments.rounds)
    if arguments.json:
        arguments.json.write_text(json.dumps(document, indent=1), encoding="utf-8")
    text = table(document)
    print(text)
    if arguments.write:
        write_into(arguments.write, text)


if __name__ == "__main__":
    main()
