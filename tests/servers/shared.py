"""The servers that all tests of one process share, started when the first test asks."""

import atexit
from functools import cache

from tests.servers.cluster import Cluster
from tests.servers.server import Server


@cache
def single() -> Server:
    """One server. Tests use caches with names of their own, and leave its settings alone."""
    server = Server()
    atexit.register(server.close)
    return server


@cache
def cluster() -> Cluster:
    """Three masters and their replicas. Tests leave their roles alone."""
    made = Cluster()
    atexit.register(made.close)
    return made
