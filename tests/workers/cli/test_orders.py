"""Orders on the command line: who gives them, and how they are shown."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.orders import Refused
from pipeline.records import Order, OrderKind
from tests.pipeline.orders.situations import an_order
from workers.cli.invocation import Invocation
from workers.cli.orders.commands import NotGiven, _refusal
from workers.cli.orders.options import area_of, author_of
from workers.cli.orders.words import shares_of, what


@pytest.mark.parametrize(
    ("named", "environ", "author"),
    [
        ("maria", {"LOGNAME": "ops"}, "maria"),
        (None, {"LOGNAME": "ops", "USER": "root"}, "ops"),
        (None, {"USER": "root"}, "root"),
    ],
)
def test_author_is_who_is_named_or_logged_in(named: str | None, environ: dict[str, str], author: str) -> None:
    context: Any = SimpleNamespace(obj=Invocation(environ=environ))
    assert author_of(context, named) == author


def test_author_of_a_process_without_a_login_is_the_owner_of_the_process() -> None:
    context: Any = SimpleNamespace(obj=Invocation(environ={}))
    assert author_of(context, None)


def test_all_countries_need_no_quotes_in_a_shell() -> None:
    assert [area_of(word) for word in ("all", "*", "GB")] == ["*", "*", "GB"]


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (an_order(OrderKind.PIN, "carrier-a"), "pin carrier-a in GB"),
        (an_order(OrderKind.BAN, "carrier-a", country="*", forced=True), "ban carrier-a in all countries, forced"),
        (an_order(OrderKind.HOLD), "hold the shares in GB"),
        (an_order(OrderKind.RESUME, country="*", partition="otp.requests/3"), "resume otp.requests/3"),
    ],
)
def test_order_is_said_in_a_few_words(order: Order, words: str) -> None:
    assert what(order) == words


def test_shares_are_shown_the_largest_first() -> None:
    assert shares_of({"a": 0.02, "b": 0.98}) == "98 % b, 2 % a"


@pytest.mark.parametrize(
    ("field", "option"), [("provider", "PROVIDER"), ("reason", "--reason"), ("expires_at", "--for")]
)
def test_refusal_names_the_option_that_was_wrong(field: str, option: str) -> None:
    error: Any = _refusal(Refused(field=field, text="is wrong; write another"))
    assert (error.param_hint, error.message) == (option, "it is wrong; write another")


def test_refusal_that_force_would_lift_says_so() -> None:
    error = _refusal(Refused(field="provider", text="is the only one left in GB", forcible=True))
    assert isinstance(error, NotGiven)
    assert str(error) == "nothing was ordered: the provider is the only one left in GB (--force)"
