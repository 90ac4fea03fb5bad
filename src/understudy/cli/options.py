"""Options that several verbs share, and what they mean for the readers of files."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import tyro

from understudy.errors import UnderstudyError

if TYPE_CHECKING:
    from understudy.motion.types import HumanMotion, RobotMotion

Kind = TypeVar("Kind")
Inputs = Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILES")]
Seconds = Annotated[float | None, tyro.conf.arg(metavar="SECONDS")]
Metres = Annotated[float | None, tyro.conf.arg(metavar="METRES")]
Rate = Annotated[float | None, tyro.conf.arg(metavar="FPS")]
Name = Annotated[str | None, tyro.conf.arg(metavar="NAME")]


@dataclass(frozen=True)
class Reading:
    """What a file may leave open. Readers settle it from the motion itself where they can."""

    unit: Metres = None
    """Length of one unit of the file, in metres."""
    up: Annotated[str | None, tyro.conf.arg(metavar="AXIS")] = None
    """The file's vertical axis: x, y or z; of keypoints, where it points down, also -x, -y or -z."""
    source_fps: Rate = None
    """The true frame rate of the file, where it states none or a wrong one."""

    body_model: Annotated[Path | None, tyro.conf.arg(metavar="MODEL.npz")] = None
    """Your own licensed body model, for files of body-model parameters (SMPL, SMPL-H, SMPL-X); without one, mean
    proportions are used."""
    skeleton: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The skeleton of a file that holds poses alone (the .asf of an .amc)."""
    layout: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """What the points of a keypoint array are: mediapipe-33, coco-17, h36m-17, zed-body-18, zed-body-34 or
    zed-body-38."""
    person: Annotated[int | None, tyro.conf.arg(metavar="ID")] = None
    """Which of the people of a body tracking recording, by the number that it gives them."""
    clip: Annotated[str | None, tyro.conf.arg(metavar="CLIP")] = None
    """Which of the clips of a file that holds several: its number, from 0, or its name."""
    quat_order: Annotated[str | None, tyro.conf.arg(metavar="ORDER")] = None
    """The order of the root's quaternion in a motion library that does not tell it: xyzw or wxyz."""

    def given(self) -> dict[str, Any]:
        """Only what was said, under the readers' own names."""
        said = {field.name: getattr(self, field.name) for field in fields(Reading)}
        said["fps"] = said.pop("source_fps")
        if self.clip is not None and self.clip.isdecimal():
            said["clip"] = int(self.clip)
        return {key: value for key, value in said.items() if value is not None}


def load_any(
    path: str | Path,
    *,
    format: str | None = None,
    reading: Reading = Reading(),
    robot: str | None = None,
    start: float | None = None,
    end: float | None = None,
) -> "HumanMotion | RobotMotion":
    """Load a motion of any format. ``robot`` names the columns of files that name none."""
    from understudy.kinematics import clips

    bounds = {key: value for key, value in (("start", start), ("end", end)) if value is not None}
    return clips.load(path, format=format, robot=robot, **bounds, **reading.given())


def expect(motion: "HumanMotion | RobotMotion", kind: type[Kind], path: str | Path) -> Kind:
    """The motion, if it is of this kind. Raises UnderstudyError naming the file and what it holds."""
    if isinstance(motion, kind):
        return motion
    words = {"HumanMotion": "a human's motion", "RobotMotion": "a robot's motion"}
    found, needed = words[type(motion).__name__], words[kind.__name__]
    raise UnderstudyError(f"{path} holds {found}; {needed} is needed here.")
