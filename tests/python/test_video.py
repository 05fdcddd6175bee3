"""Videos and folders."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import posekit
import pytest
from conftest import IMAGES, Script
from message_form import check_message_form


def film(path: Path, frames: int = 8, fps: float = 8) -> list[int]:
    """A camera that moves over a photo. Returns where the window's left side is in each frame."""
    photo = posekit.read_image(IMAGES / "astronaut.jpg")
    lefts = [i * 8 for i in range(frames)]
    codec = cv2.VideoWriter.fourcc(*("mp4v" if path.suffix == ".mp4" else "MJPG"))
    writer = cv2.VideoWriter(str(path), codec, fps, (440, 512))
    for left in lefts:
        writer.write(photo[:, left : left + 440])
    writer.release()
    return lefts


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_a_video_gives_every_frame_with_its_place_and_time(name: str, tmp_path: Path) -> None:
    lefts = film(tmp_path / name)
    photo = posekit.read_image(IMAGES / "astronaut.jpg").astype(int)
    with posekit.open_video(tmp_path / name) as video:
        assert (video.width, video.height, video.fps, video.frames, video.rotation) == (440, 512, 8, 8, 0)
        frames = list(video)
        assert video.skipped == 0
    assert [frame.index for frame in frames] == list(range(8))
    assert [frame.time_s for frame in frames] == [i / 8 for i in range(8)]
    for left, frame in zip(lefts, frames):
        assert frame.image.flags.writeable and frame.image.flags.c_contiguous
        assert np.abs(frame.image - photo[:, left : left + 440]).mean() < 6
    with pytest.raises(posekit.ClosedError):
        next(video)


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_cv2_and_av_decode_the_same_frames_at_the_same_times_in_every_rotation(name: str, tmp_path: Path) -> None:
    from posekit import _av_video, _cv2_video

    film(tmp_path / name)
    for rotation in (0, 90, 180, 270):
        by_cv2, by_av = _cv2_video.Decoder(str(tmp_path / name)), _av_video.Decoder(str(tmp_path / name))
        assert by_cv2.is_open and by_av.is_open
        assert by_cv2.info() == by_av.info() == (440, 512, 8, 8)
        for _ in range(8):
            assert by_cv2.grab() and by_av.grab()
            assert by_av.time_ms() == pytest.approx(by_cv2.time_ms(), abs=0.01)
            one, other = by_cv2.retrieve(rotation), by_av.retrieve(rotation)
            assert one is not None and other is not None and one.shape == other.shape == ((440, 512, 3) if rotation in (90, 270) else (512, 440, 3))
            assert np.abs(one.astype(int) - other).mean() < 1  # they turn YUV into BGR by filters of their own
        assert not by_cv2.grab() and not by_av.grab()
    (tmp_path / "text.mp4").write_text("no video")
    assert not _av_video.Decoder(str(tmp_path / "text.mp4")).is_open


def test_a_frame_outlives_its_video_and_belongs_to_nobody_else(tmp_path: Path) -> None:
    film(tmp_path / "a.avi")
    video = posekit.open_video(str(tmp_path / "a.avi"))
    first, second = next(video).image, next(video).image
    before = second.copy()
    del video
    first[:] = 0
    assert np.array_equal(second, before)


