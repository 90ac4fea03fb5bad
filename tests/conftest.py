"""What several test folders share; and, while tests run, every annotated shape and type is checked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from jaxtyping import install_import_hook

SOURCE = Path(__file__).parents[1] / "src"
UNCHECKED = {
    "understudy.cli": "tyro reads the annotations, and a wrong word is the user's",
    "understudy.kinematics.kernels": "numba compiles the functions",
    "understudy.physics.stepping": "numba compiles the functions",
    "understudy.physics.warp_kernels": "Warp compiles the functions",
    "understudy.view.figures": "tests hand it a stand-in for the page",
    "understudy.view.player": "tests hand it a stand-in for a visitor",
}
"""Modules (with all below them) that are left alone, and why."""


def checked_modules() -> list[str]:
    """Every other module, found without importing any of them."""
    files = sorted((SOURCE / "understudy").rglob("*.py"))
    names = [".".join(f.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__") for f in files]
    below = tuple(f"{name}." for name in UNCHECKED)
    # The hook takes a name for everything below it, so a package that holds such a module is left out too.
    return [
        name
        for name in names
        if name not in UNCHECKED
        and not name.startswith(below)
        and not any(other.startswith(f"{name}.") for other in UNCHECKED)
    ]


install_import_hook(checked_modules(), "typecheck.check")

COMPILE = """
from understudy import evaluate, motion, retarget, robots
from understudy.motion import sample
human = motion.trim(sample.motion("stand", fps=10.0), 0.0, 0.2)
robot = robots.load("unitree_g1")
[made] = retarget.FrameIK(robot)([human])
evaluate.report(made, human, robot)
"""


def pytest_sessionstart(session):
    """Before several workers start, one process compiles the kernels, lest each of them does it for itself."""
    if getattr(session.config.option, "numprocesses", None):
        # Should it fail, the tests will tell better.
        subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, check=False)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The unpacked motion capture corpus: where UNDERSTUDY_CORPUS points, else the user's cache.

    Tests that need it are skipped where there is none, unless UNDERSTUDY_CORPUS_REQUIRED=1.
    """
    folder = Path(os.environ.get("UNDERSTUDY_CORPUS", Path.home() / ".cache" / "understudy" / "corpus"))
    if not (folder / "index.csv").is_file():
        problem = f"no corpus in {folder}; point UNDERSTUDY_CORPUS at one"
        if os.environ.get("UNDERSTUDY_CORPUS_REQUIRED") == "1":
            pytest.fail(problem)
        pytest.skip(problem)
    return folder
