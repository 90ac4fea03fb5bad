"""Onboarding on made-up humanoids with the oddities of real ones, and on what is none."""

from pathlib import Path

import mujoco
import numpy as np
import pytest
from made_humanoid import Made, mjcf

from understudy import robots
from understudy.cli.main import main
from understudy.errors import FormatError, LimitError, UnderstudyError
from understudy.robots.onboarding.build import build
from understudy.robots.onboarding.figure import Figure, figure
from understudy.robots.onboarding.mesh_files import collada_vertices, readable
from understudy.robots.onboarding.places import places, trunk
from understudy.robots.onboarding.source import read
from understudy.robots.onboarding.stances import stances

# Left side, in the T-pose, of every made humanoid with hips and shoulders (m).
HIP, KNEE, ANKLE = (0, 0.1, -0.06), (0, 0.1, -0.41), (0, 0.1, -0.74)
SHOULDER, ELBOW, WRIST = (0, 0.18, 0.42), (0, 0.40, 0.42), (0, 0.60, 0.42)
VARIANTS = {
    "plain": Made(),
    "faces backward": Made(forward="-x"),
    "faces sideways": Made(forward="y"),
    "nameless": Made(names=False, forward="-x"),
    "no waist, no neck": Made(waist="", neck=""),
    "three waist joints, hips in another order": Made(waist="zxy", hip="yxz"),
    "no wrists": Made(wrist=""),
    "arms of three joints": Made(shoulder="yx", wrist=""),
    "legs of five joints": Made(ankle="y"),
    "several hinges a body": Made(one_body=True),
    "fingers and toes": Made(fingers=4, toes=True),
    "bolted down, elbows bent at rest": Made(floating=False, elbow_bent=1.2),
}


def understood(tmp_path: Path, made: Made):
    path = tmp_path / "made.xml"
    path.write_text(mjcf(made))
    source = read(path)
    built = build(source)
    return built, figure(built, source.welds)


def landmarks(body: Figure):
    poses = stances(body)
    frames = body.mechanism.forward(poses.t_pose)
    soles = {side: frames.point(k, corners) for side, (k, corners) in poses.soles.items()}
    middle = trunk(body.mechanism, body.anatomy, frames)
    return poses, places(body.mechanism, frames, middle, body.legs, body.arms, soles)


@pytest.mark.parametrize("made", VARIANTS.values(), ids=VARIANTS.keys())
def test_limbs_and_landmarks_are_found(tmp_path, made):
    _, body = understood(tmp_path, made)
    poses, found = landmarks(body)
    at = {name: place for name, (_, place) in found.items()}
    for name, place in {
        "left_hip": HIP,
        "left_knee": KNEE,
        "left_ankle": ANKLE,
        "left_shoulder": SHOULDER,
    }.items():
        np.testing.assert_allclose(at[name], place, atol=0.004, err_msg=name)
        np.testing.assert_allclose(
            at[name.replace("left", "right")], np.multiply(place, (1, -1, 1)), atol=0.004
        )
    np.testing.assert_allclose(at["left_elbow"], ELBOW, atol=0.004)
    np.testing.assert_allclose(at["left_wrist"], WRIST, atol=0.004 if made.wrist else 0.02)
    assert at["left_hand"][1] > at["left_wrist"][1] + 0.03
    np.testing.assert_allclose(at["left_toe"][:2], (-0.06 + 0.72 * 0.2, 0.1), atol=0.01)
    np.testing.assert_allclose(at["pelvis"], (0, 0, -0.06), atol=0.004)
    sole = poses.soles["left"][1]
    np.testing.assert_allclose(np.ptp(sole, axis=0).max(), 0.2, atol=0.005)
    assert not any(h.name.startswith(("left_finger", "right_finger")) for h in body.mechanism.hinges)


def test_carriers_have_the_orientation_of_the_segment_beyond_the_joint(tmp_path):
    _, body = understood(tmp_path, Made(waist="zxy"))
    _, found = landmarks(body)
    names = {
        mark: body.mechanism.bodies[k].name for mark, (k, _) in found.items() if not mark.startswith("right")
    }
    assert names["left_hip"] == "left_hip2_link"
    assert names["left_knee"] == "left_knee0_link"
    assert names["left_ankle"] == names["left_toe"] == "left_ankle1_link"
    assert names["left_shoulder"] == "left_shoulder2_link"
    assert names["left_elbow"] == "left_elbow0_link"
    assert names["left_wrist"] == names["left_hand"] == "left_wrist2_link"
    assert names["pelvis"] == "base"
    assert names["spine"] == names["chest"] == names["left_collar"] == "waist2_link"
    assert names["neck"] == names["head"] == "neck1_link"


