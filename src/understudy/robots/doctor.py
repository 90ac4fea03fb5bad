"""What is doubtful about a robot folder, in words, and the line of robot.toml (or robot.xml) that settles each thing.

Onboarding leaves the doubts that only the source file could tell in ``robot.doubts``. Everything else is looked at anew,
so that the doctor serves folders made by hand as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.motion.landmarks import SIDES, mirrored
from understudy.robots.robot import Doubt, Robot

Severity = Literal["fault", "doubt"]


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor found. A ``fault`` makes results wrong; a ``doubt`` may."""

    severity: Severity
    about: str
    says: str
    settle: str


@dataclass(frozen=True)
class Diagnosis:
    """The findings, and the names of all checks that were made."""

    robot: str
    checks: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found that makes results wrong."""
        return all(finding.severity != "fault" for finding in self.findings)


def examine(robot: Robot) -> Diagnosis:
    """Check a robot: limits, sides, masses, soles, T-pose, contacts, reach."""
    findings = [_of(doubt) for doubt in robot.doubts]
    for check in CHECKS.values():
        findings += check(robot)
    return Diagnosis(robot.name, tuple(CHECKS), tuple(findings))


def _of(doubt: Doubt) -> Finding:
    return Finding("doubt", doubt.about, doubt.says, doubt.settle)


def _limits(robot: Robot) -> list[Finding]:
    """Ranges that are very narrow or very wide; speeds and torques out of proportion; home outside the ranges."""
    found, home = [], robot.home[7:]
    for i, joint in enumerate(robot.joints):
        lower, upper = float(robot.lower[i]), float(robot.upper[i])
        if upper - lower < 0.05 or upper - lower > 4 * np.pi:
            found.append(
                Finding(
                    "doubt",
                    "joint ranges",
                    f"{joint} turns by {upper - lower:.2f} rad in all, which no joint of a humanoid does.",
                    f'<joint name="{joint}" … range="{lower:.4g} {upper:.4g}"/>  # in robot.xml',
                )
            )
        if not lower - 1e-4 <= home[i] <= upper + 1e-4:
            found.append(
                Finding(
                    "fault",
                    "home",
                    f"{joint} is at {home[i]:.3f} rad in the keyframe home, outside its range {lower:.3f} to {upper:.3f}.",
                    "# correct the keyframe home in robot.xml",
                )
            )
    found += _proportions(robot, "velocity_limit", robot.velocity_limit, 1.0, 60.0, "rad/s")
    mass = float(robot.model.body_mass.sum())
    return found + _proportions(robot, "effort_limit", robot.effort_limit / mass, 0.005, 20.0, "Nm per kg of the robot")


def _proportions(
    robot: Robot, what: str, values: Float[np.ndarray, "dof"], least: float, most: float, unit: str
) -> list[Finding]:
    odd = [i for i, v in enumerate(values) if not least <= v <= most]
    if not odd:
        return []
    some = ", ".join(f"{robot.joints[i]} {values[i]:.3g}" for i in odd[:4])
    settle = (
        f"'{robot.joints[odd[0]]}' = 10.0  # under [velocity_limit]"
        if what == "velocity_limit"
        else f'<position joint="{robot.joints[odd[0]]}" … forcerange="-50 50"/>  # in robot.xml'
    )
    return [Finding("doubt", what, f"{len(odd)} joints have an unlikely {what} in {unit}: {some}.", settle)]


def _mirror(robot: Robot) -> list[Finding]:
    """Left and right: every joint needs a counterpart, with the mirrored range, torque and speed."""
    try:
        order, sign = robot.mirror
    except LimitError as error:
        return [Finding("doubt", "sides", f"{error} Mirroring of motions will not work.", "# correct the joint in robot.xml")]
    lower, upper = robot.lower[order], robot.upper[order]
    image = np.where(sign > 0, lower, -upper), np.where(sign > 0, upper, -lower)
    apart = np.maximum(np.abs(image[0] - robot.lower), np.abs(image[1] - robot.upper))
    found = []
    for i in np.flatnonzero(apart > 0.05):
        j = int(order[i])
        if i <= j:
            found.append(
                Finding(
                    "doubt",
                    "sides",
                    f"{robot.joints[i]} ({robot.lower[i]:.2f} to {robot.upper[i]:.2f} rad) and {robot.joints[j]} "
                    f"({robot.lower[j]:.2f} to {robot.upper[j]:.2f} rad) answer to each other with the sign "
                    f"{int(sign[i]):+d}, but their ranges do not: a mirrored motion may leave one of them.",
                    f'<joint name="{robot.joints[j]}" … range="{image[0][j]:.4g} {image[1][j]:.4g}"/>  # in robot.xml',
                )
            )
    for what, values in (("velocity_limit", robot.velocity_limit), ("effort_limit", robot.effort_limit)):
        if (np.abs(values[order] - values) > 0.01 * values).any():
            i = int(np.argmax(np.abs(values[order] - values)))
            found.append(
                Finding("doubt", "sides", f"the {what} of {robot.joints[i]} is not that of {robot.joints[order[i]]}.", "# give both the same")
            )
    return found


def _masses(robot: Robot) -> list[Finding]:
    """A humanoid's mass goes with the square to the cube of its height; sides weigh the same."""
    m = robot.model
    total, found = float(m.body_mass.sum()), []
    slim, stout = 3.0 * robot.height**2, 45.0 * robot.height**2
    if not robot.fixed_base and not slim < total < stout:
        found.append(
            Finding(
                "doubt",
                "masses",
                f"{total:.2f} kg at {robot.height:.2f} m: humanoids of this height weigh {slim:.0f} to {stout:.0f} kg.",
                "# correct the inertials in robot.xml",
            )
        )
    light = [m.body(b).name for b in range(2, m.nbody) if m.body_jntnum[b] and m.body_mass[b] < 1e-4 * total]
    if light:
        found.append(
            Finding(
                "doubt",
                "masses",
                f"{len(light)} moving links weigh next to nothing ({', '.join(light[:4])}): simulation may be unstable.",
                f'<body name="{light[0]}"> <inertial … mass="0.1"/>  # in robot.xml',
            )
        )
    for i, joint in enumerate(robot.joints):
        try:
            j = int(robot.mirror.order[i])
        except LimitError:
            break
        own, other = (float(m.body_subtreemass[m.jnt_bodyid[1 + k]]) for k in (i, j))
        if i < j and abs(own - other) > 0.1 * max(own, other):
            found.append(
                Finding(
                    "doubt",
                    "masses",
                    f"what {joint} carries weighs {own:.2f} kg, and what {robot.joints[j]} carries {other:.2f} kg.",
                    "# correct the inertials in robot.xml",
                )
            )
            break
    return found


