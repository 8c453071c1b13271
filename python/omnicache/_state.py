"""What a cache is made of: its attributes, what they say of it, and snapshots of its entries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from . import _omnicache, _registry
from ._budget import Budget, Using, budget_of
from .entry import CacheEntry
from .exceptions import CacheClosedError

if TYPE_CHECKING:
    from typing import Self

    from ._budget import Mode
    from ._events import Events
    from ._hooks import Advising
    from ._leases import Leases
    from ._load_counts import LoadCounts
    from ._options import Options
    from ._types import CopyMode, Duration
    from .backends import Backend
    from .strategies import CustomStrategy, Strategy

__all__ = ["State"]


class State(_omnicache.Core):
    """The part of :class:`Cache` that all others build on."""

    __slots__ = (
        "__weakref__",
        "_adviser",
        "_advising",
        "_backend",
        "_budgets",
        "_copy",
        "_copy_mode",
        "_events",
        "_jitter",
        "_leases",
        "_loads",
        "_name",
        "_namespace",
        "_options",
        "_own_ttl",
        "_sizer",
        "_strategy",
    )

    _adviser: CustomStrategy | None
    _advising: Advising | None
    _backend: Backend
    _budgets: int
    _copy: Callable[[Any], Any] | None
    _copy_mode: CopyMode
    _events: Events
    _jitter: float
    _leases: Leases
    _loads: LoadCounts
    _name: str
    _namespace: str
    _options: Options
    _own_ttl: bool
    _sizer: Callable[[Any, Any], int] | None
    _strategy: Strategy

    @property
    def name(self) -> str:
        """The name, unique in the namespace."""
        return self._name

    @property
    def namespace(self) -> str:
        """The namespace."""
        return self._namespace

    @property
    def strategy(self) -> Strategy:
        """Who is evicted, with the limits in force."""
        return self._strategy

    @property
    def backend(self) -> Backend:
        """Where the entries live."""
        return self._backend

    @property
    def status(self) -> Literal["active", "degraded", "maintenance", "shutdown"]:
        """``"active"``, or ``"shutdown"`` once it is closed."""
        return "shutdown" if self.closed else "active"

    @property
    def max_size(self) -> int | None:
        """The largest number of entries, None for no limit."""
        return self._strategy.max_size

    @property
    def max_bytes(self) -> int | None:
        """The largest sum of sizes in bytes, None for no limit."""
        return self._strategy.max_bytes

    @property
    def created_at(self) -> datetime:
        """When the cache was made."""
        return datetime.fromtimestamp(self._created, UTC)

    @property
    def _label(self) -> str:
        return f"cache {self._name!r}"

    def __repr__(self) -> str:
        where = "" if self._namespace == _registry.DEFAULT_NAMESPACE else f", namespace={self._namespace!r}"
        state = "closed" if self.closed else f"{len(self)} entries"
        return f"<{type(self).__name__} {self._name!r}{where}, {self._strategy!r}, {state}>"

    def __reduce__(self) -> Any:
        from_registry = self._namespace != ""
        raise TypeError(
            f"{self._label} cannot be pickled: it lives in this process; "
            + ("pass its name and use get_cache(name) there" if from_registry else "pickle the function instead")
        )

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self

    def _open(self, operation: str) -> None:
        if self.closed:
            raise CacheClosedError(
                f"{self._label}: {operation}: the cache is closed; make a new one, or get_cache(name)"
            )

    # --- what a caller will put up with ---

    def using(
        self, mode: Mode = "normal", *, max_stale: Duration | None = None, deadline: Duration | None = None
    ) -> Using:
        """A ``with`` block in which the running thread or task, and what it calls, uses this cache in its own way.

        Args:
            mode: ``"normal"``; ``"read_only"`` (what is loaded is not kept, and writes do nothing; deletions and
                invalidations are done); ``"bypass"`` (nothing is read either: every request runs its loader);
                ``"offline"`` (no loader runs: whatever is there is served, and what is not is ``MissingKeyError``).
            max_stale: The caller takes no value that is further past its ttl; 0 for none that is.
            deadline: The caller waits no longer than this, counted from the start of the block: then an old value is
                served if there is one within ``stale_on_error``, else ``CacheTimeoutError`` is raised. The load goes on
                for the others.

        A block within a block can only narrow ``max_stale`` and ``deadline``; the inner `mode` holds. Loads that run in
        the background have no budget, nor has a task that outlives the block, from then on.

        Raises:
            CacheConfigError: There is no such mode, or a duration cannot be used.

        >>> from omnicache import Cache
        >>> with Cache("budgeted") as cache:
        ...     cache["a"] = 1
        ...     with cache.using("bypass"):
        ...         cache.get("a"), cache.get_or_set("a", lambda: 2)
        (None, 2)
        """
        return Using(self, mode, max_stale, deadline)  # type: ignore[arg-type] # every State is a Cache

    def _budget(self) -> Budget:
        return budget_of(self)  # type: ignore[arg-type] # as above

    def _passes_by(self) -> bool:
        """Whether the running code reads nothing."""
        return self._budget().mode == "bypass"

    def _keeps_nothing(self) -> bool:
        """Whether the running code writes nothing."""
        return self._budget().mode in ("bypass", "read_only")

    def entry(self, key: Any) -> CacheEntry | None:
        """What is known of the fresh entry under `key`, None if there is none. Counts as no read.

        Raises:
            InvalidKeyError: The key, or a part of it, cannot be used.
            CacheClosedError: The cache is closed.

        >>> from omnicache import Cache
        >>> with Cache("known") as cache:
        ...     cache.set("a", 1, tags=["numbers"])
        ...     cache.entry("a").tags, cache.entry("b")
        (('numbers',), None)
        """
        row = self._row(key)
        return None if row is None else self._snapshot(row)

    def _snapshot(self, row: tuple[Any, ...]) -> CacheEntry:
        if self._copy is None:
            return CacheEntry(*row)
        key, value, *rest = row
        return CacheEntry(key, self._copy(value), *rest)
