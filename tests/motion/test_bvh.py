"""BVH in all its dialects: read right, refused with a line, written so that it comes back the same."""

import re
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from understudy.errors import FormatError, LimitError, UnderstudyError
from understudy.motion import RobotMotion, sample
from understudy.motion.formats import bvh
from understudy.rotations import quat_angle, quat_apply, quat_from_euler


@pytest.fixture(scope="module")
def person():
    return sample.motion("punch", fps=30.0)


@pytest.fixture(scope="module")
def text(person, tmp_path_factory):
    path = tmp_path_factory.mktemp("bvh") / "person.bvh"
    bvh.write(person, path)
    return path.read_text()


@pytest.fixture
def reread(tmp_path):
    def read(content, **options):
        path = tmp_path / "clip.bvh"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return bvh.read(path, **options)

    return read


def same(a, b, pos=1e-4, quat=1e-4):
    order = [b.skeleton.joints.index(name) for name in a.skeleton.joints]
    return (
        np.abs(a.pos - b.pos[:, order]).max() < pos and quat_angle(a.quat, b.quat[:, order]).max() < 2 * quat
    )


def test_round_trip(person, text, reread):
    back = reread(text)
    assert back.fps == person.fps
    assert same(person, back)
    assert np.abs(person.landmarks()[0] - back.landmarks()[0]).max() < 0.01


def test_writing_twice_gives_the_same_text(text, reread, tmp_path):
    bvh.write(reread(text), tmp_path / "again.bvh")
    numbers = [
        np.array([float(w) for w in t.split("Time:")[1].split()])
        for t in (text, (tmp_path / "again.bvh").read_text())
    ]
    assert np.abs(numbers[0] - numbers[1]).max() < 1e-3


def test_round_trip_through_gimbal_lock(person, reread, tmp_path):
    angles = np.radians([[0, 90, 0], [30, 89.99, 10], [-40, -90, 70], [100, 90.0001, -50]])
    quat = person.quat[:4].copy()
    quat[:] = quat_from_euler("zxy", angles)[:, None]
    still = replace(person, pos=person.pos[:4], quat=quat.astype(np.float32), tracks={})
    bvh.write(still, tmp_path / "locked.bvh")
    rows = (tmp_path / "locked.bvh").read_text().splitlines()[-4:]
    turns = np.radians(np.array([[float(w) for w in row.split()[3:6]] for row in rows]))
    file_axes = quat[:, 0][:, [0, 2, 3, 1]]
    assert quat_angle(quat_from_euler("zxy", turns), file_axes).max() < 1e-4


def test_stretching_bones_get_position_channels(person, reread, tmp_path):
    j = person.skeleton.joints.index("left_wrist")
    below = [j]
    for i, p in enumerate(person.skeleton.parents):
        below += [i] if p in below else []
    pos = person.pos.copy()
    pos[:, below] += 0.02 * np.sin(np.linspace(0, 6, len(pos)))[:, None, None] * [1, 0, 0]
    stretched = replace(person, pos=pos)
    bvh.write(stretched, tmp_path / "stretched.bvh")
    content = (tmp_path / "stretched.bvh").read_text()
    assert content.count("CHANNELS 6") == 2
    assert same(stretched, reread(content))