def _soles(robot: Robot) -> list[Finding]:
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
                    f"in the keyframe home the {side} sole lies {sole[:, 2].min():.3f} to {sole[:, 2].max():.3f} m above the floor.",
                    f"sole = [[x, y, z], …]  # under [feet.{side}]: corners in the frame of {robot.feet[side].body}",
                )
            )
        length, width = np.ptp(sole[:, 0]), np.ptp(sole[:, 1])
        if not 0.05 < length / robot.height < 0.25 or width < 0.01 * robot.height:
            found.append(
                Finding(
                    "doubt",
                    "soles",
                    f"the {side} sole is {length:.3f} m long and {width:.3f} m wide, for a robot of {robot.height:.2f} m.",
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
                f"at home the centre of mass is at ({over[0]:.3f}, {over[1]:.3f}) m, not above the feet: the robot would fall.",
                "# lean the keyframe home in robot.xml, or correct the masses",
            )
        )
    return found


def _t_pose(robot: Robot) -> list[Finding]:
    """In the T-pose arms go out, legs down, left is left, and both sides are images of each other."""
    qpos = robot.home.copy()
    qpos[:7], qpos[7:] = (0, 0, 0, 1, 0, 0, 0), robot.t_pose
    data = _posed(robot, qpos)
    pos, _ = robot.landmarks.world(data.xpos[1:], data.xquat[1:])
    at = dict(zip(robot.landmarks.names, pos.astype(float), strict=True))
    found = []
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        for chain, direction in (("shoulder elbow wrist", (0.0, sign, 0.0)), ("hip knee ankle", (0.0, 0.0, -1.0))):
            names = [f"{side}_{part}" for part in chain.split()]
            if names[0] not in at:
                continue
            for start, end in zip(names, names[1:], strict=False):
                bone = at[end] - at[start]
                miss = np.degrees(np.arccos(np.clip(bone @ np.array(direction) / max(np.linalg.norm(bone), 1e-9), -1, 1)))
                if miss > 12:
                    found.append(
                        Finding(
                            "fault" if miss > 45 else "doubt",
                            "T-pose",
                            f"from {start} to {end} the limb points {miss:.0f}° away from where it should in the T-pose.",
                            "joint = angle  # under [t_pose]; the picture shows which way",
                        )
                    )
    for name, place in at.items():
        image = at.get(mirrored(name))
        if image is None or (name.startswith("right") or np.abs(image * (1, -1, 1) - place).max() < 0.02 * robot.height):
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


