"""Any human motion meets any robot: every kind of file with every robot, with nothing tuned for the pair.

Files are small and made here (``made_files``), all of the same person who walks. Robots are those of the registry.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from made_files import KINDS

from understudy import evaluate, motion, retarget, robots
from understudy.kinematics.poses import landmark_tracks
from understudy.motion import HumanMotion, RobotMotion, formats, sample
from understudy.rotations import quat_angle

LIMBS = [("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist")]
BONES = [(f"{side}_{a}", f"{side}_{b}") for a, b in LIMBS for side in ("left", "right")]
ACROSS = [("left_hip", "right_hip"), ("left_shoulder", "right_shoulder")]
ON_LIMBS = tuple(
    f"{side}_{part}" for part in ("knee", "ankle", "toe", "elbow", "wrist") for side in ("left", "right")
)

FILE_BONE, FILE_FRAME, FILE_PLACE = 8.0, 16.0, 0.09
"""How far what is read from a file may be from the motion that it was made of: the mean angle (degrees) of any bone
and of any landmark's frame, and the mean distance (m) of the limbs' ends from between the hips, at one size. The mean
bodies of formats without one differ by so much from the performer; exchanged axes or sides by many times more."""
ROBOT_BONE = 20.0
"""How far a robot's limb may be from the human's on average (degrees). Ten are usual; robots lack joints, and a mean
body's limbs are not quite the performer's."""


@dataclass(frozen=True)
class Clip:
    """What was read from a file, and the motion that the file was made of."""

    read: HumanMotion
    truth: HumanMotion


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Half a second of walking from a file of each kind, read once."""
    found: dict[str, Clip] = {}

    def get(name: str) -> Clip:
        if name not in found:
            walk = motion.trim(sample.motion("walk", fps=KINDS[name].fps), 1.0, 1.5)
            found[name] = Clip(read(name, walk, tmp_path_factory.mktemp(name)), walk)
        return found[name]

    return get


@pytest.fixture(scope="module")
def retargeters():
    found: dict[str, retarget.FrameIK] = {}

    def get(name: str) -> retarget.FrameIK:
        if name not in found:
            found[name] = retarget.FrameIK(robots.load(name))
        return found[name]

    return get


def read(name: str, human: HumanMotion, folder) -> HumanMotion:
    kind = KINDS[name]
    path = kind.write(human, folder)
    assert formats.detect(path) == kind.format
    clip = motion.load(path, **kind.options)
    assert isinstance(clip, HumanMotion)
    return clip


def by_name(names: tuple[str, ...], values: np.ndarray) -> dict[str, np.ndarray]:
    """Rows of (time, landmark, …) under the landmarks' names."""
    return dict(zip(names, np.moveaxis(values.astype(np.float64), 1, 0), strict=True))


def landmarks(clip: HumanMotion) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    pos, quat = (by_name(clip.skeleton.landmarks.names, values) for values in clip.landmarks())
    return pos, quat


def apart(a: dict[str, np.ndarray], b: dict[str, np.ndarray], bone: tuple[str, str]) -> float:
    """The mean angle (degrees) between a bone's directions."""
    u, v = (at[bone[1]] - at[bone[0]] for at in (a, b))
    cosine = (u * v).sum(-1) / (np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).mean())


def from_hips(at: dict[str, np.ndarray], name: str) -> np.ndarray:
    return at[name] - 0.5 * (at["left_hip"] + at["right_hip"])


def size(at: dict[str, np.ndarray]) -> float:
    """The summed lengths of the limbs (m)."""
    return float(sum(np.linalg.norm(at[b] - at[a], axis=-1).mean() for a, b in BONES))


def test_there_are_as_many_kinds_as_promised():
    assert len(KINDS) >= 13
    human = {name for name, format in formats.FORMATS.items() if format.holds != "robot"}
    assert {kind.format for kind in KINDS.values()} == human


@pytest.mark.parametrize("name", KINDS)
def test_a_file_holds_the_motion_that_it_was_made_of(name, tmp_path):
    """Fourteen seconds of walking, turning, waving, squatting, reaching and punching, in the world's axes: no heading,
    side or height is forgiven."""
    kind = KINDS[name]
    truth = sample.demo(fps=kind.fps)
    clip = read(name, truth, tmp_path)
    assert (clip.frames, clip.fps) == (truth.frames, kind.fps)
    (a, turn_a), (b, turn_b) = landmarks(truth), landmarks(clip)
    assert set(b) == set(a)
    for bone in BONES + ACROSS:
        assert apart(a, b, bone) < FILE_BONE, bone
    for mark in turn_a:
        off = np.degrees(quat_angle(turn_a[mark], turn_b[mark]))
        assert off.mean() < FILE_FRAME, mark
    scale = size(a) / size(b)
    assert scale == pytest.approx(1.0, abs=0.12)
    for mark in ON_LIMBS:
        off = np.linalg.norm(from_hips(a, mark) - scale * from_hips(b, mark), axis=-1)
        assert off.mean() < FILE_PLACE, mark
    if kind.keeps_path:
        assert np.abs(a["pelvis"] - b["pelvis"]).max() < 0.05


@pytest.mark.parametrize("robot", robots.names())
@pytest.mark.parametrize("name", KINDS)
def test_every_source_meets_every_robot(name, robot, clips, retargeters):
    clip, retargeter = clips(name), retargeters(robot)
    body = retargeter.robot
    [made] = retargeter([clip.read])
    assert isinstance(made, RobotMotion)
    assert (made.robot, made.joints) == (body.name, body.joints)
    assert (made.frames, made.fps) == (clip.read.frames, KINDS[name].fps)
    assert np.isfinite(made.qpos).all()
    assert (made.joint_pos >= body.lower).all()
    assert (made.joint_pos <= body.upper).all()
    certificate = evaluate.certify(made, clip.read, body)
    assert certificate.passed, [check for check in certificate.checks if not check.passed]
    a, b = landmarks(clip.truth)[0], by_name(body.landmarks.names, landmark_tracks(body, made)[0])
    limbs = [bone for bone in BONES if set(bone) <= set(b)]
    assert limbs
    for bone in limbs:
        assert apart(a, b, bone) < ROBOT_BONE, bone
