"""Acclaim skeletons and motions, against the textbook's product of matrices, and the corpus's real ones."""

from itertools import pairwise

import numpy as np
import pytest

from understudy import motion
from understudy.errors import FormatError, LimitError, UnderstudyError
from understudy.motion import LANDMARKS, formats
from understudy.motion.formats.asf import read_asf
from understudy.motion.info import describe
from understudy.rotations import quat_angle, quat_apply, quat_to_matrix

UNIT = 0.0254 / 0.45

ARM = """
begin
 id {i}1
 name {s}clavicle
 direction {m}1 0.3 0
 length 3.4
 axis 0 0 0 XYZ
 dof ry rz
end
begin
 name {s}humerus
 direction {m}1 0 0
 length 5.2
 axis 180 {m}-30 {m}-90 XYZ
 dof rx ry rz
 limits (-60.0 90.0)
        (-90.0 90.0)
        (-90.0 90.0)
end
begin
 name {s}radius
 direction {m}1 0 0
 length 3.4
 axis 180 {m}-30 {m}-90 XYZ
 dof rx
end
begin
 name {s}wrist
 direction {m}1 0 0
 length 1.7
 axis 0 {m}90 {m}90 XYZ
 dof ry
end
begin
 name {s}hand
 direction {m}1 0 0
 length 0.7
 axis 0 {m}90 {m}90 XYZ
 dof rx rz
end
begin
 name {s}fingers
 direction {m}1 0 0
 length 0.6
 axis 0 {m}90 {m}90 XYZ
end
"""
LEG = """
begin
 name {s}hipjoint
 direction {m}0.64 -0.72 0.27
 length 2.5
 axis 0 0 0 XYZ
end
begin
 name {s}femur
 direction {m}0.34202 -0.939693 0
 length 7.2
 axis 0 0 {m}20 XYZ
 dof rx ry rz
end
begin
 name {s}tibia
 direction {m}0.34202 -0.939693 0
 length 7.6
 axis 0 0 {m}20 XYZ
 dof rx
end
begin
 name {s}foot
 direction {m}0.0892 -0.245 0.9654
 length 2
 axis -90 0 {m}20 XYZ
 dof rx rz
end
begin
 name {s}toes
 direction 0 0 1
 length 1
 axis -90 0 {m}20 XYZ
 dof rx
end
"""
TRUNK = """
begin
 name {name}
 direction 0 1 {z}
 length 2.8
 axis 0 0 0 XYZ
 dof rx ry rz
end
"""
HEAD = """# a comment
:version 1.10
:name {name}
:units
  mass 1.0
  length {length}
  angle deg
:documentation
   made here, with a bracket (and a colon : inside)
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
"""
TREE = """:hierarchy
  begin
    root lhipjoint rhipjoint lowerback
    lowerback thorax
    thorax neck lclavicle rclavicle
    neck head
    {chains}
  end
"""
BONES = {
    "lowerback": 3,
    "thorax": 3,
    "neck": 3,
    "head": 3,
    **{s + b: n for s in "lr" for b, n in (("clavicle", 2), ("humerus", 3), ("radius", 1), ("wrist", 1))},
    **{
        s + b: n for s in "lr" for b, n in (("hand", 2), ("femur", 3), ("tibia", 1), ("foot", 2), ("toes", 1))
    },
}


def skeleton(name="VICON", length="0.45"):
    text = HEAD.format(name=name, length=length)
    for bone, z in (("lowerback", -0.1), ("thorax", 0.05), ("neck", 0.0), ("head", 0.0)):
        text += TRUNK.format(name=bone, z=z)
    chains = []
    for side, mirror in (("l", ""), ("r", "-")):
        text += (ARM + LEG).format(s=side, m=mirror, i=side).replace("--", "")
        for chain in ("hipjoint femur tibia foot toes", "clavicle humerus radius wrist hand fingers"):
            names = [side + bone for bone in chain.split()]
            chains += [f"{a} {b}" for a, b in pairwise(names)]
    return text + TREE.format(chains="\n    ".join(chains))


def angles(frames=30):
    """Channels of a body that stands at its place, bends its knees and elbows and waves about."""
    rng = np.random.default_rng(4)
    t = np.linspace(0, 2 * np.pi, frames)[:, None]
    out = {b: 4 * np.sin(t + rng.normal(size=n)) * rng.normal(size=n) for b, n in BONES.items()}
    phase = np.arange(3)
    place, turn = 0.2 * np.sin(t + phase) + np.array([1, 17.0, 2]), 5 * np.sin(t + phase + 3)
    out["root"] = np.concatenate([place, turn], 1)
    for side, sign in (("l", 1), ("r", -1)):
        out[f"{side}tibia"] += 20 + 15 * np.sin(t)
        out[f"{side}femur"] += [-10, 0, -20 * sign]
        out[f"{side}radius"] += 25 + 10 * np.cos(t)
        out[f"{side}humerus"] += [0, 0, 70 * sign]
    return out


