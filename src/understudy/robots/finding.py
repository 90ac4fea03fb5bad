"""What the doctor writes down."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["fault", "doubt"]


@dataclass(frozen=True)
class Finding:
    """One thing that the doctor found. A ``fault`` makes results wrong; a ``doubt`` may."""

    severity: Severity
    about: str
    says: str
    settle: str
