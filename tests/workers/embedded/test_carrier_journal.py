"""The oracle's journal."""

import asyncio
import os
from pathlib import Path

import orjson
import pytest

from workers.embedded.carrier.journal import NAME, Journal


def rows(folder: Path) -> list[object]:
    return [orjson.loads(line) for line in (folder / NAME).read_bytes().splitlines() if line]


async def test_a_row_is_in_the_file_when_append_is_done(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await journal.append({"n": 1})

    assert rows(tmp_path) == [{"n": 1}]
    await journal.close()


async def test_rows_of_one_moment_share_one_write_and_keep_their_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    await asyncio.gather(*[journal.append({"n": number}) for number in range(500)])
    await journal.close()

    assert rows(tmp_path) == [{"n": number} for number in range(500)]


async def test_closing_writes_what_nobody_waits_for(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.note({"n": 1})
    await journal.close()

    assert rows(tmp_path) == [{"n": 1}]


async def test_a_line_that_a_crash_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'{"n":1}\n{"n":')
    journal = Journal(tmp_path)
    await journal.append({"n": 2})
    await journal.close()

    lines = (tmp_path / NAME).read_bytes().splitlines()
    assert (lines[0], lines[-1]) == (b'{"n":1}', b'{"n":2}')


async def test_a_disk_that_is_full_is_told_to_whoever_waits(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to("/dev/full")
    journal = Journal(tmp_path)
    with pytest.raises(OSError, match=os.strerror(28)):
        await journal.append({"n": 1})

    await journal.close()
