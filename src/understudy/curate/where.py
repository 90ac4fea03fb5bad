"""Conditions over a manifest, written like Python's, carried out by pyarrow. Nothing in them is ever executed.

``self_collision < 0.01 and fps >= 30``, ``body == "unitree_g1" and not "walk" in texts``, ``split in ["train", ""]``,
``frames / fps > 4``, ``licence is not None``. A comparison with a missing value is false.
"""

import ast
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from understudy.errors import UnderstudyError, UnknownName

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.compute import Expression

COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
GRAMMAR = (
    "A condition compares columns with values: < <= > >= == !=, joined by and, or, not; 'walk' in texts, "
    "split in ['train', 'test'], licence is None; + - * / and brackets."
)


def select(rows: "pyarrow.Table", condition: str) -> "pyarrow.Table":
    """The rows that meet a condition.

    Raises UnderstudyError for a text that is no condition, with what is allowed, and UnknownName for a column that is
    not there.
    """
    import pyarrow as pa

    wanted = parse(condition, rows.schema)
    try:
        return rows.filter(wanted)
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise UnderstudyError(f"The condition {condition!r} does not fit the columns: {error}") from error


def parse(condition: str, schema: "pyarrow.Schema") -> "Expression":
    """A condition as an expression of pyarrow. Raises like ``select``."""
    import pyarrow as pa

    try:
        tree = ast.parse(condition.strip(), mode="eval").body
        found = _Reader(condition, schema).logical(tree)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise UnderstudyError(f"{condition!r} is not a condition. {GRAMMAR}") from error
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise UnderstudyError(f"The condition {condition!r} does not fit the columns: {error}") from error
    return found


class _Reader:
    """Walks the tree of a condition; whatever is not listed here is refused."""

    def __init__(self, condition: str, schema: "pyarrow.Schema"):
        self.condition, self.schema = condition, schema

    def logical(self, node: ast.expr) -> Any:
        """What is true or false."""
        if isinstance(node, ast.BoolOp):
            join = operator.and_ if isinstance(node.op, ast.And) else operator.or_
            found = self.logical(node.values[0])
            for part in node.values[1:]:
                found = join(found, self.logical(part))
            return found
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return ~self.logical(node.operand)
        if isinstance(node, ast.Compare):
            terms = [node.left, *node.comparators]
            found = self.comparison(terms[0], node.ops[0], terms[1])
            for left, op, right in zip(terms[1:], node.ops[1:], terms[2:], strict=False):
                found = found & self.comparison(left, op, right)
            return found
        if isinstance(node, ast.Name) and str(self.type_of(node)) == "bool":
            return self.value(node)
        raise self.refusal(node)

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Any:
        if type(op) in COMPARISONS:
            return COMPARISONS[type(op)](self.value(left), self.value(right))
        if isinstance(op, ast.Is | ast.IsNot) and isinstance(right, ast.Constant) and right.value is None:
            missing = self.value(left).is_null()
            return missing if isinstance(op, ast.Is) else ~missing
        if isinstance(op, ast.In | ast.NotIn):
            inside = self.inside(left, right)
            return inside if isinstance(op, ast.In) else ~inside
        raise self.refusal(left)

    def inside(self, left: ast.expr, right: ast.expr) -> Any:
        """``column in [values]``, or ``"word" in column``: part of a text, or of one of several texts."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if isinstance(right, ast.List | ast.Tuple) and all(isinstance(v, ast.Constant) for v in right.elts):
            return self.value(left).isin([v.value for v in right.elts if isinstance(v, ast.Constant)])
        if not (
            isinstance(left, ast.Constant) and isinstance(left.value, str) and isinstance(right, ast.Name)
        ):
            raise self.refusal(right)
        texts = self.value(right)
        if pa.types.is_list(self.type_of(right)):
            texts = pc.binary_join(texts, pc.scalar("\n"))  # pyright: ignore[reportAttributeAccessIssue]
        return pc.match_substring(texts, left.value, ignore_case=True)  # pyright: ignore[reportAttributeAccessIssue]

    def value(self, node: ast.expr) -> Any:
        """A column, a number, a text, or a sum of such."""
        import pyarrow.compute as pc

        if isinstance(node, ast.Name):
            self.type_of(node)
            return pc.field(node.id)
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float | str):
            return pc.scalar(node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return pc.scalar(0.0) - self.value(node.operand)
        if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
            return ARITHMETIC[type(node.op)](self.value(node.left), self.value(node.right))
        raise self.refusal(node)

    def type_of(self, node: ast.Name) -> "pyarrow.DataType":
        if node.id not in self.schema.names:
            raise UnknownName("column", node.id, self.schema.names)
        return self.schema.field(node.id).type

    def refusal(self, node: ast.expr) -> UnderstudyError:
        return UnderstudyError(
            f"{ast.unparse(node)!r} cannot stand there in the condition {self.condition!r}. {GRAMMAR}"
        )
