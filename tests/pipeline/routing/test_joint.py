"""When all providers fail together."""

from pipeline.records import Mode
from tests.pipeline.routing.worlds import SILENT, WELL, Behaves, Behaviour, World

FAULT, OVER = 240, 330


def all_between(start: int, end: int) -> Behaves:
    def behaves(_provider: str, _country: str, second: int) -> Behaviour:
        return SILENT if start <= second < end else WELL

    return behaves


def but(provider: str, behaves: Behaves) -> Behaves:
    """Let all behave so but one, which is well."""
    return lambda name, country, second: WELL if name == provider else behaves(name, country, second)


def test_when_all_deliver_again_nothing_is_moved_and_automation_goes_on() -> None:
    world = World(behaves=all_between(FAULT, OVER), rates={"GB": 10, "US": 10}).run(OVER)
    assert world.router.tables["GB"].mode is Mode.ALL_BAD
    leads = world.leader("GB"), world.leader("US")
    world.run(OVER + 120)
    assert (world.leader("GB"), world.leader("US")) == leads
    assert world.router.tables["GB"].mode is Mode.AUTOMATIC


def test_while_one_delivers_it_gets_the_traffic() -> None:
    world = World(behaves=but("c", all_between(FAULT, OVER)), rates={"GB": 10, "US": 10}).run(OVER)
    assert (world.leader("GB"), world.leader("US")) == ("c", "c")


def test_one_that_recovers_before_the_others_gets_the_traffic() -> None:
    early = but("c", all_between(FAULT, OVER + 200))

    def behaves(provider: str, country: str, second: int) -> Behaviour:
        return SILENT if FAULT <= second < OVER else early(provider, country, second)

    world = World(behaves=behaves, rates={"GB": 10, "US": 10}).run(OVER + 90)
    assert (world.leader("GB"), world.leader("US")) == ("c", "c")