def test_broken_videos_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    film(tmp_path / "cut.avi", 20)
    content = (tmp_path / "cut.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    posekit.silence_video_messages()
    calls: list[tuple[Callable[[], object], type[posekit.Error], str, str]] = [
        (lambda: posekit.open_video(tmp_path / "text.mp4"), posekit.IoError, "video", "text.mp4"),
        (lambda: posekit.open_video(tmp_path / "none.mp4"), posekit.NotFoundError, "video", "none.mp4"),
        (lambda: posekit.open_video(4321), posekit.NotFoundError, "camera", "4321"),
        (lambda: posekit.open_video(tmp_path / "cut.avi", max_pixels=1000), posekit.InvalidArgumentError, "video", "1000"),
    ]
    for call, kind, thing, words in calls:
        with pytest.raises(kind) as caught:
            call()
        check_message_form(caught.value, thing, words)
    frames = []
    with pytest.raises(posekit.IoError) as cut_off:
        for frame in posekit.open_video(tmp_path / "cut.avi"):
            frames.append(frame.index)
    check_message_form(cut_off.value, "cut.avi", "is cut off")
    assert 0 < len(frames) < 20


def test_two_threads_share_a_video_and_every_frame_comes_once(tmp_path: Path) -> None:
    film(tmp_path / "a.avi", 9)
    video = posekit.open_video(tmp_path / "a.avi")
    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.extend(frame.index for frame in video)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == list(range(9))


def test_folders_are_listed_sorted_and_in_parts(tmp_path: Path) -> None:
    names = [f"sub-{i % 7}/{i}.{'mp4' if i % 10 == 0 else 'jpg'}" for i in range(300)]
    for name in [*names, "notes.txt"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    images = list(posekit.list_images(tmp_path))
    videos = list(posekit.list_videos(str(tmp_path)))
    assert images == sorted(tmp_path / name for name in names if name.endswith("jpg"))
    assert videos == sorted(tmp_path / name for name in names if name.endswith("mp4"))
    parts = [list(posekit.list_images(tmp_path, shard=(i, 3))) for i in range(3)]
    assert all(parts) and sorted(path for part in parts for path in part) == images
    (tmp_path / "sub-0/added.jpg").touch()
    later = [list(posekit.list_images(tmp_path, shard=(i, 3))) for i in range(3)]
    assert all(set(before) <= set(after) for before, after in zip(parts, later))


def test_a_folder_that_can_not_be_listed_is_reported(tmp_path: Path) -> None:
    with pytest.raises(posekit.IoError, match="missing"):
        list(posekit.list_images(tmp_path / "missing"))
    for shard in ((3, 3), (-1, 3), (0, 0)):
        with pytest.raises(posekit.InvalidArgumentError, match="shard"):
            posekit.list_images(tmp_path, shard=shard)


def test_one_folder_that_can_not_be_listed_does_not_end_the_listing(tmp_path: Path) -> None:
    for name in ("a.jpg", "z.jpg"):
        (tmp_path / name).touch()
    level = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):  # in the end a path longer than the system takes
        os.mkdir("d" * 250, dir_fd=level)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=level)
        os.close(level)
        level = below
    os.close(level)
    problems: list[posekit.IoError] = []
    assert list(posekit.list_images(tmp_path, on_error=problems.append)) == [tmp_path / "a.jpg", tmp_path / "z.jpg"]
    assert len(problems) == 1 and "can't be listed" in str(problems[0])
    with pytest.raises(posekit.IoError, match="can't be listed"):
        list(posekit.list_images(tmp_path))


@pytest.mark.parametrize(
    ("extension", "codec"),
    [(".mts", "MPG2"), (".m2ts", "MPG2"), (".ts", "mp4v"), (".3gp", "mp4v"), (".wmv", "WMV2"), (".flv", "FLV1"), (".mpg", "MPG1"), (".ogv", "THEO")],
)
def test_the_containers_of_cameras_and_older_programs_are_videos(extension: str, codec: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{extension}"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 25, (64, 48))
    if not writer.isOpened():
        pytest.skip(f"this OpenCV has no encoder for {extension}")
    for i in range(6):
        writer.write(np.full((48, 64, 3), 20 * i, np.uint8))
    writer.release()
    assert list(posekit.list_videos(tmp_path)) == [path]
    assert list(posekit.list_images(tmp_path)) == []
    means = [frame.image.mean() for frame in posekit.open_video(path)]
    assert len(means) == 6
    assert np.allclose(means, [20 * i for i in range(6)], atol=12)


def test_a_listing_counts_what_it_leaves_out(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.HEIC", "c.heic", "notes", ".hidden.jpg", "a.jpg.json", "clip.mp4"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "again").symlink_to(".")
    counts: list[dict[str, int]] = []
    assert list(posekit.list_images(tmp_path, on_left_out=counts.append)) == [tmp_path / "a.jpg"]
    assert list(posekit.list_videos(tmp_path, on_left_out=counts.append)) == [tmp_path / "clip.mp4"]
    assert counts == 2 * [{".heic": 2, "": 1, "hidden names": 1, "linked folders": 1, "results of posekit": 1}]


def test_ffmpeg_is_silent_when_asked(tmp_path: Path, script: Script) -> None:
    film(tmp_path / "a.avi")
    code = """
        import os, sys, posekit
        if sys.argv[2] == "quiet":
            posekit.silence_video_messages()
        content = bytearray(open(sys.argv[1], "rb").read())
        at = content.find(b"00dc", content.find(b"movi")) + 8
        content[at:at + 4000] = bytes(4000)
        open(sys.argv[1], "wb").write(content)
        reader, writer = os.pipe()
        os.dup2(writer, 2)
        video = posekit.open_video(sys.argv[1])
        count = len(list(video))
        os.write(writer, b".")
        print(count, video.skipped, len(os.read(reader, 100000)) > 1)
    """
    assert script(code, str(tmp_path / "a.avi"), "quiet") == "7 1 False"
    film(tmp_path / "a.avi")
    assert script(code, str(tmp_path / "a.avi"), "loud") == "7 1 True"
