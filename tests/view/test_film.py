import re
import subprocess
from dataclasses import replace

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image

from understudy.errors import LimitError, UnderstudyError, UnknownName
from understudy.view import offscreen, pictures, sheet, video, write_report
from understudy.view.offscreen import working_backend
from understudy.view.pictures import cast, choose_renderer, clock, shots
from understudy.view.scene import compose

SIZE = (96, 64)


def probe(path) -> tuple[str, int]:
    """What ffmpeg says about a file, and how many frames it decodes."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path), "-f", "null", "-"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    return told, int(re.findall(r"frame=\s*(\d+)", told)[-1])


def test_a_video_has_the_size_the_codec_and_every_frame(tmp_path, human, robot_motion):
    path = tmp_path / "pair.mp4"
    done = []
    drawn = video(
        path, human, robot_motion, fps=10, size=SIZE, renderer="software", progress=lambda *p: done.append(p)
    )
    told, frames = probe(path)
    assert frames == int(human.duration * 10) + 1
    assert done[-1] == (frames, frames)
    assert "h264" in told
    assert "yuv420p" in told
    assert "96x64" in told
    assert "10 fps" in told
    assert drawn.path == path
    assert drawn.renderer == "software"
    assert drawn.note is None


@pytest.mark.parametrize("who", ["human", "robot"])
def test_either_may_be_missing(tmp_path, human, robot_motion, who):
    pair = (human, None) if who == "human" else (None, robot_motion)
    video(tmp_path / "one.mp4", *pair, fps=4, size=SIZE, renderer="software")
    sheet(tmp_path / "one.png", *pair, columns=2, rows=1, cell=(40, 50), renderer="software")
    assert probe(tmp_path / "one.mp4")[1] == int(human.duration * 4) + 1
    with Image.open(tmp_path / "one.png") as page:
        assert page.height < 100


def test_a_failed_video_leaves_nothing(tmp_path, human, monkeypatch):
    def broken(*_):
        yield np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
        raise RuntimeError("the lights went out")

    monkeypatch.setattr("understudy.view.film.shots", broken)
    with pytest.raises(RuntimeError, match="lights"):
        video(tmp_path / "half.mp4", human, None, size=SIZE, renderer="software")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [(95, 64), (96, 63), (0, 0)])
def test_odd_sizes_are_refused(tmp_path, human, size):
    with pytest.raises(LimitError, match="even numbers"):
        video(tmp_path / "odd.mp4", human, None, size=size, renderer="software")


def test_a_sheet_shows_every_moment(tmp_path, human, robot_motion):
    cell = (60, 80)
    sheet(tmp_path / "sheet.png", human, robot_motion, columns=3, rows=2, cell=cell, renderer="software")
    with Image.open(tmp_path / "sheet.png") as page:
        assert 3 * 60 < page.width < 3 * 60 + 80
        assert 4 * 80 < page.height < 4 * 80 + 100
    with pytest.raises(LimitError, match="one column"):
        sheet(tmp_path / "none.png", human, robot_motion, columns=0, renderer="software")


def test_unknown_renderers_are_named():
    with pytest.raises(UnknownName, match="Did you mean 'software'"):
        choose_renderer("softwear")


def test_without_opengl_software_draws_and_says_what_would_help(monkeypatch):
    monkeypatch.setattr(pictures, "working_backend", lambda: None)
    name, note = choose_renderer(None)
    assert name == "software"
    assert note is not None
    assert "libosmesa6" in note
    assert choose_renderer("software") == ("software", None)
    with pytest.raises(UnderstudyError, match="'egl' does not work on this machine; 'software' does"):
        choose_renderer("egl")


def test_a_backend_that_fails_is_not_chosen(monkeypatch):
    monkeypatch.setattr(offscreen, "_PROBE", "raise SystemExit(3)  # {0}")
    working_backend.cache_clear()
    try:
        assert working_backend() is None
    finally:
        working_backend.cache_clear()


def test_opengl_and_software_show_the_same_scene(human, robot_motion):
    backend = working_backend()
    if backend is None:
        pytest.skip("no OpenGL on this machine")
    scene = compose([a.at(np.array([0.5]), 1.0) for a in cast([human, robot_motion])], 1.0)
    size = (240, 136)
    [gl], [plain] = list(shots(scene, size, backend)), list(shots(scene, size, "software"))
    assert gl.shape == plain.shape == (136, 240, 3)

    def saturated(image):
        return np.ptp(image.astype(int), axis=-1) > 60

    both = saturated(gl) & saturated(plain)
    either = saturated(gl) | saturated(plain)
    assert both.sum() > 0.6 * either.sum()


def test_time_stamps():
    assert clock(3.456) == "3.46 s"
    assert clock(63.25) == "1:03.25"


def test_one_frame_is_a_clip_too(tmp_path, human, robot_motion):
    still = replace(human, pos=human.pos[:1], quat=human.quat[:1], tracks={})
    pose = replace(
        robot_motion,
        root_pos=robot_motion.root_pos[:1],
        root_quat=robot_motion.root_quat[:1],
        joint_pos=robot_motion.joint_pos[:1],
    )
    video(tmp_path / "one.mp4", still, pose, size=SIZE, renderer="software")
    sheet(tmp_path / "one.png", still, pose, columns=2, rows=1, cell=(40, 50), renderer="software")
    write_report(tmp_path / "one.html", {}, still, pose, renderer="software")
    assert probe(tmp_path / "one.mp4")[1] == 1


def test_a_body_with_few_landmarks_can_be_drawn(tmp_path, human):
    names = ("pelvis", "head", "left_knee", "right_wrist")
    skeleton = replace(human.skeleton, landmarks=human.skeleton.landmarks.select(names))
    sheet(tmp_path / "few.png", replace(human, skeleton=skeleton), None, cell=(40, 50), renderer="software")
