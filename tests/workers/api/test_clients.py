"""Clients that are generated from the description of the HTTP door compile, with a caller's code around them.

They need Node with npm, or Go; without either the test says so and is skipped.
"""

import asyncio
import json
import shutil
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
from typing import Final

import pytest

from tests.npm import installed
from workers.api.openapi import document

CLIENTS: Final = Path(__file__).parent / "clients"
CACHE: Final = Path(__file__).parents[3] / ".cache"
BODY: Final = {"to": "+447700900123", "purpose": "login", "locale": "en"}  # as README has it

pytestmark = [
    pytest.mark.processes,
    pytest.mark.slow,
    pytest.mark.timeout(900),
]  # what is compiled for the first time takes minutes


async def _run(folder: Path, *command: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(*command, cwd=folder, stdout=PIPE, stderr=STDOUT)
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def _runs(folder: Path, *command: str) -> None:
    code, said = await _run(folder, *command)
    assert code == 0, said


def _copied(name: str, folder: Path) -> str:
    """Copy a caller's code into a folder, the description beside it; give where that is."""
    shutil.copytree(CLIENTS / name, folder, dirs_exist_ok=True)
    described = folder / "openapi.json"
    described.write_text(json.dumps(document()))
    return str(described)


@pytest.mark.skipif(shutil.which("npm") is None, reason="needs Node with npm")
async def test_types_of_typescript_take_what_a_caller_writes() -> None:
    folder = CACHE / "clients-typescript"
    await installed(CLIENTS / "typescript", folder)
    described = _copied("typescript", folder)

    await _runs(folder, "node_modules/.bin/openapi-typescript", described, "-o", "schema.d.ts")
    await _runs(folder, "node_modules/.bin/tsc", "--project", ".")


@pytest.mark.skipif(shutil.which("go") is None, reason="needs Go")
async def test_client_and_gateway_of_go_take_what_a_caller_writes(tmp_path: Path) -> None:
    described = _copied("go", tmp_path)
    (tmp_path / "ithaca").mkdir()
    made = ("-generate", "types,client", "-package", "ithaca", "-o", "ithaca/ithaca.gen.go")

    await _runs(tmp_path, "go", "tool", "oapi-codegen", *made, described)
    await _runs(tmp_path, "go", "vet", "./...")
    await _runs(tmp_path, "go", "run", ".", described, json.dumps(BODY))
    code, said = await _run(tmp_path, "go", "run", ".", described, json.dumps(BODY | {"to": "0044 7700"}))
    assert (code, 'Error at "/to"' in said) == (1, True), said
