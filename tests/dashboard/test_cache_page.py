"""The view of one cache, in a browser: every action is clicked."""

import re

import pytest
from playwright.async_api import expect

from omnicache import Cache, TinyLFUStrategy

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]  # a browser, on a busy machine
HOSTILE = "<script>window.hit = 1</script><img src=x onerror='window.hit = 2'>"


def keys(page):
    return page.get_by_role("table", name="Entries").get_by_role("rowheader")


@pytest.fixture
def users():
    with Cache("users", namespace="web", strategy=TinyLFUStrategy(max_size=500), default_ttl="5m") as cache:
        cache.set("user:1", {"name": "Ada", "langs": ["de", "en"]}, tags=["staff", "team:7"])
        cache.set("user:2", "Bob", tags=["staff"])
        cache.set("team/7", 7, ttl=None)
        yield cache


@pytest.fixture
def url(site, users):
    return f"{site.url}#/cache/web%3Ausers"


async def test_it_is_reached_from_the_overview_and_left_again(site, users, open_page):
    page = await open_page(site.url)
    await page.get_by_role("link", name="users").click()
    await expect(page).to_have_title("users · OmniCache")
    await expect(page.get_by_role("heading", name="users", level=1)).to_be_focused()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Overview")).to_be_focused()
    await page.go_forward()
    await page.get_by_role("navigation").get_by_role("link", name="Overview").click()
    await expect(page).to_have_title("Overview · OmniCache")


async def test_it_says_what_the_cache_is_and_did(url, users, open_page):
    users.get("user:1"), users.get("nobody")
    page = await open_page(url)
    for text in ("Strategy", "tinylfu", "Backend", "memory", "Most entries", "500", "Entries live", "5 min"):
        await expect(page.get_by_role("region", name="Settings")).to_contain_text(text)
    told = page.get_by_role("region", name="Statistics")
    for name, value in (("Hits", 1), ("Misses", 1), ("Values written", 3)):
        await expect(told.locator("div", has=page.get_by_text(name, exact=True)).last).to_contain_text(str(value))
    await expect(page.locator(".title .pill")).to_have_text("active")
    await expect(page.get_by_role("figure")).to_have_count(4)


async def test_entries_are_found_by_pattern_and_tag(url, open_page):
    page = await open_page(url)
    await expect(keys(page)).to_have_text(["team/7", "user:1", "user:2"])
    await page.get_by_label("Key pattern").fill("user:*")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(keys(page)).to_have_text(["user:1", "user:2"])
    await page.get_by_label("Tags, any of").fill("team:7")
    await page.keyboard.press("Enter")
    await expect(keys(page)).to_have_text(["user:1"])
    await page.get_by_label("Key pattern").fill("nothing*")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No entry matches.")).to_be_visible()
    await page.get_by_label("Key pattern").fill("")
    await page.get_by_label("Tags, any of").fill("")
    await page.keyboard.press("Enter")
    await expect(keys(page)).to_have_count(3)
    await page.get_by_role("button", name="Search the tag staff").first.click()
    await expect(keys(page)).to_have_text(["user:1", "user:2"])
    await expect(page.get_by_label("Tags, any of")).to_have_value("staff")


async def test_a_tag_with_a_comma_is_found(url, users, open_page):
    users.set("odd", 1, tags=["a,b\\c"])
    page = await open_page(url)
    await page.get_by_role("button", name="Search the tag a,b\\c").click()
    await expect(keys(page)).to_have_text(["odd"])


async def test_what_cannot_be_searched_is_said(url, open_page):
    page = await open_page(url, expected=("status of 400",))
    await page.get_by_label("Tags, any of").fill(",")
    await page.get_by_role("button", name="Search", exact=True).click()
    await expect(page.locator(".toast-error")).to_contain_text("tags: none is named")
    await page.get_by_role("button", name="Dismiss").click()
    await expect(page.locator(".toast")).to_have_count(0)


async def test_a_value_is_shown_and_the_look_is_no_read(url, users, open_page):
    page = await open_page(url)
    before = users.stats().hit_count
    await page.get_by_role("button", name="View user:1").click()
    dialog = page.get_by_role("dialog", name="user:1")
    await expect(dialog.get_by_role("region", name="Value")).to_have_text('{ "name": "Ada", "langs": [ "de", "en" ] }')
    await expect(dialog).to_contain_text("staff, team:7")
    await dialog.get_by_role("button", name="Close").click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_role("button", name="View user:1")).to_be_focused()
    assert users.stats().hit_count == before


