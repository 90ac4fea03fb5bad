"""Promises of the package as a whole: importing it is cheap, and the command answers quickly."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "mujoco", "numba", "viser", "matplotlib", "scipy")


def loaded_by(statement):
    """The heavy modules that a statement pulls in, in a fresh interpreter."""
    program = f"import sys\n{statement}\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("statement", ["import understudy", "import understudy.motion"])
def test_import_is_light(statement):
    assert loaded_by(statement) == []


def test_motion_loads_and_saves_without_heavy_modules(tmp_path):
    path = str(tmp_path / "a.npz")
    statement = (
        "from understudy import motion; from understudy.motion import sample; "
        f"motion.save(sample.motion('turn'), {path!r}); motion.load({path!r})"
    )
    assert loaded_by(statement) == []


def test_help_needs_nothing_heavy():
    statement = (
        "from understudy.cli.main import main\ntry:\n    main(['--help'])\n"
        "except SystemExit:\n    print(end='')\nsys.stdout.write('|')"
    )
    program = f"import sys\n{statement}\nprint(*[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rpartition("|")[2].split() == []


def test_rooms_load_on_first_use():
    import understudy

    assert set(understudy.__all__) >= {"evaluate", "kinematics", "motion", "retarget", "robots", "view"}
    assert understudy.motion.load
    with pytest.raises(AttributeError):
        understudy.nothing  # noqa: B018
