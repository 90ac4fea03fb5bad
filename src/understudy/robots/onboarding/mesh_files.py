"""Mesh files that MuJoCo does not read, as the convex hull of their vertices."""

import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.spatial import ConvexHull, QhullError

LARGEST_STL = 200_000
"""Faces that MuJoCo accepts in one STL file."""


def readable(file: Path) -> tuple[str, bytes | None]:
    """How to name a mesh to MuJoCo: its path; or a new name with the content to put under it, an OBJ of the hull,
    for a Collada file and for an STL with too many faces; or an empty name for one that cannot be read at all.
    """
    if not file.is_file():
        return "", None
    suffix = file.suffix.lower()
    if suffix in (".obj", ".msh"):
        return str(file.resolve()), None
    if suffix == ".stl":
        faces = _stl_faces(file)
        if faces is None:
            return "", None
        if len(faces) <= LARGEST_STL and not _is_text(file):
            return str(file.resolve()), None
        vertices = faces.reshape(-1, 3)
    elif suffix == ".dae":
        vertices = collada_vertices(file)
    else:
        return "", None
    content = _hull_obj(vertices)
    name = "_".join(file.resolve().parts[1:]) + ".obj"
    return (name, content) if content is not None else ("", None)


def collada_vertices(file: Path) -> Float[np.ndarray, "vertex 3"]:
    """All vertex positions of a Collada scene, in metres, z up as the file's own axis says."""
    try:
        root = ET.parse(file).getroot()
    except (ET.ParseError, UnicodeDecodeError):
        return np.zeros((0, 3))
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    unit = root.find("asset/unit")
    scale = float(unit.get("meter", "1")) if unit is not None else 1.0
    clouds = {g.get("id", ""): _positions(g) for g in root.iter("geometry")}
    found: list[np.ndarray] = []

    def visit(node: ET.Element, placed: np.ndarray) -> None:
        for child in node:
            if child.tag in ("matrix", "translate", "rotate", "scale"):
                placed = placed @ _transform(child)
            elif child.tag == "instance_geometry":
                cloud = clouds.get(child.get("url", "").lstrip("#"), np.zeros((0, 3)))
                found.append(cloud @ placed[:3, :3].T + placed[:3, 3])
            elif child.tag == "node":
                visit(child, placed)

    for scene in root.iter("visual_scene"):
        visit(scene, np.eye(4))
    axis = root.findtext("asset/up_axis", "Z_UP").strip()
    up = {"Y_UP": np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])}.get(axis, np.eye(3))
    return scale * np.concatenate([*found, np.zeros((0, 3))]) @ up.T


def _positions(geometry: ET.Element) -> np.ndarray:
    vertices = geometry.find("mesh/vertices/input[@semantic='POSITION']")
    source = vertices.get("source", "").lstrip("#") if vertices is not None else ""
    for candidate in geometry.iter("source"):
        if candidate.get("id") == source:
            numbers = np.array((candidate.findtext("float_array") or "").split(), dtype=float)
            return numbers[: len(numbers) // 3 * 3].reshape(-1, 3)
    return np.zeros((0, 3))


def _transform(element: ET.Element) -> np.ndarray:
    numbers, matrix = np.array((element.text or "").split(), dtype=float), np.eye(4)
    if element.tag == "matrix":
        return numbers.reshape(4, 4)
    if element.tag == "translate":
        matrix[:3, 3] = numbers
    elif element.tag == "scale":
        matrix[:3, :3] = np.diag(numbers)
    else:
        (x, y, z), angle = numbers[:3], np.radians(numbers[3])
        k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        matrix[:3, :3] += np.sin(angle) * k + (1 - np.cos(angle)) * k @ k
    return matrix


def _is_text(file: Path) -> bool:
    with file.open("rb") as stream:
        head = stream.read(84)
    count = int.from_bytes(head[80:84], "little") if len(head) == 84 else 0
    return file.stat().st_size != 84 + 50 * count


def _stl_faces(file: Path) -> np.ndarray | None:
    """Corners (face, 3, 3) of a binary or text STL; None if it is neither."""
    content = file.read_bytes()
    if not _is_text(file):
        dtype = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
        return np.frombuffer(content, dtype, offset=84)["corners"].astype(float)
    words = content.split()
    at = [k for k, word in enumerate(words) if word == b"vertex"]
    try:
        corners = np.array([[float(w) for w in words[k + 1 : k + 4]] for k in at])
    except ValueError:
        return None
    return corners.reshape(-1, 3, 3) if len(corners) and len(corners) % 3 == 0 else None


def _hull_obj(vertices: np.ndarray) -> bytes | None:
    if len(vertices) < 4 or not np.isfinite(vertices).all():
        return None
    try:
        hull = ConvexHull(vertices)
    except QhullError:
        return None
    index = {old: new + 1 for new, old in enumerate(hull.vertices)}
    inside = vertices.mean(axis=0)
    lines = ["v {:.6g} {:.6g} {:.6g}".format(*vertices[k]) for k in hull.vertices]
    for a, b, c in hull.simplices:
        outward = np.cross(vertices[b] - vertices[a], vertices[c] - vertices[a]) @ (vertices[a] - inside)
        face = (a, b, c) if outward > 0 else (a, c, b)
        lines.append("f {} {} {}".format(*(index[k] for k in face)))
    return "\n".join(lines).encode()
