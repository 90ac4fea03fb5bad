"""Robot bodies: compiled models with the few things that a model file cannot say."""

from pathlib import Path
from typing import TYPE_CHECKING

from understudy.robots.registry import load, names
from understudy.robots.robot import Doubt, Foot, Robot

if TYPE_CHECKING:
    from understudy.robots.onboarding import Onboarded

__all__ = ["Doubt", "Foot", "Robot", "load", "names", "onboard"]


def onboard(
    model: str | Path, name: str, out: str | Path | None = None, licence: str | None = None
) -> "Onboarded":
    """Write a robot folder from a humanoid's model file, MJCF or URDF; see ``onboarding.pipeline.onboard``."""
    from understudy.robots.onboarding import onboard as run

    return run(model, name, out, licence)