@pytest.mark.parametrize(
    "key", ["a/b c?d#e%2F", "..", "bulk", "", "json:1", "ключ\u202e", ("tuple", 1, None), 7, b"bytes"]
)
async def test_any_key_can_be_viewed_and_deleted(url, users, open_page, key):
    users.clear()
    users[key] = "its value"
    page = await open_page(url)
    await page.get_by_role("button", name=re.compile("^View")).click()
    await expect(page.get_by_role("region", name="Value")).to_have_text('"its value"')
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name=re.compile("^Delete")).click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("This cache is empty.")).to_be_visible()
    assert key not in users


async def test_what_json_does_not_have_is_described(url, users, open_page):
    users["odd"] = {1, 2}
    page = await open_page(url)
    await page.get_by_role("button", name="View odd").click()
    await expect(page.get_by_role("region", name="Value")).to_have_text("set {1, 2}")


async def test_hostile_text_is_shown_and_not_run(url, users, open_page):
    users.clear()
    users.set(HOSTILE, {HOSTILE: HOSTILE}, tags=[HOSTILE])
    page = await open_page(url)
    await expect(keys(page)).to_have_text([HOSTILE])
    await page.get_by_role("button", name=re.compile("^View")).click()
    await expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name=re.compile("^Search the tag")).click()
    await page.get_by_role("button", name=re.compile("^Delete")).click()
    await expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.locator(".toast")).to_contain_text(f"Deleted {HOSTILE}")
    assert await page.evaluate("window.hit") is None
    assert await page.locator("main img, main script, dialog img, .toast img").count() == 0


async def test_markup_made_of_text_is_refused_by_the_browser(site, open_page):
    page = await open_page(site.url, expected=("TrustedHTML", "Trusted Type"))
    said = await page.evaluate("try { document.body.innerHTML = '<b>x</b>'; 'done' } catch (error) { error.name }")
    assert said == "TypeError"


async def test_an_entry_is_deleted_when_that_is_confirmed(url, users, open_page):
    page = await open_page(url, expected=("status of 404",))
    await page.get_by_role("button", name="Delete user:1").click()
    dialog = page.get_by_role("dialog", name="Delete this entry?")
    await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    await dialog.get_by_role("button", name="Cancel").click()
    assert "user:1" in users
    await page.get_by_role("button", name="Delete user:1").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(keys(page)).to_have_text(["team/7", "user:2"])
    await expect(page.get_by_role("button", name="Delete user:2")).to_be_focused()
    assert "user:1" not in users
    users.delete("user:2")  # somebody else was quicker
    await page.get_by_role("button", name="Delete user:2").click()
    await dialog.get_by_role("button", name="Delete").click()
    await expect(keys(page)).to_have_text(["team/7"])


async def test_what_matches_is_cleared_when_that_is_confirmed(url, users, open_page):
    page = await open_page(url)
    await page.get_by_label("Key pattern").fill("user:*")
    await page.get_by_label("Tags, any of").fill("team:7, other")
    await page.get_by_role("button", name="Clear matching…").click()
    dialog = page.get_by_role("dialog", name="Clear the cache?")
    await expect(dialog).to_contain_text("every entry whose key matches user:* and with any of the tags team:7, other")
    await page.keyboard.press("Escape")
    assert len(users) == 3
    await page.get_by_role("button", name="Clear matching…").click()
    await dialog.get_by_role("button", name="Clear", exact=True).click()
    await expect(page.get_by_text("1 entry cleared")).to_be_visible()
    assert sorted(users) == ["team/7", "user:2"]


async def test_everything_is_cleared_when_that_is_confirmed(url, users, open_page):
    page = await open_page(url)
    await page.get_by_role("button", name="Clear all…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Clear", exact=True).click()
    await expect(page.get_by_text("3 entries cleared")).to_be_visible()
    await expect(page.get_by_text("This cache is empty.")).to_be_visible()
    assert len(users) == 0


async def test_more_entries_are_shown_page_by_page(url, users, open_page):
    users.clear()
    users.update((f"item:{number:03d}", number) for number in range(120))
    page = await open_page(url)
    await expect(page.get_by_text("50 entries shown, there are more.")).to_be_visible()
    await page.get_by_role("button", name="Show more").click()
    await expect(page.get_by_role("button", name="View item:050")).to_be_focused()
    await page.get_by_role("button", name="Show more").click()
    await expect(page.get_by_text("120 entries shown.")).to_be_visible()
    await expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    assert await keys(page).all_inner_texts() == [f"item:{number:03d}" for number in range(120)]


async def test_a_cache_that_is_gone_is_said_to_be(url, users, open_page):
    page = await open_page(url)
    await expect(keys(page)).to_have_count(3)
    users.close()
    await expect(page.get_by_text("There is no such cache any more.")).to_be_visible()
    await page.get_by_role("link", name="All caches").click()
    await expect(page.get_by_role("heading", name="Overview")).to_be_visible()
