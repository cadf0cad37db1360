"""What reached the carrier, read from its journal as it grows."""

from pathlib import Path

import orjson


class Arrivals:
    """Reads a journal from where it ended when this was made."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._at = journal.stat().st_size if journal.exists() else 0
        self._counted_to = self._at
        self._counted = 0

    def count(self) -> int:
        """Give the number of rows by now. Cheap: it reads only what is new, and parses nothing."""
        if not self._journal.exists():
            return 0
        with self._journal.open("rb") as journal:
            journal.seek(self._counted_to)
            data = journal.read()
        self._counted_to += len(data)
        self._counted += data.count(b"\n")
        return self._counted

    def instants(self, tag: str) -> list[float]:
        """Give the instants (monotonic seconds of this machine) at which requests of a tag first arrived, in order."""
        first: dict[str, float] = {}
        with self._journal.open("rb") as journal:
            journal.seek(self._at)
            for line in journal:
                row = orjson.loads(line) if line.strip() else {}
                request_id = row.get("request_id", "")
                if row.get("row") == "request" and request_id.startswith(tag):
                    first.setdefault(request_id, row["monotonic"])
        return sorted(first.values())
