"""A request on its way, for tests of what is decided next."""

from datetime import timedelta

from msgspec.structs import replace

from pipeline.dispatch.decision import Dead, Decision, Seen, Send
from pipeline.dispatch.following import UNKNOWN_HEALTH, RouteHealth
from pipeline.dispatch.life import Life
from pipeline.dispatch.retry import decide
from pipeline.errors import Outcome
from pipeline.records import Attempt
from pipeline.records.topics import RETRY_TIERS
from pipeline.settings import DispatchSettings
from tests.samples import ATTEMPT, NOW

START = NOW
LIFE = Life(starts_at=START, deadline_at=START + timedelta(seconds=300))  # the last send starts at 180 s
POLICY = DispatchSettings()
TIER_2S, TIER_10S, TIER_30S = RETRY_TIERS
ACCEPTED = Outcome.ACCEPTED
FIRST = Send(trigger="first")
RESCUE = Send(trigger="second_look", rescue=True)
SILENT = Send(trigger="second_look", silent=True)
BROKEN = RouteHealth(broken=True, silence_s=20.0)
BROKEN_AND_MUTE = RouteHealth(broken=True, silence_s=None)
FINE = RouteHealth(silence_s=20.0)
SLOW = RouteHealth(silence_s=45.0)
MUTE = RouteHealth(silence_s=None)  # receipts say nothing there


def an_attempt(outcome: Outcome = ACCEPTED, *, number: int = 1, at_s: float = 0.0) -> Attempt:
    sent_at = START + timedelta(seconds=at_s)
    provider = f"carrier-{number}"
    return replace(ATTEMPT, number=number, provider=provider, outcome=outcome, code="word", sent_at=sent_at)


def decided(
    *attempts: Attempt,
    at_s: float,
    seen: Seen | None = None,
    route: RouteHealth = UNKNOWN_HEALTH,
    failure: Dead | None = None,
) -> Decision:
    return decide(attempts, seen or Seen(), LIFE, START + timedelta(seconds=at_s), POLICY, route=route, failure=failure)
