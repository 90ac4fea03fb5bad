"""Joint positions out of a licensed body model file of the user's own.

Only what places the joints is read: the template's vertices, how they move with the shape coefficients, and how the
joints follow from the vertices. No mesh is posed and no vertex leaves this file.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float

from understudy.errors import FormatError, SkeletonMismatch
from understudy.motion.body_model import BODY_JOINTS
from understudy.motion.formats.doors import LARGEST, existing_file, need, read_npz, read_npz_names

ENTRIES = ("v_template", "shapedirs", "J_regressor")
KINDS = {24: "smpl", 52: "smplh", 55: "smplx"}
"""The kind of a model, by its number of joints."""
KNUCKLES = {"smpl": (22, 23), "smplh": (25, 40), "smplx": (28, 43)}
"""The joints at the base of the left and right middle finger; SMPL's one joint for a hand lies near them."""
EXPRESSIONS = {20: 10, 400: 300}
"""Of so many shape directions of an SMPL-X file only the first ones are the body's; the others are the face's."""
CONVERT = (
    "Model files in .pkl hold objects that only running their code can restore, so they are not opened. Download the "
    ".npz version, or convert yours once, where chumpy and scipy are installed: load the pickle and write "
    "numpy.savez('model.npz', v_template=..., shapedirs=numpy.array(shapedirs), "
    "J_regressor=J_regressor.toarray(), kintree_table=...)."
)


@dataclass(frozen=True)
class BodyModel:
    """Where a model's joints are, for every shape: ``mean + directions · betas`` (m), x left, y up, z forward.

    ``kind`` is smpl, smplh or smplx. The joints are those of ``SMPL``.
    """

    path: Path
    kind: str
    mean: Float[np.ndarray, "joint 3"]
    directions: Float[np.ndarray, "joint 3 beta"]

    def rest(self, betas: Float[np.ndarray, "given"]) -> Float[np.ndarray, "joint 3"]:
        """The joints of one person in the zero pose; coefficients beyond the model's own are left out."""
        n = min(len(betas), self.directions.shape[-1])
        return self.mean + self.directions[..., :n] @ betas[:n]


def read_body_model(path: str | Path) -> BodyModel:
    """Read a SMPL, SMPL-H or SMPL-X model file (.npz). Raises FormatError for whatever is not one."""
    path = existing_file(path)
    if path.suffix.lower() != ".npz":
        raise FormatError(path, f"a body model is an .npz file here. {CONVERT}")
    return _read(path.resolve(), path.stat().st_mtime_ns)


@lru_cache(maxsize=8)  # a folder of clips asks for the same few models again and again, and they are large
def _read(path: Path, _changed: int) -> BodyModel:
    if not read_npz_names(path).issuperset(ENTRIES):
        raise FormatError(path, f"this is no body model; one holds {', '.join(ENTRIES)}.")
    arrays = read_npz(path, ENTRIES)
    template, shapes, regressor = (_numbers(need(arrays, key, path), key, path) for key in ENTRIES)
    joints, vertices = regressor.shape if regressor.ndim == 2 else (0, 0)
    known = shapes.shape[2] if shapes.ndim == 3 else 0
    if joints not in KINDS or template.shape != (vertices, 3) or shapes.shape != (vertices, 3, known):
        raise FormatError(
            path,
            f"a body model has 24, 52 or 55 joints (SMPL, SMPL-H, SMPL-X) and one row for each vertex; found "
            f"J_regressor {regressor.shape}, v_template {template.shape}, shapedirs {shapes.shape}.",
        )
    kind = KINDS[joints]
    rows = regressor[[*range(BODY_JOINTS), *KNUCKLES[kind]]]
    count = EXPRESSIONS.get(known, known) if kind == "smplx" else known
    directions = rows @ shapes[..., :count].reshape(vertices, -1)
    return BodyModel(path, kind, rows @ template, directions.reshape(len(rows), 3, count))


def fitting(model: BodyModel, kind: str) -> BodyModel:
    """The model, if a clip of another kind's parameters means something on it. Raises SkeletonMismatch."""
    if (model.kind == "smplx") != (kind == "smplx"):
        raise SkeletonMismatch(
            f"The shape coefficients of a {kind} clip mean nothing on the {model.kind} model {model.path}. Give a "
            f"{kind} model, or none for a mean adult."
        )
    return model


def _numbers(value: np.ndarray, key: str, path: Path) -> np.ndarray:
    if value.dtype.kind not in "iuf":
        raise FormatError(
            path, f"{key!r} must be plain numbers; found {value.dtype} {value.shape}. {CONVERT}"
        )
    if not (np.abs(value) < LARGEST).all():
        raise FormatError(path, f"{key!r} holds values that are no lengths (NaN, infinite or huge).")
    return value.astype(np.float64)
