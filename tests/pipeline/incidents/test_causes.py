"""Where a fault is: every cause in a world of its own."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pipeline.evidence.routes import RouteName
from pipeline.incidents.causes import NARROW, WIDE
from pipeline.incidents.summaries import SUMMARIES
from pipeline.records import Cause, Mode, Phase, RouteState
from tests.pipeline.incidents.worlds import (
    A_GB,
    A_US,
    COUNTRIES,
    LOST,
    NOTICED,
    ONSET,
    PROVIDERS,
    USUAL,
    Fate,
    Fates,
    Modes,
    States,
    World,
    at,
    broken,
    since_onset,
)

ALL = tuple((provider, country) for provider in PROVIDERS for country in COUNTRIES)
ALL_IN_GB = tuple(name for name in ALL if name[1] == "GB")
FAKED = Fate(entries=0.0)
FEW_CODES = Fate(entries=0.08)
NOWHERE: States = broken()
NO_MODES: Modes = lambda _: {}  # noqa: E731


def _all_bad(second: int) -> dict[str, Mode]:
    return dict.fromkeys(COUNTRIES, Mode.ALL_BAD) if second >= NOTICED else {}


def _versions(bad: Fate, *where: RouteName) -> Fates:
    """From the onset on half of all messages are of a new version, and what it sends on these routes is bad."""

    def fates(second: int, provider: str, country: str) -> Mapping[str, Fate]:
        new = bad if (provider, country) in where else USUAL
        return {"v1": USUAL, "v2": new} if second >= ONSET else {"v1": USUAL}

    return fates


def _lost_receipts(_second: int, _provider: str, _country: str) -> Mapping[str, Fate]:
    return {"v1": Fate(receipts_until=ONSET)}


def _lost_entries(_second: int, _provider: str, _country: str) -> Mapping[str, Fate]:
    return {"v1": Fate(entries_until=ONSET)}


def _lost_both(_second: int, _provider: str, _country: str) -> Mapping[str, Fate]:
    return {"v1": Fate(receipts_until=ONSET, entries_until=ONSET)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A world, and what is to be said of it."""

    name: str
    fates: Fates
    states: States
    modes: Modes = NO_MODES
    cause: Cause
    provider: str | None = None
    country: str | None = None
    config: str | None = None
    says: str
    denies: tuple[str, ...] = ()
    early_s: int = 1  # by how much the onset may be off