def test_home_keeps_the_ranges_and_the_t_pose_may_leave_them(tmp_path):
    _, body = understood(tmp_path, Made())
    poses = stances(body)
    lower = np.array([h.lower for h in body.mechanism.hinges])
    upper = np.array([h.upper for h in body.mechanism.hinges])
    for home in poses.homes:
        assert (lower <= home).all()
        assert (home <= upper).all()
    stiff = Made(elbow_bent=0.0)
    text = mjcf(stiff).replace('range="-2.400 0.050"', 'range="-2.400 -0.400"')
    path = tmp_path / "stiff.xml"
    path.write_text(text)
    source = read(path)
    told = stances(figure(build(source), source.welds)).doubts
    assert any("left_elbow_y0" in doubt.says and "outside its range" in doubt.says for doubt in told)


def test_a_robot_without_legs_has_arms_and_one_without_arms_has_legs(tmp_path):
    _, upper = understood(tmp_path, Made(legs=False))
    _, found = landmarks(upper)
    assert upper.legs is None
    assert "left_hip" not in found
    assert {"pelvis", "spine", "chest", "left_wrist"} <= set(found)
    _, lower = understood(tmp_path, Made(arms=False))
    _, found = landmarks(lower)
    assert lower.arms is None
    assert "left_shoulder" not in found
    assert {"pelvis", "chest", "head", "left_toe"} <= set(found)


def test_what_is_no_robot_stays_behind(tmp_path):
    extras = (
        '<geom type="plane" size="5 5 1"/><light pos="0 0 3"/><camera name="c" pos="2 0 1"/>'
        '<body name="ball" pos="1 0 0"><freejoint/><geom type="sphere" size="0.1"/></body>'
    )
    tail = '<equality><connect body1="left_knee0_link" body2="left_ankle1_link" anchor="0 0 0"/></equality>'
    built, body = understood(tmp_path, Made(extras=extras, tail=tail))
    assert {doubt.about for doubt in built.doubts} == {"props", "closed loops"}
    assert "ball" not in [b.name for b in body.mechanism.bodies]
    assert len(body.mechanism.hinges) == 29


def test_frozen_joints_and_a_turned_root_are_told(tmp_path):
    _, body = understood(tmp_path, Made(forward="y", fingers=3))
    told = {doubt.about: doubt.says for doubt in body.doubts}
    assert "left_finger0" in told["frozen joints"]
    assert "feet" in told["root frame"]


def test_a_base_on_slides_becomes_the_floating_root(tmp_path):
    slides = "".join(
        f'<joint name="root_{a}" type="slide" axis="{v}"/>' for a, v in (("x", "1 0 0"), ("z", "0 0 1"))
    )
    text = mjcf(Made()).replace("<freejoint/>", slides + '<joint name="root_yaw" axis="0 0 1"/>')
    path = tmp_path / "slides.xml"
    path.write_text(text)
    built = build(read(path))
    assert built.floating
    assert len(built.mechanism.hinges) == 29


QUADRUPED = """<mujoco><worldbody><body name="b"><freejoint/><geom type="box" size="0.3 0.1 0.05"/>{legs}</body>
</worldbody></mujoco>"""
LEG = """<body pos="{x} {y} 0"><joint axis="1 0 0" range="-1 1"/><joint axis="0 1 0" range="-1 1"/>
<geom type="capsule" fromto="0 0 0 0 0 -0.2" size="0.02"/><body pos="0 0 -0.2"><joint axis="0 1 0" range="-2 0"/>
<geom type="capsule" fromto="0 0 0 0 0 -0.2" size="0.02"/></body></body>"""


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (
            QUADRUPED.format(legs="".join(LEG.format(x=x, y=y) for x in (0.3, -0.3) for y in (0.1, -0.1))),
            LimitError,
            "four",
        ),
        (QUADRUPED.format(legs=LEG.format(x=0, y=0.1)), LimitError, "No pair of limbs"),
        ("<mujoco><worldbody><body><geom size='1'/></body></worldbody></mujoco>", FormatError, "no joints"),
        ("<mujoco><worldbody><body>", FormatError, "not XML"),
        ("<scene/>", FormatError, "<scene>"),
        ("<mujoco><nonsense/></mujoco>", FormatError, "MuJoCo cannot read it"),
        ("<robot xmlns:xacro='http://www.ros.org/wiki/xacro'><xacro:include/></robot>", FormatError, "xacro"),
        ("<robot name='r'><link name='a'/></robot>", FormatError, "no joints"),
    ],
    ids=["quadruped", "one leg", "jointless", "cut off", "other xml", "unknown tag", "xacro", "one link"],
)
def test_what_cannot_be_taken_on_is_refused_in_words(tmp_path, text, error, words):
    path = tmp_path / "model.xml"
    path.write_text(text)
    with pytest.raises(error, match=words):
        robots.onboard(path, "made", tmp_path / "made")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.xml"]


