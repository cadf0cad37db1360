"""Each figure of `ithaca bench` has a module that measures it; mypy judges here that each is one."""

from collections.abc import Mapping
from typing import Final

from bench import adapters, decision, kill, latency, memory, ops, pipeline, routing, stats
from bench.cli.bench import FIGURES
from bench.measurement import Measurement

MODULES: Final[Mapping[str, Measurement]] = {
    "pipeline": pipeline,
    "kill": kill,
    "latency": latency,
    "memory": memory,
    "adapters": adapters,
    "decision": decision,
    "routing": routing,
    "stats": stats,
    "ops": ops,
}


def test_each_figure_is_measured_by_the_module_of_its_name() -> None:
    assert {name: module.__name__ for name, module in MODULES.items()} == {name: f"bench.{name}" for name in FIGURES}
