"""A cluster of three masters, each with a replica."""

import contextlib
from typing import Any

from tests.servers.client import Client
from tests.servers.server import HOST, Server, until

SLOTS = 16384


class Cluster:
    """Six servers that know each other."""

    def __init__(self, *arguments: object, masters: int = 3, replicas: int = 1) -> None:
        """Starts them and waits until all slots are served and every master has its replicas."""
        self._stack = contextlib.ExitStack()
        options = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000")
        options += ("--repl-diskless-sync-delay", "0", "--repl-timeout", "5", "--cluster-replica-validity-factor", "0")
        try:
            count = masters * (1 + replicas)
            self.nodes = [self._stack.enter_context(Server(*options, *arguments)) for _ in range(count)]
            self._join(masters)
        except BaseException:
            self._stack.close()
            raise

    def _join(self, masters: int) -> None:
        first, *others = self.nodes
        for number, node in enumerate(self.nodes):
            node("CONFIG", "SET", "cluster-announce-ip", HOST)
            node("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        share = -(-SLOTS // masters)
        for number, node in enumerate(self.nodes[:masters]):
            node("CLUSTER", "ADDSLOTS", *range(number * share, min((number + 1) * share, SLOTS)))
        for node in others:
            first("CLUSTER", "MEET", HOST, node.port)
        for node in self.nodes:
            until(lambda node=node: self._knows(node) == len(self.nodes), "the nodes of a cluster meet")
        for number, node in enumerate(self.nodes[masters:]):
            master = self.nodes[number % masters]("CLUSTER", "MYID").decode()
            until(
                lambda node=node, master=master: node("CLUSTER", "REPLICATE", master) == "OK", "a replica has a master"
            )
        for node in self.nodes:
            until(lambda node=node: self.state(node) == "ok", "the cluster is whole")
        for node in self.nodes[masters:]:
            until(lambda node=node: node.info("master_link_status") == "up", "a replica follows its master")

    @staticmethod
    def _knows(node: Server) -> int:
        lines = node("CLUSTER", "NODES").decode().splitlines()
        return sum("handshake" not in line and "noaddr" not in line for line in lines)

    @staticmethod
    def state(node: Server) -> str:
        """``"ok"`` or ``"fail"``, as a node sees the cluster."""
        lines = dict(line.split(":", 1) for line in node("CLUSTER", "INFO").decode().splitlines() if ":" in line)
        return str(lines["cluster_state"])

    @property
    def url(self) -> str:
        """The address of the cluster, by two of its nodes."""
        return "redis+cluster://" + ",".join(f"{HOST}:{node.port}" for node in self.nodes[:2])

    @property
    def running(self) -> list[Server]:
        return [node for node in self.nodes if node.child is not None]

    def masters(self) -> list[Server]:
        """The running nodes that are masters now."""
        return [node for node in self.running if node.info("role") == "master"]

    def replica_of(self, master: Server) -> Server:
        """A running replica of a master."""
        ports = {node: node for node in self.running if node.info("role") == "slave"}
        return next(node for node in ports if int(node.info("master_port")) == master.port)

    def owner(self, slot: int) -> Server:
        """The master that serves a slot, as the first running node sees it."""
        for start, end, (_, port, *_), *_ in self.running[0]("CLUSTER", "SLOTS"):
            if start <= slot <= end:
                return next(node for node in self.nodes if node.port == port)
        raise LookupError(f"nobody serves slot {slot}")

    def slot(self, key: bytes | str) -> int:
        return int(self.running[0]("CLUSTER", "KEYSLOT", key))

    def keys(self, pattern: str = "*") -> list[bytes]:
        """What matches, on every master."""
        return [key for node in self.masters() for key in node("KEYS", pattern)]

    def everywhere(self, *words: object) -> list[Any]:
        """The replies of all masters to one command."""
        return [node(*words) for node in self.masters()]

    def move(self, slot: int, to: Server) -> None:
        """Has another master serve a slot, with what is in it."""
        source = self.owner(slot)
        self.begin_move(slot, to)
        while keys := source("CLUSTER", "GETKEYSINSLOT", slot, 100):
            source("MIGRATE", HOST, to.port, "", 0, 5000, "KEYS", *keys)
        name = to("CLUSTER", "MYID").decode()
        for node in (to, source, *self.running):
            with contextlib.suppress(Exception):  # replicas are told by their masters
                node("CLUSTER", "SETSLOT", slot, "NODE", name)

    def begin_move(self, slot: int, to: Server) -> None:
        """A slot is on its way: what is not there any more is asked for at the other node."""
        source = self.owner(slot)
        to("CLUSTER", "SETSLOT", slot, "IMPORTING", source("CLUSTER", "MYID").decode())
        source("CLUSTER", "SETSLOT", slot, "MIGRATING", to("CLUSTER", "MYID").decode())

    def fail_over(self, master: Server) -> Server:
        """Has a replica take a master's place, in good order; the new master."""
        replica = self.replica_of(master)
        for _ in range(5):
            replica("CLUSTER", "FAILOVER")
            with contextlib.suppress(AssertionError):  # it gives up after five seconds, which a busy machine may need
                until(lambda: replica.info("role") == "master", "the replica takes over", 7)
                break
        for node in self.running:
            until(lambda node=node: self.state(node) == "ok", "the cluster is whole")
        until(lambda: master.info("role") == "slave", "the old master follows")
        return replica

    def client(self) -> Client:
        """A connection to some node."""
        return self.running[0].connect()

    def close(self) -> None:
        self._stack.close()
