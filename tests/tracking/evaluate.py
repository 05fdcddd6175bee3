#!/usr/bin/env python3
"""HOTA, IDF1, MOTA and id switches of posekit's tracker beside a plain greedy IoU tracker, by TrackEval: evaluate.py SEQUENCES_PROGRAM

HOTA: Luiten et al., IJCV 2021; IDF1: Ristani et al., ECCV-W 2016; MOTA: Bernardin and Stiefelhagen, 2008. Prints a table and fails where posekit is
not clearly better among crossing people, or switches an id where nobody is hidden. Exit status 4: TrackEval is not installed (./bootstrap.sh build --dev).
"""
import collections
import json
import subprocess
import sys

try:
    import numpy as np
    from trackeval.metrics import CLEAR, HOTA, Identity
except ImportError as missing:
    print(f"skipped: {missing}: ./bootstrap.sh test installs it")
    sys.exit(4)


def iou(a, b):
    """IoU of boxes [n, 4] and [m, 4]."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    inside = np.prod(np.clip(high - low, 0, None), axis=2)
    area = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (a, b)]
    return inside / (area[0][:, None] + area[1][None, :] - inside)


def sequence(frames, tracker):
    """A film in TrackEval's form: ids numbered from 0, similarities of each frame."""
    numbers = {"truth": {}, tracker: {}}
    data = {"gt_ids": [], "tracker_ids": [], "similarity_scores": [], "num_timesteps": len(frames)}
    for frame in frames:
        boxes = {}
        for who, key in (("truth", "gt_ids"), (tracker, "tracker_ids")):
            people = np.array(frame[who], dtype=float).reshape(-1, 5)
            data[key].append(np.array([numbers[who].setdefault(int(i), len(numbers[who])) for i in people[:, 0]], dtype=int))
            boxes[who] = people[:, 1:]
        data["similarity_scores"].append(iou(boxes["truth"], boxes[tracker]))
    for key, who in (("gt", "truth"), ("tracker", tracker)):
        data[f"num_{key}_ids"] = len(numbers[who])
        data[f"num_{key}_dets"] = sum(len(ids) for ids in data[f"{key}_ids"])
    return data


def figures(films, tracker):
    sequences = {name: sequence(frames, tracker) for name, frames in films.items()}
    result = {}
    for metric in (HOTA(), CLEAR({"PRINT_CONFIG": False}), Identity({"PRINT_CONFIG": False})):
        result |= metric.combine_sequences({name: metric.eval_sequence(data) for name, data in sequences.items()})
    return {"HOTA": 100 * np.mean(result["HOTA"]), "IDF1": 100 * result["IDF1"], "MOTA": 100 * result["MOTA"], "switches": int(result["IDSW"])}


def main():
    lines = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout.splitlines()
    films = collections.defaultdict(lambda: collections.defaultdict(list))
    for line in lines:
        frame = json.loads(line)
        films[frame["film"], frame["fps"]][str(frame["seed"])].append(frame)
    problems = []
    print(f"{'film':10} {'frames a second':16} {'tracker':8} {'HOTA':>6} {'IDF1':>6} {'MOTA':>6} {'switches':>8}")
    for (film, fps), seeds in films.items():
        found = {tracker: figures(seeds, tracker) for tracker in ("posekit", "iou")}
        for tracker, values in found.items():
            print(f"{film:10} {fps:16} {tracker:8} {values['HOTA']:6.1f} {values['IDF1']:6.1f} {values['MOTA']:6.1f} {values['switches']:8}")
        ours, plain = found["posekit"], found["iou"]
        if film == "apart" and ours["switches"]:
            problems.append(f"{film} at {fps}: {ours['switches']} switches though nobody is hidden")
        if film != "apart" and not (ours["HOTA"] > plain["HOTA"] + 3 and ours["IDF1"] > plain["IDF1"] + 3 and ours["switches"] < plain["switches"]):
            problems.append(f"{film} at {fps}: not clearly better than the IoU tracker")
    if len(films) != 12:
        problems.append(f"{len(films)} kinds of films, 12 were expected")
    sys.exit("\n".join(problems) or 0)


if __name__ == "__main__":
    main()
