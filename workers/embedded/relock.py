"""Writes Kafka's lock file anew, after a change of the version below: `python -m workers.embedded.relock`."""

import tempfile
from pathlib import Path
from typing import Final

from jgo.maven import MavenContext
from jgo.parse import Coordinate

from workers.embedded.jars import LOCK_FILE, sha256_of

KAFKA: Final = "org.apache.kafka:kafka_2.13:4.3.1"
# Resolved apart: a logger beside Kafka's coordinate makes the resolver choose other versions of Kafka's own parts.
LOGGER: Final = "org.slf4j:slf4j-simple:1.7.36"  # of the version of slf4j-api that Kafka brings


def resolve(scratch: Path) -> str:
    """Resolve both and give the text of the lock file. Downloads 45 MB into `scratch`."""
    files: set[Path] = set()
    for coordinate in (KAFKA, LOGGER):
        context = MavenContext(repo_cache=scratch)
        wanted = context.create_dependency(Coordinate.parse(coordinate))
        top, transitive = context.resolver.resolve([wanted])
        needed = [*top, *(each for each in transitive if each.scope in {"compile", "runtime"})]
        files |= {each.artifact.resolve() for each in needed}
    return "".join(f"{sha256_of(file)}  {file.relative_to(scratch).as_posix()}\n" for file in sorted(files))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        LOCK_FILE.write_text(resolve(Path(scratch)), encoding="utf-8")
