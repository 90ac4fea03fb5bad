"""Every example runs without data, from an empty folder, and writes only where it is told to."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))
WRITES = {
    "01_retarget_a_clip": {"robot.npz", "robot.csv", "reference.npz", "sheet.png"},
    "02_metrics_and_certificate": {"certified.npz"},
    "03_contacts_and_repair": {"edited.npz", "contacts.png", "repaired.npz"},
}


def run(example, folder, *arguments):
    command = [sys.executable, str(example), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_runs(example, tmp_path):
    done = run(example, tmp_path, "results")
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"results"}
    assert {path.name for path in (tmp_path / "results").iterdir()} == WRITES[example.stem]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_short_and_numbered(example):
    assert example.name[:2].isdigit()
    assert len(example.read_text(encoding="utf-8").splitlines()) < 60
