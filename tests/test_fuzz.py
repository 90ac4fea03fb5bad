"""Two thousand damaged files of every format: each loads or is refused in a paragraph of ours, never otherwise."""

import warnings

import numpy as np
import pytest

from understudy import kinematics, motion, robots
from understudy.errors import UnderstudyError
from understudy.motion import sample
from understudy.motion.types import RobotMotion

EACH = 300


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """One sound file of each format, with the options that its reader needs."""
    folder = tmp_path_factory.mktemp("sound")
    g1 = robots.load("unitree_g1")
    human = sample.motion("wave", fps=30.0)
    home = np.tile(g1.home, (12, 1))
    robot = RobotMotion(g1.name, g1.joints, 30.0, home[:, :3], home[:, 3:7], home[:, 7:])
    whose = {"joints": g1.joints, "robot": g1.name}
    files = []
    for name, clip, form, options in (
        ("human.bvh", human, "bvh", {}),
        ("human.npz", human, "native", {}),
        ("robot.npz", robot, "native", {}),
        ("robot.pkl", robot, "gmr-pkl", whose),
        ("unitree.csv", robot, "unitree-csv", whose),
        ("kimodo.csv", robot, "kimodo-csv", whose),
    ):
        motion.save(clip, folder / name, format=form)
        files.append((folder / name, form, options))
    motion.save(robot, folder / "mjlab.npz", format="mjlab-npz", bodies=kinematics.body_tracks(g1, robot))
    files.append((folder / "mjlab.npz", "mjlab-npz", {}))
    return files


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut, doubled, overwritten, shuffled or spiked with the words that parsers dislike."""
    out = bytearray(data)
    kind = rng.integers(6)
    a, b = sorted(rng.integers(0, len(out) + 1, 2))
    if kind == 0:
        return bytes(out[:a])
    if kind == 1:
        return bytes(out[:a] + out[b:])
    if kind == 2:
        return bytes(out[:b] + out[a:])
    if kind == 3:
        for at in rng.integers(0, len(out), rng.integers(1, 20)):
            out[at] = rng.integers(256)
        return bytes(out)
    if kind == 4:
        word = rng.choice(
            [b"nan", b"1e999", b"-", b"\x00" * 64, b"CHANNELS 9", b"ROOT x", b"c__builtin__\neval\n", b","]
        )
        return bytes(out[:a] + bytes(word) + out[a:])
    return bytes(out[:a]) + rng.bytes(rng.integers(1, 200)) + bytes(out[b:])


@pytest.mark.parametrize("which", range(7))
def test_a_damaged_file_is_loaded_or_refused_never_worse(originals, tmp_path, which):
    source, form, options = originals[which]
    data, rng = source.read_bytes(), np.random.default_rng(which)
    target, refused = tmp_path / source.name, []
    for k in range(EACH):
        target.write_bytes(damaged(data, rng))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                clip = motion.load(target, format=form if k % 2 else None, **(options if k % 4 else {}))
        except UnderstudyError as error:
            refused.append(str(error))
        else:
            assert clip.frames > 0
    assert len(refused) > EACH // 3
    assert all(message.strip() for message in refused)
