"""Ranges, torques, speeds and reflected inertias of all joints, with plain defaults for what the file leaves out."""

from dataclasses import replace

import numpy as np

from understudy.robots.onboarding.mechanism import Hinge, Mechanism
from understudy.robots.robot import Doubt

SPEED = 10.0
"""Speed (rad/s) of a joint whose file gives none: a person's joints in a brisk walk stay below 6, and most motors of
humanoids without load turn at 8 to 30."""
TORQUE_PER_KG = {"leg": 1.5, "trunk": 1.0, "arm": 0.4}
"""Torque of a joint whose file gives none, Nm per kg of the whole robot: a person's largest in walking are 1 to 1.7 at
hip, knee and ankle."""
ARMATURE = 1.5e-4
"""Reflected inertia of a joint whose file gives none, kg m² per Nm of its torque: as of the G1's motors."""


def completed(m: Mechanism, legs: set[int], arms: set[int]) -> tuple[Mechanism, tuple[Doubt, ...]]:
    """The mechanism with every range, torque, speed and armature a number, and what had to be made up."""
    mass = m.mass(range(len(m.bodies)))
    hinges, made = [], {"ranges": [], "torques": [], "speeds": [], "armatures": []}
    for j, hinge in enumerate(m.hinges):
        part = "leg" if j in legs else "arm" if j in arms else "trunk"
        hinges.append(_completed(hinge, TORQUE_PER_KG[part] * mass, made))
    return Mechanism(m.bodies, tuple(hinges)), _doubts(m, made)


def _completed(hinge: Hinge, torque: float, made: dict[str, list[str]]) -> Hinge:
    lower, upper, effort, speed, armature = (
        hinge.lower,
        hinge.upper,
        hinge.effort,
        hinge.speed,
        hinge.armature,
    )
    if not np.isfinite((lower, upper)).all():
        lower, upper = -np.pi, np.pi
        made["ranges"].append(hinge.name)
    if not np.isfinite(effort):
        effort = torque
        made["torques"].append(hinge.name)
    if not np.isfinite(speed):
        speed = SPEED
        made["speeds"].append(hinge.name)
    if not np.isfinite(armature):
        armature = ARMATURE * effort
        made["armatures"].append(hinge.name)
    return replace(hinge, lower=lower, upper=upper, effort=effort, speed=speed, armature=armature)


def _doubts(m: Mechanism, made: dict[str, list[str]]) -> tuple[Doubt, ...]:
    words = {
        "ranges": (
            "no range (or a continuous one); ±π was taken",
            '<joint … range="-1.57 1.57"/>  # in robot.xml',
        ),
        "torques": (
            "no torque limit; what was taken, in Nm per kg of the robot: "
            + ", ".join(f"{value} ({part})" for part, value in TORQUE_PER_KG.items()),
            '<position … forcerange="-50 50"/>  # in robot.xml',
        ),
        "speeds": (
            f"no motor speed; {SPEED} rad/s was taken",
            f"'.*' = {SPEED}  # under [velocity_limit]: the data sheet's",
        ),
        "armatures": (
            f"no armature; {ARMATURE} kg m² per Nm of torque was taken. It sets the gains of the motors in robot.xml",
            '<joint … armature="0.01"/>  # in robot.xml',
        ),
    }
    found = []
    for about, names in made.items():
        if names:
            which = "the joints" if len(names) == len(m.hinges) else _some(names)
            found.append(Doubt(about, f"The file gives {which} {words[about][0]}.", words[about][1]))
    return tuple(found)


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more joints" if len(names) > 5 else "")
