"""Every retargeting method on the same real clips, measured by definitions that no method owns.

python -m benchmarks.retarget --methods sequence-fit frame-ik live-ik gmr-like --clips quick
"""

from benchmarks import machine

machine.one_thread()  # before numpy is imported

import dataclasses  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Annotated, Any  # noqa: E402

import tyro  # noqa: E402

from benchmarks import clips, pages, pictures  # noqa: E402
from understudy import retarget, robots  # noqa: E402
from understudy.errors import UnderstudyError, UnknownName  # noqa: E402
from understudy.evaluate import benchmark, pooling  # noqa: E402
from understudy.motion import sample  # noqa: E402
from understudy.protocols import Retargeter  # noqa: E402


@dataclasses.dataclass(frozen=True)
class Options:
    """Compare retargeting methods on real clips; writes retarget.md, retarget.json and pictures."""

    methods: tuple[str, ...] = ("sequence-fit", "frame-ik", "live-ik", "gmr-like")
    """Which ones."""
    clips: str = "full"
    """`full` (the test split), `quick`, or a file with one clip a line."""
    fps: float = 30.0
    """Frames a second that clips are brought to."""
    robot: str = "unitree_g1"
    reference: str = "gmr-like"
    """The method that ratios are taken to, where it is among the methods."""
    corpus: Path | None = None
    """The unpacked corpus."""
    out: Path = Path("docs/results")
    cache: Path = Path("out/benchmarks/retarget.jsonl")
    """Results of clips that were measured before."""
    force: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Measure again what the cache has."""
    kept: tuple[str, ...] = ()
    """Methods whose results are those that the cache has of `--kept-code`, because nothing of theirs has changed."""
    kept_code: str = ""
    """The code, as the page of that time has it."""
    pictures: bool = True
    """Draw the worst moments, too."""


def main(options: Options) -> int:
    """Run, and write the page. Returns the exit code."""
    corpus = clips.corpus_folder(options.corpus)
    robot = robots.load(options.robot)
    for name in options.methods:
        if name not in retarget.METHODS:
            raise UnknownName("method", name, retarget.METHODS)
    methods = {name: retarget.METHODS[name](robot) for name in options.methods}
    warm = sample.motion("turn", fps=options.fps)
    for name, method in methods.items():
        print(f"compiling and warming up {name}", file=sys.stderr)
        method([warm])
    outcome = _measured(options, methods, corpus)
    if not outcome.results:
        raise UnderstudyError("No clip of the list could be read.")
    longest = max(outcome.results, key=lambda r: r.frames).clip
    memory = {name: machine.memory_of(name, options.robot, corpus, longest, options.fps) for name in methods}
    facts = machine.facts(_command(options))
    if options.kept:
        facts["kept"] = f"{', '.join(options.kept)}: as measured with code {options.kept_code}"
    document = pages.document(outcome, facts, memory, options.reference, options.fps)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "retarget.json").write_text(_json(document), encoding="utf-8")
    drawn = [pictures.every_metric(outcome, options.out / "retarget_metrics.png")]
    if options.pictures:
        for name, method in methods.items():
            worst = pictures.worst_three(outcome.of(name))
            humans = {r.clip: clips.read(corpus, r.clip, options.fps) for r in worst}
            drawn.append(pictures.worst_moments(name, method, worst, humans, options.out))
    page = pages.page(outcome, document, drawn, options.reference, options.fps)
    (options.out / "retarget.md").write_text(page, encoding="utf-8")
    print(
        f"{options.out / 'retarget.md'}: {len(outcome.results)} results, {len(outcome.unread)} clips not read"
    )
    return 0


def _measured(options: Options, methods: dict[str, Retargeter], corpus: Path) -> benchmark.Outcome:
    """All methods on all clips, in the order of the options; kept ones with the code that they were measured with."""
    store, found = benchmark.Results(options.cache), []
    for kept in (True, False):
        asked = {name: method for name, method in methods.items() if (name in options.kept) == kept}
        chosen = clips.chosen(options.clips, corpus, options.fps)
        version, force = (options.kept_code, False) if kept else (machine.digest(), options.force)
        found.append(benchmark.run(chosen, asked, store=store, force=force, version=version, told=_tell))
    order = {clip.name: k for k, clip in enumerate(chosen)}
    results = [result for outcome in found for result in outcome.results]
    results.sort(key=lambda r: (order[r.clip], options.methods.index(r.method)))
    return benchmark.Outcome(tuple(results), found[-1].unread)


def _tell(result: benchmark.ClipResult | benchmark.Unread) -> None:
    if isinstance(result, benchmark.Unread):
        print(f"{result.clip}: not read: {result.error}", file=sys.stderr)
        return
    error = pooling.pool([result]).get("keypoint_error")
    said = f"{error.value:.2f} cm" if error and error.value is not None else f"failed: {result.error}"
    print(f"{result.clip}  {result.method}  {said}", file=sys.stderr)


def _json(document: dict[str, Any]) -> str:
    """The document as text: one clip a line, so that the file stays small and differences can be read."""
    clips = ",\n".join(f"  {json.dumps(clip)}" for clip in document["clips"])
    text = json.dumps(document | {"clips": []}, indent=1)
    return text.replace('"clips": []', f'"clips": [\n{clips}\n ]') + "\n"


def _command(options: Options) -> str:
    """The command that makes the same page; folders of this machine are left out."""
    listed = options.clips if options.clips in ("full", "quick") else "LIST"
    kept = f" --kept {' '.join(options.kept)} --kept-code {options.kept_code}" if options.kept else ""
    methods = " ".join(options.methods)
    return f"python -m benchmarks.retarget --methods {methods} --clips {listed} --fps {options.fps:g}{kept}"


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options)))
    except UnderstudyError as error:
        sys.exit(f"error: {error}")
