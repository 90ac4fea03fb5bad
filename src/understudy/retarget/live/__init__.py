"""The parts of LiveIK, from the constants to the frame stream.

``config`` what the paper leaves open, ``shapes`` the barriers of a robot, ``limbs`` what is solved as one, ``problem``
the arrays of both and the QP of one limb at a pose, ``control`` one control step with any solver. ``whole`` is a
control step of a whole body: more limbs over the same arrays, and a base that they share.

``reading`` tells poses from noise. ``commands`` is what a human frame asks of an upper body and ``whole_goals`` what it
asks of a whole one, with ``levels``, ``planting`` and ``footholds`` for its feet; ``followers`` joins either to its
control step.
"""
