"""Other processes: spawned ones work, forked ones get an error at once, nothing hangs."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import posekit
import pytest
from conftest import BOX, ROOT, Script

ROUNDS = int(os.environ.get("POSEKIT_ROUNDS", "1"))
TWO_TORCH_THREADS = {"OMP_NUM_THREADS": "2"}  # with one, nothing would hang


@pytest.mark.parametrize("round", range(ROUNDS))
@pytest.mark.parametrize("state", ["used", "fresh"])
@pytest.mark.parametrize("executor", ["serial", "pool"])
@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver", "threads"])
def test_no_child_hangs(kind: str, executor: str, state: str, round: int) -> None:
    command = [sys.executable, str(Path(__file__).with_name("processes.py")), kind, executor, state]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, cwd=ROOT, env=os.environ | TWO_TORCH_THREADS)
    assert done.returncode == 0, done.stderr
    answers = done.stdout.splitlines()
    assert len(answers) == 2
    for answer in answers:
        if kind == "fork":
            assert answer.startswith("ForkedError: ") and "spawn" in answer
        else:
            assert answer == "as the parent"


def test_a_forked_child_may_make_its_own_estimator_with_one_torch_thread(script: Script) -> None:
    """The documented way: posekit.set_torch_threads(1) first thing in the child, though its parent has used two."""
    out = script(
        """
        import multiprocessing, sys, numpy as np, posekit, torch
        BOX = [24.0, 8.0, 375.0, 511.0]
        lite = posekit.shipped_model("pose_landmark_lite.pt")
        def child(connection, image):
            posekit.set_torch_threads(1)
            boxes = posekit.PersonDetector().detect(image)
            connection.send(posekit.PoseEstimator(lite, executor=posekit.ThreadPool(2)).estimate(image, boxes).keypoints)
        image = posekit.read_image("examples/images/astronaut.jpg")
        posekit.PoseEstimator(lite).estimate(image, [BOX])
        torch.ones(512, 512) @ torch.ones(512, 512)
        ours, theirs = multiprocessing.Pipe()
        process = multiprocessing.get_context("fork").Process(target=child, args=(theirs, image))
        process.start()
        got = ours.recv() if ours.poll(60) else None
        process.kill()
        posekit.set_torch_threads(1)
        print(np.array_equal(got, posekit.PoseEstimator(lite).estimate(image, posekit.PersonDetector().detect(image)).keypoints))
        """,
        **TWO_TORCH_THREADS,
    )
    assert out == "True"


def test_a_forked_pool_reports_the_error_instead_of_losing_its_workers(script: Script) -> None:
    """Pool pickles the estimator into children that are forked: an error while unpickling would end them, and map would wait for ever."""
    out = script(
        """
        import functools, multiprocessing, posekit
        if __name__ == "__main__":
            estimator = posekit.PoseEstimator()
            detector = posekit.PersonDetector()
            image = posekit.read_image("examples/images/astronaut.jpg")
            predict = posekit.Predictor(estimator, detector).predict
            for call in (functools.partial(estimator.estimate, boxes=[[24, 8, 375, 511]]), detector.detect, predict):
                with multiprocessing.get_context("fork").Pool(2) as pool:
                    try:
                        pool.map(call, [image] * 4)
                    except posekit.ForkedError as error:
                        print("set_torch_threads(1)" in str(error), error.code.name)
        """,
        **TWO_TORCH_THREADS,
    )
    assert out.splitlines() == ["True FORKED"] * 3


def test_models_and_predictors_of_the_parent_are_refused_in_a_forked_child(script: Script) -> None:
    out = script(
        """
        import os, signal, posekit
        posekit.set_torch_threads(1)
        model = posekit.Model(posekit.shipped_model("pose_landmark_lite.pt"))
        estimator = posekit.PoseEstimator(model)
        predictor = posekit.Predictor(estimator, posekit.PersonDetector())
        image = posekit.read_image("examples/images/astronaut.jpg")
        predictor.predict(image)
        uses = [model.measure_memory, lambda: posekit.PoseEstimator(model), lambda: predictor.predict(image),
                lambda: predictor.predict(image, [[24, 8, 375, 511]]), lambda: posekit.Predictor(estimator).predict(image, [[24, 8, 375, 511]])]
        child = os.fork()
        if child == 0:
            signal.alarm(60)
            refused = 0
            for use in uses:
                try:
                    use()
                except posekit.ForkedError:
                    refused += 1
            del model, estimator, predictor, uses, use
            own = posekit.Predictor(posekit.PoseEstimator(), posekit.PersonDetector())
            os._exit(refused if len(own.predict(image)) == 1 else 99)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(predictor.predict(image)))
        """
    )
    assert out == "5 1"


def test_a_spawned_pool_works_with_a_pickled_estimator(script: Script) -> None:
    out = script("""
        import functools, multiprocessing, numpy as np, posekit
        if __name__ == "__main__":
            pool = posekit.ThreadPool(2)
            estimator = posekit.PoseEstimator(executor=pool, keypoints="coco17", max_batch=2)
            image = posekit.read_image("examples/images/astronaut.jpg")
            call = functools.partial(estimator.estimate, boxes=[[24, 8, 375, 511]])
            with multiprocessing.get_context("spawn").Pool(2) as processes:
                results = processes.map(call, [image] * 4)
            print(all(np.array_equal(result.keypoints, call(image).keypoints) for result in results), results[0])
        """)
    assert out.startswith("True PoseResult(1 person, 17 keypoints")


def test_a_preloading_forkserver_is_no_fork_of_the_users(script: Script, tmp_path: Path) -> None:
    """Its server has imported posekit and done nothing else, so its children may load with any number of Torch threads."""
    (tmp_path / "job.py").write_text(
        "import posekit\ndef job(_):\n    return posekit.PoseEstimator(warm_up='check').info.name, posekit.torch_threads()\n"
    )
    out = script(
        """
        import multiprocessing, sys
        if __name__ == "__main__":
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["posekit", "job"])
            import job
            with context.Pool(2) as pool:
                print(pool.map(job.job, range(4)))
        """,
        PYTHONPATH=f"{tmp_path}:{os.environ['PYTHONPATH']}",
        **TWO_TORCH_THREADS,
    )
    assert out == str([(posekit.PoseEstimator().info.name, 2)] * 4)


@pytest.mark.parametrize("start", ["spawn", "fork"])
def test_a_data_loader_worker_works_with_an_estimator_of_its_own(start: str, script: Script) -> None:
    """Spawned: the data set's estimator comes along. Forked: it refuses, and one that is made in the worker works, as Torch has one thread there."""
    out = script(
        """
        import sys, numpy as np, posekit, torch
        from torch.utils.data import DataLoader, Dataset
        class Poses(Dataset):
            def __init__(self, estimator): self.estimator = estimator
            def __len__(self): return 4
            def __getitem__(self, index):
                estimator = self.estimator or posekit.PoseEstimator()
                image = posekit.read_image("examples/images/astronaut.jpg")
                return torch.from_numpy(estimator.estimate(image, [[24, 8, 375, 511]]).keypoints)
        if __name__ == "__main__":
            start = sys.argv[1]
            torch.ones(512, 512) @ torch.ones(512, 512)
            made = posekit.PoseEstimator()
            made.estimate(posekit.read_image("examples/images/astronaut.jpg"), [[24, 8, 375, 511]])
            loaded = [batch for batch in DataLoader(Poses(made if start == "spawn" else None), num_workers=2, multiprocessing_context=start, timeout=60)]
            posekit.set_torch_threads(1)
            print(all(torch.equal(batch[0], Poses(None)[0]) for batch in loaded), len(loaded))
            if start == "fork":
                try:
                    next(iter(DataLoader(Poses(made), num_workers=1, multiprocessing_context=start, timeout=60)))
                except posekit.ForkedError as error:
                    print(error.code.name)
        """,
        start,
        timeout=120,
        **TWO_TORCH_THREADS,
    )
    assert out.splitlines() == ["True 4"] + (["FORKED"] if start == "fork" else [])


