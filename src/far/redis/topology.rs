//! Which servers there are, and who has a key: one server, the one that sentinels name, or those of a cluster.

use super::link::{Address, Live, connect};
use super::options::{Host, Login, Options, Target};
use super::slots::{Slots, slot, text};
use crate::far::error::Problem;
use redis::Value;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What is known of who has what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Map {
    /// Nothing yet, or nothing any more.
    Unknown,
    /// One server has everything.
    One(Address),
    /// Those of a cluster share it.
    Slots(Arc<Slots>),
}

impl Map {
    /// What is known without asking.
    pub(super) fn of(target: &Target) -> Self {
        match target {
            Target::Single(host) => Self::One(Address::Tcp(host.clone())),
            Target::Unix(path) => Self::One(Address::Unix(path.clone())),
            Target::Sentinel { .. } | Target::Cluster(_) => Self::Unknown,
        }
    }

    /// Who has `slot`.
    pub(super) fn owner(&self, slot: u16) -> Option<Address> {
        match self {
            Self::Unknown => None,
            Self::One(address) => Some(address.clone()),
            Self::Slots(slots) => slots.owner(slot).cloned().map(Address::Tcp),
        }
    }

    /// Whether the server at `address` has the key called `name`.
    pub(super) fn has(&self, name: &[u8], address: &Address) -> bool {
        match (self, address) {
            (Self::One(one), _) => one == address,
            (Self::Slots(slots), Address::Tcp(host)) => slots.owner(slot(name)) == Some(host),
            (Self::Unknown | Self::Slots(_), _) => false,
        }
    }

    /// Whether it may name servers that are replicas by now, whose entries would be seen twice.
    pub(super) fn is_in_doubt(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::One(_) => false,
            Self::Slots(slots) => slots.in_part,
        }
    }

    /// All who have something.
    pub(super) fn masters(&self) -> Vec<Address> {
        match self {
            Self::Unknown => Vec::new(),
            Self::One(address) => vec![address.clone()],
            Self::Slots(slots) => slots.masters.iter().cloned().map(Address::Tcp).collect(),
        }
    }
}

/// Asks who has what. `known` are servers that may be asked besides those of the options.
pub(super) async fn find(options: &Options, known: &[Address]) -> Result<Map, Problem> {
    match &options.target {
        Target::Single(_) | Target::Unix(_) => Ok(Map::of(&options.target)),
        Target::Sentinel {
            sentinels,
            master,
            login,
        } => {
            let all = sentinels.iter().cloned().map(Address::Tcp).collect();
            let options = Arc::new(options.clone());
            let ask = |sentinel| {
                let (options, master, login) =
                    (Arc::clone(&options), master.clone(), login.clone());
                async move { find_master(&options, &sentinel, &master, &login).await }
            };
            first(&options, all, ask).await.map(Map::One)
        }
        Target::Cluster(hosts) => {
            let mut all = known.to_vec();
            for host in hosts.iter().cloned().map(Address::Tcp) {
                if !all.contains(&host) {
                    all.push(host);
                }
            }
            let options = Arc::new(options.clone());
            let ask = |address| {
                let options = Arc::clone(&options);
                async move { ask_slots(&options, &address).await }
            };
            let slots = first(&options, all, ask).await?;
            Ok(Map::Slots(Arc::new(slots)))
        }
    }
}

