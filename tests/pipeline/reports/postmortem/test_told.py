"""Which incidents there are, and which one is meant."""

import pytest
from msgspec.structs import replace

from pipeline.reports.postmortem.told import meant, newest, of
from tests.pipeline.reports.postmortem.made_up import CLOSED, OPENED, UPDATED, at

OTHER = replace(OPENED, incident_id="abc-other-0123456789", onset_at=at(-9000))
EARLIER = replace(CLOSED, incident_id="xyz-earlier-0123456789", onset_at=at(-90))
TOLD = (EARLIER, OTHER, OPENED, UPDATED, CLOSED)


def test_each_incident_is_given_as_it_was_told_last_the_open_ones_first() -> None:
    assert newest(TOLD) == [OTHER, CLOSED, EARLIER]


@pytest.mark.parametrize(
    ("start", "ids"),
    [
        ("x", [EARLIER.incident_id]),
        ("abcd", [CLOSED.incident_id]),
        ("abc", [OTHER.incident_id, CLOSED.incident_id]),
        (CLOSED.incident_id, [CLOSED.incident_id]),
        ("nobody", []),
    ],
)
def test_incident_is_meant_by_the_beginning_of_its_id(start: str, ids: list[str]) -> None:
    assert meant(TOLD, start) == ids


def test_id_that_is_spelled_out_is_meant_though_another_one_is_longer() -> None:
    longer = replace(OTHER, incident_id=f"{CLOSED.incident_id}y")

    assert meant((*TOLD, longer), CLOSED.incident_id) == [CLOSED.incident_id]


def test_all_that_was_told_of_one_is_in_its_order() -> None:
    assert of(TOLD, CLOSED.incident_id) == [OPENED, UPDATED, CLOSED]
