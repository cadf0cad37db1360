"""The processes of a system, seen from outside."""

import os
import sys
from pathlib import Path

import psutil

from workers.embedded import guard


def guarded(*command: str) -> tuple[str, ...]:
    """Give the command that runs this one as long as this process lives: a run that breaks off leaves no system."""
    return (sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), guard.SAME, *command)


def working_in(folder: Path, sign: str = "") -> list[psutil.Process]:
    """Give the processes that work in the folder or name it on their command line, with this on it as well.

    A system is known by its folder. Others on this machine start and end meanwhile.
    """
    return [process for process in psutil.process_iter() if _is_of(process, str(folder), sign)]


def _is_of(process: psutil.Process, folder: str, sign: str) -> bool:
    try:
        words = " ".join(process.cmdline())
        return sign in words and folder in f"{process.cwd()} {words}"
    except psutil.Error:
        return False
