"""What compose/ says, read for the tests of this folder."""

import shutil
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

PROJECT: Final = Path(__file__).parents[2]
FOLDER: Final = PROJECT / "compose"
PROMETHEUS: Final = FOLDER / "prometheus"
RUNBOOKS: Final = PROJECT / "docs" / "how-to" / "runbooks"
SPECIFICATION: Final = PROJECT.parent / "shared" / "specs" / "compose-spec.json"
PROMTOOL: Final = shutil.which("promtool")


@cache
def document(name: str) -> dict[str, Any]:
    """Give a YAML file of compose/."""
    read: dict[str, Any] = yaml.safe_load((FOLDER / name).read_text())
    return read


def services() -> dict[str, dict[str, Any]]:
    """Give the services, with what their anchors stand for."""
    found: dict[str, dict[str, Any]] = document("compose.yaml")["services"]
    return found


def workers() -> dict[str, dict[str, Any]]:
    """Give the services that run our own image."""
    return {name: service for name, service in services().items() if "build" in service}


def variables() -> dict[str, str]:
    """Give what settings.env sets."""
    lines = (FOLDER / "settings.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def alerts() -> list[dict[str, Any]]:
    """Give the alerts of rules.yml, as they stand there."""
    return [rule for group in document("prometheus/rules.yml")["groups"] for rule in group["rules"] if "alert" in rule]
