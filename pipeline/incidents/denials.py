"""What a fault is not, each with its reason: only what was heard says so."""

from collections.abc import Callable, Iterator
from typing import Final

from pipeline.evidence.routes import RouteName
from pipeline.incidents.diagnosis import Diagnosis, listed
from pipeline.incidents.picture import countries, of_country, of_provider, providers
from pipeline.incidents.scope import OF_ONE_PROVIDER
from pipeline.records import Cause

USUAL_GROWTH: Final = 1.5  # times the usual requests at most
LOCAL: Final = OF_ONE_PROVIDER | {Cause.DESTINATION}

Denial = Callable[[Diagnosis], Iterator[str]]


def not_causes(diagnosis: Diagnosis) -> tuple[str, ...]:
    """Say what it is not."""
    return tuple(sentence for denial in DENIALS for sentence in denial(diagnosis))


def _not_the_destination(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.fault.scope.cause not in OF_ONE_PROVIDER:
        return
    through: dict[str, list[str]] = {}
    for country in countries(diagnosis.fault.where):
        if fine := of_country(diagnosis.fine, country):
            through.setdefault(_loudest(diagnosis, fine), []).append(country)
    for provider, where in through.items():
        yield f"not the destination: {_are_fine(where)} through {provider}"


def _loudest(diagnosis: Diagnosis, fine: frozenset[RouteName]) -> str:
    """Give the provider of which most was heard."""
    return max(sorted(fine), key=lambda name: diagnosis.picture.measures[name].receipts.seen)[0]


def _not_the_provider(diagnosis: Diagnosis) -> Iterator[str]:
    cause, measured = diagnosis.fault.scope.cause, diagnosis.measured
    if cause is Cause.ROUTE:
        if fine := countries(of_provider(diagnosis.fine, diagnosis.fault.scope.provider or "")):
            yield f"not all of {diagnosis.fault.scope.provider}: {_are_fine(fine)}"
    elif cause is Cause.DESTINATION:
        elsewhere = providers(diagnosis.fine)
        if fine := [name for name in providers(diagnosis.fault.where) if name in elsewhere]:
            yield f"not the providers: {_are_fine(fine)} elsewhere"
    elif cause is Cause.OURS:
        yield f"not one provider: {listed(providers(diagnosis.fault.where))} fail together"
    elif cause not in OF_ONE_PROVIDER and measured.receipts.fine:
        yield "not the providers: receipts come as usual"
    elif cause is Cause.SIGNAL and measured.entries.fine:
        yield "not the providers: codes are entered as usual"
    elif cause is Cause.CONFIGURATION:
        yield "not the providers: what other versions send through them arrives"


def _not_the_codes(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.fault.scope.cause in LOCAL and diagnosis.picture.of(diagnosis.others).entries.fine:
        yield "not the codes: verifications through others are at their usual"


def _not_ours(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.fault.scope.cause in LOCAL and diagnosis.picture.of(diagnosis.others).fine:
        yield "not our network, store or broker: what is sent other ways arrives"


def _not_the_configuration(diagnosis: Diagnosis) -> Iterator[str]:
    """Say that what the routes were sent under is fine on others."""
    if diagnosis.fault.scope.cause not in LOCAL:
        return
    of_config = diagnosis.picture.world.gather(diagnosis.others, diagnosis.onset, lambda message: message[2])
    used = diagnosis.picture.world.gather(diagnosis.fault.where, diagnosis.onset, lambda message: message[2])
    if used and all(config in of_config and of_config[config].fine for config in used):
        yield "not the configuration: the same version is fine through others"


def _not_the_credential(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.fault.scope.cause in {Cause.PROVIDER, Cause.ROUTE} and diagnosis.measured.hand_overs.fine:
        yield f"not the credential: {diagnosis.fault.scope.provider} takes what it is handed"


def _not_fraud(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.fault.scope.cause is Cause.DESTINATION:
        growth = diagnosis.picture.growth(diagnosis.fault.scope.country or "")
        if growth is not None and growth <= USUAL_GROWTH:
            yield "not fraud: requests are at their usual"


def _not_a_lost_signal(diagnosis: Diagnosis) -> Iterator[str]:
    if diagnosis.fault.scope.cause in LOCAL and diagnosis.picture.of(diagnosis.others).of(diagnosis.sign).fine:
        yield f"not a lost signal: {diagnosis.sign} through others come as usual"


def _are_fine(names: list[str]) -> str:
    return f"{listed(names)} {'are' if len(names) > 1 else 'is'} fine"


DENIALS: Final[tuple[Denial, ...]] = (
    _not_the_destination,
    _not_the_provider,
    _not_the_credential,
    _not_the_codes,
    _not_the_configuration,
    _not_ours,
    _not_fraud,
    _not_a_lost_signal,
)
