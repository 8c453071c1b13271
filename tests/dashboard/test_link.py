"""How the page and its server are linked: the stream, a server that restarts, tokens, the keyboard."""

import re

import pytest
from playwright.async_api import expect

from omnicache import Cache

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]  # a browser, on a busy machine
REFUSED = ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
TOKEN = "a-long-enough-token"


async def test_it_comes_back_when_the_server_does(site, open_page):
    with Cache("users") as users:
        page = await open_page(site.url, expected=REFUSED)
        await expect(page.locator("#link")).to_have_text("Live")
        await page.get_by_role("link", name="users").wait_for()
        site.stop()
        await expect(page.locator("#link")).to_have_text("Disconnected")
        await expect(page.get_by_role("alert")).to_contain_text("The server does not answer. What you see is as of")
        await expect(page.get_by_role("link", name="users")).to_be_visible()
        users["a"] = 1
        site.start()
        await expect(page.locator("#link")).to_have_text("Live")
        await expect(page.get_by_role("alert")).to_be_hidden()
        await expect(page.locator(".tile", has_text="Entries").locator(".number")).to_have_text("1")


async def test_it_tries_at_once_when_told(site, open_page):
    page = await open_page(site.url, expected=REFUSED)
    await expect(page.locator("#link")).to_have_text("Live")
    await page.evaluate("window.setTimeout = () => 0")  # it does not try by itself
    site.stop()
    await expect(page.locator("#link")).to_have_text("Disconnected")
    site.start()
    await page.get_by_role("button", name="Try now").click()
    await expect(page.locator("#link")).to_have_text("Live")


async def test_a_server_that_ends_does_not_wait_for_the_page(site, open_page):
    page = await open_page(site.url, expected=REFUSED)
    await expect(page.locator("#link")).to_have_text("Live")
    assert site.admin._dashboard.looking == 1
    site.stop()
    assert site.admin._dashboard.looking == 0


async def test_nothing_is_read_once_the_page_is_closed(site, open_page):
    page = await open_page(site.url)
    await expect(page.locator("#link")).to_have_text("Live")
    other = await open_page(site.url)
    await page.close()
    await expect(other.locator("#link")).to_have_text("Live")
    live = site.admin._dashboard._live
    await other.wait_for_function("true")
    await other.close()
    last = await open_page("about:blank")
    for _ in range(200):
        if live.looking == 0:
            break
        await last.wait_for_timeout(25)
    assert live.looking == 0
    assert live._task is None


async def test_the_token_is_asked_for_and_kept_for_the_tab(serve, open_page):
    site = serve(token=TOKEN)
    with Cache("users") as users:
        users["a"] = 1
        page = await open_page(f"{site.url}#/cache/default%3Ausers", expected=("status of 401",))
        dialog = page.get_by_role("dialog", name="Sign in")
        await expect(dialog.get_by_label("Token")).to_be_focused()
        await expect(page.locator("#link")).to_have_text("Signed out")
        await dialog.get_by_label("Token").fill("wrong")
        await page.keyboard.press("Enter")
        await expect(dialog.get_by_role("alert")).to_have_text("That is not the right token.")
        await dialog.get_by_label("Token").fill(TOKEN)
        await dialog.get_by_role("button", name="Sign in").click()
        await expect(page.locator("#link")).to_have_text("Live")
        await expect(page.get_by_role("button", name="View a")).to_be_visible()
        await page.reload()
        await expect(page.locator("#link")).to_have_text("Live")
        assert await page.evaluate("[Object.values(sessionStorage), Object.values(localStorage), document.cookie]") == [
            [TOKEN],
            [],
            "",
        ]
        await page.get_by_role("button", name="Sign out").click()
        await expect(dialog).to_be_visible()
        assert await page.evaluate("Object.values(sessionStorage)") == []


async def test_who_leaves_the_question_can_sign_in_later(serve, open_page):
    site = serve(token=TOKEN)
    page = await open_page(site.url, expected=("status of 401",))
    await page.get_by_role("dialog").wait_for()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_label("Token").fill(TOKEN)
    await page.keyboard.press("Enter")
    await expect(page.locator("#link")).to_have_text("Live")


async def test_what_may_not_be_changed_is_not_and_says_so(serve, open_page):
    site = serve(local=True, read_only=True)
    with Cache("users") as users:
        users["a"] = 1
        page = await open_page(f"{site.url}#/cache/default%3Ausers", expected=("status of 403",))
        await page.get_by_role("button", name="Delete a").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(page.locator(".toast-error")).to_contain_text("read only")
        assert "a" in users


async def test_a_server_that_refuses_is_quoted(serve, open_page):
    site = serve(authorize=lambda request: False)
    page = await open_page(site.url, expected=("status of 403",))
    await expect(page.get_by_role("alert")).to_contain_text("The server refuses: you may not ask this.")


async def test_everything_is_reached_by_keyboard(site, open_page):
    with Cache("users") as users:
        users.set("a", 1, tags=["t"])
        page = await open_page(site.url)
        await page.get_by_role("link", name="users").wait_for()

        async def walk(until):
            seen = []
            for _ in range(40):
                await page.keyboard.press("Tab")
                focused = page.locator(":focus")
                seen.append((await focused.inner_text()).strip() or await focused.get_attribute("id"))
                box = await focused.bounding_box()
                assert box is not None, seen
                assert box["width"] > 0, seen
                assert box["y"] >= 0, seen
                if seen[-1] == until:
                    return seen
            raise AssertionError(seen)

        seen = await walk("users")
        assert seen[0] == "Skip to the content"
        assert {"Pause", "Theme: system", "filter", "Cache", "Evictions"} <= set(seen)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="users", level=1)).to_be_focused()
        await page.get_by_role("button", name="View a").wait_for()
        seen = await walk("Delete")
        assert {"pattern", "tags", "Search", "Clear all…", "t", "View"} <= set(seen)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Cancel")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("This cache is empty.")).to_be_visible()
        assert len(users) == 0


async def test_the_first_link_leads_to_the_content(site, open_page):
    page = await open_page(site.url)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_be_focused()


async def test_everything_has_a_name(site, open_page):
    with Cache("users") as users:
        users["a"] = 1
        page = await open_page(f"{site.url}#/cache/default%3Ausers")
        await page.get_by_role("button", name="View a").wait_for()
        tree = await page.locator("body").aria_snapshot()
        nameless = re.findall(r"^\s*- (?:button|link|searchbox|textbox|img|figure)(?:$|:|\s+\[)", tree, re.MULTILINE)
        assert [line for line in nameless if "figure" not in line] == []
        assert await page.locator("html").get_attribute("lang") == "en"


async def test_it_works_below_a_path_of_an_application(serve, open_page):
    import threading

    from starlette.applications import Starlette

    from omnicache.admin import mount
    from omnicache.admin._loop import server_of
    from omnicache.admin._server import _listen

    app = Starlette()
    mount(app, "/ops/caches", local=True)
    app.close = lambda: None
    listening = _listen("127.0.0.1", 0)
    server = server_of(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        with Cache("users") as users:
            users["a"] = 1
            page = await open_page(f"http://127.0.0.1:{listening.getsockname()[1]}/ops/caches/")
            await page.get_by_role("link", name="users").click()
            await page.get_by_role("button", name="View a").click()
            await expect(page.get_by_role("region", name="Value")).to_have_text("1")
            await page.close()
    finally:
        server.should_exit = True
        thread.join(20)
