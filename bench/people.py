"""People who ask for codes and enter them, for the measurements of the whole system."""

from pipeline.errors import SettingsError
from pipeline.settings import Secret, Settings
from workers.embedded.callers_journal import CallersJournal
from workers.embedded.system import System
from workers.embedded.traffic import Plan, Tally, Traffic

SETTLE_S = 30.0  # after the last request; a healthy system needs about 3


async def people(system: System, settings: Settings, journal: CallersJournal, *, rate: float, seconds: float) -> Tally:
    """Ask for codes at a rate, enter each, and come back when all are entered."""
    plan = Plan(
        api_url=system.urls["api"],
        api_key=_api_key(settings),
        carriers_url=system.urls["carrier"],
        rate=rate,
        seconds=seconds,
        journal_key=system.journal_key,
    )
    tally = await Traffic(plan, journal).run(settle_s=SETTLE_S)
    journal.close()
    return tally


def _api_key(settings: Settings) -> Secret:
    for caller in settings.callers.values():
        if caller.api_key:
            return caller.api_key
    raise SettingsError("callers: none has an api_key, so nobody can ask for codes over HTTP; give one to a caller")
