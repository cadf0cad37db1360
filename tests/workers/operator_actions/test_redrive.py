"""Redriving dead letters, on real Kafka and Valkey."""

from dataclasses import replace

import pytest

from pipeline.dead_letters.redrive import TIER
from pipeline.errors import DeadReason, StoreAway
from pipeline.records import Expired, LetterState, Resolution, Retry, decode
from pipeline.records.topics import EXPIRED, RESOLUTIONS
from pipeline.settings import Settings
from tests.workers.operator_actions.letters import ANYTHING, NOWHERE, a_letter, states, values, write
from workers.operator_actions.purge import purge
from workers.operator_actions.redrive import redrive


async def test_what_lives_goes_to_dispatch_what_does_not_is_told_and_both_are_marked(settings: Settings) -> None:
    await write(settings, [a_letter(1), a_letter(2, age_s=400), a_letter(3, reason=DeadReason.INVALID_NUMBER)])
    done = await redrive(settings, ANYTHING, author="ann")

    (retry,) = [decode(Retry, value) for value in await values(settings, TIER)]
    (expired,) = [decode(Expired, value) for value in await values(settings, EXPIRED)]
    resolutions = [decode(Resolution, value) for value in await values(settings, RESOLUTIONS)]
    assert (retry.request.request_id, retry.source, retry.redriven) == ("request-000000000001", "otp.requests/0/1", 2)
    assert (expired.request_id, expired.reason) == ("request-000000000002", DeadReason.EXHAUSTED)
    assert {(one.state, one.author) for one in resolutions} == {
        (LetterState.REDRIVEN, "ann"),
        (LetterState.EXPIRED, "ann"),
    }
    assert (done.summary.total.redriven, done.summary.total.expired, done.summary.total.refused) == (1, 1, 1)


async def test_dry_run_writes_nothing(settings: Settings) -> None:
    await write(settings, [a_letter(1), a_letter(2, age_s=400)])
    done = await redrive(settings, ANYTHING, author="ann", dry=True)
    look = await purge(settings, ANYTHING, author="ann", dry=True)

    assert (done.summary.total.redriven, done.summary.total.expired, look.purged) == (1, 1, 2)
    assert [await values(settings, topic) for topic in (TIER, EXPIRED, RESOLUTIONS)] == [[], [], []]


async def test_limit_counts_what_is_done_and_not_what_is_refused(settings: Settings) -> None:
    hopeless = [a_letter(number, reason=DeadReason.INVALID_NUMBER) for number in (8, 9)]
    await write(settings, [a_letter(1), a_letter(2), a_letter(3), *hopeless])
    done = await redrive(settings, ANYTHING, author="ann", limit=2)

    assert (done.summary.total.redriven, done.summary.total.refused) == (2, 2)
    assert await states(settings) == ["open", "open", "redriven", "redriven", "open"]


async def test_redrive_and_purge_of_nothing_do_nothing(settings: Settings) -> None:
    nowhere = replace(settings, state=replace(settings.state, url=f"valkey://{NOWHERE}/0"))
    assert (await redrive(nowhere, ANYTHING, author="ann")).summary.total.found == 0
    assert (await purge(nowhere, ANYTHING, author="ann")).purged == 0


async def test_without_the_store_nothing_is_redriven_since_it_could_be_sent_twice(settings: Settings) -> None:
    await write(settings, [a_letter(1)])
    nowhere = replace(settings, state=replace(settings.state, url=f"valkey://{NOWHERE}/0"))
    with pytest.raises(StoreAway, match=r"could send twice, so nothing was done: check state\.url"):
        await redrive(nowhere, ANYTHING, author="ann")

    assert await states(settings) == ["open"]
    assert await values(settings, TIER) == []
