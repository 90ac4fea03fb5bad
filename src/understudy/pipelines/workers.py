"""One function over many items, in processes of this machine or of a cluster, whatever becomes of single ones.

joblib does the work (loky's processes here, Ray's there); this module adds what a job of days needs: results as they
come, a worker that dies takes only its own item with it, and no worker outlives the process that started it.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from understudy.errors import MissingExtra, UnderstudyError

Item = TypeVar("Item")
Result = TypeVar("Result")
WATCH_EVERY = 0.5
"""How often (s) a worker looks whether the process that started it is still there."""

ANSWER_WITHIN = 5.0
"""Seconds that a cluster has to answer."""


def run_all(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int | None,
    cluster: str | None = None,
    died: Callable[[Item], Result],
) -> Iterator[Result]:
    """``function(item)`` for every item, in the order in which they are finished.

    ``workers`` None means all processors of the machine or of the cluster; one without a cluster is this process
    itself. ``died(item)`` stands in for the result of an item that
    killed its worker, which only separate processes survive. ``cluster`` is ``local`` or the address of a Ray cluster,
    whose machines must have this package and the same files under the same paths. Only a few items more than there are
    workers are taken at a time. Raises MissingExtra without Ray, UnderstudyError for a cluster that does not answer.
    """
    if cluster is not None:
        return _on_ray(function, items, workers, cluster, died)
    if workers == 1:
        return map(function, items)
    return _Pool("loky", workers or -1, BrokenProcessPool, os.getpid()).run(function, items, died)


@dataclass(frozen=True)
class _Pool:
    """A backend of joblib, the error by which it tells that a worker died, and the process that workers must not
    outlive (None where the backend sees to that)."""

    backend: str
    workers: int
    broken: type[Exception]
    parent: int | None = None

    def run(
        self, function: Callable[[Item], Result], items: Iterable[Item], died: Callable[[Item], Result]
    ) -> Iterator[Result]:
        """Results as they come. A pool whose worker died is made anew for what is left."""
        from joblib import delayed

        waiting = enumerate(items)
        out: dict[int, Item] = {}

        def calls() -> Iterator[Any]:
            for number, item in waiting:
                out[number] = item
                yield delayed(_call)(function, number, item, self.parent)

        finished = False
        while not finished:
            try:
                for number, result in self._parallel(self.workers)(calls()):
                    del out[number]
                    yield result
                finished = True
            except self.broken:
                # One of these killed its worker, and the pool went with it. Each alone will tell which.
                suspects, out = out, {}
                for number, item in suspects.items():
                    yield self._alone(function, number, item, died)

    def _alone(
        self, function: Callable[[Item], Result], number: int, item: Item, died: Callable[[Item], Result]
    ) -> Result:
        from joblib import delayed

        try:
            # With one worker, joblib would do it in this process, which must survive.
            [(_, result)] = self._parallel(2)([delayed(_call)(function, number, item, self.parent)])
        except self.broken:
            return died(item)
        return result

    def _parallel(self, workers: int) -> Any:
        """joblib's loop: results as they come, one item at a time, one thread a process."""
        from joblib import Parallel, parallel_config

        threads = {"inner_max_num_threads": 1} if self.backend == "loky" else {}  # Ray sees to it by itself
        options: dict[str, Any] = {"return_as": "generator_unordered", "batch_size": 1, "max_nbytes": None}
        with parallel_config(backend=self.backend, **threads):
            return Parallel(workers, **options)


def _call(
    function: Callable[[Item], Result], number: int, item: Item, parent: int | None
) -> tuple[int, Result]:
    if parent is not None:
        _settle(parent)
    return number, function(item)


@cache
def _settle(parent: int) -> None:
    """What a worker does once: leave interruptions to its parent, and go when the parent has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(WATCH_EVERY)
    os._exit(1)


def _on_ray(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int | None,
    address: str,
    died: Callable[[Item], Result],
) -> Iterator[Result]:
    try:
        import ray  # pyright: ignore[reportMissingImports]
        from ray.exceptions import RayError  # pyright: ignore[reportMissingImports]
        from ray.util.joblib.ray_backend import RayBackend  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingExtra("ray", "Running on a cluster", 'pip install "understudy[cluster]"') from error
    from joblib import register_parallel_backend

    class Streaming(RayBackend):
        """Ray's backend, results as they come: its pool calls back like loky's does."""

        supports_return_generator = True

    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    logging.getLogger("ray.util.multiprocessing.pool").setLevel(logging.ERROR)
    if address == "local":
        ray.init(num_cpus=workers, include_dashboard=False, **quiet)
    else:
        _check_cluster(address)
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise UnderstudyError(f"The Ray cluster {address!r} does not answer: {error}") from error
    try:
        register_parallel_backend("ray-streaming", Streaming)
        yield from _Pool("ray-streaming", workers or -1, RayError).run(function, items, died)
    finally:
        ray.shutdown()


def _check_cluster(address: str) -> None:
    """Raise UnderstudyError if nobody listens at host:port; Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon:
        return  # "auto", which Ray resolves
    try:
        socket.create_connection((host, int(port)), timeout=ANSWER_WITHIN).close()
    except (OSError, ValueError) as error:
        raise UnderstudyError(
            f"No Ray cluster answers at {address!r} ({error}). Give the address that `ray start --head` printed, "
            "`auto` on a machine of the cluster, or `local`."
        ) from error
