"""The order in which other tools keep a robot's joints and bodies, and how motions are put in it.

MuJoCo, and with it this package, walks the tree depth-first: a whole leg, then the next one. PhysX, and with it
Isaac Lab, walks it breadth-first: both hips, then both knees. Isaac Sim's importer keeps siblings by the names of
their joints, as the published orders show: ANYmal's LF, LH, RF, RH (IsaacLab issue 270), Booster T1's head, left
arm, right arm, waist, and the Unitree G1's left hip, right hip, waist, whose body numbers the metadata of SONIC's
motions confirm. A USD file whose siblings stand otherwise has another order; name its joints then.
"""

from typing import NamedTuple

from understudy.robots.robot import Robot


class Order(NamedTuple):
    """Names of all joints and all bodies, root first, in one tool's order."""

    joints: tuple[str, ...]
    bodies: tuple[str, ...]


def order(robot: Robot, breadth_first: bool = False) -> Order:
    """The robot's names in MuJoCo's order or, with ``breadth_first``, in Isaac Lab's."""
    return _breadth_first(robot) if breadth_first else Order(robot.joints, robot.bodies)


def _breadth_first(robot: Robot) -> Order:
    model = robot.model
    children: dict[int, list[int]] = {}
    for body in range(1, model.nbody):
        children.setdefault(int(model.body_parentid[body]), []).append(body)

    def own_joints(body: int) -> list[str]:
        first, count = int(model.body_jntadr[body]), int(model.body_jntnum[body])
        return [name for name in (model.joint(first + k).name for k in range(count)) if name in robot.joints]

    def name_among_siblings(body: int) -> str:
        return next(iter(own_joints(body)), model.body(body).name)

    level, joints, bodies = [0], [], []
    while level:
        level = [b for parent in level for b in sorted(children.get(parent, []), key=name_among_siblings)]
        bodies += [model.body(body).name for body in level]
        joints += [name for body in level for name in own_joints(body)]
    return Order(tuple(joints), tuple(bodies))
