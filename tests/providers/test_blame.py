"""Fields that an answer blames."""

import pytest

from pipeline.errors import Malformed, ProviderError, Rejected, RouteRefused
from providers.blame import BLAME, LONGEST_SENTENCE, Part, blamed, blamed_in_words, mentioned

FIELDS = {
    "from": Part.SENDER,
    "webhook_url": Part.CALLBACK,
    "profile": Part.PROFILE,
    "to": Part.RECIPIENT,
    "text": Part.TEXT,
}


def test_every_part_has_its_class() -> None:
    assert set(BLAME) == set(Part)


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["from"], RouteRefused),
        (["From"], RouteRefused),
        (["WEBHOOK_URL"], RouteRefused),
        (["profile"], RouteRefused),
        (["to"], Rejected),
        (["/to"], Rejected),
        (["/to/0"], Rejected),
        (["/to/0/phone_number"], Rejected),
        (["to[0]"], Rejected),
        (["messages[0].destinations[0].to"], Rejected),
        (["$.from"], RouteRefused),
        (["text"], Malformed),
        (["to", "from"], RouteRefused),
        (["text", "to"], Rejected),
        (["validity", "to"], Rejected),
        (["total"], None),
        (["auto[0]"], None),
        (["to_0"], None),
        ([None, 7, ["to"], {}], None),
        ([], None),
    ],
)
def test_all_names_are_looked_at_and_ours_go_first(names: list[object], kind: type[ProviderError] | None) -> None:
    assert blamed(FIELDS, names) is kind


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("The format of parameter 'to[0]' is invalid; value '+1' is not a number.", Rejected),
        ("to[0]: not a number", Rejected),
        ('"from" is not allowed', RouteRefused),
        ("`from` is not allowed", RouteRefused),
        ("It doesn't match 'from'", RouteRefused),
        ("Missing from param", RouteRefused),
        ("Invalid value for param: to", Rejected),
        ("Invalid parameter text", Malformed),
        ("The webhook_url is not a URL", RouteRefused),
        ("Stop sending from there to other numbers: the text is bad", None),
        ("'to other numbers'", None),
        ("x" * LONGEST_SENTENCE + "'to'", None),
        ("'to' cannot be reached from 'from'", None),
        ("'to' and 'webhook_url' are wrong", RouteRefused),
        (None, None),
        (["'to'"], None),
    ],
)
def test_a_sentence_names_a_field_by_its_form_and_not_by_a_word(
    sentence: object, kind: type[ProviderError] | None
) -> None:
    assert blamed_in_words(FIELDS, sentence) is kind


def test_a_name_in_two_letter_cases_is_one_in_a_sentence() -> None:
    assert "StatusCallback" in mentioned("The StatusCallback URL https://x.test is not valid")
    assert "MessagingServiceSid" in mentioned("the MessagingServiceSid is unknown")