/// The first good answer by one of `all`, in this order: the next one is asked when one has failed, and beside it when it has
/// kept silent for a while, so that those that hang leave time for the others.
async fn first<T, F>(
    options: &Options,
    all: Vec<Address>,
    ask: impl Fn(Address) -> F,
) -> Result<T, Problem>
where
    T: Send + 'static,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let limit = options.connect_timeout;
    let silent = limit.min(options.timeout) / (2 * all.len().max(1) as u32);
    let mut last = Problem::Unreachable("no server is known that could be asked".to_owned());
    let mut asked = JoinSet::new();
    let mut all = all.into_iter();
    loop {
        if let Some(address) = all.next() {
            let answer = ask(address);
            asked.spawn(async move {
                match tokio::time::timeout(limit, answer).await {
                    Ok(answer) => answer,
                    Err(_) => Err(Problem::TimedOut(limit)),
                }
            });
        }
        let patience = if all.len() > 0 { silent } else { limit * 2 };
        match tokio::time::timeout(patience, asked.join_next()).await {
            Ok(Some(Ok(Ok(found)))) => return Ok(found),
            Ok(Some(Ok(Err(problem)))) => last = problem,
            Ok(Some(Err(error))) => last = Problem::Unreachable(error.to_string()),
            Ok(None) => return Err(last),
            Err(_) => {}
        }
    }
}

async fn ask_slots(options: &Options, address: &Address) -> Result<Slots, Problem> {
    let mut live = connect(address, options, &options.login, None).await?;
    slots_of(&mut live, address).await
}

/// What the server at `address` says of who has which slots.
pub(super) async fn slots_of(live: &mut Live, address: &Address) -> Result<Slots, Problem> {
    let mut command = redis::cmd("CLUSTER");
    command.arg("SLOTS");
    let answer = live.send(&command).await;
    let answer = answer.map_err(|error| super::link::problem(&error, address))?;
    if let Value::ServerError(error) = &answer {
        return Err(Problem::Refused(format!(
            "{address}: {} (is it part of a cluster? For a single server write redis://)",
            error.details().unwrap_or(error.code())
        )));
    }
    let Address::Tcp(asked) = address else {
        return Err(Problem::Unsupported("a cluster on a socket".to_owned()));
    };
    Slots::read(&answer, asked)
        .ok_or_else(|| Problem::Unreachable(format!("{address} does not know who has which keys")))
}

/// The master that a sentinel names, if it is one.
async fn find_master(
    options: &Options,
    sentinel: &Address,
    master: &str,
    login: &Login,
) -> Result<Address, Problem> {
    let plain = Options {
        db: 0,
        ..options.clone()
    };
    let address = Address::Tcp(ask_sentinel(&plain, sentinel, master, login).await?);
    check_role(options, &address).await?;
    Ok(address)
}

async fn ask_sentinel(
    options: &Options,
    sentinel: &Address,
    master: &str,
    login: &Login,
) -> Result<Host, Problem> {
    let mut live = connect(sentinel, options, login, None).await?;
    let mut command = redis::cmd("SENTINEL");
    command.arg("get-master-addr-by-name").arg(master);
    let answer = live.send(&command).await;
    let answer = answer.map_err(|error| super::link::problem(&error, sentinel))?;
    if let Some([name, port]) = answer.as_sequence()
        && let (Some(name), Some(Ok(port))) = (text(name), text(port).map(str::parse))
    {
        return Ok(Host::new(name, port));
    }
    if let Value::ServerError(error) = &answer {
        return Err(Problem::Refused(format!(
            "{sentinel}: {}",
            error.details().unwrap_or(error.code())
        )));
    }
    Err(Problem::Unreachable(format!(
        "the sentinel {sentinel} knows no master called {master:?}"
    )))
}

/// A sentinel may not have noticed yet that a server is no master any more.
async fn check_role(options: &Options, address: &Address) -> Result<(), Problem> {
    let mut live = connect(address, options, &options.login, None).await?;
    let answer = live.send(&redis::cmd("ROLE")).await;
    let answer = answer.map_err(|error| super::link::problem(&error, address))?;
    match answer
        .as_sequence()
        .and_then(<[Value]>::first)
        .and_then(text)
    {
        // Who may not ask finds out when a write is refused.
        Some("master") | None => Ok(()),
        Some(role) => Err(Problem::Unreachable(format!(
            "{address} is a {role}, not the master"
        ))),
    }
}
