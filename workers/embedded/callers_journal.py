"""The callers' journal: what auth services were answered, written outside the system under test."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from pipeline.reports.figures import Arrived, Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """A code that was entered, and what the caller was told."""

    request_id: str
    verified: bool | None  # none: no answer, or 503
    at: float  # epoch seconds


class CallersJournal:
    """JSON lines, one per answer. Numbers travel as a keyed hash; codes not at all."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def write(self, row: Asked | Entered) -> None:
        """Append one row; the system call returns when the kernel has it, which outlives any process of ours."""
        document = {"row": type(row).__name__.lower(), **asdict(row)}
        self._file.write(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_callers(path: Path) -> tuple[list[Asked], list[Entered]]:
    """Read a callers' journal."""
    rows = list(_rows(path))
    asked = [Asked(**row) for row in rows if row.pop("row") == "asked"]
    entered = [Entered(**row) for row in rows if "verified" in row]
    return asked, entered


def read_carriers(path: Path) -> list[Arrived]:
    """Read a carriers' journal: the messages that reached them, with our attempt's id."""
    return [
        Arrived(
            request_id=row["request_id"],
            attempt=row["attempt"],
            at=row["at"],
            code_hmac=row["code_hmac"],
            number_hmac=row["number_hmac"],
            decision=row["decision"],
            carrier=row["carrier"],
            delivered_at=row["delivered_at"],
        )
        for row in _rows(path)
        if row.get("row") == "request" and row.get("request_id") and row.get("attempt") is not None
    ]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Give the rows of a journal; a line that a crash cut short is no row."""
    with path.open("rb") as lines:
        for line in lines:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
