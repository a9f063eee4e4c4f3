"""The pages in a real Chromium: sizes, schemes, keyboard, live updates, no complaint of its."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser, Page, async_playwright

from app.messages import Changed, FleetView, GetFleet, RecordContact
from app.web import assets
from app.web.tokens import status_page_url
from domain.places import CustomerId, TicketId

pytestmark = pytest.mark.e2e

CHROMIUM = Path("/usr/bin/chromium")
HAS_BROWSER = CHROMIUM.exists()
NOW = datetime(2026, 1, 5, 11, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if not HAS_BROWSER:
        reason = f"no browser at {CHROMIUM}: apt-get install chromium"
        if "browser" in os.environ.get("FORETELL_REQUIRE_SERVERS", "").split(","):
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"]
        )
        yield started
        await started.close()


@asynccontextmanager
async def opened(
    browser: Browser, *, width: int = 1280, scheme: str = "light", tolerant: bool = False
) -> AsyncIterator[Page]:
    """Open a page; whatever its console complains of fails the test, unless `tolerant`."""
    context = await browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    page = await context.new_page()
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type == "error" else None,
    )
    yield page
    assert complaints == [] or tolerant
    await context.close()


def become_clean(core) -> None:
    """Let core say that the fault of T-1001 is clean since a minute ago."""
    [held] = core.store.ticket("T-1001").faults
    fault = msgspec.structs.replace(
        held.fault,
        clean_since=NOW - timedelta(minutes=1),
        clears_at=NOW + timedelta(minutes=4),
    )
    core.answers[GetFleet] = FleetView(at=NOW, stations=(), faults=(fault,))


async def overflows(page: Page) -> bool:
    return bool(
        await page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
    )


async def contrasts(page: Page) -> list[str]:
    """Return texts whose contrast with their ground is below 4.5 (WCAG 2.2, 1.4.3)."""
    return list(
        await page.evaluate(
            """() => {
  // A canvas turns any colour, light-dark() and transparency included, into four numbers.
  const ink = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => { ink.clearRect(0, 0, 1, 1); ink.fillStyle = colour;
    ink.fillRect(0, 0, 1, 1); return [...ink.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map((v) => { v /= 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
  const ground = (node) => { for (; node; node = node.parentElement) {
    const colour = rgba(getComputedStyle(node).backgroundColor);
    if (colour[3] > 250) return colour; } return [255, 255, 255, 255]; };
  const poor = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !node.checkVisibility()) continue;
    const a = light(rgba(getComputedStyle(node).color)), b = light(ground(node));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(walk.currentNode.data.trim() + ' ' + ratio.toFixed(2));
  }
  return poor;
}"""
        )
    )


async def test_text_that_is_hard_to_read_would_be_found(browser) -> None:
    async with opened(browser) as page:
        await page.set_content("<p style='color: #999'>faint</p><p>plain</p>")
        assert await contrasts(page) == ["faint 2.85"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_every_page_fits_and_can_be_read(
    serve, browser, width: int, scheme: str, tmp_path: Path
) -> None:
    served = await serve(demo=True)
    become_clean(served.world.core)
    link = status_page_url(
        served.world.secret, served.url, CustomerId("acme"), TicketId("T-1001")
    )
    danger = status_page_url(
        served.world.secret, served.url, CustomerId("miller"), TicketId("T-1002")
    )
    paths = ["/console/", "/console/?state=resolved", "/console/tickets/T-1001",
             "/console/tickets/T-1002", "/console/tickets/T-1003", "/console/tickets/T-1005",
             "/console/stations", "/console/stations/N-001", "/console/contacts/new?q=n",
             "/console/contacts/new?station=N-001", "/docs"]  # fmt: skip
    async with opened(browser, width=width, scheme=scheme) as page:
        grounds = set()
        for address in [*(served.url + path for path in paths), link, danger]:
            await page.goto(address)
            assert await page.locator("h1").count() == 1, address
            assert not await overflows(page), address
            assert await contrasts(page) == [], address
            grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
            await page.screenshot(path=tmp_path / "page.png")
        darkest = min(sum(map(int, one[4:-1].split(","))) for one in grounds)
        assert (darkest < 150) is (scheme == "dark")


@pytest.mark.skipif(not assets.is_complete(), reason="no browser assets: make assets")
async def test_a_new_ticket_appears_and_focus_and_place_stay(serve, browser) -> None:
    served = await serve(demo=True)
    core = served.world.core
    async with opened(browser, width=390) as page:
        await page.goto(f"{served.url}/console/")
        assert await page.locator("#row-T-1002").count() == 1
        await page.evaluate("document.body.style.paddingBottom = '2000px'")
        await page.focus("#link-T-1001")
        await page.evaluate(
            "window.scrollTo({top: 120, behavior: 'instant'}); window.mark = 'same page'"
        )
        ticket = core.store.ticket("T-1001")
        core.put(
            msgspec.structs.replace(
                ticket, id=TicketId("T-1042"), title="A new one", next_update_at=None
            ),
            key="new",
        )
        await page.wait_for_selector("#row-T-1042")
        assert await page.evaluate("document.activeElement.id") == "link-T-1001"
        assert await page.evaluate("window.scrollY") == 120
        assert await page.evaluate("window.mark") == "same page"


@pytest.mark.skipif(not assets.is_complete(), reason="no browser assets: make assets")
async def test_a_live_update_keeps_what_was_opened_and_written(serve, browser) -> None:
    served = await serve(demo=True)
    core = served.world.core
    async with opened(browser) as page:
        await page.goto(f"{served.url}/console/tickets/T-1001")
        await page.click("details.frame-box summary")
        await page.fill("#note", "half a sentence")
        ticket = core.store.ticket("T-1001")
        core.put(msgspec.structs.replace(ticket, taken_by="someone else"), key="taken")
        await page.wait_for_selector("text=someone else")
        assert await page.locator("details.frame-box").get_attribute("open") is not None
        assert await page.input_value("#note") == "half a sentence"


@pytest.mark.skipif(not assets.is_complete(), reason="no browser assets: make assets")
async def test_a_fault_that_is_clean_again_shows_on_the_open_page(serve, browser) -> None:
    served = await serve(demo=True)
    core = served.world.core
    async with opened(browser) as page:
        await page.goto(f"{served.url}/console/tickets/T-1001")
        assert await page.locator(".fault .chip.bad").inner_text() == "active"
        async with asyncio.timeout(5):
            while served.world.app.state.web.hub.listeners == 0:
                await asyncio.sleep(0.01)
        become_clean(core)
        assert core.server is not None
        core.server.publish(Changed(at=NOW, stations=("N-001",)))
        await page.wait_for_selector("text=Clean since 11:59, clears at 12:04 if it stays so.")
        assert await page.locator(".fault .chip.bad").count() == 0


async def test_a_double_click_records_one_call(serve, browser) -> None:
    served = await serve(demo=True)
    async with opened(browser) as page:
        await page.goto(f"{served.url}/console/contacts/new?station=N-001")
        await page.dblclick("text=Phone")
        await page.wait_for_url("**/tickets/T-1001")
    calls = [one for one in served.world.core.asked if isinstance(one, RecordContact)]
    assert len(calls) == 1


@pytest.mark.skipif(not assets.is_complete(), reason="no browser assets: make assets")
async def test_a_page_that_hears_nothing_any_more_says_so(serve, browser) -> None:
    served = await serve(demo=True)
    async with opened(browser, tolerant=True) as page:
        await page.goto(f"{served.url}/console/")
        stale = page.locator(".stale")
        await page.wait_for_selector("#row-T-1001")
        assert await stale.is_hidden()
        await served.end()
        await stale.wait_for(state="visible")


@pytest.mark.skipif(not assets.is_complete(), reason="no browser assets: make assets")
async def test_a_login_that_ended_leads_to_the_login(serve, browser) -> None:
    served = await serve()
    async with opened(browser, tolerant=True) as page:
        await page.goto(f"{served.url}/login")
        await page.fill("#name", "kim")
        await page.fill("#password", PASSWORD)
        await page.click("button.primary")
        await page.wait_for_selector("#row-T-1001")
        served.world.clock.advance(timedelta(hours=13))
        served.world.core.publish("T-1001")
        await page.wait_for_url("**/login?next=**")


async def test_an_agent_works_with_the_keyboard_alone(serve, browser) -> None:
    served = await serve()
    async with opened(browser) as page:
        await page.goto(f"{served.url}/console/?kind=fault")
        assert "/login" in page.url
        await page.keyboard.type("kim")
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/console/?kind=fault")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.className") == "skip"
        for _ in range(40):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.id") == "link-T-1001":
                break
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/tickets/T-1001")
        await page.focus("text=Take it")
        await page.keyboard.press("Enter")
        await page.wait_for_selector("text=You have taken this ticket")
        assert served.world.core.store.ticket("T-1001").taken_by == "kim"


async def test_without_the_browser_files_all_of_it_still_works(
    serve, browser, monkeypatch
) -> None:
    monkeypatch.setattr("app.web.assets.ASSETS", {"missing.js": "nowhere"})
    served = await serve(demo=True)
    async with opened(browser) as page:
        await page.goto(f"{served.url}/console/")
        await page.click("summary")
        await page.select_option("select[name=severity]", "major")
        await page.click("text=Show")
        assert await page.locator("tbody tr").count() == 1
        await page.click("#link-T-1001")
        await page.click("text=Customer got in touch")
        await page.click("text=Phone")
        await page.wait_for_url("**/tickets/T-1001")
