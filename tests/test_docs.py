"""What the pages say is true: their blocks run, their links and pictures exist, their numbers are the code's.

The ``python`` blocks of a page and the ``understudy`` lines of its ``sh`` blocks run in order, in one namespace and one
folder, which holds ``dance.bvh`` and ``clips/`` and, for the page of formats, a made file of each human kind. Blocks
marked ``skip`` open a window, film, or need what cannot be made here.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from made_files import KINDS

from understudy import motion
from understudy.cli.main import main
from understudy.motion import sample

ROOT = Path(__file__).parent.parent
OWN_WORDS = {"CHANGELOG.md", "notes.md"}  # a list and a diary: no guides
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(page):
    return page.relative_to(ROOT).as_posix()


@pytest.fixture(scope="module")
def dance(tmp_path_factory):
    path = tmp_path_factory.mktemp("docs") / "dance.bvh"
    moves = (sample.Walk(steps=4), sample.Wave(count=1), sample.Squat(), sample.Stand(0.5))
    motion.save(sample.compose(moves, fps=60), path)
    return path


@pytest.fixture
def folder(dance, tmp_path, monkeypatch):
    (tmp_path / "clips" / "more").mkdir(parents=True)
    for copy in ("dance.bvh", "clips/first.bvh", "clips/more/second.bvh"):
        shutil.copy(dance, tmp_path / copy)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_files(folder):
    for kind in KINDS.values():
        kind.write(motion.trim(sample.motion("walk", fps=kind.fps), 1.0, 1.5), folder)


@pytest.mark.parametrize("page", [p for p in PAGES if p.name not in OWN_WORDS], ids=name)
def test_blocks_run(page, folder, capsys):
    if page.name == "formats.md":
        make_files(folder)
    namespace = {"__name__": page.stem}
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        language, options, code = block.groups()
        if options.split() == ["skip"]:
            continue
        if language == "python":
            line = text[: block.start()].count("\n") + 1
            exec(compile("\n" * line + code, str(page), "exec"), namespace)
        elif language == "sh":
            for command in code.splitlines():
                words = shlex.split(command, comments=True)
                if words[:1] == ["understudy"]:
                    assert main(words[1:]) == 0, f"{command}\n{capsys.readouterr().err}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_exist(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if not re.match(r"https?:|mailto:|#", target):
            assert (page.parent / target.partition("#")[0]).exists(), f"{name(page)}: {target}"


def test_every_page_is_linked_from_the_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / t).resolve() for t in LINK.findall(index)}
    pages = {p for p in PAGES if p.parts[-1] not in ("README.md", "index.md", *OWN_WORDS)}
    assert {p.resolve() for p in pages} <= linked


def test_pictures_are_small():
    for picture in (ROOT / "docs" / "images").glob("*.png"):
        assert picture.stat().st_size < 500_000


def test_weights_and_thresholds_on_the_pages_are_those_of_the_code():
    from understudy.evaluate import certificate, metrics_contact, metrics_joint
    from understudy.retarget import FrameIKConfig

    c = FrameIKConfig()
    w = c.weights
    page = (ROOT / "docs" / "methods" / "frame_ik.md").read_text(encoding="utf-8")
    for said in (
        f"pelvis {w.pelvis_position:g}, ankles {w.ankle_position:g} ",
        f"pelvis, chest {w.chest_rotation:g}, ankles {w.ankle_rotation:g}, …",
        f"arms {w.elbow_bone:g}, thighs {w.hip_bone:g}, shanks {w.knee_bone:g} ",
        f"ν = {c.viscosity:g} s/rad²",
        f"{c.jump:g} rad from the frame before",
        f"within {c.limit_margin:g} rad of a limit, w_lim = {c.limit_weight:g} 1/rad²",
        f"the weight {c.prior:g} 1/rad²",
        f"home‖²                            {c.rest_weight:g} 1/rad²",
        f"at most {c.iterations} steps are made ({c.first_iterations}\nfor",
        f"with F < {c.good:g} ends",
        f"lowers F by less than {100 * c.tolerance:g} %",
    ):
        assert said in page, said
    assert w.pelvis_rotation == w.chest_rotation
    assert w.shoulder_bone == w.elbow_bone
    assert (certificate.DEEPEST_OVERLAP, metrics_contact.UNDER_FLOOR, metrics_joint.JUMP) == (
        0.001,
        0.005,
        0.5,
    )


def test_formats_on_the_page_are_those_of_the_code():
    from understudy.motion import formats

    page = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")
    lines = re.findall(r"^\| `([\w-]+)` \|(.*)\|$", page, re.MULTILINE)
    rows = {name: cells.split("|") for name, cells in lines if cells.count("|") == 5}
    assert set(rows) == set(formats.FORMATS)
    for name, (ending, whose, written, _, _, options) in rows.items():
        known = formats.FORMATS[name]
        suffixes = {s.replace(formats.FOLDER, "folder") for s in known.suffixes}
        assert suffixes <= set(re.findall(r"[\w.]+", ending)), name
        assert whose.strip() == known.holds, name
        assert ("both" in written) == formats.can(name, "write"), name
        assert set(re.findall(r"`(\w+)`", options)) == set(formats.options(name)), name


def test_figures_of_the_demo_in_the_readme_are_those_of_the_code():
    """To within a tenth, or a hundredth of the unit. If this fails, ``understudy demo`` tells the right ones."""
    from understudy import evaluate, retarget, robots

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    human = sample.demo()
    [robot] = retarget.SequenceFit(robots.load("unitree_g1"))([human])
    report = evaluate.report(robot, human)
    for key, row in (
        ("keypoint_error", r"key points, pelvis-relative \| ([\d.]+) cm"),
        ("orientation_error", r"orientation \| ([\d.]+)°"),
        ("max_speed_ratio", r"share of the motor's \| ([\d.]+)"),
        ("sole_height_error", r"sole height error in flat stance \| ([\d.]+) mm"),
        ("flat_skating", r"flat foot \(scaled human: [\d.]+ cm/s\) \| ([\d.]+) cm/s"),
        ("flat_skating_human", r"flat foot \(scaled human: ([\d.]+) cm/s\)"),
        ("toe_skating", r"toes \(scaled human: [\d.]+ cm/s\) \| ([\d.]+) cm/s"),
        ("toe_skating_human", r"toes \(scaled human: ([\d.]+) cm/s\)"),
    ):
        [said] = re.findall(row, text)
        assert float(said) == pytest.approx(report[key].value, rel=0.1, abs=0.01), key
    assert f"; {human.frames} frames at {human.fps:g} fps" in text
    for key in ("unexplained_jumps", "self_collision", "floor_penetration"):
        assert report[key].value == 0, key
