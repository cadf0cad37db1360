"""Becomes a program that cannot outlive the process that started it.

Run as `python guard.py <pid of the starter> same|bare <program> <arguments...>`. The kernel then kills the program
when the starter is gone, however it went. The program has the environment of the guard, or none (the guard itself may
need one: some Pythons find their own library by it). This stands in a file of its own, run by a new interpreter,
because code between fork and exec is not safe in a process with threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


SAME = "same"
BARE = "bare"


def main(starter: int, environment: str, command: list[str]) -> None:
    """Ask the kernel for SIGKILL at the starter's end, and become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != starter:  # it ended before the kernel was asked
        sys.exit(f"not starting {command[0]}: process {starter}, which wanted it, is gone")
    if environment == BARE:
        os.execve(command[0], command, {})  # noqa: S606  the starter gives the path
    os.execv(command[0], command)  # noqa: S606  the same


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
