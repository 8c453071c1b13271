//! The servers behind one address, as this process uses them: which there are, and the ways to them.

use super::keeper;
use super::link::{Address, Link, Listener, Live};
use super::options::{Options, Target};
use super::process;
use super::stream::Stream;
use super::topology::{self, Map};
use super::watch::Watch;
use crate::far::error::Problem;
use crate::sync::{Mutex, RwLock};
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Weak};
use std::time::Instant;
use tokio::sync::Notify;

/// What the stores of one process that are opened with equal options share.
pub(super) struct Server {
    pub(super) options: Options,
    pub(super) map: RwLock<Map>,
    links: RwLock<HashMap<Address, Arc<Link>>>,
    listener: Listener,
    /// The connections of event loops, and where they lead.
    pub(super) lanes: Mutex<Vec<(Arc<Link>, Weak<Stream>)>>,
    /// By the prefix of their names.
    pub(super) watches: Mutex<HashMap<String, Arc<Watch>>>,
    /// Wakes the keeper: something was asked for, or lost.
    pub(super) keep: Arc<Notify>,
    pub(super) keeping: AtomicBool,
    /// Round trips, and connections made.
    pub(super) trips: AtomicU64,
    finding: tokio::sync::Mutex<Instant>,
}

/// By their options; those nobody uses any more are gone.
type Registry = Mutex<HashMap<Options, Weak<Server>>>;
static SERVERS: process::PerProcess<Registry> = process::PerProcess::new();

/// The server that is reached so, shared with all who reach it so.
pub(super) fn open(options: &Options) -> Result<Arc<Server>, Problem> {
    let servers = SERVERS.get(|| Ok(Mutex::default()))?;
    // A child after a fork finds its own registry, and so no lock of its parent's.
    let mut servers = servers.lock();
    if let Some(server) = servers.get(options).and_then(Weak::upgrade) {
        return Ok(server);
    }
    servers.retain(|_, server| server.strong_count() > 0);
    let server = Server::new(options);
    servers.insert(options.clone(), Arc::downgrade(&server));
    Ok(server)
}

impl Server {
    fn new(options: &Options) -> Arc<Self> {
        Arc::new_cyclic(|me: &Weak<Self>| {
            let me = me.clone();
            let listener: Listener = Arc::new(move |line, push| {
                if let Some(server) = me.upgrade() {
                    keeper::hear(&server, line, push);
                }
            });
            Self {
                options: options.clone(),
                map: RwLock::new(Map::of(&options.target)),
                links: RwLock::default(),
                listener,
                lanes: Mutex::default(),
                watches: Mutex::default(),
                keep: Arc::new(Notify::new()),
                keeping: AtomicBool::new(false),
                trips: AtomicU64::new(0),
                finding: tokio::sync::Mutex::new(Instant::now()),
            }
        })
    }

    /// Whether there is only one server, which nobody but the user replaces.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self.options.target, Target::Single(_) | Target::Unix(_))
    }

    /// Whether several servers share the keys.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.options.target, Target::Cluster(_))
    }

    /// The way to `address`.
    pub(super) fn link(&self, address: &Address) -> Arc<Link> {
        if let Some(link) = self.links.read().get(address) {
            return Arc::clone(link);
        }
        let mut links = self.links.write();
        let link = links
            .entry(address.clone())
            .or_insert_with(|| Arc::new(Link::new(address.clone())));
        Arc::clone(link)
    }

    /// All ways that were used so far.
    pub(super) fn links(&self) -> Vec<Arc<Link>> {
        self.links.read().values().cloned().collect()
    }

    /// Gives up the ways to servers that are none any more.
    pub(super) fn forget_all_but(&self, masters: &[Address]) {
        let gone: Vec<_> = self
            .links
            .write()
            .extract_if(|address, _| !masters.contains(address))
            .collect();
        self.lanes.lock().retain(|(of, stream)| {
            let Some(stream) = stream.upgrade() else {
                return false;
            };
            let goes_on = masters.contains(&of.address);
            if !goes_on {
                stream.end();
            }
            goes_on
        });
        for (_, link) in gone {
            link.cut(&self.listener);
        }
    }

    /// The connection to `address`.
    pub(super) async fn connection(&self, address: &Address) -> Result<Live, Problem> {
        self.link(address)
            .connection(&self.options, &self.listener)
            .await
    }

    /// Finds out who has what, unless somebody did since `since`.
    pub(super) async fn find(&self, since: Instant) -> Result<(), Problem> {
        let mut found = self.finding.lock().await;
        if *found > since {
            return Ok(());
        }
        let known = self.map.read().masters();
        let map = match self.ask_known(&known).await {
            Some(map) => map,
            None => topology::find(&self.options, &known).await?,
        };
        *self.map.write() = map;
        *found = Instant::now();
        Ok(())
    }

    /// What a server of the cluster that this process is connected to says of who has what.
    async fn ask_known(&self, known: &[Address]) -> Option<Map> {
        if !self.is_cluster() {
            return None;
        }
        let mut live = known
            .iter()
            .filter_map(|address| Some((address, self.link(address).live()?)));
        let (address, mut live) = live.next()?;
        let asking = topology::slots_of(&mut live, address);
        let slots = tokio::time::timeout(self.options.connect_timeout, asking).await;
        Some(Map::Slots(Arc::new(slots.ok()?.ok()?)))
    }

    /// Who has `slot`, as far as is known since `asked`: it is found out anew at most once for all who began then.
    pub(super) async fn owner(&self, slot: u16, asked: Instant) -> Result<Address, Problem> {
        let owner = self.map.read().owner(slot);
        if let Some(owner) = owner
            && self.is_certain(&owner)
        {
            return Ok(owner);
        }
        self.find(asked).await?;
        let owner = self.map.read().owner(slot);
        owner.ok_or_else(|| Problem::Unreachable(format!("no server has slot {slot} at present")))
    }

    /// Runs `work` for as long as an operation may take.
    pub(super) async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        match tokio::time::timeout(self.options.timeout, work).await {
            Ok(done) => done,
            Err(_) => Err(Problem::TimedOut(self.options.timeout)),
        }
    }

    /// All servers that have something, always in the same order.
    pub(super) async fn masters(&self) -> Result<Vec<Address>, Problem> {
        let asked = Instant::now();
        let in_doubt = self.map.read().is_in_doubt();
        if in_doubt {
            self.within(self.find(asked)).await?;
        }
        let mut masters = self.map.read().masters();
        masters.sort_unstable();
        Ok(masters)
    }

    /// Makes sure that what is known of who has what is not too old to follow changes.
    pub(super) async fn refresh(&self) -> Result<(), Problem> {
        if !self.is_alone() || matches!(*self.map.read(), Map::Unknown) {
            self.find(Instant::now()).await?;
        }
        Ok(())
    }

    /// Whether the server at `address` can be taken for what it was. A master that sentinels named may be none any more once
    /// its connection is lost, and would answer all the same; one of a cluster says where to ask.
    fn is_certain(&self, address: &Address) -> bool {
        !matches!(self.options.target, Target::Sentinel { .. }) || self.link(address).is_up()
    }
}
