"""How long requests may wait before no further code is promised."""

import pytest

from pipeline.admission.queue import QueueLimit

LIMIT = QueueLimit(300)


@pytest.mark.parametrize(("age_s", "refuses"), [(0.0, False), (60.0, False), (60.1, True), (299.0, True)])
def test_a_fifth_of_the_life_is_the_longest_wait(age_s: float, *, refuses: bool) -> None:
    assert LIMIT.refuses(age_s) is refuses


@pytest.mark.parametrize(("age_s", "after_s"), [(60.1, 1), (61.0, 1), (75.5, 16)])
def test_a_refused_caller_repeats_when_the_wait_can_be_short_enough(age_s: float, after_s: int) -> None:
    assert LIMIT.repeat_after_s(age_s) == after_s
