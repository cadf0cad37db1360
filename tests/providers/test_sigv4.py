"""Signature Version 4: AWS's published vectors, and botocore's signer over random requests."""

import calendar
from datetime import UTC, datetime
from unittest.mock import patch

import pytest
from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.sigv4 import Signer

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOON = float(calendar.timegm((2015, 8, 30, 12, 36, 0)))


def a_signer(*, region: str = "us-east-1", service: str = "service", secret: str = SECRET) -> Signer:
    return Signer("AKIDEXAMPLE", secret.encode(), region=region, service=service)


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_the_published_vectors_are_met(method: str, signature: str) -> None:
    headers = a_signer().sign(method, "https://example.amazonaws.com/", {}, b"", now=NOON)

    assert headers == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}",
    }


def test_the_published_key_is_derived() -> None:
    key = a_signer(service="iam")._key_of("20150830")

    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def test_the_key_changes_at_midnight_utc_and_back_again() -> None:
    signer = a_signer()
    evening = NOON - NOON % 86_400 + 86_399
    for now in (evening, evening + 1, evening):
        fresh = a_signer().sign("POST", "https://example.com/", {}, b"x", now=now)

        assert signer.sign("POST", "https://example.com/", {}, b"x", now=now) == fresh


def test_a_signature_covers_method_host_path_every_header_body_and_second() -> None:
    def sign(
        method: str = "POST", url: str = "https://a.com/", value: str = "v", body: bytes = b"b", now: float = NOON
    ) -> str:
        return a_signer().sign(method, url, {"X-Amz-Target": value}, body, now=now)["Authorization"]

    changed = [
        sign(method="GET"),
        sign(url="https://b.com/"),
        sign(url="https://a.com:8443/"),
        sign(url="https://a.com/c"),
        sign(value="w"),
        sign(body=b"c"),
        sign(now=NOON + 1),
    ]
    assert len({sign(), *changed}) == 1 + len(changed)


def test_the_secret_shows_in_no_header() -> None:
    headers = a_signer().sign("POST", "https://example.com/", {"A": "b"}, b"", now=NOON)

    assert SECRET not in str(headers)
    assert SECRET not in repr(a_signer())


words = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)
hosts = st.from_regex(r"\A[a-z][a-z0-9-]{0,20}(\.[a-z][a-z0-9-]{0,10}){0,3}\Z") | st.sampled_from(
    ["127.0.0.1", "[::1]"]
)
ports = st.sampled_from(["", ":80", ":443", ":8443"])
paths = st.lists(st.from_regex(r"\A[A-Za-z0-9_~%$&+,;=@-]{1,8}\Z"), max_size=4).map("/".join)
moments = st.datetimes(datetime(2001, 1, 1), datetime(2199, 12, 31)).map(lambda one: one.replace(tzinfo=UTC))  # noqa: DTZ001
reserved = {"host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
unsigned = {*SIGNED_HEADERS_BLACKLIST}  # which botocore leaves out


@settings(max_examples=10 * settings().max_examples, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    scheme=st.sampled_from(["http", "https"]),
    host=hosts,
    port=ports,
    path=paths,
    headers=st.dictionaries(words.filter(lambda one: one not in reserved | unsigned), values, max_size=6),
    token=st.none() | words,
    body=st.binary(max_size=200),
    region=words,
    service=words,
    secret=st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60),
    moment=moments,
)
def test_botocore_signs_the_same(
    *,
    method: str,
    scheme: str,
    host: str,
    port: str,
    path: str,
    headers: dict[str, str],
    token: str | None,
    body: bytes,
    region: str,
    service: str,
    secret: str,
    moment: datetime,
) -> None:
    url = f"{scheme}://{host}{port}/{path}"
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    with patch("botocore.auth.get_current_datetime", lambda: moment):
        SigV4Auth(Credentials("AKIDEXAMPLE", secret, token), service, region).add_auth(request)
    if token:
        headers = {**headers, "X-Amz-Security-Token": token}

    ours = a_signer(region=region, service=service, secret=secret).sign(
        method, url, headers, body, now=moment.timestamp()
    )

    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]
