"""The janitor: one thread per process that removes expired entries from the caches that asked for it.

It starts with the first such cache and ends with the last. Caches are held weakly. It is a daemon, so it never keeps
the process alive, and it stops before the interpreter is taken down. A forked child starts its own.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import weakref
from time import monotonic
from typing import Protocol

from ._logged import logged

__all__ = ["Janitor", "unwatch", "watch"]

_log = logging.getLogger("omnicache")

_LAST_WAIT = 0.25
"""The longest time, in seconds, that the end of the process waits for a sweep that is running."""


class Purgeable(Protocol):
    """What the janitor needs of a cache."""

    def purge_expired(self) -> object:
        """Removes what has expired."""


class _Watch:
    """One cache, how often it is swept, and when next."""

    __slots__ = ("due", "interval", "reported", "target")

    def __init__(self, target: weakref.ref[Purgeable], interval: float) -> None:
        self.target = target
        self.interval = interval
        self.due = monotonic() + interval
        self.reported = False


class Janitor:
    """Sweeps the caches it watches, each at its own interval."""

    def __init__(self) -> None:
        self._watches: dict[int, _Watch] = {}
        self._stopped = False
        self._thread: threading.Thread | None = None
        # Its lock may be taken again by the thread that has it: a collection may finalise a cache anywhere.
        self._changed = threading.Condition(threading.RLock())

    def watch(self, cache: Purgeable, interval: float) -> None:
        """Calls ``cache.purge_expired()`` every `interval` seconds from now on; replaces an earlier interval."""
        key = id(cache)
        target = weakref.ref(cache, lambda gone: self._forget(key, gone))
        with self._changed:
            self._watches[key] = _Watch(target, interval)
            self._changed.notify_all()
            self._start()

    def unwatch(self, cache: Purgeable) -> None:
        """Stops watching `cache`, if it is watched."""
        with self._changed:
            watch = self._watches.get(id(cache))
            if watch is not None and watch.target() is cache:
                del self._watches[id(cache)]
                self._changed.notify_all()

    @property
    def running(self) -> bool:
        """Whether the thread is there."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def stop(self) -> None:
        """Ends the thread for good; waits a moment for a sweep that is running."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_LAST_WAIT)

    def after_fork_in_child(self) -> None:
        """Starts anew: the thread stayed in the parent, and the lock may have been held by it."""
        self._changed = threading.Condition(threading.RLock())
        self._thread = None
        if self._watches:
            with self._changed:
                self._start()

    def _start(self) -> None:
        if self._thread is not None or self._stopped:
            return
        thread = threading.Thread(target=self._run, name="omnicache-janitor", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError as error:
            # No thread is to be had. Expired entries still go, while the cache is used.
            self._thread = None
            text = "omnicache: no thread for cleanup_interval (%s); entries expire on use only"
            _log.warning(text, error, extra=logged("cleanup_without_thread"))

    def _run(self) -> None:
        while (due := self._wait()) is not None:
            for watch in due:
                self._sweep(watch)

    def _wait(self) -> list[_Watch] | None:
        """Waits until caches are due; None when there is nothing left to watch, and then the thread has ended."""
        with self._changed:
            while self._watches and not self._stopped:
                now = monotonic()
                watches = list(self._watches.copy().values())
                due = [watch for watch in watches if watch.due <= now]
                if due:
                    return due
                if watches:
                    # A lock cannot wait for longer than this; whoever asks for more is woken for nothing once a while.
                    self._changed.wait(min(min(watch.due for watch in watches) - now, threading.TIMEOUT_MAX))
            self._thread = None
            return None

    @staticmethod
    def _sweep(watch: _Watch) -> None:
        cache = watch.target()
        if cache is not None:
            try:
                cache.purge_expired()
            except Exception:  # noqa: BLE001 - whatever it is, the other caches must be swept
                if not watch.reported:
                    watch.reported = True
                    extra = logged(
                        "cleanup_failed",
                        cache=getattr(cache, "name", None),
                        namespace=getattr(cache, "namespace", None),
                    )
                    text = "omnicache: purge_expired() failed in the janitor; reported once for this cache"
                    _log.exception(text, extra=extra)
        watch.due = monotonic() + watch.interval

    def _forget(self, key: int, gone: weakref.ref[Purgeable]) -> None:
        with self._changed:
            watch = self._watches.get(key)
            if watch is not None and watch.target is gone:
                del self._watches[key]
                self._changed.notify_all()


_janitor = Janitor()
watch = _janitor.watch
unwatch = _janitor.unwatch

atexit.register(_janitor.stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_janitor.after_fork_in_child)
