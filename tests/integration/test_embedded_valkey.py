import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from workers.embedded.errors import PortTaken, StartFailed
from workers.embedded.ports import LOOPBACK, free_ports
from workers.embedded.valkey import EmbeddedValkey

pytestmark = pytest.mark.processes


async def say(valkey: EmbeddedValkey, command: str) -> bytes:
    """Send one command over a plain socket, and give the last line of its answer."""
    address = urlsplit(valkey.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(f"{command}\r\n".encode())
        line = await reader.readline()
        return (await reader.readline() if line.startswith(b"$") and line != b"$-1\r\n" else line).strip()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_value_is_read_as_it_was_written(valkey: EmbeddedValkey, prefix: str) -> None:
    assert await say(valkey, f"SET {prefix}colour blue") == b"+OK"
    assert await say(valkey, f"GET {prefix}colour") == b"blue"


async def test_answered_write_survives_kill_9(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as valkey:
        url = valkey.url
        await say(valkey, "SET colour blue")

        valkey.kill()
        await valkey.stop()
        await valkey.start()

        assert valkey.url == url
        assert await say(valkey, "GET colour") == b"blue"


async def test_second_start_goes_on_with_data_and_port(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as first:
        await say(first, "SET colour blue")
    async with EmbeddedValkey(tmp_path) as second:
        assert second.url == first.url
        assert await say(second, "GET colour") == b"blue"


async def test_fixed_port_is_used(tmp_path: Path) -> None:
    (port,) = free_ports(1)

    async with EmbeddedValkey(tmp_path, port=port) as valkey:
        assert valkey.url == f"valkey://127.0.0.1:{port}/0"


async def test_taken_port_is_an_error_that_names_it(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is in use"):
            await EmbeddedValkey(tmp_path, port=port).start()


async def test_damaged_data_are_an_error_with_what_the_server_said(tmp_path: Path) -> None:
    async with EmbeddedValkey(tmp_path) as valkey:
        await say(valkey, "SET colour blue")
    (tmp_path / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(StartFailed, match=r"(?s)valkey ended with status 1 while it started.*manifest"):
        await EmbeddedValkey(tmp_path).start()
