"""Rules of the whole package that no linter knows: names, sizes, words, and what a stranger may rely on."""

import ast
import dataclasses
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import TypeCheckError

import understudy
from understudy import motion, retarget
from understudy.motion import sample

SOURCE = Path(understudy.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
ROOMS = tuple(name for name in understudy.__all__ if not name.startswith("__"))
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "base", "manager", "misc", "core"}
LONGEST_FILE, LONGEST_FUNCTION = 450, 60
LONG_FILES: set[str] = set()
LONG_FUNCTIONS = {"kinematics/kernels/qp.py:constrain"}
"""Loops that numba compiles as one, where pieces would have to hand a dozen arrays on."""


def name(path):
    return path.relative_to(SOURCE).as_posix()


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=FILES, ids=name)
def file(request):
    return request.param


def test_the_name_says_what_is_inside(file):
    assert not FORBIDDEN_NAMES & {file.stem, *file.relative_to(SOURCE).parent.parts}


def test_files_and_functions_can_be_read_at_a_sitting(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST_FILE or name(file) in LONG_FILES
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.FunctionDef) and f"{name(file)}:{node.name}" not in LONG_FUNCTIONS:
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, node.name


def test_what_is_public_is_explained(file):
    """Modules, classes and functions; a function of one line may leave it to its name."""
    tree = tree_of(file)
    if file.read_text(encoding="utf-8").strip():
        assert ast.get_docstring(tree), "the module"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            short = isinstance(node, ast.FunctionDef) and len(node.body) == 1
            assert short or ast.get_docstring(node), node.name


def test_only_the_command_line_prints_and_exits(file):
    if "cli" in file.relative_to(SOURCE).parts:
        return
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "sys.exit", "exit", "quit", "breakpoint"), f"line {node.lineno}"


def test_no_failure_is_swallowed(file):
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            assert caught not in ("", "Exception", "BaseException"), f"line {node.lineno}"


def test_no_environment_variable_steers_the_library(file):
    """Only the renderer's probe looks at the environment, to hand it on to a process of its own."""
    if name(file) == "view/offscreen.py":
        return
    words = {"environ", "getenv"}
    found = {n.attr for n in ast.walk(tree_of(file)) if isinstance(n, ast.Attribute)} & words
    assert not found


def test_modules_that_are_public_by_name_load_lazily_by_hand():
    """A lazy room's names in ``__all__`` and in its table of homes must agree."""
    for room in ROOMS:
        module = importlib.import_module(f"understudy.{room}")
        homes = getattr(module, "_HOME", {})
        assert set(homes) <= set(module.__all__), room


@pytest.mark.parametrize("room", ROOMS)
def test_public_names_resolve(room):
    module = importlib.import_module(f"understudy.{room}")
    assert module.__doc__
    assert list(module.__all__) == sorted(module.__all__, key=_as_ruff_sorts), "__all__ is out of order"
    for public in module.__all__:
        found = getattr(module, public)
        if inspect.isfunction(found) or inspect.isclass(found):
            assert inspect.getdoc(found), public
    with pytest.raises(AttributeError, match="no_such_name"):
        module.no_such_name  # noqa: B018


def _as_ruff_sorts(public):
    """Constants, then classes, then the rest."""
    return (not public.isupper(), not public[0].isupper(), public)


def test_every_method_is_known_to_the_command_line_and_makes_a_retargeter():
    from understudy.cli.retarget import Retarget

    default = {f.name: f.default for f in dataclasses.fields(Retarget)}
    assert default["method"] in retarget.METHODS


def test_defaults_of_the_command_line_are_those_of_the_library():
    from understudy import robots, view
    from understudy.cli.demo import Demo
    from understudy.cli.retarget import Retarget
    from understudy.cli.view import View

    command = {f.name: f.default for f in dataclasses.fields(Retarget)}
    assert command["ground"] == retarget.FrameIKConfig().ground
    assert command["robot"] in robots.names()
    demo = {f.name: f.default for f in dataclasses.fields(Demo)}
    assert demo["fps"] == inspect.signature(sample.demo).parameters["fps"].default
    assert demo["robot"] == command["robot"]
    shown = {f.name: f.default for f in dataclasses.fields(View)}
    for option in ("port", "renderer"):
        function = view.show if option == "port" else view.video
        assert shown[option] == inspect.signature(function).parameters[option].default


def test_configurations_are_frozen_and_their_fields_explained():
    """Every field of a configuration either has a docstring below it or a name that says all."""
    config = retarget.FrameIKConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.ground = "none"


def test_shapes_are_checked_while_tests_run():
    clip = sample.motion("stand", fps=10.0)
    with pytest.raises(TypeCheckError):
        clip.skeleton.landmarks.world(clip.pos[..., :2], clip.quat)
    with pytest.raises(TypeCheckError):
        motion.blend_home("no motion", np.zeros(36, np.float32))
