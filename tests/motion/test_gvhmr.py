"""GVHMR's results: a body seen in a video, read with the rate that only its user knows."""

import numpy as np
import pytest
import torch

from understudy import motion
from understudy.errors import FormatError, LimitError
from understudy.motion import formats
from understudy.rotations import quat_angle, quat_apply, quat_conj, quat_from_rotvec, quat_mul, quat_to_rotvec

Y_UP = np.array([np.sqrt(0.5), -np.sqrt(0.5), 0.0, 0.0])
"""The axes of a z-up world in a y-up one."""


def result(frames=11):
    """A person who walks along and turns, as GVHMR has them: y up, head upwards, feet below the translation."""
    t = np.arange(frames)[:, None] / 30
    pose = 0.2 * np.sin(t * np.arange(1, 64))
    return {
        "smpl_params_global": {
            "body_pose": torch.tensor(pose).float(),
            "betas": torch.zeros(1, 10).expand(frames, 10),
            "global_orient": torch.tensor(np.hstack([0 * t, t, 0 * t])).float(),
            "transl": torch.tensor(np.hstack([0 * t, 1.2 + 0 * t, t])).float(),
        },
        "smpl_params_incam": {"transl": torch.zeros(frames, 3)},
        "K_fullimg": torch.eye(3).expand(frames, 3, 3),
        "net_outputs": {"static_conf_logits": torch.zeros(frames, 6, dtype=torch.float16)},
    }


def test_a_walk_forward(tmp_path):
    path = tmp_path / "hmr4d_results.pt"
    torch.save(result(), path)
    assert formats.detect(path) == "gvhmr-pt"
    human = motion.load(path, fps=30.0)
    assert (human.fps, human.frames) == (30.0, 11)
    assert human.origin.inferred["up"].startswith("y: GVHMR's rule")
    names = human.skeleton.landmarks.names
    pos, quat = human.landmarks()
    at = dict(zip(names, np.moveaxis(pos, 1, 0), strict=True))
    assert (at["head"][:, 2] > at["pelvis"][:, 2] + 0.4).all()
    assert (at["left_ankle"][:, 2] < at["pelvis"][:, 2] - 0.6).all()
    # SMPL looks along z, which is our x; one second of walking at 1 m/s, and of turning left at 1 rad/s.
    assert np.allclose(at["pelvis"][-1, :2] - at["pelvis"][0, :2], [1 / 3, 0.0], atol=0.02)
    forward = quat_apply(quat[:, names.index("pelvis")].astype(float), np.array([1.0, 0, 0]))
    assert np.allclose(np.arctan2(forward[:, 1], forward[:, 0]), np.arange(11) / 30, atol=1e-5)


def test_the_rate_must_be_said(tmp_path):
    torch.save(result(), tmp_path / "a.pt")
    with pytest.raises(FormatError, match="'fps'"):
        motion.load(tmp_path / "a.pt")
    for wrong in (0.0, -30.0, float("nan")):
        with pytest.raises(LimitError, match="positive"):
            motion.load(tmp_path / "a.pt", fps=wrong)


@pytest.mark.parametrize(
    "change",
    [
        {"body_pose": torch.zeros(11, 69)},
        {"body_pose": torch.zeros(10, 63)},
        {"transl": torch.zeros(0, 3)},
        {"transl": torch.full((11, 3), float("nan"))},
        {"global_orient": torch.full((11, 3), 1e30)},
        {"betas": torch.zeros(10)},
        {"betas": torch.zeros(0, 10)},
        {"betas": "none"},
    ],
)
def test_results_that_do_not_fit(tmp_path, change):
    found = result()
    found["smpl_params_global"] |= change
    torch.save(found, tmp_path / "a.pt")
    with pytest.raises(FormatError):
        motion.load(tmp_path / "a.pt", fps=30.0)


def test_other_torch_files_are_nobodys(tmp_path):
    for content in ({"a": torch.ones(1)}, [1], {"smpl_params_global": torch.ones(1)}):
        torch.save(content, tmp_path / "a.pt")
        with pytest.raises(FormatError):
            motion.load(tmp_path / "a.pt")
        with pytest.raises(FormatError):
            motion.load(tmp_path / "a.pt", format="gvhmr-pt", fps=30.0)


@pytest.mark.corpus
def test_the_same_person_as_amass_has_them(corpus, tmp_path):
    """A real clip of SMPL parameters, turned from z up to y up, is the same motion but for the heading."""
    path = corpus / "permissive" / "asap_smpl" / "video_walk_level1_filter_amass.npz"
    with np.load(path) as archive:
        poses, trans = archive["poses"][:, :66].astype(float), archive["trans"].astype(float)
    # The translation is of the model's origin, about which both worlds turn.
    turned = quat_to_rotvec(quat_mul(Y_UP, quat_from_rotvec(poses[:, :3])))
    body = {"body_pose": poses[:, 3:], "global_orient": turned, "transl": quat_apply(Y_UP, trans)}
    body = {key: torch.tensor(value).float() for key, value in body.items()}
    torch.save({"smpl_params_global": {**body, "betas": torch.zeros(len(poses), 10)}}, tmp_path / "a.pt")
    ours, theirs = motion.load(tmp_path / "a.pt", fps=30.0), motion.load(path)
    assert np.allclose(np.diff(ours.pos[..., 2], axis=0), np.diff(theirs.pos[..., 2], axis=0), atol=1e-5)
    # SMPL has hands, which GVHMR's 22 joints have not.
    local = [
        quat_mul(quat_conj(clip.quat[:, :1]), clip.quat)[:, :22].astype(float) for clip in (ours, theirs)
    ]
    assert quat_angle(*local).max() < 1e-4
