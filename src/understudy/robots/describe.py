"""A robot in plain data, for a table on a terminal or a page."""

from typing import Any

import numpy as np

from understudy.robots.robot import Robot


def describe(robot: Robot) -> dict[str, Any]:
    """Numbers, strings, lists and dicts only. Units are in the keys' names: m, kg, rad, rad/s, Nm."""
    bodies = robot.bodies
    return {
        "name": robot.name,
        "dof": len(robot.joints),
        "bodies": len(bodies),
        "mass_kg": round(float(robot.model.body_mass.sum()), 3),
        "height_m": robot.height,
        "fixed_base": robot.fixed_base,
        "joints": [_joint(robot, i) for i in range(len(robot.joints))],
        "landmarks": {
            name: {"body": bodies[carrier], "pos_m": _plain(pos)}
            for name, carrier, pos in zip(
                robot.landmarks.names, robot.landmarks.carriers, robot.landmarks.pos, strict=True
            )
        },
        "feet": {side: {"body": foot.body, "sole_m": _plain(foot.sole)} for side, foot in robot.feet.items()},
        "hands": sorted(robot.hands),
        "harmless_contacts": sorted(sorted(pair) for pair in robot.harmless_contacts),
        "collision_primitives": int((robot.model.geom_contype != 0).sum()),
        "notice": robot.notice,
    }


def _joint(robot: Robot, i: int) -> dict[str, Any]:
    return {
        "name": robot.joints[i],
        "body": robot.model.body(robot.model.jnt_bodyid[1 + i]).name,
        "lower_rad": _plain(robot.lower[i]),
        "upper_rad": _plain(robot.upper[i]),
        "home_rad": _plain(robot.home[7 + i]),
        "velocity_limit_rad_s": _plain(robot.velocity_limit[i]),
        "effort_limit_nm": _plain(robot.effort_limit[i]),
        "mirror": robot.joints[robot.mirror.order[i]],
    }


def _plain(value: np.ndarray | np.floating) -> Any:
    """Python numbers without the noise of single precision."""
    return np.round(np.asarray(value, dtype=float), 5).tolist()
