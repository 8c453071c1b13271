"""The requests: every import in the library's sources, in the order in which a reader of these files meets them."""

import gc
import multiprocessing
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .library import find_modules, imports_of, is_built_in


@dataclass(frozen=True, slots=True)
class Workload:
    """A sequence of module names, and where the sources of these modules are."""

    requests: list[str]
    sources: dict[str, Path | None]
    statements: int
    files: int
    broken: int


def prepare() -> None:
    """Make a child process ready: old sources' warnings are nobody's concern, and syntax trees hold no cycles."""
    warnings.simplefilter("ignore")
    gc.disable()


def collect() -> Workload:
    """Read the whole library once, on every core: this makes the input and is no part of any measurement."""
    modules = find_modules()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn"), initializer=prepare) as pool:
        found = list(pool.map(imports_of, modules.keys(), modules.values(), chunksize=16))

    sources = {name: path for (name, path), read in zip(modules.items(), found, strict=True) if read is not None}
    requests = [
        name
        for statements in found
        for names in statements or ()
        for name in names
        if name in sources or (is_built_in(name) and name not in modules)
    ]
    wanted = {name: sources.get(name) for name in requests}
    return Workload(requests, wanted, sum(map(len, filter(None, found))), len(modules), found.count(None))
