"""The parts of LiveIK, from the constants to the frame stream.

``config`` what the paper leaves open, ``shapes`` the barriers of a robot, ``limbs`` what is solved as one, ``problem``
the arrays of both and the QP of one limb at a pose, ``control`` one control step with any solver, ``stream`` what a
human frame asks of the robot. A whole body is more limbs over the same arrays: legs, and the root's six columns in
each of them, coupled between ``problem`` and ``control``.
"""