def test_a_failed_write_leaves_the_old_file(person, tmp_path):
    path = tmp_path / "kept.bvh"
    path.write_text("old")
    broken = replace(person)
    object.__setattr__(broken, "pos", None)
    with pytest.raises(AttributeError):
        bvh.write(broken, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_robot_is_no_bvh(tmp_path):
    robot = RobotMotion(
        "g1", ("knee",), 30.0, np.zeros((2, 3)), np.tile([1.0, 0, 0, 0], (2, 1)), np.zeros((2, 1))
    )
    with pytest.raises(UnderstudyError, match="human motion"):
        bvh.write(robot, tmp_path / "robot.bvh")


# ---- dialects


def test_dialects_do_not_matter(text, reread):
    plain = reread(text)
    name = "pelvis"
    for dialect in (
        text.replace("\n", "\r\n"),
        "\ufeff" + text,
        text.replace(" ", "\t \t"),
        text.replace("\n", "\n\n \n"),
        text.replace("\t", "").replace("OFFSET", "offset").replace("End Site", "END SITE"),
        re.sub(r"\n\s*\{", " {", text),
        text.replace("Zrotation", "ZROTATION").replace("Frames:", "FRAMES:"),
        re.sub(r"(-?\d+\.\d+)", lambda m: f"{float(m[1]):.9e}", text.split("MOTION")[0])
        + "MOTION"
        + text.split("MOTION")[1],
        text.rstrip("\n"),
    ):
        assert same(plain, reread(dialect)), dialect[:80]
    assert same(plain, reread(text.encode("utf-16")))
    spaced = reread(text.replace(f"ROOT {name}", "ROOT the  pelvis\u00e9").encode("latin-1"))
    assert spaced.skeleton.joints[0] == "the  pelvis\u00e9"
    assert np.allclose(spaced.pos, plain.pos)


def test_frames_may_wrap_over_lines(text, reread):
    head, rows = text.split("Frame Time:")
    first, *rest = rows.splitlines()
    wrapped = "\n".join("\n".join(r.split()) for r in rest)
    assert same(reread(text), reread(f"{head}Frame Time:{first}\n{wrapped}\n"))


@pytest.mark.parametrize("order", ["xyz", "xzy", "yxz", "yzx", "zxy", "zyx"])
def test_every_rotation_order_can_stand_beside_another(order, reread):
    angles = {"Hips": (10.0, -20.0, 35.0), "LeftUpLeg": (-30.0, 5.0, 12.0)}
    clip = reread(body(turns={"LeftUpLeg": order}, angles=angles))
    joint = clip.skeleton.joints.index
    hips = quat_from_euler("zxy", np.radians(np.array(angles["Hips"])))
    thigh = quat_from_euler(order, np.radians(np.array(angles["LeftUpLeg"])))
    knee = quat_apply(hips, np.array([0.1, -0.05, 0.0]) + quat_apply(thigh, np.array([0.0, -0.42, 0.0])))
    got = clip.pos[0, joint("LeftLeg")] - clip.pos[0, joint("Hips")]
    assert np.allclose(got, knee[[2, 0, 1]], atol=1e-5)


@pytest.mark.parametrize(("up", "map_"), [("y", [0, 1, 2]), ("z", [2, 0, 1]), ("x", [1, 2, 0])])
@pytest.mark.parametrize(
    ("unit", "name"), [(1.0, "m"), (0.01, "cm"), (0.0254, "inch"), (0.001, "mm"), (0.0564444, "Acclaim")]
)
def test_unit_and_up_axis_are_settled_by_the_body(up, map_, unit, name, reread):
    clip = reread(body(scale=1.0 / unit, axes=map_))
    assert clip.origin.inferred["up"].startswith(up)
    assert clip.origin.inferred["unit"].startswith(name)
    head, ankle = (clip.pos[0, clip.skeleton.joints.index(n)] for n in ("Head", "LeftFoot"))
    assert head[2] - ankle[2] == pytest.approx(1.46, abs=1e-3)
    assert (clip.pos[0, clip.skeleton.joints.index("LeftToeBase")] - ankle)[:2] @ facing(clip) > 0.1


def facing(clip):
    joint = {n: clip.pos[0, i] for i, n in enumerate(clip.skeleton.joints)}
    left = joint["LeftUpLeg"] - joint["RightUpLeg"]
    return np.cross(left / np.linalg.norm(left), [0, 0, 1])[:2]


def test_a_body_of_no_usual_size_is_scaled_and_says_so(reread):
    clip = reread(body(scale=25.0))
    assert "1.7 m" in clip.origin.inferred["unit"]
    assert 1.2 < np.ptp(clip.pos[0, :, 2]) < 1.8


def test_what_is_given_overrides_what_is_inferred(text, reread):
    plain = reread(text)
    forced = reread(text, unit=0.02, fps=12.5, up="z")
    assert forced.fps == 12.5
    assert np.allclose(forced.pos[..., [2, 0, 1]], 2 * plain.pos, atol=1e-5)
    assert all("as given" in forced.origin.inferred[key] for key in ("unit", "up", "fps"))


def test_a_y_up_body_facing_z_faces_x(reread):
    clip = reread(body())
    assert np.allclose(facing(clip), [1, 0], atol=1e-6)
    assert np.allclose(clip.quat, [1, 0, 0, 0], atol=1e-6)


def test_a_root_position_may_be_relative_to_the_offset(reread):
    high = reread(body(root=(0, 0.9, 0), offset=(0, 0.95, 0)))
    low = reread(body(root=(0, 0.02, 0), offset=(0, 0.95, 0)))
    assert "replace" in high.origin.inferred["root position"]
    assert "relative" in low.origin.inferred["root position"]
    assert high.pos[0, 0, 2] == pytest.approx(0.9)
    assert low.pos[0, 0, 2] == pytest.approx(0.97)


def test_repeated_names_are_numbered(text, reread):
    clip = reread(text.replace("JOINT left_collar", "JOINT chest"))
    assert "chest.2" in clip.skeleton.joints
    assert "chest.2" in clip.origin.inferred["names"]


def test_a_leading_t_pose_is_dropped_only_if_the_body_jumps_out_of_it(person, tmp_path):
    rest = np.zeros_like(person.pos[:1])
    for j, p in enumerate(person.skeleton.parents):
        if p >= 0:
            rest[0, j] = rest[0, p] + person.skeleton.offsets[j]
    still = np.zeros_like(person.quat[:1])
    still[..., 0] = 1.0
    jumped = replace(
        person,
        pos=np.concatenate([rest + person.pos[0, 0], person.pos]),
        quat=np.concatenate([still, person.quat]),
        tracks={},
    )
    bvh.write(jumped, tmp_path / "jumped.bvh")
    clip = bvh.read(tmp_path / "jumped.bvh")
    assert clip.frames == person.frames
    assert clip.origin.inferred["first frame"].startswith("2: a T-pose")
    assert bvh.read(tmp_path / "jumped.bvh", start=0.0).frames == person.frames + 1


def test_start_and_end_cut_on_the_files_own_clock(text, reread):
    whole, part = reread(text), reread(text, start=0.5, end=1.0)
    assert part.frames == 16
    assert np.array_equal(part.pos, whole.pos[15:31])
    assert np.array_equal(part.skeleton.landmarks.quat, whole.skeleton.landmarks.quat)
    with pytest.raises(LimitError, match="lasts"):
        reread(text, start=1e3)


@pytest.mark.parametrize(
    ("written", "rate"),
    [
        ("0.00833333", 120),
        (".0083333", 120),
        ("0.016667", 60),
        ("0.004184", 239),
        ("0.0333667", 29.97),
        ("3.3333e-2", 30),
    ],
)
def test_rates_are_whole_if_they_could_be(written, rate, text, reread):
    clip = reread(re.sub(r"Frame Time: \S+", f"Frame Time: {written}", text))
    assert clip.fps == pytest.approx(rate, abs=1e-3)
    assert clip.fps == rate or rate == 29.97


# ---- refusals


def last(text):
    return len(text.splitlines())


REFUSALS = {
    "empty": (lambda _: b"", r"empty"),
    "blank": (lambda _: "\n \n", r"blank"),
    "binary": (lambda _: b"\x00\x01\x02" * 99, r"line 1: .*binary"),
    "another format": (lambda _: "# glTF\n", r"line 1: .*HIERARCHY"),
    "no motion": (lambda t: t.split("MOTION")[0], r"line \d+: .*MOTION"),
    "cut in the hierarchy": (lambda t: t[:400], r"line \d+: .*cut short"),
    "cut in a row": (
        lambda t: t[: len(t) - 200],
        r"line \d+: this frame has \d+ numbers; the hierarchy has 93",
    ),
    "cut between rows": (
        lambda t: "\n".join(t.splitlines()[:-3]),
        r"line \d+: the header announces \d+ frames",
    ),
    "a word": (lambda t: t.rsplit(" ", 1)[0] + " word\n", r"line \d+: 'word' is not a finite number"),
    "nan": (lambda t: t.rsplit(" ", 1)[0] + " nan\n", r"line \d+: 'nan' is not a finite number"),
    "inf": (lambda t: t.rsplit(" ", 1)[0] + " -inf\n", r"line \d+: '-inf' is not a finite number"),
    "one number too many": (lambda t: t.rstrip("\n") + " 1.0\n", r"line \d+: this frame has 94 numbers"),
    "two people": (
        lambda t: t.replace("MOTION", "ROOT other\n{\nOFFSET 0 0 0\n}\nMOTION"),
        r"line \d+: a second ROOT",
    ),
    "no frames": (lambda t: re.sub(r"Frames: \d+", "Frames: 0", t), r"line \d+: the file announces 0 frames"),
    "absurd frames": (
        lambda t: re.sub(r"Frames: \d+", "Frames: 999999999999999", t),
        r"line \d+: the header announces",
    ),
    "half a frame": (lambda t: re.sub(r"Frames: \d+", "Frames: 2.5", t), r"line \d+: .*whole number"),
    "no time": (lambda t: re.sub(r"Time: \S+", "Time: 0", t), r"line \d+: .*--source-fps"),
    "negative time": (lambda t: re.sub(r"Time: \S+", "Time: -0.01", t), r"line \d+: .*--source-fps"),
    "absurd time": (lambda t: re.sub(r"Time: \S+", "Time: 1e9", t), r"line \d+: .*--source-fps"),
    "a channel that is none": (
        lambda t: t.replace("Zrotation", "Wrotation", 1),
        r"line \d+: unknown channel 'Wrotation'",
    ),
    "a channel twice": (lambda t: t.replace("Xrotation", "Zrotation", 1), r"line \d+: .*twice"),
    "too few channels": (
        lambda t: t.replace("CHANNELS 6", "CHANNELS 7"),
        r"line \d+: CHANNELS announces 7 and names 6",
    ),
    "a bad offset": (
        lambda t: t.replace("OFFSET 0.000000", "OFFSET zero", 1),
        r"line \d+: OFFSET needs three",
    ),
    "an open brace": (lambda t: t.replace("}\nMOTION", "MOTION"), r"line \d+: .*not closed"),
    "a closing brace": (lambda t: t.replace("MOTION", "}\nMOTION"), r"line \d+: one '}' too many"),
    "no bones": (lambda t: re.sub(r"OFFSET .*", "OFFSET 0 0 0", t), r"line \d+: every bone has length zero"),
    "no body": (lambda _: snake(), r"No human body"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_damage_is_refused_with_its_place(case, text, reread):
    damage, message = REFUSALS[case]
    with pytest.raises(FormatError, match=message):
        reread(damage(text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UnderstudyError, match=r"nowhere\.bvh"):
        bvh.read(tmp_path / "nowhere.bvh")


@pytest.mark.parametrize(
    "options", [{"unit": 0.0}, {"unit": -1.0}, {"up": "w"}, {"fps": 0.0}, {"fps": np.nan}]
)
def test_options_that_fit_no_file_are_refused(options, text, reread):
    with pytest.raises(LimitError):
        reread(text, **options)


def test_random_damage_never_crashes_the_reader(text, reread):
    rng = np.random.default_rng(7)
    lines = text.splitlines()
    for _ in range(40):
        damaged = list(lines)
        at = int(rng.integers(len(damaged)))
        damaged[at] = "".join(rng.permutation(list(damaged[at])))
        # Anything but a refusal would pass through this block and fail the test.
        with suppress(UnderstudyError):
            reread("\n".join(damaged))


# ---- bodies

BODY = {
    "Hips": ("", (0, 0, 0)),
    "Spine": ("Hips", (0, 0.12, 0)),
    "Spine1": ("Spine", (0, 0.16, 0)),
    "Neck": ("Spine1", (0, 0.23, 0)),
    "Head": ("Neck", (0, 0.08, 0.0)),
    "LeftShoulder": ("Spine1", (0.03, 0.18, 0)),
    "LeftArm": ("LeftShoulder", (0.15, 0, 0)),
    "LeftForeArm": ("LeftArm", (0.28, 0, 0)),
    "LeftHand": ("LeftForeArm", (0.25, 0, 0)),
    "LeftUpLeg": ("Hips", (0.1, -0.05, 0)),
    "LeftLeg": ("LeftUpLeg", (0, -0.42, 0)),
    "LeftFoot": ("LeftLeg", (0, -0.40, 0)),
    "LeftToeBase": ("LeftFoot", (0, -0.06, 0.14)),
}
BODY |= {
    n.replace("Left", "Right"): (p.replace("Left", "Right"), (-x, y, z))
    for n, (p, (x, y, z)) in list(BODY.items())
    if n.startswith("Left")
}


def body(scale=1.0, axes=(0, 1, 2), turns=None, angles=None, root=(0, 0.93, 0), offset=(0, 0, 0)):
    """A body in T-pose for three frames, y up and z forward; ``axes`` reorders x, y, z of every vector."""
    turns, angles = turns or {}, angles or {}
    lines, numbers = ["HIERARCHY"], []

    def vector(v):
        return " ".join(f"{scale * v[a]:.6f}" for a in axes)

    def node(name):
        parent, place = BODY[name]
        order = turns.get(name, "zxy")
        lines.extend(
            [f"{'JOINT' if parent else 'ROOT'} {name}", "{", f"OFFSET {vector(place if parent else offset)}"]
        )
        channels = [f"{c.upper()}rotation" for c in order]
        if not parent:
            channels = ["Xposition", "Yposition", "Zposition", *channels]
            numbers.append(vector(root))
        numbers.append(" ".join(map(str, angles.get(name, (0, 0, 0)))))
        lines.append(f"CHANNELS {len(channels)} {' '.join(channels)}")
        children = [n for n, (p, _) in BODY.items() if p == name]
        for child in children:
            node(child)
        if not children:
            lines.extend(["End Site", "{", "OFFSET 0 0 0", "}"])
        lines.append("}")

    node("Hips")
    row = " ".join(numbers)
    return "\n".join([*lines, "MOTION", "Frames: 3", "Frame Time: 0.0333333", row, row, row]) + "\n"


def snake():
    """A chain without limbs."""
    lines = ["HIERARCHY"]
    for i in range(8):
        lines += [f"{'JOINT' if i else 'ROOT'} bone{i}", "{", "OFFSET 0 10 0"]
        lines.append("CHANNELS 3 Zrotation Xrotation Yrotation")
    lines += ["}"] * 8
    return "\n".join([*lines, "MOTION", "Frames: 1", "Frame Time: 0.01", " ".join(["0"] * 24)])
