"""Facts -> all files of a postmortem, and the numbers in it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from pipeline.reports.postmortem.chart import Mark, chart
from pipeline.reports.postmortem.course import course
from pipeline.reports.postmortem.document import Names, document
from pipeline.reports.postmortem.facts import Facts
from pipeline.reports.postmortem.impact import Impact, impact
from pipeline.reports.postmortem.moves import noticed_at
from pipeline.reports.postmortem.sheet import csv, sheet
from pipeline.reports.postmortem.timeline import timeline

DOCUMENT: Final = "postmortem.md"
NUMBERS: Final = "postmortem.json"
CHART: Final = "traffic.svg"
SHEET: Final = "provider-facts.md"
CSV: Final = "provider-facts.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is to be written."""

    numbers: Mapping[str, Any]  # of the incident, for programs
    files: Mapping[str, str]  # name -> text


def write(facts: Facts) -> Written:
    """Write everything. The fact sheet only where a provider is blamed."""
    found = impact(facts)
    numbers = _numbers(facts, found)
    events = timeline(facts, found)
    sheets = {SHEET: sheet(facts, found, CSV), CSV: csv(facts, found)} if facts.of_one_provider else {}
    names = Names(chart=CHART, sheet=SHEET if sheets else None, csv=CSV if sheets else None)
    marks = [Mark(at=found.onset_at, name="onset"), Mark(at=noticed_at(facts, events), name="noticed")]
    marks += [Mark(at=facts.incident.opened_at, name="incident opened")]
    if facts.incident.closed_at:
        marks += [Mark(at=facts.incident.closed_at, name="closed")]
    files = {
        DOCUMENT: document(facts, found, events, names),
        NUMBERS: orjson.dumps(numbers, option=orjson.OPT_UTC_Z | orjson.OPT_INDENT_2).decode() + "\n",
        CHART: chart(course(facts, found), marks),
        **sheets,
    }
    return Written(numbers=numbers, files=files)


def _numbers(facts: Facts, found: Impact) -> dict[str, Any]:
    incident = facts.incident
    return {
        "incident_id": incident.incident_id,
        "cause": incident.cause.value,
        "provider": incident.provider,
        "country": incident.country,
        "onset_at": found.onset_at,
        "until": facts.until,
        **asdict(found.total),
        "countries": {country: asdict(count) for country, count in found.of_country.items()},
    }
