//! One server as this process is connected to it: one connection that all requests share, made anew when it is lost.

use super::options::{Host, Login, Options};
use crate::far::error::Problem;
use crate::sync::Mutex;
use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{
    AsyncConnectionConfig, Client, ClientTlsConfig, Cmd, ConnectionAddr, ErrorKind,
    IntoConnectionInfo, Pipeline, ProtocolVersion, PushInfo, PushKind, RedisConnectionInfo,
    RedisError, TlsCertificates, Value,
};
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Requests that may wait to be written to the socket.
const QUEUE: usize = 1024;
/// The first and the longest pause before another attempt to connect.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// How long a connection may be quiet before it is probed.
const QUIET: Duration = Duration::from_secs(20);

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Address {
    Tcp(Host),
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host) => host.fmt(f),
            Self::Unix(path) => path.display().fmt(f),
        }
    }
}

/// Is told what a server says by itself, in the order in which it says it, and that a connection is lost.
pub(super) type Listener = Arc<dyn Fn(&Arc<Line>, PushInfo) + Send + Sync>;

/// A connection.
pub(super) struct Line {
    broken: AtomicBool,
    /// Whether the server may speak without being asked.
    pub(super) pushes: bool,
    /// What it is asked to tell of: prefixes of names, and channels.
    pub(super) told: Mutex<HashSet<String>>,
}

impl Line {
    /// Whether it works, as far as is known.
    pub(super) fn is_up(&self) -> bool {
        !self.broken.load(Ordering::Acquire)
    }
}

/// A connection and what is known of it.
#[derive(Clone)]
pub(super) struct Live {
    connection: MultiplexedConnection,
    pub(super) line: Arc<Line>,
}

impl Live {
    /// Sends one command.
    pub(super) async fn send(&mut self, command: &Cmd) -> Result<Value, RedisError> {
        let sent = self.connection.send_packed_command(command).await;
        self.note(sent)
    }

    /// Sends commands together; what the server refused stands among the answers.
    pub(super) async fn send_all(&mut self, commands: &Pipeline) -> Result<Vec<Value>, RedisError> {
        let sent = self
            .connection
            .send_packed_commands(commands, 0, commands.len())
            .await;
        self.note(sent)
    }

    /// Asks to be told what is said on `channel`.
    pub(super) async fn subscribe(&mut self, channel: &str) -> Result<(), RedisError> {
        let sent = self.connection.subscribe(channel).await;
        self.note(sent)
    }

    fn note<T>(&self, sent: Result<T, RedisError>) -> Result<T, RedisError> {
        if let Err(error) = &sent
            && (error.is_unrecoverable_error() || error.is_io_error())
        {
            self.retire();
        }
        sent
    }

    /// Has later requests use another connection. Those under way may still be answered.
    pub(super) fn retire(&self) {
        self.line.broken.store(true, Ordering::Release);
    }
}

/// Why connecting failed, to be told more than once.
#[derive(Clone)]
enum Failure {
    Unreachable(String),
    Refused(String),
    Unsupported(String),
}

impl Failure {
    fn of(problem: Problem) -> Self {
        match problem {
            Problem::Refused(why) => Self::Refused(why),
            Problem::Unsupported(why) => Self::Unsupported(why),
            Problem::Unreachable(why) => Self::Unreachable(why),
            other => Self::Unreachable(other.to_string()),
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::Unreachable(why) => Problem::Unreachable(why.clone()),
            Self::Refused(why) => Problem::Refused(why.clone()),
            Self::Unsupported(why) => Problem::Unsupported(why.clone()),
        }
    }
}

struct Attempts {
    failures: u32,
    /// The last failure, and when another attempt may be made.
    failed: Option<(Failure, Instant)>,
}

/// The way to one server.
pub(super) struct Link {
    pub(super) address: Address,
    live: Mutex<Option<Live>>,
    /// Held by whoever connects.
    attempts: tokio::sync::Mutex<Attempts>,
}

impl Link {
    /// To the server at `address`; nothing is connected yet.
    pub(super) fn new(address: Address) -> Self {
        Self {
            address,
            live: Mutex::new(None),
            attempts: tokio::sync::Mutex::new(Attempts {
                failures: 0,
                failed: None,
            }),
        }
    }

    /// Whether there is a connection that works, as far as is known.
    pub(super) fn is_up(&self) -> bool {
        let live = self.live.lock();
        live.as_ref().is_some_and(|live| live.line.is_up())
    }

    /// Has later requests use another connection.
    pub(super) fn retire(&self) {
        if let Some(live) = self.live.lock().as_ref() {
            live.retire();
        }
    }

    /// The connection, if it is up.
    pub(super) fn live(&self) -> Option<Live> {
        let live = self.live.lock();
        live.as_ref().filter(|live| live.line.is_up()).cloned()
    }

    /// Gives the connection up at once.
    pub(super) fn cut(&self, listener: &Listener) {
        let live = self.live.lock().take();
        if let Some(live) = live {
            live.retire();
            // Nobody else says it of a connection that is simply dropped.
            listener(&live.line, lost());
        }
    }

