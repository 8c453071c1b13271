"""A master with a replica, and the sentinels that watch them."""

import contextlib

from tests.servers.server import HOST, Server, until

SERVICE = "cache"


class Watched:
    """A master, a replica, and `sentinels` processes that have the replica take over when the master is lost."""

    def __init__(self, sentinels: int = 1, down_after_ms: int = 500) -> None:
        self._stack = contextlib.ExitStack()
        try:
            self.first = self._stack.enter_context(Server("--repl-diskless-sync-delay", "0"))
            follow = ("--replicaof", HOST, self.first.port, "--repl-diskless-sync-delay", "0")
            self.second = self._stack.enter_context(Server(*follow))
            until(lambda: self.second.info("master_link_status") == "up", "the replica follows its master")
            self.sentinels = [
                self._stack.enter_context(_Sentinel(self.first, sentinels, down_after_ms)) for _ in range(sentinels)
            ]
            for sentinel in self.sentinels:
                until(lambda sentinel=sentinel: len(sentinel("SENTINEL", "REPLICAS", SERVICE)) == 1, "it is seen")
                until(lambda sentinel=sentinel: self._knows_others(sentinel), "the sentinels know each other")
        except BaseException:
            self._stack.close()
            raise

    @property
    def url(self) -> str:
        hosts = ",".join(f"{HOST}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{hosts}/{SERVICE}/0"

    def _knows_others(self, sentinel: Server) -> bool:
        others = [dict(zip(row[::2], row[1::2], strict=True)) for row in sentinel("SENTINEL", "SENTINELS", SERVICE)]
        # Before they are connected to each other they have no vote.
        return len(others) == len(self.sentinels) - 1 and all(other[b"flags"] == b"sentinel" for other in others)

    @property
    def running(self) -> list[Server]:
        """The sentinels that answer."""
        return [sentinel for sentinel in self.sentinels if sentinel.child is not None and not sentinel.paused]

    def _named_by(self, sentinel: Server) -> Server:
        port = int(sentinel("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)[1])
        return self.first if port == self.first.port else self.second

    def master(self) -> Server:
        """The one that the sentinels call the master."""
        return self._named_by(self.running[0])

    def wait_for(self, master: Server) -> None:
        """Waits until this one is the master, for all sentinels and for itself."""
        for sentinel in self.running:
            until(lambda sentinel=sentinel: self._named_by(sentinel) is master, "the replica takes over", 30)
        until(lambda: master.info("role") == "master", "it knows that it is the master", 30)

    def fail_over(self) -> Server:
        """Has the replica take over at once; the new master."""
        new = self.second if self.master() is self.first else self.first
        until(lambda: self.running[0]("SENTINEL", "FAILOVER", SERVICE) == "OK", "a failover begins")
        self.wait_for(new)
        return new

    def close(self) -> None:
        self._stack.close()


class _Sentinel(Server):
    def __init__(self, master: Server, quorum: int, down_after_ms: int) -> None:
        self._config = (
            f"sentinel monitor {SERVICE} {HOST} {master.port} {quorum // 2 + 1}\n"
            f"sentinel down-after-milliseconds {SERVICE} {down_after_ms}\n"
            f"sentinel failover-timeout {SERVICE} 3000\n"
        )
        super().__init__(mode="sentinel")

    def start(self) -> None:
        (self.directory / "sentinel.conf").write_text(self._config)
        super().start()
