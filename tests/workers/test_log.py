"""Logs: allowed fields only, plain values only, and never the text of an exception."""

import ast
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from workers.log import ALLOWED, configure, get_log

ROOT = Path(__file__).parents[2]
CODE = "492817"
WRITERS = {"debug", "info", "warning", "error", "critical", "exception"}


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Give structlog and the root logger back as they were."""
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**before)
    root.handlers[:] = handlers
    root.setLevel(level)


def last(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
    return line


def test_line_has_time_level_event_worker_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    configure("dispatch")
    get_log("desk").info("attempt.accepted", attempt_id="r.1", segments=1)
    line = last(capsys)
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "info",
        "event": "attempt.accepted",
        "worker": "dispatch",
        "part": "desk",
        "attempt_id": "r.1",
        "segments": 1,
    }


def test_field_that_is_not_allowed_is_dropped_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    get_log("desk").info("attempt.accepted", code=CODE, to="+447700900123", provider="carrier-a")
    line = last(capsys)
    assert line["dropped_fields"] == ["code", "to"]
    assert line["provider"] == "carrier-a"
    assert CODE not in str(line)


def test_object_in_an_allowed_field_shows_as_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    get_log("desk").info("attempt.accepted", reason=ValueError(CODE), count=[1, {"code": CODE}])
    line = last(capsys)
    assert (line["reason"], line["count"]) == ("<ValueError>", [1, "<dict>"])


@pytest.mark.parametrize("value", ["\ud800", 2**70, float("nan"), "x" * 10_000])
def test_no_value_breaks_a_line(capsys: pytest.CaptureFixture[str], value: object) -> None:
    get_log("desk").info("attempt.accepted", reason=value)
    assert last(capsys)["event"] == "attempt.accepted"


def test_exception_is_logged_by_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int(f"{CODE}x")
    except ValueError:
        get_log("desk").exception("attempt.failed")
    line = last(capsys)
    assert line["error_type"] == "ValueError"
    assert "test_log.py" in line["error_at"]
    assert CODE not in str(line)


def test_place_of_an_exception_is_a_path_in_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        configure("dispatch", "no level")
    except KeyError as error:
        get_log("desk").error("attempt.failed", exc_info=error)
    assert last(capsys)["error_at"].startswith("workers/log.py:")


def test_message_of_a_library_is_its_template(capsys: pytest.CaptureFixture[str]) -> None:
    configure("dispatch")
    logging.getLogger("aiokafka.client").warning("cannot reach %s", CODE)
    line = last(capsys)
    assert (line["event"], line["template"], line["part"]) == ("library.message", "cannot reach %s", "aiokafka.client")


def test_message_that_a_library_filled_in_itself_loses_its_digits(capsys: pytest.CaptureFixture[str]) -> None:
    configure("dispatch")
    logging.getLogger("asyncio").error(f"no answer for {CODE}\nfuture: <Task exception=ValueError('{CODE}')>")  # noqa: G004
    assert last(capsys)["template"] == "no answer for #"


def test_library_below_warning_is_not_heard(capsys: pytest.CaptureFixture[str]) -> None:
    configure("dispatch")
    logging.getLogger("aiohttp.access").info("GET /receipts/token")
    assert capsys.readouterr().out == ""


def test_no_event_of_a_level_that_is_off_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    configure("dispatch", "warning")
    get_log("desk").info("attempt.accepted")
    assert capsys.readouterr().out == ""


def logged(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give line and field name of every field in a call such as `log.info(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITERS:
            owner = node.func.value
            if "log" in {getattr(owner, "id", ""), getattr(owner, "attr", "").strip("_")}:
                yield from ((node.lineno, keyword.arg) for keyword in node.keywords if keyword.arg)


def test_every_field_that_the_product_logs_is_allowed() -> None:
    used = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in (ROOT / "workers").rglob("*.py")
        for line, name in logged(ast.parse(path.read_text()))
        if name not in ALLOWED | {"exc_info"}
    ]
    assert used == [], "use an allowed name, or add this one to workers/log.py with its reason"
