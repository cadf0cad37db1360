"""`python -m workers.embedded.carrier`: simulated carriers alone, without the rest of the system."""

import asyncio
import json
import secrets
import signal
import sys
from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, Namespace
from dataclasses import fields
from pathlib import Path

from pipeline.settings import Secret
from workers.embedded.carrier import Account, Behaviour, CarrierConfig, serve


def main() -> None:
    """Serve until SIGTERM or SIGINT; the first line of output is JSON with the base URL."""
    try:
        asyncio.run(_run(_config(_arguments())))
    except OSError as error:
        sys.exit(f"cannot start: {error.strerror or error}; choose another --port, or 0 for a free one")


async def _run(config: CarrierConfig) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(config, stop, ready=_announce)


def _announce(url: str) -> None:
    sys.stdout.write(json.dumps({"ready": url}) + "\n")
    sys.stdout.flush()


def _arguments() -> Namespace:
    parser = ArgumentParser(prog="carrier", description=__doc__, formatter_class=ArgumentDefaultsHelpFormatter)
    parser.add_argument("--carriers", default="carrier-a=token-a", help="name=token, comma-separated")
    parser.add_argument("--journal", type=Path, required=True, help="folder of the journal")
    parser.add_argument("--journal-key", help="key of the hashes in the journal; left out: a random one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--seed", type=int, default=1)
    for field in fields(Behaviour):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float, default=field.default, metavar="X")
    return parser.parse_args()


def _config(given: Namespace) -> CarrierConfig:
    behaviour = Behaviour(**{field.name: getattr(given, field.name) for field in fields(Behaviour)})
    pairs = (pair.partition("=") for pair in given.carriers.split(","))
    return CarrierConfig(
        accounts={name: Account(credential=Secret(token.encode()), behaviour=behaviour) for name, _, token in pairs},
        journal=given.journal,
        journal_key=Secret((given.journal_key or secrets.token_hex()).encode()),
        host=given.host,
        port=given.port,
        seed=given.seed,
    )


if __name__ == "__main__":
    main()
