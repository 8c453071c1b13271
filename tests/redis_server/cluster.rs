//! A cluster of real servers for tests.

use super::{Server, until};
use omnicache::far::redis::{Host, Options, RedisStore, Target};

/// Three masters that share the slots.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
}

const SETTINGS: &[&str] = &[
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "2000",
    "--cluster-config-file",
    "nodes.conf",
];
const SLOTS: usize = 16384;

impl Cluster {
    /// Starts one, and waits until it works.
    pub(crate) fn start() -> Self {
        let servers: Vec<_> = (0..3).map(|_| Server::start(SETTINGS)).collect();
        let first = servers[0].port.to_string();
        for (at, server) in servers.iter().enumerate() {
            let slots: Vec<String> = (SLOTS * at / 3..SLOTS * (at + 1) / 3)
                .map(|slot| slot.to_string())
                .collect();
            let words = ["CLUSTER", "ADDSLOTS"];
            let adding: Vec<&str> = words
                .into_iter()
                .chain(slots.iter().map(String::as_str))
                .collect();
            server.ask(&adding);
            server.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(at + 1).to_string()]);
            if at > 0 {
                server.ask(&["CLUSTER", "MEET", "127.0.0.1", &first]);
            }
        }
        let cluster = Self { servers };
        until("the cluster works", || {
            cluster.servers.iter().all(|server| {
                let info = server.ask(&["CLUSTER", "INFO"]);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            })
        });
        cluster
    }

    /// How it is reached: by one of its servers.
    pub(crate) fn options(&self) -> Options {
        let host = Host::new("127.0.0.1", self.servers[0].port);
        Options::new(Target::Cluster(vec![host]))
    }

    /// A store on it.
    pub(crate) fn store(&self) -> RedisStore {
        RedisStore::open(self.options(), "test", "cache").unwrap()
    }

    /// A store on it with connections of its own, as another process would have them.
    pub(crate) fn stranger(&self) -> RedisStore {
        let mut options = self.options();
        "stranger".clone_into(&mut options.client_name);
        RedisStore::open(options, "test", "cache").unwrap()
    }

    /// The names that a server calls the servers by, in their order here.
    pub(crate) fn ids(&self) -> Vec<String> {
        let asked = self
            .servers
            .iter()
            .map(|server| server.ask(&["CLUSTER", "MYID"]));
        asked
            .map(|id| {
                id.chars()
                    .filter(char::is_ascii_hexdigit)
                    .collect::<String>()
                    .chars()
                    .rev()
                    .take(40)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev()
                    .collect()
            })
            .collect()
    }
}
