"""Conditions: what they select, and that nothing else can be written into them."""

import pytest

from understudy.curate import select
from understudy.errors import UnderstudyError, UnknownName
from understudy.motion.dataset import Entry, to_table

ROWS = to_table(
    [
        Entry("a", "a", "done", fps=30.0, frames=90, texts=("A man walks", "walking"), split="train", passed=True,
              metrics={"self_collision": 0.0, "jerk": 5.0}),
        Entry("b", "b", "done", fps=60.0, frames=60, texts=("dance",), split="test", passed=False,
              metrics={"self_collision": 0.02}),
        Entry("c", "c", "failed", "line 3: broken"),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("self_collision < 0.01 and fps >= 30", "a"),
        ("self_collision < 0.01 or fps > 30", "ab"),
        ("not fps > 30", "a"),  # what is missing is neither more nor not more
        ("30 <= fps < 60", "a"),
        ("frames / fps > 2", "a"),
        ("frames - 60 * 1 == 0", "b"),
        ("jerk > -1", "a"),
        ("passed", "a"),
        ("not passed", "b"),
        ("passed == False", "b"),
        ("'WALK' in texts", "a"),
        ("'walk' not in texts and status == 'done'", "b"),
        ("'broken' in reason", "c"),
        ("split in ['train', 'test']", "ab"),
        ("split not in ('train', 'test')", "c"),
        ("fps is None", "c"),
        ("(fps is not None) and split != 'test'", "a"),
        ("id > 'a'", "bc"),
    ],
)
def test_what_is_selected(condition, ids):
    assert "".join(select(ROWS, condition)["id"].to_pylist()) == ids


@pytest.mark.parametrize(
    "condition",
    [
        "", "fps >", "fps", "1", "__import__('os').system('true')", "fps.real > 1", "fps > max(1, 2)", "fps[0] > 1",
        "[x for x in fps]", "fps if fps else fps", "lambda: fps", "fps := 3", "fps ** 9 > 1", "f'{fps}' == 'a'",
        "split in fps", "fps in 3", "fps is 3", "fps > 'x'", "texts > 3", "(" * 300 + "fps" + ")" * 300,
        "fps > 1 < None",
        "'a' in fps", "not 3", "fps > 1; fps < 2", "and",
    ],
)  # fmt: skip
def test_what_is_no_condition_is_refused_in_words(condition):
    with pytest.raises(UnderstudyError) as refused:
        select(ROWS, condition)
    assert "condition" in str(refused.value)


def test_an_unknown_column_is_named():
    with pytest.raises(UnknownName, match="Did you mean 'self_collision'"):
        select(ROWS, "selfcollision < 1")
