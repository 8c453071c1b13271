"""The view of all caches, in a browser."""

import re

import pytest
from playwright.async_api import expect

from omnicache import Cache, FileSystemBackend, StoreBackend

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]  # a browser, on a busy machine


def rows(page):
    return page.get_by_role("table", name="Caches").get_by_role("row").filter(has=page.get_by_role("rowheader"))


async def names(page):
    return await rows(page).get_by_role("link").all_inner_texts()


def tile(page, name):
    return page.locator(".tile", has=page.get_by_text(name, exact=True)).locator(".number")


async def test_without_a_cache_it_says_how_to_make_one(site, open_page):
    page = await open_page(site.url)
    await expect(page.get_by_role("heading", name="There is no cache yet")).to_be_visible()
    await expect(page.locator("#link")).to_have_text("Live")
    with Cache("first"):
        await expect(page.get_by_role("link", name="first")).to_be_visible()
    await expect(page.get_by_role("heading", name="There is no cache yet")).to_be_visible()


async def test_numbers_are_those_of_the_caches(site, open_page, tmp_path):
    with (
        Cache("users", max_size=10) as users,
        Cache("pages", backend=FileSystemBackend(tmp_path), namespace="web") as pages,
    ):
        users["a"] = pages["a"] = 1
        users.get("a"), users.get("a"), users.get("a"), users.get("b")
        page = await open_page(site.url)
        await expect(rows(page)).to_have_count(2)
        await expect(tile(page, "Hit ratio")).to_have_text("75 %")
        await expect(tile(page, "Entries")).to_have_text("2")
        row = rows(page).filter(has_text="users")
        await expect(row).to_contain_text("default · memory · lru")
        await expect(row.get_by_role("cell").nth(1)).to_have_text("75 %")
        await expect(row.get_by_role("cell").nth(4)).to_have_text("1 / 10")
        await expect(rows(page).filter(has_text="pages")).to_contain_text("web · filesystem")
        users.update((number, number) for number in range(30))
        await expect(row.get_by_role("cell").nth(4)).to_have_text("10 / 10")
        await expect(row.get_by_role("cell").nth(6)).to_have_text("21")


async def test_rates_are_drawn(site, open_page):
    with Cache("busy") as cache:
        cache["a"] = 1
        page = await open_page(site.url)
        chart = page.get_by_role("figure").filter(has_text="Operations")
        line = chart.locator("polyline.color-1")
        for _ in range(200):
            cache.get("a")
            if await line.count() and re.search(r"hits: now .* to [^0]", await chart.locator("p").inner_text()):
                break
            await page.wait_for_timeout(20)
        summary = r"Operations. hits: now \S+, from \S+ to \S+; misses: now"
        await expect(chart.get_by_role("img")).to_have_accessible_name(re.compile(summary))
        points = (await line.last.get_attribute("points")).split()
        assert len(points) > 1
        assert len({point.split(",")[1] for point in points}) > 1
        await expect(page.get_by_role("img", name=re.compile(r"^Hit ratio\. hits per read: now 100 %"))).to_be_visible()


async def test_a_chart_tells_the_values_below_the_pointer(site, open_page):
    with Cache("sized", max_bytes="1MiB") as cache:
        cache["a"] = "x" * 1000
        page = await open_page(site.url)
        chart = page.get_by_role("figure").filter(has_text="keys and values")
        await expect(chart.locator("polyline")).to_have_count(1)
        await expect(chart.locator(".tip")).to_be_hidden()
        await chart.locator("svg").hover()
        await expect(chart.locator(".tip")).to_contain_text("keys and values 1.1 KiB")
        await page.get_by_role("heading", name="Overview").hover()
        await expect(chart.locator(".tip")).to_be_hidden()


