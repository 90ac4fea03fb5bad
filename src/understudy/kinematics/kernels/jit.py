"""How every kernel is compiled: cached, without Python's division checks, sums free to be reordered for vector units.

NaN and infinity keep their meaning (the QP uses infinity), so not all of ``fastmath`` is switched on.
"""

from numba import njit

kernel = njit(cache=True, error_model="numpy", fastmath={"reassoc", "contract", "arcp", "nsz"})

part = njit(
    cache=True, error_model="numpy", fastmath={"reassoc", "contract", "arcp", "nsz"}, forceinline=True
)
"""A kernel that is compiled into its callers: named tuples of arrays are long lists of arguments, and handing them over
takes longer than many of the kernels do."""
