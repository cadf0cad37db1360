"""A supervisor in a process of its own, for tests that send it signals: `python -m ... <folder>`."""

import asyncio
import sys
from pathlib import Path

from tests.workers.embedded.children import CHILD, DEAF, child
from workers.embedded.errors import Interrupted
from workers.embedded.supervisor import Supervisor


async def main(folder: Path, second: str) -> None:
    """Run `first` and, after it, `second` until a signal."""
    supervisor = Supervisor([[child("first", folder)], [child("second", folder, second)]], logs=folder / "logs")
    async with supervisor.running():
        pids = " ".join(str(status.pid) for status in supervisor.status())
        (folder / "pids").write_text(f"{pids}\n")
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main(Path(sys.argv[1]), DEAF if "deaf" in sys.argv else CHILD))
    except Interrupted as interrupted:
        sys.exit(str(interrupted))
