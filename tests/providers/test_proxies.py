"""Hosts that may leave through a forward proxy alone: used as the environment says, and never for this machine."""

import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipeline.errors import SettingsError, Unavailable
from providers.proxies import proxy_for
from tests.providers.certificates import Authority, an_authority
from tests.providers.contract import Seen, a_stub, an_sms, answers
from tests.providers.forward_proxy import Proxy, a_proxy
from tests.providers.test_aws import SIGNATORIES, at, delivered, near, serves
from tests.providers.test_base import ACCEPTED, Plain, settings

OUTSIDE = "https://sms.provider.test"  # a name that nobody but the proxy can resolve
NAMED = {"https": "http://proxy.test:3128", "http": "http://plain.test:3128"}

WAYS: list[tuple[str, Mapping[str, str], str | None]] = [
    ("https://api.test/v1", NAMED, "http://proxy.test:3128"),
    ("http://api.test", NAMED, "http://plain.test:3128"),
    ("https://api.test", {"http": "http://plain.test:3128"}, None),
    ("https://api.test", {}, None),
    ("https://api.test", {"https": "proxy.test:3128"}, "http://proxy.test:3128"),
    ("https://api.test", {"https": " http://proxy.test:3128\r"}, "http://proxy.test:3128"),
    ("https://api.test", {**NAMED, "no": "api.test"}, None),
    ("https://api.test", {**NAMED, "no": "other.test, .test"}, None),
    ("https://api.test:8443", {**NAMED, "no": "api.test:8443"}, None),
    ("https://api.test", {**NAMED, "no": "*"}, None),
    ("https://api.test", {**NAMED, "no": "API.test:443"}, "http://proxy.test:3128"),  # no port is named in the address
    ("https://api.test", {**NAMED, "no": "pi.test,,"}, "http://proxy.test:3128"),
    ("http://localhost:8080", NAMED, None),
    ("http://carrier.localhost:8080", NAMED, None),
    ("http://127.0.0.1:8080", NAMED, None),
    ("https://127.1.2.3", NAMED, None),
    ("https://[::1]:8080", NAMED, None),
]


@pytest.mark.parametrize(("url", "named", "way"), WAYS)
def test_way_out_is_what_the_environment_says_and_straight_within_this_machine(
    url: str, named: Mapping[str, str], way: str | None
) -> None:
    assert proxy_for(url, named) == way


@pytest.mark.parametrize(
    "value", ["socks5://user:hunter2@proxy.test", "https://:hunter2@proxy.test", "http://", "a b:x"]
)
def test_what_is_no_http_proxy_is_refused_with_what_to_write_and_without_its_password(value: str) -> None:
    with pytest.raises(SettingsError, match=r"^HTTPS_PROXY: .*write http://host:port, or name api\.test") as raised:
        proxy_for("https://api.test", {"https": value})

    assert "hunter2" not in str(raised.value)


@asynccontextmanager
async def _outside(tmp_path: Path) -> AsyncIterator[tuple[Seen, Proxy, ssl.SSLContext]]:
    """Give a provider that is reached through the proxy alone."""
    authority: Authority = an_authority()
    trust = ssl.create_default_context(cadata=authority.pem())
    server = authority.server(tmp_path, name="sms.provider.test")
    async with (
        a_stub(answers(201, ACCEPTED), tls=server) as stub,
        a_proxy(sms_provider_test=stub.url) as proxy,
    ):
        yield stub, proxy, trust


async def test_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _outside(tmp_path) as (stub, proxy, trust):
        monkeypatch.setenv("HTTPS_PROXY", f"http://ithaca:hunter%402@127.0.0.1:{proxy.port}")
        provider = Plain("one", settings(OUTSIDE), tls=trust)

        assert (await provider.send(an_sms())).message_id == f"201 {ACCEPTED.decode()}"
        await provider.close()

    (head,) = proxy.heads
    assert head.startswith(b"CONNECT sms.provider.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic " + base64.b64encode(b"ithaca:hunter@2") in head
    (request,) = stub.requests
    assert b"proxy-authorization" not in request.lower()
    assert b"482913" not in head


async def test_host_that_the_environment_excepts_is_not_reached_through_the_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with _outside(tmp_path) as (_, proxy, trust):
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "provider.test")
        provider = Plain("one", settings(OUTSIDE), tls=trust)

        with pytest.raises(Unavailable, match="dns_failed"):
            await provider.send(an_sms())
        await provider.close()

    assert proxy.heads == []


@pytest.mark.parametrize("status", ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway"])
async def test_proxy_that_refuses_is_said_and_no_message_has_left(tmp_path: Path, status: str) -> None:
    async with _outside(tmp_path) as (stub, proxy, trust):
        proxy.answer = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()
        provider = Plain("one", settings(OUTSIDE), tls=trust, proxies=proxy.variables())

        with pytest.raises(Unavailable, match="proxy_refused"):
            await provider.send(an_sms())
        await provider.close()

    assert stub.requests == []


async def test_proxy_that_does_not_answer_is_a_message_that_has_not_left(tmp_path: Path) -> None:
    async with _outside(tmp_path) as (_, proxy, trust):
        proxy.answer = b"HTTP/1.1 "
        provider = Plain("one", settings(OUTSIDE), tls=trust, proxies=proxy.variables())

        with pytest.raises(Unavailable, match="timeout"):
            await provider.send(an_sms(timeout_s=0.3))
        await provider.close()


async def test_proxy_that_is_not_there_is_said() -> None:
    provider = Plain("one", settings(OUTSIDE), proxies={"https": "http://127.0.0.1:1"})

    with pytest.raises(Unavailable, match="proxy_unreachable"):
        await provider.send(an_sms())
    await provider.close()


async def test_certificate_of_sns_goes_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority, origin = an_authority(), "https://sns.provider.test"
    server = authority.server(tmp_path, name="sns.provider.test")
    async with (
        a_stub(serves(SIGNATORIES[1].pem), tls=server) as stub,
        a_proxy(sns_provider_test=stub.url) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
        async with near(origin, authority) as provider:
            assert await provider.receive(delivered(at(origin, SIGNATORIES[1])))

    assert [head.split(b"\r\n")[0] for head in proxy.heads] == [b"CONNECT sns.provider.test:443 HTTP/1.1"]