def _contacts(robot: Robot) -> list[Finding]:
    """Nothing touches at home or in the T-pose."""
    found = []
    tee = robot.home.copy()
    tee[2] += 1.0
    tee[7:] = np.clip(robot.t_pose, robot.lower, robot.upper)
    for name, qpos in (("home", robot.home), ("the T-pose", tee)):
        data = _posed(robot, qpos)
        mujoco.mj_comPos(robot.model, data)
        mujoco.mj_collision(robot.model, data)
        for pair in sorted({_pair(robot, contact) for contact in data.contact[: data.ncon] if contact.dist < 0}):
            found.append(
                Finding(
                    "doubt",
                    "contacts",
                    f"{pair[0]} and {pair[1]} touch in {name}, where the robot simply stands.",
                    f'["{pair[0]}", "{pair[1]}"],  # in harmless_contacts, and <exclude …/> in robot.xml',
                )
            )
    return found


def _pair(robot: Robot, contact: mujoco.MjContact) -> tuple[str, str]:
    names = (robot.model.body(robot.model.geom_bodyid[g]).name for g in (contact.geom1, contact.geom2))
    first, second = sorted(names)
    return first, second


def _reach(robot: Robot) -> list[Finding]:
    """Arms can hang, be raised forward and be lifted sideways; knees can bend: tried by sampling the limb's ranges."""
    rng = np.random.default_rng(0)
    q = rng.uniform(robot.lower, robot.upper, (1500, len(robot.joints)))
    names, found = robot.landmarks.names, []
    frames = [_places(robot, row) for row in q]
    for side, sign in zip(SIDES, (1.0, -1.0), strict=True):
        if f"{side}_shoulder" in names:
            a, b, t = (names.index(n) for n in (f"{side}_shoulder", f"{side}_wrist", "chest"))
            bone = np.array([turn[t].T @ (pos[b] - pos[a]) for pos, turn in frames])
            bone = bone / np.linalg.norm(bone, axis=1, keepdims=True)
            for words, aim in (("hang", (0, 0, -1)), ("be raised forward", (1, 0, 0)), ("be lifted sideways", (0, sign, 0))):
                best = float(np.degrees(np.arccos(np.clip((bone @ np.array(aim, float)).max(), -1, 1))))
                if best > 35:
                    found.append(_short(f"the {side} arm cannot {words} (nearest: {best:.0f}° away)", f"{side} arm"))
        if f"{side}_hip" in names:
            a, k, b = (names.index(f"{side}_{part}") for part in ("hip", "knee", "ankle"))
            legs = np.array([np.linalg.norm(pos[b] - pos[a]) / (np.linalg.norm(pos[k] - pos[a]) + np.linalg.norm(pos[b] - pos[k])) for pos, _ in frames])
            if legs.max() < 0.97 or legs.min() > 0.85:
                found.append(_short(f"the {side} leg only reaches from {legs.min():.0%} to {legs.max():.0%} of its length", f"{side} leg"))
    return found


def _short(says: str, about: str) -> Finding:
    return Finding("doubt", f"reach of the {about}", f"{says}.", '<joint … range="…"/>  # in robot.xml, if the range is wrong')


def _places(robot: Robot, joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """World places (landmark, 3) and orientations (landmark, 3, 3) of the landmarks with the root upright."""
    data = _posed(robot, np.concatenate([[0, 0, 0, 1, 0, 0, 0], joints]))
    pos, quat = robot.landmarks.world(data.xpos[1:], data.xquat[1:])
    turn = np.zeros((len(quat), 9))
    for k, q in enumerate(quat.astype(float)):
        mujoco.mju_quat2Mat(turn[k], q)
    return pos.astype(float), turn.reshape(-1, 3, 3)


def _posed(robot: Robot, qpos: np.ndarray) -> mujoco.MjData:
    data = mujoco.MjData(robot.model)
    data.qpos[:] = qpos
    mujoco.mj_kinematics(robot.model, data)
    return data


def _world(robot: Robot, data: mujoco.MjData, body: str, points: np.ndarray) -> np.ndarray:
    k = 1 + robot.body_index(body)
    return data.xpos[k] + points.astype(float) @ data.xmat[k].reshape(3, 3).T


CHECKS: dict[str, Callable[[Robot], list[Finding]]] = {
    "joint limits": _limits,
    "left and right": _mirror,
    "masses": _masses,
    "soles and stance": _soles,
    "T-pose and landmarks": _t_pose,
    "contacts": _contacts,
    "reach": _reach,
}
