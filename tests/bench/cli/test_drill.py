"""`ithaca drill`: which drills there are, and which are run."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from rich.table import Table

from bench.cli.drill import _chosen, _folder, _overview, _table, free
from bench.cli.shares import view
from bench.drills import report
from bench.drills.drills import DRILLS
from bench.drills.practice import Moment
from bench.drills.results import Result
from pipeline.reports.postmortem.written import DOCUMENT
from tests.bench.test_drills_results import WELL
from workers.embedded.traffic import Tally

NOTIFY = str(WELL.notify_undelivered)


def document(found: Result) -> dict[str, Any]:
    return report.document(DRILLS[0], DRILLS[0].size, [found])


def printed(table: Table) -> list[str]:
    out = Console(width=160, record=True, file=io.StringIO())
    out.print(table)
    return out.export_text().splitlines()


@pytest.mark.processes
def test_without_a_name_every_drill_is_listed_with_what_happens() -> None:
    said = subprocess.run(  # a process of its own: the command sets up the logs of the one it runs in
        [sys.executable, "-m", "workers", "drill"], capture_output=True, text=True, timeout=60, check=False
    )

    assert said.returncode == 0
    assert all(one.name in said.stdout for one in DRILLS)


def test_all_are_all_and_in_the_short_form_those_that_have_one() -> None:
    assert _chosen(DRILLS, "all", quick=False) == list(DRILLS)
    short = ["gateway-setting", "provider-token", "new-word", "strange-records"]
    assert [one.name for one in _chosen(DRILLS, "all", quick=True)] == short


def test_one_is_the_one_of_that_name() -> None:
    assert [one.name for one in _chosen(DRILLS, "brown-out", quick=False)] == ["brown-out"]


@pytest.mark.parametrize(
    ("name", "quick", "text"),
    [("gateway-seting", False, "did you mean gateway-setting"), ("calm", True, "'calm' has no short form")],
)
def test_what_cannot_be_run_is_a_wrong_command_line(name: str, text: str, *, quick: bool) -> None:
    with pytest.raises(typer.BadParameter, match=text):
        _chosen(DRILLS, name, quick=quick)


def test_display_shows_the_shares_of_each_country_and_marks_what_is_broken() -> None:
    out = Console(width=120, record=True)
    one_country = DRILLS[1]

    out.print(
        view(
            Moment(
                drill=one_country,
                size=one_country.size,
                at_s=75.0,
                led="carrier-a",
                broken=frozenset({"carrier-a"}),
                shares={"GB": {"carrier-a": 0.02, "carrier-b": 0.98}, "US": {"carrier-a": 0.95, "carrier-b": 0.05}},
                why={"GB": "carrier-a in GB: 3 of 41 receipts arrived"},
                incidents=(),
                tally=Tally(asked=1500, delivered=1400, verified=1300),
            )
        )
    )

    lines = [line.split() for line in out.export_text().splitlines()]
    assert "15 s of 300; 1500 asked, 1400 delivered, 1300 entered" in " ".join(lines[0])
    assert (lines[1][:2], lines[1][-2:]) == (["GB", "carrier-a"], ["2%", "broken"])
    assert (lines[3][:2], lines[3][-1]) == (["US", "carrier-a"], "95%")
    assert " ".join(lines[5]) == "GB: carrier-a in GB: 3 of 41 receipts arrived"


def test_table_has_each_figure_beside_its_limit_and_then_the_words() -> None:
    said = printed(_table(DRILLS[0], [WELL]))

    assert [line.split() for line in said if "until an incident" in line] == [
        ["5", "s", "until", "an", "incident", "was", "opened"]
    ]
    assert [line.split()[-4:] for line in said if "of the swallowed ones" in line] == [["at", "least", "95", "%"]]
    assert "the move: because" in {line.strip() for line in said}


def test_overview_has_one_line_for_each_drill_with_what_it_missed() -> None:
    missed = replace(WELL, undelivered=3, undelivered_per_mille=300.0)

    said = printed(_overview({"first": document(WELL), "second": document(missed)}))

    assert said[1].split() == ["first", "4.5", "4.5", "10", "4", "4", "0", NOTIFY, "provider"]
    assert said[2].split() == ["second", "4.5", "4.5", "10", "4", "4", "3", NOTIFY, "provider", "undelivered_per_mille"]


def test_folder_of_a_postmortem_that_is_there_is_refused_before_anything_runs(tmp_path: Path) -> None:
    assert free(tmp_path) == tmp_path
    (tmp_path / DOCUMENT).write_text("with notes of people")

    with pytest.raises(typer.BadParameter, match="is there already"):
        free(tmp_path)


def test_each_of_several_runs_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert _folder(tmp_path, "calm", 1, alone=True) == tmp_path
    assert _folder(tmp_path, "calm", 2, alone=False) == tmp_path / "calm-2"
    assert _folder(None, "calm", 2, alone=False) is None
