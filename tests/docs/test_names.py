"""What pages name exists: commands, targets of make, metrics, settings, topics; and their examples can be read."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from typer.exceptions import TyperException

from pipeline.records.topics import CONSUMED_BY, DAY, HOUR, TOPICS, Topic
from tests.docs.command_lines import commands, named, read, typed
from tests.docs.pages import PAGES, PROJECT, Block, blocks, files, inline, short
from workers.metrics.definitions import LIBRARY, METRICS

REFERENCE: Final = PROJECT / "docs" / "reference"
ROWS: Final = re.findall(
    r"^\| `([a-z_.<>]+)` \| `(ITHACA_[A-Z_<>]+)` \|", (REFERENCE / "settings.md").read_text(), re.MULTILINE
)
SETTINGS: Final = {setting for setting, _ in ROWS}
TABLES: Final = {setting.partition(".<")[0] for setting in SETTINGS}
VARIABLES: Final = [re.compile(re.sub("<[A-Z]+>", "[A-Z0-9_<>]+", variable)) for _, variable in ROWS]
ITHACA_CONFIG: Final = "ITHACA_CONFIG"
SECTIONS: Final = {setting.split(".")[0] for setting in SETTINGS if "." in setting}
TARGETS: Final = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
METRIC_NAMES: Final = {metric.name for metric in (*METRICS, *LIBRARY)}
TOPIC_NAMES: Final = {topic.name for topic in TOPICS} | set(CONSUMED_BY)

each_page = pytest.mark.parametrize("page", PAGES, ids=short)


@each_page
def test_every_command_that_is_typed_exists_with_these_options(page: Path) -> None:
    for words in typed(page, "ithaca"):
        read(words)


@each_page
def test_every_command_that_is_named_exists(page: Path) -> None:
    for words in named(page, "ithaca"):
        read(words, name_alone=True)


def test_a_command_that_does_not_exist_is_found_out() -> None:
    for words in (["orders", "pin", "A"], ["orders", "list", "--why"], ["explain", "A", "B"], ["orderz"]):
        with pytest.raises((TyperException, AssertionError)):
            read(words)
    for words in (["orders", "pinn"], ["orders", "list", "--why"]):
        with pytest.raises((TyperException, AssertionError)):
            read(words, name_alone=True)


@each_page
def test_every_target_of_make_exists(page: Path) -> None:
    found = [words[0] for words in commands(page, "make") if words]
    assert sorted(set(found) - TARGETS) == []


@each_page
def test_every_metric_exists(page: Path) -> None:
    found = set(re.findall(r"\b(?:otp|process)_[a-z_]+", page.read_text()))
    assert sorted(found - METRIC_NAMES) == []


@each_page
def test_every_variable_is_one_of_a_setting_or_of_a_table_of_them(page: Path) -> None:
    found = set(re.findall(r"\bITHACA_[A-Z0-9_<>]*[A-Z0-9>]", page.read_text())) - {ITHACA_CONFIG}
    tables = {variable.split("__")[0] for _, variable in ROWS}
    assert [name for name in sorted(found - tables) if not any(one.fullmatch(name) for one in VARIABLES)] == []


@each_page
def test_every_dotted_name_is_a_setting_a_topic_or_an_event_of_the_logs(page: Path) -> None:
    found = {word for word in inline(page) if re.fullmatch(r"[a-z]+(\.[a-z0-9_]+)+", word)}
    unknown = {word for word in found if word.split(".")[0] in SECTIONS} - SETTINGS - TABLES - TOPIC_NAMES
    assert [word for word in sorted(unknown) if f'"{word}"' not in _workers()] == []


@cache
def _workers() -> str:
    return "\n".join(path.read_text() for path in files(".py") if short(path).startswith("workers/"))


EXAMPLES: Final = [
    pytest.param(block, id=f"{short(page)}-{number}")
    for page in PAGES
    for number, block in enumerate(blocks(page), start=1)
    if block.language in {"python", "toml"}
]


@pytest.mark.parametrize("block", EXAMPLES)
def test_examples_can_be_read(block: Block) -> None:
    if block.language == "toml":
        tomllib.loads(block.text)
    else:
        compile(block.text, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_page_of_topics_has_each_as_it_is_made(topic: Topic) -> None:
    kept = "compacted"
    if topic.retention is not None:
        kept = f"{topic.retention / DAY:g} d" if topic.retention >= DAY else f"{topic.retention / HOUR:g} h"
    row = f"| `{topic.name}` | {topic.key} | {kept} | {topic.partitions or ''} | {topic.purpose} |"
    assert row in (REFERENCE / "topics.md").read_text(), row


def test_every_term_of_the_glossary_is_in_use() -> None:
    glossary = REFERENCE / "glossary.md"
    terms = re.findall(r"^\| ([a-zA-Z][^|]*?) \| [A-Z]", glossary.read_text(), re.MULTILINE)
    texts = "\n".join(path.read_text() for path in files(".py", ".md", ".html", ".js", ".yml") if path != glossary)
    patterns = {term: "|".join(re.sub("[ -]", "[ _-]?", one) for one in term.split(", ")) for term in terms}
    assert [term for term, pattern in patterns.items() if not re.search(pattern, texts, re.IGNORECASE)] == []
