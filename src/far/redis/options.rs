//! How a server is reached: where it is, who asks, and how long an answer may take.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The port of a server, unless told otherwise.
pub const PORT: u16 = 6379;
/// The port of a sentinel, unless told otherwise.
pub const SENTINEL_PORT: u16 = 26379;

/// Text that no error, log or debug output shows.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the server alone.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Login {
    /// The user; the server's default one if none is given.
    pub user: Option<String>,
    /// The password.
    pub password: Option<Secret>,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host {
    /// A name or an address; an IPv6 address without brackets.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl Host {
    /// The host `name` with this port.
    pub fn new(name: impl Into<String>, port: u16) -> Self {
        Self {
            name: name.into(),
            port,
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// One server.
    Single(Host),
    /// One server on this machine.
    Unix(PathBuf),
    /// The server that sentinels call the master of this name.
    Sentinel {
        /// The sentinels.
        sentinels: Vec<Host>,
        /// The name of the master.
        master: String,
        /// Who asks the sentinels.
        login: Login,
    },
    /// The servers of a cluster.
    Cluster(Vec<Host>),
}

/// How a connection is encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// A file with the certificates to be trusted, in PEM; those of the system if none is given.
    pub ca: Option<PathBuf>,
    /// A file with the client's certificate, in PEM.
    pub cert: Option<PathBuf>,
    /// A file with its key, in PEM.
    pub key: Option<PathBuf>,
    /// Whether any certificate will do.
    pub insecure: bool,
}

/// How a server is reached. Two stores with equal options share their connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// Where it is.
    pub target: Target,
    /// Who asks.
    pub login: Login,
    /// The number of the database.
    pub db: i64,
    /// Whether, and how, the connection is encrypted.
    pub tls: Option<Tls>,
    /// How long an operation may take, with everything that is tried again.
    pub timeout: Duration,
    /// How long connecting to one server may take.
    pub connect_timeout: Duration,
    /// What the connection is called in the server's list of clients.
    pub client_name: String,
    /// What the names of all keys begin with.
    pub prefix: String,
}

impl Options {
    /// The server at `target`, with what is usual.
    pub fn new(target: Target) -> Self {
        Self {
            target,
            login: Login::default(),
            db: 0,
            tls: None,
            timeout: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(1),
            client_name: "omnicache".to_owned(),
            prefix: "omnicache".to_owned(),
        }
    }

    /// What `url` says; an error says what is wrong with it, without the password.
    ///
    /// ```text
    /// redis://[[user]:password@]host[:port][/db]        rediss:// the same, encrypted
    /// redis+unix://[[user]:password@]/path/of/socket
    /// redis+sentinel://[user:password@]host[:port],.../master[/db]      rediss+sentinel://
    /// redis+cluster://[user:password@]host[:port],...   rediss+cluster://
    /// ```
    ///
    /// Behind a `?` may follow `timeout`, `connect_timeout` (seconds), `db`, `prefix`, `client_name`, `ca`, `cert`, `key`
    /// (files), `insecure=true`, `sentinel_user` and `sentinel_password`. `valkey` may stand for `redis`.
    pub fn parse(url: &str) -> Result<Self, String> {
        super::url::parse(url)
    }

    /// The address, as errors name it: never with a password.
    pub fn address(&self) -> String {
        let list = |hosts: &[Host]| {
            let hosts: Vec<_> = hosts.iter().map(Host::to_string).collect();
            hosts.join(",")
        };
        let scheme = if self.tls.is_some() {
            "rediss"
        } else {
            "redis"
        };
        match &self.target {
            Target::Single(host) => format!("{scheme}://{host}/{}", self.db),
            Target::Unix(path) => format!("{scheme}+unix://{}?db={}", path.display(), self.db),
            Target::Sentinel {
                sentinels, master, ..
            } => format!(
                "{scheme}+sentinel://{}/{master}/{}",
                list(sentinels),
                self.db
            ),
            Target::Cluster(hosts) => format!("{scheme}+cluster://{}", list(hosts)),
        }
    }
}
