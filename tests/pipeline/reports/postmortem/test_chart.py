"""A course as a picture."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from pipeline.reports.postmortem.chart import HEIGHT, LEFT, RIGHT, TOPS, WIDTH, Mark, chart
from pipeline.reports.postmortem.course import STEPS, Step, course
from pipeline.reports.postmortem.impact import impact
from tests.pipeline.reports.postmortem.made_up import FACTS, ONSET, at

SVG = "{http://www.w3.org/2000/svg}"
COURSE = course(FACTS, impact(FACTS))
MARKS = (Mark(at=ONSET, name="onset"), Mark(at=at(6), name="incident <opened>"))


def tree(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 - our own


def paths(drawn: str, kind: str) -> list[str]:
    found = tree(drawn).iter(f"{SVG}path")
    return [path.get("d", "") for path in found if path.get("class", "").startswith(kind)]


def texts(drawn: str) -> list[str]:
    return [text.text or "" for text in tree(drawn).iter(f"{SVG}text")]


def test_shares_of_a_step_come_to_the_whole() -> None:
    assert {round(sum(step.shares.values()), 9) for step in COURSE.steps} == {1.0}


def test_course_begins_before_the_onset_and_has_few_steps() -> None:
    assert COURSE.since < ONSET < COURSE.until
    assert len(COURSE.steps) <= STEPS
    assert COURSE.providers == ["carrier-a", "carrier-b"]


def test_provider_delivers_nothing_after_the_onset_and_everything_before() -> None:
    of = [(step.at < ONSET, step.delivered["carrier-a"]) for step in COURSE.steps if "carrier-a" in step.delivered]

    assert set(of) == {(True, 1.0), (False, 0.0)}


def test_of_messages_that_may_still_be_heard_of_nothing_is_said() -> None:
    soon = replace(FACTS, as_of=at(15))

    steps = course(soon, impact(soon)).steps

    assert [step.at for step in steps if step.delivered and step.at > at(-15)] == []


def test_long_incident_has_as_few_steps() -> None:
    daily = [structs.replace(FACTS.attempts[0], request_id=f"{turn}", sent_at=at(turn * 60.0)) for turn in range(3000)]
    long = replace(FACTS, attempts=daily, incident=structs.replace(FACTS.incident, closed_at=at(180_000)))

    assert 100 < len(course(long, impact(long)).steps) <= STEPS


def test_each_provider_has_an_area_a_line_and_a_name() -> None:
    drawn = chart(COURSE, MARKS)

    assert len(paths(drawn, "f")) == 2
    assert {"carrier-a", "carrier-b", "onset", "incident <opened>"} <= set(texts(drawn))
    assert len([path for path in paths(drawn, "line") if path.endswith("h24")]) == 2  # of the legend


def test_picture_has_a_light_and_a_dark_form_and_words_for_those_who_do_not_see_it() -> None:
    drawn = chart(COURSE, MARKS)

    assert "prefers-color-scheme: dark" in drawn
    described = tree(drawn).findtext(f"{SVG}desc") or ""
    assert "carrier-a, carrier-b" in described
    assert "onset at 12:00:00" in described


def test_nothing_is_fetched_and_nothing_runs() -> None:
    drawn = chart(COURSE, MARKS)

    assert not any(word in drawn for word in ("href", "<script", "url(", "@import"))


def test_where_nothing_was_sent_there_is_an_empty_picture() -> None:
    nothing = replace(COURSE, providers=[], steps=[])

    assert "no provider" in (tree(chart(nothing, ())).findtext(f"{SVG}desc") or "")


SHARE = st.floats(0, 1)


@given(st.lists(st.tuples(st.integers(0, 600), SHARE, SHARE), max_size=30))
def test_everything_is_drawn_within_the_frame(points: list[tuple[int, float, float]]) -> None:
    steps = [
        Step(
            at=at(second),
            shares={"carrier-a": share, "carrier-b": 1 - share},
            delivered={"carrier-a": rate},
        )
        for second, share, rate in sorted(points)
    ]
    drawn = chart(replace(COURSE, steps=steps, until=at(700)), MARKS)

    for path in paths(drawn, "f"):
        for box in path.split("Z")[:-1]:
            left, rest = box[1:].split(" ", 1)
            low, rest = rest.split("V", 1)
            high, right = rest.split("V")[0].split("H")
            assert LEFT <= float(left) <= float(right) <= WIDTH - RIGHT
            assert TOPS[0] <= float(high) <= float(low) <= TOPS[0] + HEIGHT


def test_course_is_of_the_country_that_the_incident_concerns() -> None:
    british = replace(FACTS, incident=structs.replace(FACTS.incident, country="GB"))

    found = course(british, impact(british))

    assert found.places == "GB"
    # The code that found its way through carrier-b at once was one of the US.
    assert [step.shares for step in found.steps if step.at == at(8)] == [{"carrier-a": 1.0}]
    assert [step.shares.keys() for step in COURSE.steps if step.at == at(8)] == [{"carrier-a", "carrier-b"}]
