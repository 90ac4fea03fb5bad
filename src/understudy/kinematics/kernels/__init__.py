"""The numba core: plain functions over plain arrays, compiled on first use and cached beside the source.

numba's cache notices when the file of a function changes, but not when a function that it calls from another file
does. So a stamp of all kernel sources lies beside the cache, and when it no longer fits, the cache is emptied.
"""

import hashlib
import os
from pathlib import Path


def _forget_stale_kernels() -> None:
    here = Path(__file__).parent
    cache = here / "__pycache__"
    if not os.access(
        cache, os.W_OK
    ):  # installed read-only: numba then keeps its cache elsewhere, by file time
        return
    digest = hashlib.sha256(b"".join(f.read_bytes() for f in sorted(here.glob("*.py")))).hexdigest()
    stamp = cache / "kernels.stamp"
    if stamp.is_file() and stamp.read_text() == digest:
        return
    for compiled in [*cache.glob("*.nbi"), *cache.glob("*.nbc")]:
        compiled.unlink(missing_ok=True)
    stamp.write_text(digest)


_forget_stale_kernels()
