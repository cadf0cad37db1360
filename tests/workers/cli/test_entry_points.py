"""Commands of other distributions, which are made up here and lie in the folder that Python searches first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.processes

ACME = """
import typer

app = typer.Typer()

@app.command()
def acme(pallets: int) -> None:
    "Count pallets."
    print(f"{pallets} pallets")

@app.command()
def settings() -> None:
    "Not ours."
"""


def installed(folder: Path, *entries: str, module: str = ACME) -> Path:
    """Write a distribution with one module and these entry points."""
    about = folder / "acme_otp-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-otp\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("\n".join(["[ithaca.commands]", *entries]))
    (folder / "acme_commands.py").write_text(module)
    return folder


def ithaca(folder: Path, *args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workers", *args],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def listed(folder: Path) -> list[str]:
    _, _, commands = ithaca(folder, "--help").stdout.partition("Commands:\n")
    return [line.split()[0] for line in commands.splitlines()]


def test_command_of_another_distribution_runs_like_one_of_ours(tmp_path: Path) -> None:
    done = ithaca(installed(tmp_path, "acme = acme_commands:app"), "acme", "7")

    assert (done.returncode, done.stdout, done.stderr) == (0, "7 pallets\n", "")


def test_mistyped_word_is_answered_with_a_command_of_another_distribution_too(tmp_path: Path) -> None:
    done = ithaca(installed(tmp_path, "acme = acme_commands:app"), "acne")

    assert done.returncode == 2
    assert "No such command 'acne'. Did you mean 'acme'?" in done.stderr


def test_command_of_another_distribution_is_listed_after_ours(tmp_path: Path) -> None:
    names = listed(installed(tmp_path, "acme = acme_commands:app"))

    assert names.index("acme") == names.index("check-journal") + 1


def test_command_is_listed_before_the_one_that_its_module_names(tmp_path: Path) -> None:
    names = listed(installed(tmp_path, "acme = acme_commands:app", module=f'{ACME}\nBEFORE = "verify"'))

    assert names.index("acme") == names.index("verify") - 1


@pytest.mark.parametrize(
    ("entry", "module", "reason"),
    [
        ("acme_lost:app", ACME, "ModuleNotFoundError: No module named 'acme_lost'"),
        ("acme_commands:gone", ACME, "AttributeError: module 'acme_commands' has no attribute 'gone'"),
        ("acme_commands:app", "app = 1 / 0", "ZeroDivisionError: division by zero"),
        ("acme_commands:app", "raise SystemExit(3)", "SystemExit: 3"),
    ],
)
def test_command_that_cannot_be_loaded_is_named_with_the_reason_in_one_line_and_the_others_go_on(
    tmp_path: Path, entry: str, module: str, reason: str
) -> None:
    done = ithaca(installed(tmp_path, f"acme = {entry}", module=module), "--help")

    left_out = f"warning: the command 'acme' is left out: {entry} of acme-otp: {reason}; repair or uninstall acme-otp"
    assert done.returncode == 0
    assert done.stderr.splitlines() == [left_out]
    assert "simulate" in done.stdout


def test_our_own_commands_do_not_even_look_at_those_of_others(tmp_path: Path) -> None:
    done = ithaca(installed(tmp_path, "acme = acme_commands:app", module="raise SystemExit(3)"), "settings", "--help")

    assert (done.returncode, done.stderr) == (0, "")


def test_no_command_of_ours_is_replaced(tmp_path: Path) -> None:
    done = ithaca(installed(tmp_path, "settings = acme_commands:app"), "--help")

    assert "Check the settings and show where each comes from." in done.stdout
    assert "'settings' is left out: acme_commands:app of acme-otp: LookupError: there is a command" in done.stderr


def test_entry_point_without_the_command_that_it_is_named_after_is_left_out(tmp_path: Path) -> None:
    done = ithaca(installed(tmp_path, "pallets = acme_commands:app"), "pallets")

    assert done.returncode == 2
    assert "'pallets' is left out: acme_commands:app of acme-otp: LookupError: it has no command" in done.stderr
    assert "No such command 'pallets'" in done.stderr
