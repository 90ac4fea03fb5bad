"""Pictures by OpenGL without a window: MuJoCo's renderer on EGL (a graphics card, or Mesa) or OSMesa (Mesa
only).

Which of the two works can only be found out by trying, a failed try leaves PyOpenGL tied to that platform,
and a bad driver can end the process. So each is tried once, in a short-lived process of its own.
"""

import functools
import os
import subprocess
import sys
from importlib import import_module
from typing import Any

import mujoco
import numpy as np
from jaxtyping import Bool, Float, UInt8

from understudy.view.camera import Camera
from understudy.view.scene import Shape

BACKENDS = ("egl", "osmesa")
_PROBE = (
    "import mujoco, mujoco.{0} as gl; c = gl.GLContext(16, 16); c.make_current(); "
    "mujoco.MjrContext(mujoco.MjModel.from_xml_string('<mujoco/>'), 100); c.free()"
)
LIGHTS = ((-0.45, 0.40, 0.80), (0.70, 0.30, 0.65))
"""Directions towards the key light and the fill light: right of the camera, back towards it, up."""
_HIDDEN = 4  # a geom group that the scene option below leaves out
_TYPES = {
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "mesh": mujoco.mjtGeom.mjGEOM_MESH,
}


@functools.cache
def working_backend() -> str | None:
    """The first of ``BACKENDS`` that can draw on this machine, or None. Tried once; takes about half a
    second."""
    for name in BACKENDS:
        environment = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
        environment["MUJOCO_GL"] = "off"  # the probe makes its context itself
        command = [sys.executable, "-c", _PROBE.format(name)]
        try:
            probe = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            continue
        if probe.returncode == 0:
            return name
    return None


