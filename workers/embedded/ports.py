"""TCP ports on the loopback interface: free ones, fixed ones, and the same ones as last time."""

import atexit
import itertools
import random
import socket
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import orjson

from workers.embedded.errors import EmbeddedError, PortTaken

LOOPBACK: Final = "127.0.0.1"
# Below the range from which Linux takes the local ports of outgoing connections (32768 to 60999): a port that is free
# when it is chosen cannot be taken by some client before the server binds it.
CHOICE: Final = range(20_000, 32_768)
# A process chooses from blocks of its own: it binds the first port of each until it ends. What its servers have not
# bound yet looks free to others, and two systems that start at once would now and then choose the same port.
BLOCK: Final = 64  # ports

_held: Final[list[socket.socket]] = []  # the first port of each block
_given: Final[set[int]] = set()  # by this process


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT do not count
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int, *, without: Collection[int] = ()) -> tuple[int, ...]:
    """Choose ports that are free now and were not chosen before. Raises EmbeddedError when there are not so many."""
    taken = _given | {*without}
    candidates = (port for port in _ours() if port not in taken and is_free(port))
    found = tuple(itertools.islice(candidates, count))
    if len(found) < count:
        raise EmbeddedError(f"fewer than {count} ports from {CHOICE.start} to {CHOICE.stop} are free on {LOOPBACK}")
    _given.update(found)
    return found


def _ours() -> Iterator[int]:
    """Give the ports of this process's blocks, and take another block whenever they are used up."""
    for first in _held:
        yield from _behind(first)
    starts = range(CHOICE.start, CHOICE.stop - BLOCK + 1, BLOCK)
    for start in random.sample(starts, len(starts)):
        first = socket.socket()
        try:
            first.bind((LOOPBACK, start))
        except OSError:
            first.close()
        else:
            _held.append(first)
            atexit.register(first.close)
            yield from _behind(first)


def _behind(first: socket.socket) -> range:
    start = first.getsockname()[1]
    return range(start + 1, start + BLOCK)


def require_free(ports: Iterable[int]) -> None:
    """Raise PortTaken when one of these ports is in use."""
    for port in ports:
        if not is_free(port):
            raise PortTaken(
                f"port {port} on {LOOPBACK} is in use by another program: end that program, choose another port, "
                "or fix none to get a free one"
            )


def choose_ports(memory: Path, count: int, fixed: Sequence[int] = ()) -> tuple[int, ...]:
    """Give `count` ports: first the fixed ones, then those of the last time where still free, else free ones.

    The file `memory` keeps them for the next time. Raises PortTaken when a fixed one is in use.
    """
    require_free(fixed)
    remembered = _remembered(memory)
    chosen = list(fixed)
    for place in range(len(fixed), count):
        last = remembered[place] if place < len(remembered) else None
        usable = last is not None and last not in chosen and is_free(last)
        chosen.append(last if last is not None and usable else free_ports(1, without=chosen)[0])
    memory.write_bytes(orjson.dumps(chosen))
    return tuple(chosen)


def _remembered(memory: Path) -> list[int]:
    try:
        return [int(port) for port in orjson.loads(memory.read_bytes())]
    except (OSError, ValueError, TypeError):
        return []  # none yet, or half written: the ports are a convenience
