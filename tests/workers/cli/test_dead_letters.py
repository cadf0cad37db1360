"""What may be seen of a dead letter, and how dead letters are named."""

from datetime import timedelta

import orjson
import pytest
import typer

from pipeline.dead_letters.letters import public, resolved
from pipeline.dead_letters.redrive import Row, Summary
from pipeline.errors import DeadReason
from pipeline.records import LetterState
from tests.pipeline.dead_letters.dead import SEALED, a_letter
from tests.samples import NOW
from workers.cli.dead_letters.options import age_of, author_of, country_of, reason_of
from workers.operator_actions.purge import Purged
from workers.operator_actions.redrive import Redriven

HASH = "hash-of-the-number"


def test_neither_a_sealed_value_nor_a_hash_of_the_number_is_shown() -> None:
    shown = orjson.dumps(public(a_letter(number_hash=HASH))).decode()
    assert [secret for secret in (SEALED, SEALED.split(".")[3], HASH) if secret in shown] == []


def test_reason_place_and_attempts_are_shown() -> None:
    shown = public(a_letter())
    assert (shown["reason"], shown["place"], shown["caller"]) == ("exhausted", "otp.dead/0/7", "shop")
    assert shown["origin"] == {"topic": "otp.requests", "partition": 1, "offset": 2}
    attempts = [(attempt["number"], attempt["provider"], attempt["outcome"]) for attempt in shown["attempts"]]
    assert attempts == [(1, "carrier-1", "undeliverable"), (2, "carrier-2", "undeliverable")]


def test_letter_says_what_was_done_with_it_and_by_whom() -> None:
    letter = a_letter()
    done = type(letter)(
        dead=letter.dead, place=letter.place, resolution=resolved(letter, LetterState.PURGED, NOW, "ann")
    )
    assert (public(letter)["state"], public(letter)["resolved"]) == ("open", None)
    assert (public(done)["state"], public(done)["resolved"]) == ("purged", {"at": NOW, "author": "ann"})


@pytest.mark.parametrize(
    ("word", "age"),
    [
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("2h", timedelta(hours=2)),
        ("1d", timedelta(days=1)),
    ],
)
def test_age_is_a_number_and_a_unit(word: str, age: timedelta) -> None:
    assert age_of(word) == age


@pytest.mark.parametrize(
    "word", ["", "10", "m", "-1m", "1.5h", "10 m", "10w", "10m5s", "9999999d", "\N{ARABIC-INDIC DIGIT ONE}m"]
)
def test_what_is_no_age_is_refused_with_an_example(word: str) -> None:
    with pytest.raises(typer.BadParameter, match="such as 90s, 10m, 2h or 1d"):
        age_of(word)


def test_names_are_of_closed_lists_or_of_a_pattern() -> None:
    assert reason_of("no_route") is DeadReason.NO_ROUTE
    assert country_of("gb") == "GB"
    assert author_of("ann.b-2") == "ann.b-2"
    with pytest.raises(typer.BadParameter, match="did you mean exhausted"):
        reason_of("exhaustd")
    with pytest.raises(typer.BadParameter, match="such as GB"):
        country_of("Britain")
    with pytest.raises(typer.BadParameter, match="1 to 64"):
        author_of("ann b")


def test_document_of_a_redrive_has_the_totals_and_each_reason() -> None:
    summary = Summary(
        reasons={"exhausted": Row(found=2, redriven=1, expired=1), "rejected": Row(found=1, refused=1)},
        refusals={"never": 1},
        done_before={"redriven": 4},
    )
    assert Redriven(dry=True, summary=summary, broken=5).document() == {
        "dry_run": True,
        "found": 3,
        "redriven": 1,
        "expired": 1,
        "refused": 1,
        "reasons": {
            "exhausted": {"found": 2, "redriven": 1, "expired": 1, "refused": 0},
            "rejected": {"found": 1, "redriven": 0, "expired": 0, "refused": 1},
        },
        "refusals": {"never": 1},
        "done_before": {"redriven": 4},
        "broken": 5,
    }


def test_document_of_a_purge_counts_what_went_out_of_the_way() -> None:
    document = Purged(dry=False, reasons={"rejected": 2, "exhausted": 1}, done_before={}, broken=0).document()
    assert (document["purged"], document["dry_run"]) == (3, False)