def test_an_object_pickles_as_its_options_and_loads_at_its_first_use(photo: np.ndarray, tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(posekit.shipped_model("pose_landmark_lite.pt").read_bytes())
    estimator = posekit.PoseEstimator(model, executor=posekit.ThreadPool(2), keypoints=["nose", "left_hip"], flip_test=True, max_batch=3)
    data = pickle.dumps(estimator)
    assert len(data) < 2000, "no weights in it"
    copy = pickle.loads(data)
    assert np.array_equal(copy.estimate(photo, [BOX]).keypoints, estimator.estimate(photo, [BOX]).keypoints)
    assert copy.keypoints.names == ["nose", "left_hip"] and repr(copy) == repr(estimator)
    late = pickle.loads(data)
    model.unlink()
    with pytest.raises(posekit.NotFoundError, match="model.pt"):
        late.estimate(photo, [BOX])
    detector = posekit.PersonDetector(tiles=[0.5], max_persons=1)
    assert np.array_equal(pickle.loads(pickle.dumps(detector)).detect(photo), detector.detect(photo))


def test_objects_that_shared_a_model_share_one_when_they_are_pickled_together(lite: Path) -> None:
    model = posekit.Model(lite)
    made = (posekit.PoseEstimator(model), posekit.PoseEstimator(model, keypoints="coco17"), model)
    first, second, copy = pickle.loads(pickle.dumps(made))
    assert first.model is second.model is copy and repr(copy) == repr(model)


def test_objects_that_shared_a_pool_share_one_when_they_are_pickled_together() -> None:
    pool = posekit.ThreadPool(2)
    estimator, detector = pickle.loads(pickle.dumps((posekit.PoseEstimator(executor=pool), posekit.PersonDetector(executor=pool))))
    assert estimator._options["executor"] is detector._options["executor"]
