"""The doctor's checks of a robot's poses: soles at home, T-pose, landmarks, contacts, and what the limbs can reach."""

import itertools

import mujoco
import numpy as np

from understudy.motion.landmarks import SIDES, mirrored
from understudy.robots.finding import Finding
from understudy.robots.robot import Robot
from understudy.rotations import quat_to_matrix


def soles(robot: Robot) -> list[Finding]:
    """At home both soles lie level on the floor, below the ankles, and the centre of mass is above them."""
    if not robot.feet:
        return []
    data, found = _posed(robot, robot.home), []
    corners = {side: _world(robot, data, foot.body, foot.sole) for side, foot in robot.feet.items()}
    for side, sole in corners.items():
        if np.abs(sole[:, 2]).max() > 0.01 * robot.height:
            found.append(
                Finding(
                    "fault",
                    "soles",
                    f"in the keyframe home the {side} sole lies {sole[:, 2].min():.3f} to "
                    f"{sole[:, 2].max():.3f} m above the floor.",
                    f"sole = [[x, y, z], …]  # under [feet.{side}]: corners in the frame of {robot.feet[side].body}",
                )
            )
        length, width = np.ptp(sole[:, 0]), np.ptp(sole[:, 1])
        if not 0.05 < length / robot.height < 0.25 or width < 0.01 * robot.height:
            found.append(
                Finding(
                    "doubt",
                    "soles",
                    f"the {side} sole is {length:.3f} m long and {width:.3f} m wide, for a robot of "
                    f"{robot.height:.2f} m.",
                    f"sole = [[x, y, z], …]  # under [feet.{side}]",
                )
            )
    every = np.concatenate(list(corners.values()))
    mujoco.mj_comPos(robot.model, data)
    over = data.subtree_com[0][:2]
    if (over < every[:, :2].min(axis=0)).any() or (over > every[:, :2].max(axis=0)).any():
        found.append(
            Finding(
                "doubt",
                "home",
                f"at home the centre of mass is at ({over[0]:.3f}, {over[1]:.3f}) m, not above the feet: the "
                "robot would fall.",
                "# lean the keyframe home in robot.xml, or correct the masses",
            )
        )
    return found


def t_pose(robot: Robot) -> list[Finding]:
    """In the T-pose arms go out, legs down, left is left, and both sides are images of each other."""
    qpos = robot.home.copy()
    qpos[:7], qpos[7:] = (0, 0, 0, 1, 0, 0, 0), robot.t_pose
    data = _posed(robot, qpos)
    pos, _ = robot.landmarks.world(data.xpos[1:], data.xquat[1:])
    at = dict(zip(robot.landmarks.names, pos.astype(float), strict=True))
    found = []
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        for chain, direction in (
            ("shoulder elbow wrist", (0.0, sign, 0.0)),
            ("hip knee ankle", (0.0, 0.0, -1.0)),
        ):
            names = [f"{side}_{part}" for part in chain.split()]
            if names[0] not in at:
                continue
            for start, end in itertools.pairwise(names):
                bone = at[end] - at[start]
                miss = np.degrees(
                    np.arccos(np.clip(bone @ np.array(direction) / max(np.linalg.norm(bone), 1e-9), -1, 1))
                )
                if miss > 12:
                    found.append(
                        Finding(
                            "fault" if miss > 45 else "doubt",
                            "T-pose",
                            f"from {start} to {end} the limb points {miss:.0f}° away from where it "
                            "should in the T-pose.",
                            "joint = angle  # under [t_pose]; the picture shows which way",
                        )
                    )
    for name, place in at.items():
        image = at.get(mirrored(name))
        if image is None or (
            name.startswith("right") or np.abs(image * (1, -1, 1) - place).max() < 0.02 * robot.height
        ):
            continue
        found.append(
            Finding(
                "doubt",
                "landmarks",
                f"{name} and {mirrored(name)} are not each other's image in the T-pose; they differ by "
                f"{np.abs(image * (1, -1, 1) - place).max():.3f} m.",
                f'{mirrored(name)} = {{ body = "…", pos = […] }}  # under [landmarks]',
            )
        )
    outside = np.maximum(robot.lower - robot.t_pose, robot.t_pose - robot.upper)
    for i in np.flatnonzero(outside > np.radians(10)):
        if not any(robot.joints[i] in doubt.says for doubt in robot.doubts):
            found.append(
                Finding(
                    "doubt",
                    "T-pose",
                    f"{robot.joints[i]} would have to leave its range by {np.degrees(outside[i]):.0f}° for the T-pose.",
                    f"{robot.joints[i]} = {robot.t_pose[i]:.4f}  # under [t_pose]: right if the picture shows a T-pose",
                )
            )
    return found