async def test_rows_are_sorted_by_any_column(site, open_page):
    with Cache("b") as b, Cache("a"), Cache("c") as c:
        b["x"] = 1
        c.update(x=1, y=2)
        page = await open_page(site.url)
        await expect(rows(page)).to_have_count(3)
        assert await names(page) == ["a", "b", "c"]
        by_name, by_entries = (
            page.get_by_role("button", name="Cache", exact=True),
            page.get_by_role("button", name="Entries"),
        )
        await by_name.click()
        assert await names(page) == ["c", "b", "a"]
        await by_entries.click()
        assert await names(page) == ["c", "b", "a"]
        await expect(page.get_by_role("columnheader", name="Entries")).to_have_attribute("aria-sort", "descending")
        await by_entries.click()
        assert await names(page) == ["a", "b", "c"]
        for name in ("Status", "Hit ratio", "Reads", "Size", "Evictions"):
            await page.get_by_role("button", name=name, exact=True).click()
            await expect(page.get_by_role("columnheader", name=name, exact=True)).to_have_attribute(
                "aria-sort", re.compile("ending")
            )


async def test_rows_are_filtered(site, open_page):
    with Cache("users"), Cache("pages", namespace="web"):
        page = await open_page(site.url)
        await page.get_by_label("Filter").fill("WEB")
        await expect(rows(page)).to_have_count(1)
        assert await names(page) == ["pages"]
        await page.get_by_label("Filter").fill("nothing like it")
        await expect(page.get_by_text("No cache matches “nothing like it”.")).to_be_visible()
        await page.get_by_label("Filter").fill("")
        await expect(rows(page)).to_have_count(2)


async def test_many_caches_are_all_there(site, open_page):
    caches = [Cache(f"cache-{number:03d}") for number in range(80)]
    page = await open_page(site.url)
    await expect(rows(page)).to_have_count(80)
    for cache in caches[50:]:
        cache.close()
    await expect(rows(page)).to_have_count(50)


async def test_a_backend_that_is_down_is_seen(site, open_page):
    class Broken(StoreBackend):
        def get(self, key):
            raise OSError("no store")

        set = delete = scan = get

    with Cache("fine"), Cache("broken", backend=Broken()) as broken:
        for _ in range(10):
            broken.get("a")
        page = await open_page(site.url)
        await expect(rows(page).filter(has_text="broken").locator(".pill")).to_have_text("degraded")
        await expect(rows(page).filter(has_text="fine").locator(".pill")).to_have_text("active")
        await expect(page.locator(".tile", has_text="Errors")).to_contain_text("1 not active")


async def test_it_stands_still_while_it_is_paused(site, open_page):
    with Cache("users") as users:
        page = await open_page(site.url)
        await expect(tile(page, "Entries")).to_have_text("0")
        await page.get_by_role("button", name="Pause").click()
        await expect(page.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")
        users["a"] = 1
        async with page.expect_response("**/cache/default%3Ausers/entries*"):
            await page.get_by_role("link", name="users").click()
        await page.get_by_role("link", name="Overview").click()
        await page.get_by_role("button", name="Pause").click()
        await expect(tile(page, "Entries")).to_have_text("1")


async def test_the_theme_is_the_readers(site, open_page):
    page = await open_page(site.url, color_scheme="dark")
    color = "getComputedStyle(document.body).backgroundColor"
    dark = await page.evaluate(color)
    button = page.get_by_role("button", name=re.compile("Theme"))
    await expect(button).to_have_text("Theme: system")
    await button.click()
    await expect(button).to_have_text("Theme: light")
    assert await page.evaluate(color) != dark
    await page.reload()
    await expect(button).to_have_text("Theme: light")
    await button.click()
    assert await page.evaluate(color) == dark
    await button.click()
    await expect(button).to_have_text("Theme: system")


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
async def test_nothing_is_wider_than_the_screen(site, open_page, width):
    with Cache("a-cache-with-quite-a-long-name-that-nobody-would-choose", max_size=1000) as cache:
        cache.set("k" * 300, "v" * 3000, tags=["t" * 200])
        page = await open_page(site.url, viewport={"width": width, "height": 800})
        await page.get_by_role("link", name="a-cache").wait_for()
        wider = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not await page.evaluate(wider)
        await page.get_by_role("link", name="a-cache").click()
        await page.get_by_role("button", name="View k").wait_for()
        assert not await page.evaluate(wider)
