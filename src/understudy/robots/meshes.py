"""The robot as its maker drew it, where meshes are at hand. They are never needed: only the eye gains by
them.
"""

import importlib.util
from pathlib import Path

import mujoco

from understudy.errors import LimitError
from understudy.robots.robot import Robot

# Model files with meshes inside other packages; each has the joints of the robot in the robot's order.
MESHED = {"unitree_g1": ("mjlab", "asset_zoo/robots/unitree_g1/xmls/g1.xml")}


def meshed_file(name: str) -> Path | None:
    """The model file with meshes for a robot, if the package that ships it is installed. The package is not
    imported.
    """
    if name not in MESHED:
        return None
    package, path = MESHED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    file = Path(spec.submodule_search_locations[0]) / path
    return file if file.is_file() else None


def display_model(robot: Robot) -> mujoco.MjModel:
    """A model to look at: with meshes if the package that ships them is installed, else the robot's own
    primitives.

    It takes the same qpos as ``robot.model``; geoms of group 2 are the visible ones in both. Raises
    LimitError if the installed package has a robot with other joints.
    """
    file = meshed_file(robot.name)
    if file is None:
        return robot.model
    model = mujoco.MjModel.from_xml_path(str(file))
    joints = tuple(model.joint(i).name for i in range(1, model.njnt))
    if model.nq != robot.model.nq or joints != robot.joints:
        raise LimitError(
            f"{file} does not have the joints of {robot.name!r}; uninstall or update that package."
        )
    return model
