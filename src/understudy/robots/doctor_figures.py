"""The doctor's checks of a robot's figures: ranges, speeds, torques, masses, and whether the sides agree."""

import numpy as np
from jaxtyping import Float

from understudy.errors import LimitError
from understudy.robots.finding import Finding
from understudy.robots.robot import Robot


def limits(robot: Robot) -> list[Finding]:
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
                    f"{joint} is at {home[i]:.3f} rad in the keyframe home, outside its range "
                    f"{lower:.3f} to {upper:.3f}.",
                    "# correct the keyframe home in robot.xml",
                )
            )
    found += _proportions(robot, "velocity_limit", robot.velocity_limit, 1.0, 60.0, "rad/s")
    mass = float(robot.model.body_mass.sum())
    return found + _proportions(
        robot, "effort_limit", robot.effort_limit / mass, 0.005, 20.0, "Nm per kg of the robot"
    )


def sides(robot: Robot) -> list[Finding]:
    """Left and right: every joint needs a counterpart, with the mirrored range, torque and speed."""
    try:
        order, sign = robot.mirror
    except LimitError as error:
        return [
            Finding(
                "doubt",
                "sides",
                f"{error} Mirroring of motions will not work.",
                "# correct the joint in robot.xml",
            )
        ]
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
                Finding(
                    "doubt",
                    "sides",
                    f"the {what} of {robot.joints[i]} is not that of {robot.joints[order[i]]}.",
                    "# give both the same",
                )
            )
    return found


def masses(robot: Robot) -> list[Finding]:
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
                f"{len(light)} moving links weigh next to nothing ({', '.join(light[:4])}): simulation "
                "may be unstable.",
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