def contacts(robot: Robot) -> list[Finding]:
    """Nothing touches at home or in the T-pose."""
    found = []
    tee = robot.home.copy()
    tee[2] += 1.0
    tee[7:] = np.clip(robot.t_pose, robot.lower, robot.upper)
    for name, qpos in (("home", robot.home), ("the T-pose", tee)):
        data = _posed(robot, qpos)
        mujoco.mj_comPos(robot.model, data)
        mujoco.mj_collision(robot.model, data)
        for pair in sorted(
            {_pair(robot, contact) for contact in data.contact[: data.ncon] if contact.dist < 0}
        ):
            found.append(
                Finding(
                    "doubt",
                    "contacts",
                    f"{pair[0]} and {pair[1]} touch in {name}, where the robot simply stands.",
                    f'["{pair[0]}", "{pair[1]}"],  # in harmless_contacts, and <exclude …/> in robot.xml',
                )
            )
    return found


def reach(robot: Robot) -> list[Finding]:
    """Arms can hang, be raised forward and be lifted sideways; knees can bend: tried by sampling the limb's ranges."""
    rng = np.random.default_rng(0)
    q = rng.uniform(robot.lower, robot.upper, (1000, len(robot.joints)))
    names, found = robot.landmarks.names, []
    data = mujoco.MjData(robot.model)
    frames = [_places(robot, data, row) for row in q]
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        if f"{side}_shoulder" in names:
            a, b, t = (names.index(n) for n in (f"{side}_shoulder", f"{side}_wrist", "chest"))
            bone = np.array([turn[t].T @ (pos[b] - pos[a]) for pos, turn in frames])
            bone = bone / np.linalg.norm(bone, axis=1, keepdims=True)
            for words, aim in (
                ("hang", (0, 0, -1)),
                ("be raised forward", (1, 0, 0)),
                ("be lifted sideways", (0, sign, 0)),
            ):
                best = float(np.degrees(np.arccos(np.clip((bone @ np.array(aim, float)).max(), -1, 1))))
                if best > 35:
                    found.append(
                        _short(f"the {side} arm cannot {words} (nearest: {best:.0f}° away)", f"{side} arm")
                    )
        if f"{side}_hip" in names:
            a, k, b = (names.index(f"{side}_{part}") for part in ("hip", "knee", "ankle"))
            legs = np.array(
                [
                    np.linalg.norm(pos[b] - pos[a])
                    / (np.linalg.norm(pos[k] - pos[a]) + np.linalg.norm(pos[b] - pos[k]))
                    for pos, _ in frames
                ]
            )
            if legs.max() < 0.97 or legs.min() > 0.85:
                found.append(
                    _short(
                        f"the {side} leg only reaches from {legs.min():.0%} to {legs.max():.0%} of its length",
                        f"{side} leg",
                    )
                )
    return found


def _pair(robot: Robot, contact: mujoco.MjContact) -> tuple[str, str]:
    names = (robot.model.body(robot.model.geom_bodyid[g]).name for g in (contact.geom1, contact.geom2))
    first, second = sorted(names)
    return first, second


def _short(says: str, about: str) -> Finding:
    return Finding(
        "doubt",
        f"reach of the {about}",
        f"{says}.",
        '<joint … range="…"/>  # in robot.xml, if the range is wrong',
    )


def _places(robot: Robot, data: mujoco.MjData, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World places (landmark, 3) and orientations (landmark, 3, 3) of the landmarks with the root upright."""
    data.qpos[:7], data.qpos[7:] = (0, 0, 0, 1, 0, 0, 0), joints
    mujoco.mj_kinematics(robot.model, data)
    pos, quat = robot.landmarks.world(data.xpos[1:], data.xquat[1:])
    return pos.astype(float), quat_to_matrix(quat.astype(float))


def _posed(robot: Robot, qpos: np.ndarray) -> mujoco.MjData:
    data = mujoco.MjData(robot.model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(robot.model, data)
    return data


def _world(robot: Robot, data: mujoco.MjData, body: str, points: np.ndarray) -> np.ndarray:
    k = 1 + robot.body_index(body)
    return data.xpos[k] + points.astype(float) @ data.xmat[k].reshape(3, 3).T
