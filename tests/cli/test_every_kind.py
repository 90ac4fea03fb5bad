"""Every kind of human file on the command line: looked into, and converted to the own format and to BVH."""

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from made_files import KINDS

from understudy import motion
from understudy.cli.main import main
from understudy.cli.options import Reading
from understudy.motion import formats, sample
from understudy.motion.formats.keypoint_layouts import LAYOUTS

AUTOMATIC = {"joints", "robot", "start", "end"}
"""Options of readers that the verbs have of their own: --robot says whose joints, and cutting is --start and --end."""
WORDS = {"fps": "--source-fps"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A file of each kind, half a second of walking, and what the command must be told about it."""
    found: dict[str, tuple[Path, list[str]]] = {}

    def get(name: str) -> tuple[Path, list[str]]:
        if name not in found:
            kind = KINDS[name]
            walk = motion.trim(sample.motion("walk", fps=kind.fps), 1.0, 1.5)
            path = kind.write(walk, tmp_path_factory.mktemp(name))
            told = [word for k, v in kind.options.items() for word in (WORDS.get(k, f"--{k}"), str(v))]
            found[name] = path, told
        return found[name]

    return get


@pytest.mark.parametrize("name", KINDS)
def test_info(name, files, capsys):
    path, told = files(name)
    assert main(["motion", "info", str(path), "--json", *told]) == 0
    facts = json.loads(capsys.readouterr().out)
    frames = round(0.5 * KINDS[name].fps) + 1
    assert (facts["kind"], facts["frames"], facts["fps"]) == ("human", frames, KINDS[name].fps)
    assert 1.5 < facts["stature"] < 1.95
    assert abs(facts["floor"]) < 0.25
    assert main(["motion", "info", str(path), *told]) == 0
    said = capsys.readouterr().out
    assert f"{frames} frames at {KINDS[name].fps:g} fps, 0.50 s" in said
    for what, why in facts["inferred"].items():
        assert f"inferred {what}: {why}" in said


@pytest.mark.parametrize("name", KINDS)
def test_convert(name, files, tmp_path):
    path, told = files(name)
    first = motion.load(path, **KINDS[name].options)
    for target, close in (("clip.npz", 1e-6), ("clip.bvh", 1e-4)):
        made = tmp_path / target
        assert main(["motion", "convert", str(path), str(made), *told]) == 0
        back = motion.load(made)
        assert (back.frames, back.fps) == (first.frames, first.fps)
        rows = [back.skeleton.joints.index(joint) for joint in first.skeleton.joints]
        assert np.abs(back.pos[:, rows] - first.pos).max() < close


def test_every_option_of_every_reader_can_be_given():
    said = {"source_fps": 1.0, "unit": 1.0, "person": 1}
    every = Reading(**{field.name: said.get(field.name, "a") for field in fields(Reading)}).given()
    asked = {option for name in formats.FORMATS for option in formats.options(name)}
    assert set(every) == asked - AUTOMATIC


def test_the_help_names_every_layout(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit):
        main(["motion", "info", "--help"])
    said = capsys.readouterr().out
    assert all(layout in said for layout in LAYOUTS)


def test_people_clips_and_orders_are_chosen(files, capsys):
    path, _ = files("zed")
    assert main(["motion", "info", str(path), "--person", "3"]) == 0
    assert "inferred person: 3: as given" in capsys.readouterr().out
    assert main(["motion", "info", str(path), "--person", "4"]) == 2
    assert "'person' one of: 3" in capsys.readouterr().err
    path, told = files("mediapipe")
    assert main(["motion", "info", str(path), "--up=-y", *told]) == 0
    assert "inferred up: -y: as given" in capsys.readouterr().out
