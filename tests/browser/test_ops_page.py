"""The operators' page in a real browser, on a real system."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import OPERATOR, SHOTS, VIEWER, WITHIN_S, Running, eventually, log_in
from tests.processes import working_in

WAIT_MS = WITHIN_S * 1000
SECONDS = len("2026-01-02T03:04:05")
# What a provider's row may say at worst, put where the next look at the board would put it.
WIDEST = """() => {
    const said = ["messagebird-eu", "100\\u00a0%", "100\\u00a0% of 100\\u00a0%", "120\\u00a0s", "returning"];
    for (const row of document.querySelectorAll(".country tbody tr"))
        said.forEach((text, at) => (row.children[at].firstElementChild ?? row.children[at]).textContent = text);
}"""
WIDE, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=360, height=740)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Give a tab of its own, which must not find anything wrong with our scripts."""
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None)
    yield page
    context.close()
    assert faults == []


def share(page: Page, provider: str, country: str) -> float:
    text = page.inner_text(f"#country-{country} tr:has(th:text-is('{provider}')) td:nth-child(2)")
    return float(text.rstrip(" %"))


def leader(page: Page, country: str) -> str:
    return page.inner_text(f"#country-{country} tr.leads th")


def test_a_wrong_key_is_told_at_the_form_and_a_right_one_opens_the_page(page: Page, running: Running) -> None:
    page.goto(running.page)
    page.fill("#key", "no-key")
    page.click("#login button[type=submit]")
    expect(page.locator("#login-says")).to_contain_text("no operator has this key")
    page.fill("#key", OPERATOR)
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_visible()
    expect(page.locator("#live")).to_contain_text("live")


def test_an_outage_is_seen_on_the_page_as_traffic_moves(page: Page, running: Running) -> None:
    running.ask(40.0, 20.0)
    log_in(page, running)
    page.wait_for_selector("#country-GB")
    eventually(lambda: float(page.inner_text("#rate")) > 10, "no codes are counted")
    broken = leader(page, "GB")
    faults = f"{running.urls['carrier']}/{broken}/faults"
    before = page.inner_html("#shares")

    assert page.request.put(faults, data={"silent_drop": {}}).ok
    eventually(lambda: share(page, broken, "GB") < 20, "its share did not fall")
    expect(page.locator("#incidents .phase.open").first).to_be_visible()
    expect(page.locator("#incidents")).to_contain_text(broken)
    assert page.inner_html("#shares") != before
    page.wait_for_timeout(2000)  # for the picture only: a moment of the new leader
    page.screenshot(path=SHOTS / "ops-light.png", full_page=True)
    assert page.request.delete(faults).ok


def test_a_pin_needs_a_reason_is_followed_and_can_be_withdrawn(page: Page, running: Running) -> None:
    running.ask(15.0, 5.0)
    log_in(page, running)
    page.wait_for_selector("#country-GB")
    page.select_option("#provider", "carrier-c")
    page.select_option("#country", "GB")
    page.click("#order button[type=submit]")
    expect(page.locator("#order-says")).to_contain_text("reason")
    expect(page.locator("#reason")).to_have_attribute("aria-invalid", "true")

    page.fill("#reason", "the contract of carrier-a ends")
    page.click("#order button[type=submit]")
    expect(page.locator("#order-says")).to_contain_text("ordered")
    expect(page.locator("#orders")).to_contain_text("pin carrier-c in GB by dev: the contract of carrier-a ends")
    eventually(lambda: share(page, "carrier-c", "GB") == 100, "the pin is not followed")
    page.click("#orders button")
    expect(page.locator("#orders")).to_contain_text("none: the system decides")
    eventually(lambda: share(page, "carrier-c", "GB") < 100, "automation does not go on")


def test_a_redrive_of_nothing_says_so(page: Page, running: Running) -> None:
    log_in(page, running)
    page.click("#redrive button[value=no]")
    expect(page.locator("#redrive-says")).to_contain_text("there is nothing to redrive")


def test_a_request_that_nobody_knows_is_not_explained(page: Page, running: Running) -> None:
    log_in(page, running)
    page.fill("#request", "no-such-request")
    page.click("#explain button")
    expect(page.locator("#explain-says")).to_contain_text("nothing is known of this request")


def test_a_viewer_looks_and_cannot_act(page: Page, running: Running) -> None:
    log_in(page, running, VIEWER)
    expect(page.locator("#who")).to_contain_text("guest (may look)")
    expect(page.locator("#order button")).to_be_disabled()


def test_the_keyboard_alone_is_enough(page: Page, running: Running) -> None:
    page.goto(running.page)
    page.wait_for_selector("#login:not([hidden])")
    page.keyboard.type(OPERATOR)  # the field has the focus
    page.keyboard.press("Enter")
    page.wait_for_selector("#main:not([hidden])")
    met = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        met.add(page.evaluate("document.activeElement.id"))
    assert met >= {"leave", "chart-country", "kind", "provider", "country", "reason", "for", "force", "request"}


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_it_follows_the_scheme_and_fits_a_phone(browser: Browser, running: Running, scheme: str, *, dark: bool) -> None:
    running.ask(5.0, 5.0)
    context = browser.new_context(viewport=PHONE, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    log_in(page, running)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 384) is dark
    page.wait_for_selector(".country tbody td")
    page.evaluate(WIDEST)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.reload()
    page.wait_for_selector(".country tbody td")
    page.screenshot(path=SHOTS / f"ops-phone-{scheme}.png", full_page=True)
    context.close()


def test_every_control_has_a_name_and_every_picture_words(page: Page, running: Running) -> None:
    log_in(page, running)
    nameless = page.evaluate(
        """[...document.querySelectorAll('input,select,button')].filter(
            (one) => !one.labels?.length && !one.textContent.trim()).map((one) => one.id)"""
    )
    assert nameless == []
    assert page.locator("svg[role=img]").count() == page.locator("svg[aria-labelledby]").count() == 2


def test_an_order_to_resume_asks_for_a_partition_and_a_wrong_one_is_told(page: Page, running: Running) -> None:
    log_in(page, running)
    page.select_option("#kind", "resume")
    expect(page.locator("#provider")).to_be_disabled()
    page.fill("#partition", "otp.nothing/0")
    page.fill("#reason", "the release is rolled back")
    page.click("#order button[type=submit]")
    expect(page.locator("#order-says")).to_contain_text("partition")


def kill(running: Running, sign: str) -> None:
    """Kill one process of the system with this on its command line; the supervisor starts it again."""
    first, *_ = working_in(running.folder, sign)
    first.kill()


def test_the_page_goes_on_by_itself_when_its_server_starts_anew(page: Page, running: Running) -> None:
    log_in(page, running)
    expect(page.locator("#live")).to_contain_text("live")
    kill(running, "run ops")
    expect(page.locator("#live")).to_contain_text("connection lost")
    expect(page.locator("#live")).to_contain_text("live,", timeout=WAIT_MS)


def test_the_page_goes_on_by_itself_when_a_broker_is_killed(page: Page, running: Running) -> None:
    log_in(page, running)

    def known() -> str:
        return page.get_attribute("#live", "data-as-of") or ""

    eventually(known, "nothing is known")
    kill(running, "kafka.Kafka")
    later = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    eventually(lambda: known()[:SECONDS] > later[:SECONDS], "what is known does not advance")
    expect(page.locator("#live")).to_contain_text("live,", timeout=WAIT_MS)
