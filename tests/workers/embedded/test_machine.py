from pathlib import Path

import pytest

from workers.embedded.errors import FolderUnusable, MemoryShort
from workers.embedded.machine import enough_memory, owned, writable

PEBIBYTE = 2**50


def test_short_memory_is_an_error_that_says_how_much_is_needed() -> None:
    with pytest.raises(MemoryShort, match=r"need 1073741824 MiB"):
        enough_memory(PEBIBYTE)


def test_enough_memory_is_no_error() -> None:
    enough_memory(1)


def test_missing_folder_is_made(tmp_path: Path) -> None:
    writable(tmp_path / "a" / "b", 1)

    assert (tmp_path / "a" / "b").is_dir()


def test_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(FolderUnusable, match=r"cannot make the folder .*/file/below"):
        writable(tmp_path / "file" / "below", 1)


def test_full_disk_is_an_error_that_says_how_much_is_needed(tmp_path: Path) -> None:
    with pytest.raises(FolderUnusable, match="1073741824 MiB are needed"):
        writable(tmp_path, PEBIBYTE)


def test_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    with owned(tmp_path), pytest.raises(FolderUnusable, match="another run is using"), owned(tmp_path):
        pass


def test_folder_is_free_again_after_its_run(tmp_path: Path) -> None:
    with owned(tmp_path):
        pass
    with owned(tmp_path):
        pass