def amc(channels, order=None):
    lines = ["#!OML:ASF made here", ":FULLY-SPECIFIED", ":DEGREES"]
    for k in range(len(channels["root"])):
        lines.append(str(k + 1))
        lines += [f"{b} " + " ".join(f"{v:.9g}" for v in channels[b][k]) for b in order or channels]
    return "\n".join(lines) + "\n"


@pytest.fixture
def clip(tmp_path):
    """A clip ``07_01.amc`` with its subject's skeleton; both texts can be changed."""

    def write(text=None, bones=None):
        (tmp_path / "07.asf").write_text(skeleton() if bones is None else bones)
        path = tmp_path / "07_01.amc"
        path.write_text(amc(angles()) if text is None else text)
        return path

    return write


def about(axis, degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = [(1, 2), (2, 0), (0, 1)]["xyz".index(axis)]
    m = np.eye(3)
    m[i, i] = m[j, j] = c
    m[i, j], m[j, i] = -s, s
    return m


def by_the_book(asf_text, channels, k):
    """Starts of all bones in frame k (m, the file's axes), as the Acclaim papers multiply them."""
    bones, parent, reading, name = {}, {}, "", ""
    for line in asf_text.splitlines():
        words = line.split()
        if not words or words[0] in ("begin", "end", "#"):
            continue
        if words[0].startswith(":"):
            reading = words[0]
        elif reading == ":bonedata":
            if words[0] == "name":
                name = words[1]
                bones[name] = {"dof": []}
            elif words[0] in ("direction", "axis"):
                bones[name][words[0]] = [float(w) for w in words[1:4]]
            elif words[0] == "length":
                bones[name]["length"] = float(words[1])
            elif words[0] == "dof":
                bones[name]["dof"] = [w[1] for w in words[1:]]
        elif reading == ":hierarchy":
            parent |= dict.fromkeys(words[1:], words[0])
    x, y, z, rx, ry, rz = channels["root"][k]
    world = {"root": (about("z", rz) @ about("y", ry) @ about("x", rx), np.array([x, y, z]))}
    starts = {"root": world["root"][1]}
    for name in sorted(parent, key=lambda b: depth(parent, b)):
        bone, (turn, end) = bones[name], world[parent[name]]
        ax, ay, az = bone["axis"]
        tilt = about("z", az) @ about("y", ay) @ about("x", ax)
        own = np.eye(3)
        for axis, value in zip(bone["dof"], channels.get(name, np.zeros((99, 3)))[k], strict=False):
            own = about(axis, value) @ own
        turn = turn @ tilt @ own @ tilt.T
        along = np.array(bone["direction"]) / np.linalg.norm(bone["direction"]) * bone["length"]
        starts[name] = end
        world[name] = (turn, end + turn @ along)
    return {n: UNIT * v for n, v in starts.items()}, {n: w[0] for n, w in world.items()}


def depth(parent, bone):
    return 0 if bone == "root" else 1 + depth(parent, parent[bone])


def test_the_book_s_matrices(clip):
    path = clip()
    assert formats.detect(path) == "amc"
    read = motion.load(path)
    assert read.fps == 120.0
    assert read.skeleton.landmarks.names == LANDMARKS
    to_world = np.eye(3)[[2, 0, 1]]
    for k in (0, 11, 29):
        starts, turns = by_the_book(skeleton(), angles(), k)
        for j, name in enumerate(read.skeleton.joints):
            if name in starts:
                np.testing.assert_allclose(read.pos[k, j], to_world @ starts[name], atol=1e-5)
                turned = quat_to_matrix(read.quat[k, j].astype(float))
                np.testing.assert_allclose(turned, to_world @ turns[name] @ to_world.T, atol=1e-5)


def test_the_body_is_found_and_measured(clip):
    read = motion.load(clip())
    info = describe(read)
    assert 1.5 < info.stature < 1.9
    assert info.landmarks["left_wrist"] == "lhand"
    assert info.landmarks["left_toe"] == "ltoes"
    assert info.inferred["unit"].startswith("5.644 cm")
    assert "07.asf" in info.inferred["skeleton"]
    # The left hand lies to the left, the toes ahead, the head above.
    place = dict(zip(LANDMARKS, read.landmarks()[0][0], strict=True))
    assert place["left_shoulder"][1] > place["right_shoulder"][1] + 0.3
    assert place["left_toe"][0] > place["left_ankle"][0] + 0.08
    assert place["head"][2] > place["pelvis"][2] + 0.4


@pytest.mark.parametrize(("subject", "rate"), [("60", 60.0), ("61", 60.0), ("07", 120.0)])
def test_cmu_s_rates(subject, rate, tmp_path):
    (tmp_path / f"{subject}.asf").write_text(skeleton())
    (tmp_path / f"{subject}_02.amc").write_text(amc(angles()))
    assert motion.load(tmp_path / f"{subject}_02.amc").fps == rate


def test_other_skeletons_need_a_rate_and_keep_their_unit(clip):
    path = clip(bones=skeleton(name="someone", length="0.45"))
    with pytest.raises(FormatError, match="--source-fps"):
        motion.load(path)
    assert motion.load(path, fps=30.0).fps == 30.0
    # Bones in units that make no human are taken to be in one that does.
    odd = motion.load(clip(bones=skeleton(name="someone", length="0.0001")), fps=30.0)
    assert 1.3 < describe(odd).stature < 2.1
    forced = motion.load(path, fps=30.0, unit=0.1)
    assert describe(forced).stature > 2.5


def test_which_skeleton(clip, tmp_path):
    path = clip()
    (tmp_path / "0.asf").write_text("not this one: 0 is no beginning of the number 07")
    motion.load(path)
    (tmp_path / "07_01.asf").write_text(skeleton())
    assert "07_01.asf" in motion.load(path).origin.inferred["skeleton"]
    walk = tmp_path / "walk.amc"
    walk.write_text(amc(angles()))
    with pytest.raises(UnderstudyError, match=r"--skeleton.*") as caught:
        motion.load(walk)
    assert "07_01.asf" in str(caught.value)
    assert motion.load(walk, skeleton=tmp_path / "07.asf").frames == 30


def test_radians_and_any_order(clip):
    radians = (
        skeleton()
        .replace("angle deg", "angle rad")
        .replace("order TX TY TZ RX RY RZ", "order RX RY RZ TX TY TZ")
    )
    for tilt in (
        "180 -30 -90",
        "180 30 90",
        "0 90 90",
        "0 -90 -90",
        "0 0 20",
        "0 0 -20",
        "-90 0 20",
        "-90 0 -20",
    ):
        turned = " ".join(f"{np.radians(float(v)):.12g}" for v in tilt.split())
        radians = radians.replace(f"axis {tilt} XYZ", f"axis {turned} XYZ")
    channels = {b: np.radians(v) for b, v in angles().items()}
    root = angles()["root"]
    channels["root"] = np.concatenate([np.radians(root[:, 3:]), root[:, :3]], axis=1)
    reference = motion.load(clip())
    other = motion.load(clip(amc(channels, order=[*BONES, "root"]), radians))
    np.testing.assert_allclose(other.pos, reference.pos, atol=1e-4)


DAMAGE = {
    "a bone too few": (lambda t: t.replace("ltibia", "#ltibia", 3), "missing|frames"),
    "a bone twice": (lambda t: t.replace("\nltibia", "\nltibia 3\nltibia", 1), "line"),
    "an unknown bone": (lambda t: t.replace("ltibia", "tail", 1), "no bone of this name"),
    "a number too many": (lambda t: t.replace("ltibia", "ltibia 4", 1), "2 numbers"),
    "no number": (lambda t: t.replace("ltibia ", "ltibia x", 1), "no usable number"),
    "not finite": (lambda t: t.replace("ltibia ", "ltibia 1e999 #", 1).replace("#", "", 0), "numbers|usable"),
    "no frame": (lambda t: ":FULLY-SPECIFIED\n", "no frames"),
}


@pytest.mark.parametrize(("change", "says"), DAMAGE.values(), ids=DAMAGE)
def test_damaged_motions(change, says, clip):
    with pytest.raises(FormatError, match=says):
        motion.load(clip(change(amc(angles()))))


BROKEN = {
    "no bones": (lambda t: t.replace(":bonedata", ":bones"), "bonedata"),
    "a bone without a name": (lambda t: t.replace(" name ltibia\n", ""), "name of its own"),
    "a bone twice": (lambda t: t.replace("name ltibia", "name lfemur"), "name of its own"),
    "a bone with no direction": (
        lambda t: t.replace("direction 0 0 1", "direction 0 0 0", 1),
        "no direction",
    ),
    "two numbers": (lambda t: t.replace("direction 0 0 1", "direction 0 0", 1), "needs 3 numbers"),
    "an odd axis": (lambda t: t.replace("XYZ\n dof rx\n", "XXZ\n dof rx\n", 1), "order of axes"),
    "a root without axes": (lambda t: t.replace("axis XYZ\n", "axis\n", 1), "order of axes"),
    "a stretching bone": (lambda t: t.replace("dof rx\n", "dof rx l\n", 1), "more than turn"),
    "an unknown child": (lambda t: t.replace("root lhipjoint", "root tail lhipjoint"), "cannot carry tail"),
    "a bone with two parents": (lambda t: t.replace("neck head", "neck head ltoes"), "cannot carry ltoes"),
    "no root channels": (lambda t: t.replace("order TX", "order"), "order must name"),
    "nobody": (
        lambda t: t[: t.index(":hierarchy")] + ":hierarchy\nbegin\nroot lowerback\nend\n",
        "no bone of this name",
    ),
}


@pytest.mark.parametrize(("change", "says"), BROKEN.values(), ids=BROKEN)
def test_broken_skeletons(change, says, clip):
    with pytest.raises(FormatError, match=says):
        motion.load(clip(bones=change(skeleton())))


def test_impossible_options(clip):
    for options in ({"fps": 0.0}, {"unit": -1.0}, {"up": "w"}):
        with pytest.raises(LimitError):
            motion.load(clip(), **options)


@pytest.mark.corpus
def test_real_clips(corpus):
    folder = corpus / "permissive/cmu_asfamc"
    files = [folder / "11_01.amc", *sorted((folder / "gsimchoni").glob("*.amc"))]
    assert len(files) >= 7
    for file in files:
        info = describe(motion.load(file))
        assert info.fps == 120.0
        assert 1.45 < info.stature < 1.9, file.name
        assert abs(info.floor) < 0.06, file.name
        assert len(read_asf(file.with_name(info.inferred["skeleton"].split(":")[0])).bones) == 30


@pytest.mark.corpus
def test_the_same_take_as_bvh(corpus):
    """CMU's 11_01 as Acclaim and as the Daz-friendly BVH, on another body and through other people's conversion."""
    a = motion.load(corpus / "permissive/cmu_asfamc/11_01.amc")
    b = motion.load(corpus / "permissive/cmu_daz/11/11_01.bvh")
    late = a.frames - b.frames
    assert 0 < late < 8
    pos_a, quat_a = (dict(zip(LANDMARKS, np.moveaxis(v[late:], 1, 0), strict=True)) for v in a.landmarks())
    pos_b, quat_b = (dict(zip(LANDMARKS, np.moveaxis(v, 1, 0), strict=True)) for v in b.landmarks())
    for name, most in (
        ("pelvis", 2),
        ("chest", 4),
        ("left_knee", 5),
        ("right_knee", 5),
        ("left_shoulder", 8),
    ):
        assert np.degrees(quat_angle(quat_a[name], quat_b[name]).mean()) < most, name
    # That conversion bends all elbows by 20 degrees more than any other export of the set.
    for upper, lower, most in (
        ("hip", "knee", 9),
        ("knee", "ankle", 5),
        ("shoulder", "elbow", 7),
        ("elbow", "wrist", 22),
    ):
        for side in ("left", "right"):
            u, v = (p[f"{side}_{lower}"] - p[f"{side}_{upper}"] for p in (pos_a, pos_b))
            cosine = (u * v).sum(-1) / np.linalg.norm(u, axis=-1) / np.linalg.norm(v, axis=-1)
            assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean() < most, (side, upper)
    forward = quat_apply(quat_a["pelvis"], np.array([1.0, 0, 0], np.float32))
    kick = np.argmax(np.linalg.norm(np.gradient(pos_a["right_toe"], axis=0), axis=-1))
    assert np.gradient(pos_a["right_toe"], axis=0)[kick] @ forward[kick] > 0


def test_bones_in_another_order_in_every_frame(clip):
    channels, names = angles(), ["root", *BONES]
    reference = motion.load(clip(amc(channels)))
    lines = []
    for k in range(30):
        order = [*names[k:], *names[:k]]
        one = {b: v[k : k + 1] for b, v in channels.items()}
        lines.append(amc(one, order).split(":DEGREES\n1\n")[1])
    text = ":DEGREES\n" + "".join(f"{k + 1}\n{frame}" for k, frame in enumerate(lines))
    np.testing.assert_array_equal(motion.load(clip(text)).pos, reference.pos)