def test_urdf_tells_speeds_and_torques_and_meshes_may_be_missing(tmp_path):
    path = tmp_path / "made.urdf"
    path.write_text(urdf())
    source = read(path)
    assert source.speed == {"left_2": 7.0, "right_2": 7.0}
    assert source.coupled == {"left_3": "left_2"}
    assert "nowhere" in source.doubts[0].says
    built = build(source)
    assert not built.floating
    assert [b.name for b in built.mechanism.bodies][:2] == ["base", "left_link0"]
    assert "imu" not in [b.name for b in built.mechanism.bodies]
    hinge = built.mechanism.hinges[2]
    assert (hinge.effort, hinge.speed) == (30.0, 7.0)


def urdf() -> str:
    """Two legs of four hinges, a frame without mass, a mesh that does not exist."""
    inertial = "<inertial><mass value='1'/><inertia ixx='.01' ixy='0' ixz='0' iyy='.01' iyz='0' izz='.01'/></inertial>"
    parts = [f"<link name='base'>{inertial}</link><link name='imu'/>"]
    parts.append(
        "<joint name='f' type='fixed'><parent link='base'/><child link='imu'/><origin xyz='0 0 .1'/></joint>"
    )
    for side, y in (("left", 0.1), ("right", -0.1)):
        parent = "base"
        for k, axis in enumerate(("1 0 0", "0 1 0", "0 1 0", "0 1 0")):
            mesh = (
                "<visual><geometry><mesh filename='package://nowhere/a.stl'/></geometry></visual>"
                if k == 1
                else ""
            )
            at = f"<origin xyz='{0.03 * (k == 3)} 0 -.1'/>"
            box = f"<collision>{at}<geometry><box size='.1 .05 .2'/></geometry></collision>"
            parts.append(f"<link name='{side}_link{k}'>{inertial}{mesh}{box}</link>")
            limit = (
                "<limit lower='-1' upper='2' effort='30' velocity='7'/>"
                if k == 2
                else "<limit lower='-1' upper='1'/>"
            )
            mimic = "<mimic joint='left_2'/>" if k == 3 and side == "left" else ""
            origin = f"<origin xyz='0 {y if k == 0 else 0} {-0.3 if k > 1 else 0}'/>"
            parts.append(
                f"<joint name='{side}_{k}' type='revolute'><parent link='{parent}'/><child link='{side}_link{k}'/>"
                f"{origin}<axis xyz='{axis}'/>{limit}{mimic}</joint>"
            )
            parent = f"{side}_link{k}"
    return f"<robot name='r'>{''.join(parts)}</robot>"


TETRAHEDRON = ((0, 0, 0), (0.2, 0, 0), (0, 0.4, 0), (0, 0, 0.6))
DAE = """<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema"><asset><unit meter="0.1"/><up_axis>Y_UP</up_axis>
</asset><library_geometries><geometry id="g"><mesh><source id="s"><float_array>{numbers}</float_array></source>
<vertices id="v"><input semantic="POSITION" source="#s"/></vertices></mesh></geometry></library_geometries>
<library_visual_scenes><visual_scene><node><translate>0 0 5</translate><instance_geometry url="#g"/></node>
</visual_scene></library_visual_scenes></COLLADA>"""


def test_collada_is_read_in_metres_and_z_up(tmp_path):
    path = tmp_path / "a.dae"
    path.write_text(DAE.format(numbers=" ".join(str(v) for corner in TETRAHEDRON for v in corner)))
    x, y, z = collada_vertices(path).T
    np.testing.assert_allclose((x.max(), y.max(), y.min(), z.max()), (0.02, -0.5, -0.56, 0.04), atol=1e-9)
    name, content = readable(path)
    assert name.endswith(".obj")
    assert content is not None
    assert content.count(b"\nv ") + content.startswith(b"v ") == 4


