"""What is wrong, in one sentence for each cause."""

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.incidents.causes import mostly_denied
from pipeline.incidents.measure import Sign
from pipeline.incidents.picture import countries, providers
from pipeline.incidents.telling import Telling, listed
from pipeline.records import Cause

NOTHING: Final = 0.15  # of what is due: with less than that nothing arrives


def summary(told: Telling) -> str:
    """Say what is wrong."""
    return SUMMARIES[told.fault.scope.cause](told)


def _of_provider(told: Telling) -> str:
    where = listed(countries(told.fault.where))
    return f"{told.fault.scope.provider} in {where} {_does(told)} since {told.since}{told.numbers}"


def _does(told: Telling) -> str:
    count = told.count
    if told.sign is Sign.HAND_OVERS and count.fallen:
        return "denies our account or sender" if mostly_denied(told.measured) else "refuses messages"
    if told.sign is Sign.ENTRIES and told.measured.receipts.seen:
        return "reports DELIVERED and people do not enter the codes"
    return "delivers nothing" if count.seen <= NOTHING * count.due else "delivers too little"


def _of_credential(told: Telling) -> str:
    denied = f"{told.measured.denied} of {told.measured.hand_overs.sent} hand-overs denied since {told.since}"
    return f"credential of {told.fault.scope.provider}: {denied}"


def _of_destination(told: Telling) -> str:
    names = listed(providers(told.fault.where))
    return f"{told.fault.scope.country}: messages through {names} are missing together since {told.since}{told.numbers}"


def _of_fraud(told: Telling) -> str:
    times = f"{told.picture.growth(told.fault.scope.country or '') or 1:.1f} times the usual requests"
    return f"{told.fault.scope.country}: {times} since {told.since}, and few of their codes are entered{told.numbers}"


def _of_codes(told: Telling) -> str:
    what = "messages arrive and their codes do not come back"
    return f"code generation or checking: {what} since {told.since}{told.numbers}"


def _of_configuration(told: Telling) -> str:
    does, do = ("is not entered", "is") if told.sign is Sign.ENTRIES else ("does not arrive", "does")
    return (
        f"configuration {told.fault.scope.config}: what it sends through {listed(providers(told.fault.where))} "
        f"{does} since {told.since}, and what other versions send {do}"
    )


def _of_ours(told: Telling) -> str:
    return (
        f"all providers together since {told.since}: our network, store or broker, or the codes' way out; "
        f"not one provider{told.numbers}"
    )


def _of_signal(told: Telling) -> str:
    stopped = told.picture.world.baselines.flow.stops.keys()
    if stopped == {Sign.RECEIPTS}:
        return f"signal lost: no receipts from any provider since {told.since}, and codes are entered as usual"
    return f"signal lost: no entered codes are reported since {told.since}, and receipts come as usual"


SUMMARIES: Final[Mapping[Cause, Callable[[Telling], str]]] = {
    Cause.PROVIDER: _of_provider,
    Cause.CREDENTIAL: _of_credential,
    Cause.ROUTE: _of_provider,
    Cause.DESTINATION: _of_destination,
    Cause.FRAUD: _of_fraud,
    Cause.CODES: _of_codes,
    Cause.CONFIGURATION: _of_configuration,
    Cause.OURS: _of_ours,
    Cause.SIGNAL: _of_signal,
}