CASES = (
    Case(
        name="provider",
        fates=since_onset(LOST, A_GB, A_US),
        states=broken(A_GB, A_US),
        cause=Cause.PROVIDER,
        provider="carrier-a",
        says="carrier-a in GB and US delivers nothing since 08:01:00: 0 of 44 receipts due since then arrived, usual",
        denies=(
            "not the destination: GB and US are fine through carrier-b",
            "not the credential: carrier-a takes what it is handed",
            "not the configuration: the same version is fine through others",
            "not our network, store or broker: what is sent other ways arrives",
            "not a lost signal: receipts through others come as usual",
        ),
    ),
    Case(
        name="provider, in part",
        fates=since_onset(Fate(receipts=0.4, entries=0.3), A_GB, A_US),
        states=broken(A_GB, A_US, since=ONSET + 15),
        cause=Cause.PROVIDER,
        provider="carrier-a",
        says="carrier-a in GB and US delivers too little since 08:01:00",
    ),
    Case(
        name="provider that fakes receipts",
        fates=since_onset(FAKED, A_GB, A_US),
        states=broken(A_GB, A_US, since=ONSET + 20),
        cause=Cause.PROVIDER,
        provider="carrier-a",
        says="carrier-a in GB and US reports DELIVERED and people do not enter the codes since 08:01:00",
        denies=("not the codes: verifications through others are at their usual",),
    ),
    Case(
        name="provider that refuses",
        fates=since_onset(Fate(refused=True), A_GB, A_US),
        states=broken(A_GB, A_US, since=ONSET + 1),
        cause=Cause.PROVIDER,
        provider="carrier-a",
        says="carrier-a in GB and US refuses messages since 08:01:00: it took 0 of 40 messages, usual 99 %",
    ),
    Case(
        name="credential",
        fates=since_onset(Fate(denied=True), A_GB, A_US),
        states=NOWHERE,
        cause=Cause.CREDENTIAL,
        provider="carrier-a",
        says="credential of carrier-a: 20 of 20 hand-overs denied since 08:01:00",
    ),
    Case(
        name="sender in one country",
        fates=since_onset(Fate(denied=True), A_GB),
        states=NOWHERE,
        cause=Cause.ROUTE,
        provider="carrier-a",
        country="GB",
        says="carrier-a in GB denies our account or sender since 08:01:00",
    ),
    Case(
        name="route",
        fates=since_onset(LOST, A_GB),
        states=broken(A_GB),
        cause=Cause.ROUTE,
        provider="carrier-a",
        country="GB",
        says="carrier-a in GB delivers nothing since 08:01:00",
        denies=("not the destination: GB is fine through carrier-b", "not all of carrier-a: US is fine"),
    ),
    Case(
        name="destination",
        fates=since_onset(LOST, *ALL_IN_GB),
        states=broken(*ALL_IN_GB),
        cause=Cause.DESTINATION,
        country="GB",
        says="GB: messages through carrier-a, carrier-b and carrier-c are missing together since 08:01:00",
        denies=("not the providers: carrier-a, carrier-b and carrier-c are fine elsewhere",),
    ),
    Case(
        name="destination, of which one route is known to be broken",
        fates=since_onset(LOST, *ALL_IN_GB),
        states=broken(A_GB, since=ONSET + 12),
        cause=Cause.DESTINATION,
        country="GB",
        says="GB: messages through carrier-a, carrier-b and carrier-c are missing together since 08:01:00",
    ),
    Case(
        name="all together",
        fates=since_onset(LOST),
        states=broken(*ALL),
        cause=Cause.OURS,
        says="all providers together since 08:01:00: our network, store or broker, or the codes' way out; not one",
        denies=("not one provider: carrier-a, carrier-b and carrier-c fail together",),
    ),
    Case(
        name="all together, of which the leader is suspect",
        fates=since_onset(LOST),
        states=lambda second: {A_GB: RouteState.SUSPECT, A_US: RouteState.SUSPECT} if second >= ONSET + 12 else {},
        modes=_all_bad,
        cause=Cause.OURS,
        says="all providers together since 08:01:00",
    ),
    Case(
        name="codes",
        fates=since_onset(FEW_CODES),
        states=broken(A_GB, A_US, since=ONSET + 25),
        cause=Cause.CODES,
        says="code generation or checking: messages arrive and their codes do not come back since 08:01:00",
        denies=("not the providers: receipts come as usual",),
    ),
    Case(
        name="codes, though no route is in trouble",
        fates=since_onset(FEW_CODES),
        states=NOWHERE,
        cause=Cause.CODES,
        says="code generation or checking",
    ),
    Case(
        name="no codes, and people ask for others",
        fates=since_onset(Fate(entries=0.0, missed=0.3)),
        states=NOWHERE,
        cause=Cause.CODES,
        says="code generation or checking",
    ),
    Case(
        name="configuration",
        fates=_versions(LOST, A_GB, A_US),
        states=broken(A_GB, A_US, since=ONSET + 12),
        cause=Cause.CONFIGURATION,
        config="v2",
        says="configuration v2: what it sends through carrier-a does not arrive since 08:01:00",
    ),
    Case(
        name="configuration that makes wrong codes",
        fates=_versions(FAKED, *ALL),
        states=NOWHERE,
        cause=Cause.CONFIGURATION,
        config="v2",
        says="is not entered since 08:01:00",
    ),
    Case(
        name="receipts switched off",
        fates=_lost_receipts,
        states=broken(A_GB, A_US, since=ONSET + 4),
        cause=Cause.SIGNAL,
        says="signal lost: no receipts from any provider since 08:01:00, and codes are entered as usual",
        denies=("not the providers: codes are entered as usual",),
    ),
    Case(
        name="entered codes not reported",
        fates=_lost_entries,
        states=NOWHERE,
        cause=Cause.SIGNAL,
        says="signal lost: no entered codes are reported since 08:01:00, and receipts come as usual",
        denies=("not the providers: receipts come as usual",),
    ),
    Case(
        name="both signals lost",
        fates=_lost_both,
        states=broken(*ALL),
        modes=_all_bad,
        cause=Cause.OURS,
        says="all providers together",
        early_s=8,  # of what was sent before, the slower receipts are missing too
    ),
    Case(
        name="fraud",
        fates=since_onset(Fate(sent=50, entries=0.16), *ALL_IN_GB),
        states=broken(A_GB, since=ONSET + 20),
        cause=Cause.FRAUD,
        country="GB",
        says="GB: 5.0 times the usual requests since 08:01:00, and few of their codes are entered",
        denies=("not the providers: receipts come as usual",),
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cause_is_named_with_what_it_is_not(case: Case) -> None:
    world = World(fates=case.fates, states=case.states, modes=case.modes)

    world.live(ONSET + 60)
    incident = world.only

    found = (incident.cause, incident.provider, incident.country, incident.config)
    assert found == (case.cause, case.provider, case.country, case.config)
    assert any(case.says in told.summary for _, told in world.told), [told.summary for _, told in world.told]
    assert set(case.denies) <= set(incident.not_causes)
    assert incident.phase is not Phase.CLOSED
    assert abs((incident.onset_at - at(ONSET)).total_seconds()) <= case.early_s


def test_every_cause_has_a_sentence_and_a_world() -> None:
    by_evidence = set(Cause) - {Cause.RECORDS}  # which is met where records are read
    assert set(SUMMARIES) == by_evidence == {case.cause for case in CASES}
    assert len({*WIDE, *NARROW}) == len(WIDE) + len(NARROW)
