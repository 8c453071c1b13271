"""The dashboard in a real browser, served by a real server, which a test may stop and start again."""

import shutil
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from omnicache._manage.service import Service
from omnicache.admin._access import Access
from omnicache.admin._app import Admin
from omnicache.admin._loop import server_of
from omnicache.admin._server import _listen

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
INTERVAL = 0.1
expect.set_options(timeout=30_000)


class Site:
    """A server on a port of its own."""

    def __init__(self, **access: Any) -> None:
        self.access = Access(**access) if access else Access(local=True)
        self.port = 0
        self.start()

    def start(self) -> None:
        """Starts, on the port of before if there was one."""
        listening = _listen("127.0.0.1", self.port)
        self.port = listening.getsockname()[1]
        self.service = Service()
        self.admin = Admin(self.service, self.access, INTERVAL)
        self.server = server_of(self.admin)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listening]})
        self.thread.start()

    def stop(self) -> None:
        """Ends; what is open is closed."""
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()
        self.service.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@pytest.fixture
def serve() -> Iterator[Callable[..., Site]]:
    sites: list[Site] = []

    def make(**access: Any) -> Site:
        sites.append(Site(**access))
        return sites[-1]

    yield make
    for site in sites:
        if site.thread.is_alive():
            site.stop()


@pytest.fixture
def site(serve: Callable[..., Site]) -> Site:
    """A server that wants no token."""
    return serve()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no chromium; install it with: apt-get install chromium")
    async with async_playwright() as driver:
        started = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        await started.close()


class Watched:
    """What went wrong in a page while nobody looked."""

    def __init__(self, page: Page) -> None:
        self.wrong: list[str] = []
        self.elsewhere: list[str] = []
        self.expected: tuple[str, ...] = ()
        page.on("console", lambda said: self.wrong.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("request", lambda request: self._asked(request.url))
        page.on("dialog", lambda dialog: self.wrong.append(f"dialog: {dialog.message}"))

    def _asked(self, url: str) -> None:
        if urlsplit(url).hostname != "127.0.0.1":
            self.elsewhere.append(url)

    def check(self) -> None:
        unexpected = [text for text in self.wrong if not any(words in text for words in self.expected)]
        assert unexpected == []
        assert self.elsewhere == []


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(browser: Browser) -> AsyncIterator[Callable[..., Any]]:
    """Opens pages that must have no error, and ask nobody but the server, unless the test expects an error."""
    contexts, watched = [], []

    async def open_page(url: str, *, expected: tuple[str, ...] = (), **options: Any) -> Page:
        contexts.append(await browser.new_context(**options))
        page = await contexts[-1].new_page()
        watched.append(Watched(page))
        watched[-1].expected = expected
        await page.goto(url)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    for one in watched:
        one.check()
