"""Sessions of operators."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.proof.session import LIFE, Operator, csrf_token, issue, read, who
from pipeline.settings import OperatorSettings, Secret
from tests.samples import NOW

KEY = Secret(b"k" * 32)
ANN = OperatorSettings(key=Secret(b"key of ann"), role="operator")
BOB = OperatorSettings(key=Secret(b"key of bob"))
OPERATORS = {"ann": ANN, "bob": BOB}
SESSION = issue("ann", OPERATORS, KEY, NOW)


@pytest.mark.parametrize(
    ("key", "found"),
    [
        (b"key of ann", Operator(name="ann", may_act=True)),
        (b"key of bob", Operator(name="bob", may_act=False)),
        (b"key of eve", None),
        (b"", None),
    ],
)
def test_an_operator_is_known_by_the_key(key: bytes, found: Operator | None) -> None:
    assert who(key, OPERATORS) == found


def test_a_session_is_read_back() -> None:
    assert read(SESSION, OPERATORS, KEY, NOW) == Operator(name="ann", may_act=True)


def test_a_session_ends() -> None:
    assert read(SESSION, OPERATORS, KEY, NOW + LIFE - timedelta(seconds=1)) is not None
    assert read(SESSION, OPERATORS, KEY, NOW + LIFE) is None


@pytest.mark.parametrize(
    "operators",
    [
        {"bob": BOB},  # the operator is gone
        {"ann": OperatorSettings(key=Secret(b"another key"), role="operator")},
    ],
)
def test_a_session_ends_with_its_operator_and_its_key(operators: dict[str, OperatorSettings]) -> None:
    assert read(SESSION, operators, KEY, NOW) is None


def test_a_role_that_is_taken_away_is_gone_at_once() -> None:
    now = {"ann": OperatorSettings(key=ANN.key, role="viewer")}
    assert read(SESSION, now, KEY, NOW) == Operator(name="ann", may_act=False)


@given(st.text(st.characters(), max_size=200))
def test_no_text_is_a_session(text: str) -> None:
    assert read(text, OPERATORS, KEY, NOW) is None


@given(st.integers(0, len(SESSION) - 1), st.characters(codec="ascii"))
def test_a_session_with_another_sign_is_none(place: int, sign: str) -> None:
    changed = SESSION[:place] + sign + SESSION[place + 1 :]
    assert changed == SESSION or read(changed, OPERATORS, KEY, NOW) is None


def test_each_session_has_its_own_token() -> None:
    assert csrf_token(SESSION, KEY) != csrf_token(issue("bob", OPERATORS, KEY, NOW), KEY)