class GLRenderer:
    """Draws shapes by OpenGL. Every shape is a body of a small MuJoCo model that is put where it belongs."""

    def __init__(self, shapes: tuple[Shape, ...], size: tuple[int, int], backend: str):
        self.size = size
        width, height = size
        self._model = _stage(shapes, size)
        self._data = mujoco.MjData(self._model)
        # Shapes follow each other in the model as they do in `shapes`; geom 0 is the floor.
        self._group = self._model.geom_group[1:]
        self._gl: Any = import_module(f"mujoco.{backend}").GLContext(width, height)
        self._gl.make_current()
        self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._scene = mujoco.MjvScene(self._model, maxgeom=len(shapes) + 50)
        self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = False
        self._scene.flags[mujoco.mjtRndFlag.mjRND_HAZE] = True
        self._option = mujoco.MjvOption()
        self._option.geomgroup[:] = 0
        self._option.geomgroup[0] = 1
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FREE

    def draw(
        self,
        pos: Float[np.ndarray, "shape 3"],
        quat: Float[np.ndarray, "shape 4"],
        camera: Camera,
        shown: Bool[np.ndarray, "shape"] | None = None,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """A picture of the shapes at these world poses; ``shown`` leaves some of them out."""
        self._group[:] = 0 if shown is None else np.where(shown, 0, _HIDDEN)
        self._data.mocap_pos[:] = pos
        self._data.mocap_quat[:] = quat
        mujoco.mj_kinematics(self._model, self._data)
        self._place_lights(camera)
        self._aim(camera)
        everything = mujoco.mjtCatBit.mjCAT_ALL
        self._gl.make_current()
        mujoco.mjv_updateScene(
            self._model, self._data, self._option, None, self._camera, everything, self._scene
        )
        width, height = self.size
        view = mujoco.MjrRect(0, 0, width, height)
        picture = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_render(view, self._scene, self._context)
        mujoco.mjr_readPixels(picture, None, view, self._context)
        return picture[::-1]

    def close(self) -> None:
        """Give the graphics memory back; the renderer cannot draw any more."""
        if self._gl is not None:
            self._gl.make_current()
            self._context.free()
            self._gl.free()
            self._gl = None

    def __enter__(self) -> "GLRenderer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _aim(self, camera: Camera) -> None:
        back = camera.eye - camera.target
        distance = float(np.linalg.norm(back))
        self._camera.lookat[:] = camera.target
        self._camera.distance = distance
        self._camera.azimuth = float(np.degrees(np.arctan2(-back[1], -back[0])))
        self._camera.elevation = -float(np.degrees(np.arcsin(back[2] / distance)))
        self._model.vis.global_.fovy = camera.fovy

    def _place_lights(self, camera: Camera) -> None:
        """Let the key light fall over the camera's left shoulder, its shadow map around the target."""
        right, _, back = camera.axes.T
        back = back * [1, 1, 0] / np.linalg.norm(back[:2])
        ground = camera.target * [1, 1, 0]
        for light, (sideways, backwards, up) in enumerate(LIGHTS):
            towards = sideways * right + backwards * back + [0, 0, up]
            towards = towards / np.linalg.norm(towards)
            self._data.light_xpos[light] = ground + 5.0 * towards
            self._data.light_xdir[light] = -towards


def _stage(shapes: tuple[Shape, ...], size: tuple[int, int]) -> mujoco.MjModel:
    """A model with a floor, two lights, and one free-standing body for every shape."""
    spec = mujoco.MjSpec()
    spec.visual.global_.offwidth, spec.visual.global_.offheight = size
    # Without a graphics card every triangle costs: a robot of primitives has some hundred capsules.
    spec.visual.quality.numslices, spec.visual.quality.numstacks = 20, 10
    # Two thousand points across a shadow of about five metres; more costs too much without a graphics card.
    spec.visual.quality.shadowsize = 2048
    spec.visual.quality.offsamples = 4
    spec.visual.map.shadowclip = 2.6
    spec.visual.map.znear, spec.visual.map.zfar = 0.05, 40.0
    spec.visual.map.fogstart, spec.visual.map.fogend = 6.0, 18.0
    spec.visual.rgba.fog = spec.visual.rgba.haze = (0.96, 0.97, 0.98, 1.0)
    spec.visual.headlight.ambient = (0.42, 0.42, 0.43)
    spec.visual.headlight.diffuse = (0.25, 0.25, 0.25)
    spec.visual.headlight.specular = (0.05, 0.05, 0.05)
    spec.stat.extent, spec.stat.center = 1.0, (0.0, 0.0, 0.8)
    _add_surroundings(spec)
    meshes: dict[int, str] = {}
    for index, shape in enumerate(shapes):
        body = spec.worldbody.add_body(name=f"shape_{index}", mocap=True)
        geom = body.add_geom(type=_TYPES[shape.kind], rgba=(*shape.colour, 1.0), material="satin")
        geom.contype = geom.conaffinity = 0
        if shape.mesh is None:
            geom.size = shape.size
            continue
        if id(shape.mesh) not in meshes:
            name = f"mesh_{index}"
            # A shell has an inertia whatever its triangles do, so that open meshes compile as well.
            spec.add_mesh(
                name=name,
                uservert=shape.mesh.vertices.ravel(),
                userface=shape.mesh.faces.ravel(),
                inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
            )
            meshes[id(shape.mesh)] = name
        geom.meshname = meshes[id(shape.mesh)]
    return spec.compile()


def _add_surroundings(spec: mujoco.MjSpec) -> None:
    builtin = mujoco.mjtBuiltin
    spec.add_texture(
        name="sky", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=builtin.mjBUILTIN_GRADIENT,
        rgb1=(0.99, 0.99, 1.0), rgb2=(0.93, 0.95, 0.97), width=128, height=768,
    )  # fmt: skip
    spec.add_texture(
        name="tiles", type=mujoco.mjtTexture.mjTEXTURE_2D, builtin=builtin.mjBUILTIN_CHECKER,
        rgb1=(0.87, 0.89, 0.91), rgb2=(0.80, 0.82, 0.85), width=512, height=512,
    )  # fmt: skip
    textures = [""] * int(mujoco.mjtTextureRole.mjNTEXROLE)
    textures[int(mujoco.mjtTextureRole.mjTEXROLE_RGB)] = "tiles"
    spec.add_material(name="floor", textures=textures, texrepeat=(1.0, 1.0), texuniform=True, specular=0.0)
    spec.add_material(name="satin", specular=0.35, shininess=0.55)
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=(0, 0, 0.05),
        material="floor",
        contype=0,
        conaffinity=0,
    )
    directional = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    dark = (0.0, 0.0, 0.0)
    spec.worldbody.add_light(
        name="key",
        type=directional,
        castshadow=True,
        diffuse=(0.60, 0.59, 0.57),
        ambient=dark,
        specular=(0.3, 0.3, 0.3),
    )
    spec.worldbody.add_light(
        name="fill",
        type=directional,
        castshadow=False,
        diffuse=(0.16, 0.18, 0.22),
        ambient=dark,
        specular=dark,
    )