def test_a_text_stl_becomes_a_mesh_that_mujoco_reads(tmp_path):
    faces = [TETRAHEDRON[:k] + TETRAHEDRON[k + 1 :] for k in range(4)]
    corners = "".join(
        "facet normal 0 0 0 outer loop "
        + "".join("vertex {} {} {} ".format(*c) for c in face)
        + "endloop endfacet "
        for face in faces
    )
    (tmp_path / "a.stl").write_text(f"solid a {corners} endsolid a")
    box = '<geom type="box" pos="0.00000 0.00000 0.20000" size="0.07000 0.13000 0.16000" mass="12.0"/>'
    text = mjcf().replace("<worldbody>", '<asset><mesh file="a.stl"/></asset><worldbody>')
    assert box in text
    (tmp_path / "made.xml").write_text(text.replace(box, '<geom type="mesh" mesh="a" mass="12"/>' + box))
    model = read(tmp_path / "made.xml").model
    assert model.nmesh == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A whole onboarding, through the command line."""
    place = tmp_path_factory.mktemp("onboard")
    (place / "made.xml").write_text(mjcf(Made(wrist="z", neck="")))
    (place / "LICENSE").write_text(
        "MIT License\n\nCopyright (c) 2026 Nobody\n\nPermission is hereby granted, free of charge\n"
    )
    assert (
        main(["robots", "onboard", str(place / "made.xml"), "--name", "made", "--out", str(place / "made")])
        == 0
    )
    return place / "made"


def test_the_folder_loads_and_needs_no_hand(folder):
    robot = robots.load(folder)
    assert len(robot.joints) == 23
    assert robot.height == pytest.approx(1.47, abs=0.02)
    assert robot.model.nmesh == 0
    assert robot.model.body_mass.sum() == pytest.approx(
        12 + 6 + 2 + 2 * (3 + 2 + 0.7 + 1.2 + 0.8 + 0.3) + 2 * 0.3 * 5, abs=0.01
    )
    data = mujoco.MjData(robot.model)
    data.qpos[:] = robot.home
    mujoco.mj_forward(robot.model, data)
    for foot in robot.feet.values():
        body = data.body(foot.body)
        np.testing.assert_allclose((body.xpos + foot.sole @ body.xmat.reshape(3, 3).T)[:, 2], 0.0, atol=1e-3)
    assert {doubt.about for doubt in robot.doubts} == {"torques", "speeds", "armatures"}


def test_the_notice_keeps_the_licence_and_names_the_source(folder):
    notice = (folder / "NOTICE").read_text()
    for words in ("made.xml", "MIT", "Copyright (c) 2026 Nobody", "Permission is hereby granted"):
        assert words in notice


def test_nothing_is_overwritten_or_left_behind(folder, tmp_path):
    source = folder.parent / "made.xml"
    with pytest.raises(UnderstudyError, match="exists already"):
        robots.onboard(source, "made", folder)
    with pytest.raises(UnderstudyError, match="does not exist"):
        robots.onboard(source, "made", tmp_path / "no" / "made")
    with pytest.raises(LimitError, match="name"):
        robots.onboard(source, "../made", tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.corpus
def test_legs_of_a_real_robot_without_arms(corpus):
    source = read(corpus / "robots" / "booster_t1" / "T1_locomotion.urdf")
    body = figure(build(source), source.welds)
    assert body.arms is None
    _, found = landmarks(body)
    shipped = robots.load("booster_t1")
    for side in ("left", "right"):
        for part in ("hip", "knee", "ankle"):
            row = shipped.landmarks.index(f"{side}_{part}")
            k, _place = found[f"{side}_{part}"]
            assert body.mechanism.bodies[k].name == shipped.bodies[shipped.landmarks.carriers[row]]


@pytest.mark.mjlab
def test_the_g1_gets_the_landmarks_that_were_set_by_hand(mjlab_file, g1):
    source = read(mjlab_file)
    body = figure(build(source), source.welds)
    poses, found = landmarks(body)
    frames = body.mechanism.forward(poses.t_pose)
    assert [h.name for h in body.mechanism.hinges] == list(g1.joints)
    for name, (k, place) in found.items():
        row = g1.landmarks.index(name)
        assert body.mechanism.bodies[k].name == g1.bodies[g1.landmarks.carriers[row]], name
        near = 0.012 if "hand" not in name else 0.04
        np.testing.assert_allclose(frames.local(k, place), g1.landmarks.pos[row], atol=near, err_msg=name)
    np.testing.assert_allclose(poses.soles["left"][1][:, 2], -0.0354, atol=4e-4)
