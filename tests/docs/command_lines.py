"""The commands that pages name, and whether `ithaca` would take them."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import typer
from typer.core import TyperGroup

from tests.docs.pages import blocks, inline
from workers.__main__ import app

ITHACA: Final = typer.main.get_command(app)
# What is put in place of the words that stand for something.
SOMETHING: Final = {
    "TOPIC/PARTITION": "otp.requests/0",
    "NUMBER": "+447700900123",
    "REASON": "expired",
    "CODE": "123456",
    "FOLDER": "postmortem",
    "N": "1",
}


def typed(page: Path, program: str) -> Iterator[list[str]]:
    """Give the words of every command in the blocks of a page, without program and comment."""
    lines = (line for block in blocks(page) if not block.language for line in block.text.splitlines())
    yield from _commands(lines, program)


def named(page: Path, program: str) -> Iterator[list[str]]:
    """Give the words of every command that the prose of a page names."""
    yield from _commands(iter(inline(page)), program)


def commands(page: Path, program: str) -> list[list[str]]:
    """Give the words of every command of a page, typed or named."""
    return [*typed(page, program), *named(page, program)]


def _commands(lines: Iterator[str], program: str) -> Iterator[list[str]]:
    start = program.split()
    for line in lines:
        if line.strip().startswith((program, f".venv/bin/{program}")):
            words = shlex.split(line.strip().removeprefix(".venv/bin/"), comments=True)
            if words[: len(start)] == start:
                yield words[len(start) :]


def read(words: list[str], *, name_alone: bool = False) -> None:
    """Read a command line as `ithaca` does, and run nothing. Raises TyperException when it would be refused.

    `name_alone` takes the name of a command, or of a group, without what it needs.
    """
    command, context = ITHACA, typer.Context(ITHACA)
    while isinstance(command, TyperGroup) and (words or not (name_alone or command.invoke_without_command)):
        found = command.get_command(context, words[0]) if words else None
        assert found, f"no such command: {words}"
        command, words = found, words[1:]
    if words or not name_alone:
        command.make_context(command.name, [SOMETHING.get(word, word) for word in words])
