"""Facts -> the postmortem, its numbers and its fact sheet."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import orjson
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec import structs

from pipeline.records import Cause, Incident, Phase
from pipeline.reports.postmortem.document import SECTIONS
from pipeline.reports.postmortem.facts import Facts, PastOrder
from pipeline.reports.postmortem.written import CHART, CSV, DOCUMENT, NUMBERS, SHEET, write
from tests.pipeline.reports.postmortem.made_up import (
    ATTEMPTS,
    CLOSED,
    COUNTED,
    FACTS,
    HASH,
    LETTER,
    NUMBER,
    ONSET,
    OPENED,
    PIN,
    at,
    attempt,
    entry,
    receipt,
)

GOLDEN = Path(__file__).with_name("golden.md")
WRITTEN = write(FACTS)
EMPTY = Facts(incident=CLOSED, life=timedelta(seconds=300), as_of=at(7200))


def with_incident(facts: Facts, **changes: Any) -> Facts:
    incident = structs.replace(facts.incident, **changes)
    return replace(facts, incident=incident, told=())


def sections(document: str) -> dict[str, str]:
    """Give the text of each section by its heading."""
    _, *parts = document.split("\n## ")
    return {heading: text.strip() for heading, _, text in (part.partition("\n") for part in parts)}


def test_document_is_the_one_that_was_read_and_found_good() -> None:
    assert WRITTEN.files[DOCUMENT] == GOLDEN.read_text(), "read what has changed; if it is better, store it there"


def test_numbers_are_those_of_the_incident() -> None:
    assert {name: WRITTEN.numbers[name] for name in COUNTED} == COUNTED
    assert WRITTEN.numbers["onset_at"] == ONSET


def test_numbers_of_the_countries_add_up_to_those_of_all() -> None:
    countries = WRITTEN.numbers["countries"].values()

    assert {name: sum(country[name] for country in countries) for name in COUNTED} == COUNTED


def test_numbers_are_written_for_programs_as_well() -> None:
    stored = orjson.loads(WRITTEN.files[NUMBERS])

    assert {name: stored[name] for name in COUNTED} == COUNTED
    assert stored["onset_at"] == "2026-01-02T12:00:00Z"


def test_every_section_has_something_to_say() -> None:
    found = sections(WRITTEN.files[DOCUMENT])

    assert tuple(found) == SECTIONS
    assert all(found.values())


def test_document_links_to_files_that_are_there() -> None:
    assert {name for name in (CHART, SHEET, CSV) if f"]({name})" in WRITTEN.files[DOCUMENT]} == {CHART, SHEET, CSV}
    assert WRITTEN.files.keys() == {DOCUMENT, NUMBERS, CHART, SHEET, CSV}


def test_where_nobody_did_anything_it_says_so() -> None:
    alone = write(replace(FACTS, orders=())).files[DOCUMENT]

    assert sections(alone)["What operators did"].startswith("Nobody did anything")


def test_order_that_still_holds_is_a_task() -> None:
    still = write(replace(FACTS, orders=(PastOrder(order=structs.replace(PIN, expires_at=at(9000))),))).files[DOCUMENT]

    assert f"`ithaca orders withdraw {PIN.order_id}`" in sections(still)["Open tasks"]


def test_order_of_another_time_is_none_of_this_incident() -> None:
    long_ago = structs.replace(PIN, at=at(-900), expires_at=at(-300))

    assert PIN.reason not in write(replace(FACTS, orders=(PastOrder(order=long_ago),))).files[DOCUMENT]


def test_where_the_tables_are_gone_the_incident_has_kept_their_sentences() -> None:
    found = sections(write(replace(FACTS, tables=())).files[DOCUMENT])

    assert "moved 98 % to carrier-b" in found["What the system did"]
    assert "It was noticed 6.0 s after" in found["Summary"]  # by its opening


def test_codes_of_an_open_incident_that_still_live_are_not_given_up() -> None:
    still = with_incident(replace(FACTS, as_of=at(100)), phase=Phase.UPDATED, closed_at=None)

    written = write(still)

    assert (written.numbers["undelivered"], written.numbers["alive"]) == (3, 3)
    assert "died undelivered" not in written.files[DOCUMENT]
    assert "Write this postmortem again" in written.files[DOCUMENT]


def test_receipts_that_people_give_the_lie_to_are_not_believed() -> None:
    theirs = [attempt(f"request-theirs-{turn:04}", 1, "carrier-a", 20 + turn) for turn in range(12)]
    others = [attempt(f"request-others-{turn:04}", 1, "carrier-b", 20 + turn) for turn in range(12)]
    facts = replace(
        FACTS,
        attempts=(*ATTEMPTS, *theirs, *others),
        receipts=(*FACTS.receipts, *(receipt(one) for one in (*theirs, *others))),
        verifications=(*FACTS.verifications, *(entry(one.request_id, 60) for one in others)),
    )

    written = write(facts)

    assert "the receipts of carrier-a are not believed" in written.files[DOCUMENT]
    assert written.numbers["swallowed"] == COUNTED["swallowed"] + len(theirs)
    assert written.numbers["undelivered"] == COUNTED["undelivered"] + len(theirs)


def test_receipts_are_believed_while_nobody_enters_codes_of_others_either() -> None:
    theirs = [attempt(f"request-theirs-{turn:04}", 1, "carrier-a", 20 + turn) for turn in range(12)]
    others = [attempt(f"request-others-{turn:04}", 1, "carrier-b", 20 + turn) for turn in range(12)]
    receipts = (*FACTS.receipts, *(receipt(one) for one in (*theirs, *others)))

    written = write(replace(FACTS, attempts=(*ATTEMPTS, *theirs, *others), receipts=receipts))

    assert written.numbers["swallowed"] == COUNTED["swallowed"]


@pytest.mark.parametrize("cause", list(Cause))
@pytest.mark.parametrize("facts", [FACTS, EMPTY], ids=["all", "nothing"])
def test_every_cause_gives_a_document_with_tasks_of_its_own(cause: Cause, facts: Facts) -> None:
    files = write(with_incident(facts, cause=cause)).files

    found = sections(files[DOCUMENT])
    assert tuple(found) == SECTIONS
    assert all(found.values())
    assert found["Open tasks"].count("- [ ] ") >= 3
    ET.fromstring(files[CHART])  # noqa: S314 - our own


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"phase": Phase.OPENED, "closed_at": None}, "still open"),
        ({"provider": None, "cause": Cause.OURS}, "all providers in all countries"),
        ({"country": "DE"}, "carrier-a in DE"),
        ({"config": "0123456789ab"}, "configuration 0123456789ab"),
        ({"onset_at": at(86400), "opened_at": at(86401), "closed_at": at(86402)}, "2026-01-03"),
    ],
    ids=["open", "no provider", "country without traffic", "one configuration", "another day"],
)
def test_odd_incident_gives_a_document_all_the_same(changes: dict[str, Any], says: str) -> None:
    for facts in (FACTS, EMPTY):
        files = write(with_incident(facts, **changes)).files

        assert says in files[DOCUMENT]
        assert all(sections(files[DOCUMENT]).values())


def test_without_a_provider_to_blame_there_is_no_fact_sheet() -> None:
    files = write(with_incident(FACTS, cause=Cause.OURS, provider=None)).files

    assert files.keys() == {DOCUMENT, NUMBERS, CHART}


def test_of_a_lost_signal_nobody_can_say_what_was_swallowed() -> None:
    lost = write(with_incident(FACTS, cause=Cause.SIGNAL, provider=None))

    assert lost.numbers["swallowed"] == 0
    assert "not counted" in lost.files[DOCUMENT]


def test_attempt_that_was_produced_again_counts_once() -> None:
    assert write(replace(FACTS, attempts=(*ATTEMPTS, *ATTEMPTS))).numbers == WRITTEN.numbers


def test_test_numbers_count_for_nothing() -> None:
    tested = structs.replace(ATTEMPTS[12], request_id="request-of-a-tester", test=True)

    assert write(replace(FACTS, attempts=(*ATTEMPTS, tested))).numbers == WRITTEN.numbers


def test_text_from_outside_is_no_markup() -> None:
    evil = "a|b `c` <img src=x>\n# heading [link](x)"

    files = write(with_incident(FACTS, summary=evil, not_causes=(evil,), done=(evil,))).files

    assert "<img" not in files[DOCUMENT]
    assert "\n# heading" not in files[DOCUMENT]
    assert "a\\|b \\`c\\`" in files[DOCUMENT]


def test_sheet_has_a_row_for_each_message_with_the_providers_own_words() -> None:
    rows = list(csv.DictReader(io.StringIO(WRITTEN.files[CSV])))

    assert len(rows) == sum(one.provider == "carrier-a" and one.sent_at >= ONSET for one in ATTEMPTS)
    assert rows[0]["requested_at"] == "2026-01-02T12:00:00.000Z"
    assert rows[0]["message_id"] == "carrier-a-10"
    assert (rows[-1]["answer"], rows[-1]["answer_code"]) == ("unavailable", "503")
    assert "unavailable (503)" in WRITTEN.files[SHEET]


@given(st.text(), st.text())
def test_sheet_is_a_table_whatever_a_provider_calls_its_messages(message_id: str, code: str) -> None:
    odd = [structs.replace(one, message_id=message_id, code=code) for one in ATTEMPTS]

    rows = list(csv.reader(io.StringIO(write(replace(FACTS, attempts=odd)).files[CSV])))

    assert {len(row) for row in rows} == {10}
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


DIGITS = st.text("0123456789", min_size=6, max_size=15)
SPELLINGS = st.sampled_from(["{}", "+{}", "00 {}", "call {}!", "the code {} did not come"])


@given(DIGITS, SPELLINGS)
def test_numbers_and_codes_of_people_never_appear(digits: str, spelling: str) -> None:
    assume(digits not in "".join(WRITTEN.files.values()))
    said = spelling.format(digits)
    order = structs.replace(PIN, reason=said, author=digits)
    request = structs.replace(LETTER.request, to=f"+{digits}") if LETTER.request else None
    facts = replace(
        FACTS,
        orders=(PastOrder(order=order),),
        attempts=[structs.replace(one, number_hash=digits) for one in ATTEMPTS],
        dead=(structs.replace(LETTER, request=request, detail=said, number_hash=digits),),
    )

    assert not any(digits in text for text in write(facts).files.values())


@pytest.mark.parametrize("written", ["+44 7700 900123", "(020) 7946-0018", "0044.7700.900123", "12 34 56"])
def test_number_that_is_written_with_gaps_is_left_out(written: str) -> None:
    order = structs.replace(PIN, reason=f"calls from {written} since 2026-01-02 12:00")

    said = write(replace(FACTS, orders=(PastOrder(order=order),))).files[DOCUMENT]

    assert written not in said
    assert "calls from (number left out) since 2026-01-02 12:00" in said


def test_hash_and_number_of_a_request_are_nowhere() -> None:
    assert not any(secret in text for secret in (HASH, NUMBER, "sealed") for text in WRITTEN.files.values())


def test_incident_that_changed_its_cause_says_what_it_was_taken_for() -> None:
    assert "known better: provider:" in WRITTEN.files[DOCUMENT]


def test_incident_that_came_again_says_so() -> None:
    again = structs.replace(CLOSED, phase=Phase.UPDATED, closed_at=None, updated_at=at(300))

    said = write(replace(FACTS, incident=again, told=(OPENED, CLOSED, again))).files[DOCUMENT]

    assert "opened again: provider:" in said


@given(st.lists(st.sampled_from([*ATTEMPTS]), unique=True), st.sampled_from(list(Phase)), st.integers(-100, 300))
def test_whatever_part_of_the_facts_is_left_every_number_is_possible(
    some: list[Any], phase: Phase, seconds: int
) -> None:
    incident: Incident = structs.replace(CLOSED, phase=phase, closed_at=None, onset_at=at(seconds))

    found = write(replace(FACTS, incident=incident, attempts=some)).numbers

    assert 0 <= found["rescued"] <= found["swallowed"] <= found["requested"]
    assert found["alive"] <= found["undelivered"] <= found["requested"]