    /// The connection, made if there is none. Soon after a failure that failure is the answer.
    pub(super) async fn connection(
        &self,
        options: &Options,
        listener: &Listener,
    ) -> Result<Live, Problem> {
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let mut attempts = self.attempts.lock().await;
        if let Some(live) = self.live() {
            return Ok(live);
        }
        if let Some((failure, until)) = &attempts.failed
            && Instant::now() < *until
        {
            return Err(failure.problem());
        }
        let connecting = connect(&self.address, options, &options.login, Some(listener));
        let problem = match tokio::time::timeout(options.connect_timeout, connecting).await {
            Ok(Ok(live)) => {
                attempts.failures = 0;
                attempts.failed = None;
                let before = self.live.lock().replace(live.clone());
                if let Some(before) = before {
                    listener(&before.line, lost());
                }
                return Ok(live);
            }
            Ok(Err(problem)) => problem,
            Err(_) => Problem::Unreachable(format!(
                "connecting to {} took longer than {:?}",
                self.address, options.connect_timeout
            )),
        };
        let failure = Failure::of(problem);
        let problem = failure.problem();
        attempts.failed = Some((failure, Instant::now() + pause(attempts.failures)));
        attempts.failures = attempts.failures.saturating_add(1);
        Err(problem)
    }
}

/// That a connection is lost.
fn lost() -> PushInfo {
    PushInfo {
        kind: PushKind::Disconnection,
        data: Vec::new(),
    }
}

/// A pause that grows with every failure, and is never twice the same, so that not all come back at once.
pub(super) fn pause(failures: u32) -> Duration {
    let longest = PAUSE.0.saturating_mul(1 << failures.min(16)).min(PAUSE.1);
    let share = (super::random::number() >> 32) as u32;
    longest.mul_f64(0.5 + 0.5 * f64::from(share) / f64::from(u32::MAX))
}

/// Connects to `address`, as RESP3 if the server can speak it.
pub(super) async fn connect(
    address: &Address,
    options: &Options,
    login: &Login,
    listener: Option<&Listener>,
) -> Result<Live, Problem> {
    match connect_as(address, options, login, listener, true).await {
        Err(error) if is_too_old(&error) => connect_as(address, options, login, None, false).await,
        connected => connected,
    }
    .map_err(|error| problem(&error, address))
}

/// Whether the server does not know how to speak RESP3.
fn is_too_old(error: &RedisError) -> bool {
    error.kind() == ErrorKind::RESP3NotSupported
        || error
            .detail()
            .is_some_and(|detail| detail.contains("unknown command") && detail.contains("HELLO"))
}

async fn connect_as(
    address: &Address,
    options: &Options,
    login: &Login,
    listener: Option<&Listener>,
    new: bool,
) -> Result<Live, RedisError> {
    let line = Arc::new(Line {
        broken: AtomicBool::new(false),
        pushes: new && listener.is_some(),
        told: Mutex::default(),
    });
    let mut config = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None)
        .set_pipeline_buffer_size(QUEUE);
    if new && let Some(listener) = listener {
        let (listener, line) = (Arc::clone(listener), Arc::clone(&line));
        config = config.set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                line.broken.store(true, Ordering::Release);
            }
            listener(&line, push);
            Ok::<(), ()>(())
        });
    }
    let client = client(address, options, login, new)?;
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    // A name for people; not every server, nor every user, may have one.
    let mut naming = redis::cmd("CLIENT");
    naming.arg("SETNAME").arg(&options.client_name);
    connection.send_packed_command(&naming).await?;
    Ok(Live { connection, line })
}

fn client(
    address: &Address,
    options: &Options,
    login: &Login,
    new: bool,
) -> Result<Client, RedisError> {
    let place = match (address, &options.tls) {
        (Address::Unix(path), _) => ConnectionAddr::Unix(path.clone()),
        (Address::Tcp(host), None) => ConnectionAddr::Tcp(host.name.clone(), host.port),
        (Address::Tcp(host), Some(tls)) => ConnectionAddr::TcpTls {
            host: host.name.clone(),
            port: host.port,
            insecure: tls.insecure,
            tls_params: None,
        },
    };
    let mut settings = RedisConnectionInfo::default()
        .set_db(options.db)
        .set_lib_name("omnicache", env!("CARGO_PKG_VERSION"))
        .set_protocol(if new {
            ProtocolVersion::RESP3
        } else {
            ProtocolVersion::RESP2
        });
    if let Some(user) = &login.user {
        // One that needs no password has an empty one.
        settings = settings.set_username(user).set_password("");
    }
    if let Some(password) = &login.password {
        settings = settings.set_password(password.reveal());
    }
    let info = place
        .into_connection_info()?
        .set_redis_settings(settings)
        .set_tcp_settings(tcp());
    let Some(tls) = &options.tls else {
        return Client::open(info);
    };
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            let text = format!("{}: {error}", path.display());
            RedisError::from((
                ErrorKind::InvalidClientConfig,
                "cannot read a file for TLS",
                text,
            ))
        })
    };
    let client_tls = match (&tls.cert, &tls.key) {
        (Some(cert), Some(key)) => Some(ClientTlsConfig {
            client_cert: read(cert)?,
            client_key: read(key)?,
        }),
        (None, None) => None,
        _ => {
            return Err(RedisError::from((
                ErrorKind::InvalidClientConfig,
                "of cert and key only one is given; give both or none",
            )));
        }
    };
    let root_cert = tls.ca.as_deref().map(read).transpose()?;
    Client::build_with_tls(
        info,
        TlsCertificates {
            client_tls,
            root_cert,
        },
    )
}

fn tcp() -> TcpSettings {
    // A connection that nobody uses, and that is cut off in silence, is noticed before somebody waits for it.
    let keepalive = TcpKeepalive::new().with_time(QUIET).with_interval(QUIET);
    TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(keepalive)
}

/// What the caller is told of `error`. The text of a server, or of the system, has no password in it.
pub(super) fn problem(error: &RedisError, address: &Address) -> Problem {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::AuthenticationFailed => {
            Problem::Refused(format!("{address}: {error}"))
        }
        ErrorKind::InvalidClientConfig | ErrorKind::Client => {
            Problem::Unsupported(error.to_string())
        }
        _ => Problem::Unreachable(format!("{address}: {error}")),
    }
}
