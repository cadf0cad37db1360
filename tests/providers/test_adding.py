"""A forgotten step of providers/ADDING_A_PROVIDER.md is named: this file is the first to run over a new adapter."""

import sys
from collections.abc import Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.errors import ProviderError
from pipeline.records import ReceiptState
from pipeline.settings.needs import Needs, SenderNeeds
from providers import ADAPTERS
from providers.base import HttpProvider
from providers.seam import Capabilities
from tests.providers.contract import GUIDE, Sample, sample
from tests.providers.kinds import Whose

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / GUIDE).read_text()
FILES = sorted(path.stem for path in (PROJECT / "providers").glob("*.py") if path.stem != "__init__")


def _adapters(module: ModuleType) -> Iterator[type[HttpProvider]]:
    """Give the classes of adapters that a file defines itself."""
    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, HttpProvider) and value.__module__ == module.__name__:
            yield value


@pytest.mark.parametrize("name", FILES)
def test_every_adapter_in_providers_is_in_the_table_of_all(name: str) -> None:
    for kind in _adapters(import_module(f"providers.{name}")):
        listed = kind is HttpProvider or kind in ADAPTERS.values()
        assert listed, f"providers/__init__.py: add `{kind.__name__}.adapter: {kind.__name__},` to ADAPTERS; {GUIDE}, 3"


@pytest.mark.parametrize(("adapter", "kind"), ADAPTERS.items())
def test_an_adapter_has_the_name_of_its_file(adapter: str, kind: type[HttpProvider]) -> None:
    expected = f"providers.{adapter.replace('-', '_')}"

    assert kind.__module__ == expected, f'{kind.__name__}.adapter is "{adapter}": its file is {expected}; {GUIDE}, 2'


@pytest.mark.parametrize("kind", ADAPTERS.values())
@pytest.mark.parametrize(("part", "of"), [("needs", Needs), ("capabilities", Capabilities)])
def test_an_adapter_says_what_it_needs_and_can(kind: type[HttpProvider], part: str, of: type) -> None:
    said = getattr(kind, part, None)

    assert isinstance(said, of), f"{kind.__module__}: give {kind.__name__} `{part} = {of.__name__}(...)`; {GUIDE}, 2"


@pytest.mark.parametrize("kind", ADAPTERS.values())
@pytest.mark.parametrize("table", ["REFUSALS", "STATES"])
def test_an_adapter_has_its_words_in_tables(kind: type[HttpProvider], table: str) -> None:
    assert getattr(sys.modules[kind.__module__], table, None), f"{kind.__module__}: write the table {table}; {GUIDE}, 2"


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_adapter_has_a_sample_of_how_its_provider_talks(adapter: str) -> None:
    assert sample(adapter).receipts


@pytest.mark.parametrize(("adapter", "kind"), ADAPTERS.items())
def test_an_adapter_that_our_token_alone_proves_says_so(adapter: str, kind: type[HttpProvider]) -> None:
    said = "our token in the callback URL" in kind.capabilities.proof or sample(adapter).whose is not Whose.TOKEN

    assert said, f'{kind.__module__}: begin capabilities.proof with "our token in the callback URL"; {GUIDE}, 2'


def test_a_sample_that_is_missing_is_asked_for_with_the_file_to_write() -> None:
    with pytest.raises(LookupError, match=r"tests/providers/test_no_such\.py is missing: write it.*ADDING_A_PROVIDER"):
        sample("no-such")


def test_a_test_file_without_a_sample_is_asked_for_one() -> None:
    with pytest.raises(LookupError, match=r"tests/providers/test_answers\.py has no SAMPLE: write one"):
        sample("answers")


def _errors(kind: type[ProviderError] = ProviderError) -> Iterator[str]:
    for one in kind.__subclasses__():
        if one.__module__ == kind.__module__:
            yield from (one.__name__, *_errors(one))


@pytest.mark.parametrize(
    "names",
    [
        list(_errors()),
        [state.name for state in ReceiptState],
        [f.name for f in (*fields(Needs), *fields(SenderNeeds))],
        [f.name for f in fields(Capabilities)],
        [f.name for f in fields(Sample)],
        [f"Whose.{one.name}" for one in Whose],
    ],
)
def test_the_guide_names_all_that_there_is_to_choose_from(names: list[str]) -> None:
    """Classes of errors, states of receipts, needs, capabilities, parts of a sample."""
    assert [name for name in names if f"`{name}`" not in TEXT] == [], f"explain them in {GUIDE}"
