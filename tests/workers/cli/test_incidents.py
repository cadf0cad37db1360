"""Which incident a command is about, and how one is shown."""

import pytest
import typer
from msgspec.structs import replace

from tests.pipeline.reports.postmortem.made_up import CLOSED, OPENED
from workers.cli.incidents import cause_of, told_of

OTHER = replace(OPENED, incident_id="abc-other-0123456789")
MANY = [replace(OPENED, incident_id=f"many-{turn:02}-0123456789") for turn in range(8)]


def test_beginning_of_an_id_is_enough_where_no_other_has_it() -> None:
    assert told_of([OTHER, OPENED, CLOSED], "abcd") == [OPENED, CLOSED]


@pytest.mark.parametrize(
    ("start", "text"),
    [
        ("abc", "'abc' begins 2 ids: abcdefghijklmnopqrstuvwx, abc-other-0123456789; write more of it"),
        ("zzz", "No incident 'zzz'; there are: abcdefghijklmnopqrstuvwx, abc-other-0123456789"),
    ],
)
def test_id_that_means_no_single_incident_is_answered_with_those_there_are(start: str, text: str) -> None:
    with pytest.raises(typer.BadParameter) as refused:
        told_of([OPENED, OTHER], start)
    assert refused.value.message == text


def test_of_many_incidents_a_few_are_named() -> None:
    with pytest.raises(typer.BadParameter, match="and 3 more"):
        told_of(MANY, "zzz")


def test_where_there_are_no_incidents_it_says_so() -> None:
    with pytest.raises(typer.BadParameter, match="there are none at all"):
        told_of([], "abc")


def test_cause_is_of_the_closed_list() -> None:
    with pytest.raises(typer.BadParameter, match="did you mean provider"):
        cause_of("provdier")
