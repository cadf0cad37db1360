"""The dispatcher's process."""

import orjson
import pytest

from pipeline.settings import CallerSettings, Settings
from workers.dispatch.process import warn_of_costs


def test_texts_that_cost_more_than_they_need_are_logged_at_start(capfd: pytest.CaptureFixture[str]) -> None:
    warn_of_costs(Settings(callers={"shop": CallerSettings(brand="Sh\xf3p", domain="shop.example.com")}))

    (line,) = [orjson.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert (line["level"], line["event"], line["setting"]) == ("warning", "message.dear", "callers.shop.brand")
    assert (line["signs"], line["segments"]) == (["\xf3 (LATIN SMALL LETTER O WITH ACUTE)"], 2)
