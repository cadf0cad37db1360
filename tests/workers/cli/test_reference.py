"""The reference of all settings: complete, and the one in docs/."""

import re
from pathlib import Path

from pipeline.settings.parse import parse
from pipeline.settings.show import redacted
from workers.cli.reference import reference

COMMITTED = Path(__file__).parents[3] / "docs" / "reference" / "settings.md"
AGAIN = ".venv/bin/ithaca settings --reference docs/reference/settings.md"


def test_committed_reference_is_the_one_that_follows_from_the_settings() -> None:
    assert COMMITTED.read_text() == reference(), f"write it again: {AGAIN}"


def test_every_setting_is_in_it() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", reference(), re.MULTILINE)
    patterns = [re.compile(re.sub("<[a-z]+>", r'(?:"\\*"|[\\w-]+)', re.escape(row))) for row in rows]
    keys = [shown.key for shown in redacted(parse())]
    assert [key for key in keys if not any(pattern.fullmatch(key) for pattern in patterns)] == []


def test_values_that_a_setting_takes_are_told() -> None:
    text = reference()
    assert "| `environment` | `ITHACA_ENVIRONMENT` | `development` | development, production |" in text
    assert "| `otp.ttl_s` | `ITHACA_OTP__TTL_S` | `300` | 30 to 600 |" in text
    assert "| `callers.<caller>.api_key` | `ITHACA_CALLERS__<CALLER>__API_KEY` | none | secret |" in text
