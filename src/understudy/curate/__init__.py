"""Many motions in, fewer and better ones out."""

__all__: list[str] = []


def __getattr__(name: str) -> object:
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
