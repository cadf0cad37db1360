"""What is wrong, in one sentence for each cause."""

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.incidents.causes import mostly_denied
from pipeline.incidents.diagnosis import Diagnosis, listed
from pipeline.incidents.measure import Sign
from pipeline.incidents.picture import countries, providers
from pipeline.records import Cause

NOTHING: Final = 0.15  # of what is due: with less than that nothing arrives


def summary(diagnosis: Diagnosis) -> str:
    """Say what is wrong."""
    return SUMMARIES[diagnosis.fault.scope.cause](diagnosis)


def _of_provider(diagnosis: Diagnosis) -> str:
    where = listed(countries(diagnosis.fault.where))
    return f"{diagnosis.fault.scope.provider} in {where} {_does(diagnosis)} since {diagnosis.since}{diagnosis.numbers}"


def _does(diagnosis: Diagnosis) -> str:
    count = diagnosis.count
    if diagnosis.sign is Sign.HAND_OVERS and count.fallen:
        return "denies our account or sender" if mostly_denied(diagnosis.measured) else "refuses messages"
    if diagnosis.sign is Sign.ENTRIES and diagnosis.measured.receipts.seen:
        return "reports DELIVERED and people do not enter the codes"
    return "delivers nothing" if count.seen <= NOTHING * count.due else "delivers too little"


def _of_credential(diagnosis: Diagnosis) -> str:
    denied = (
        f"{diagnosis.measured.denied} of {diagnosis.measured.hand_overs.sent} hand-overs denied since {diagnosis.since}"
    )
    return f"credential of {diagnosis.fault.scope.provider}: {denied}"


def _of_destination(diagnosis: Diagnosis) -> str:
    names = listed(providers(diagnosis.fault.where))
    country, since = diagnosis.fault.scope.country, diagnosis.since
    return f"{country}: messages through {names} are missing together since {since}{diagnosis.numbers}"


def _of_fraud(diagnosis: Diagnosis) -> str:
    country, since = diagnosis.fault.scope.country, diagnosis.since
    times = f"{diagnosis.picture.growth(country or '') or 1:.1f} times the usual requests"
    return f"{country}: {times} since {since}, and few of their codes are entered{diagnosis.numbers}"


def _of_codes(diagnosis: Diagnosis) -> str:
    what = "messages arrive and their codes do not come back"
    return f"code generation or checking: {what} since {diagnosis.since}{diagnosis.numbers}"


def _of_configuration(diagnosis: Diagnosis) -> str:
    does, do = ("is not entered", "is") if diagnosis.sign is Sign.ENTRIES else ("does not arrive", "does")
    fault = diagnosis.fault
    return (
        f"configuration {fault.scope.config}: what it sends through {listed(providers(fault.where))} "
        f"{does} since {diagnosis.since}, and what other versions send {do}"
    )


def _of_ours(diagnosis: Diagnosis) -> str:
    return (
        f"all providers together since {diagnosis.since}: our network, store or broker, or the codes' way out; "
        f"not one provider{diagnosis.numbers}"
    )


def _of_signal(diagnosis: Diagnosis) -> str:
    stopped = diagnosis.picture.world.baselines.flow.stops.keys()
    if stopped == {Sign.RECEIPTS}:
        return f"signal lost: no receipts from any provider since {diagnosis.since}, and codes are entered as usual"
    return f"signal lost: no entered codes are reported since {diagnosis.since}, and receipts come as usual"


SUMMARIES: Final[Mapping[Cause, Callable[[Diagnosis], str]]] = {
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
