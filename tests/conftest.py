"""What several test folders share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The unpacked motion capture corpus: where UNDERSTUDY_CORPUS points, else the user's cache.

    Tests that need it are skipped where there is none, unless UNDERSTUDY_CORPUS_REQUIRED=1.
    """
    folder = Path(os.environ.get("UNDERSTUDY_CORPUS", Path.home() / ".cache" / "understudy" / "corpus"))
    if not (folder / "index.csv").is_file():
        problem = f"no corpus in {folder}; point UNDERSTUDY_CORPUS at one"
        if os.environ.get("UNDERSTUDY_CORPUS_REQUIRED") == "1":
            pytest.fail(problem)
        pytest.skip(problem)
    return folder
