//! What looks at all entries: scanning, counting, clearing, purging. Only names of this cache are ever touched.

use super::change::header;
use super::home::Home;
use super::link::Address;
use super::read::next;
use super::request::Request;
use super::scripts;
use super::server::Server;
use super::slots::text;
use super::store::RedisStore;
use super::tags::{Tags, Verdict};
use crate::far::entry::{Item, Page};
use crate::far::error::{FarError, Problem};
use crate::glob::Glob;
use redis::Value;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;

/// Keys that a server looks at in one step, at least and at most.
const STEP: (usize, usize) = (100, 1000);
/// As much of an entry as nearly always holds its head.
const HEAD: usize = 512;
/// Steps without an entry after which a page is given back all the same, so that others have a turn.
const STEPS: usize = 100;

/// What a store counts: entries on the server, the rest in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Entries that are not over.
    pub entries: u64,
    /// Reads that found a fresh entry.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Records that could not be read.
    pub damaged: u64,
    /// Groups of requests that went to a server, by all stores that share its connections.
    pub trips: u64,
    /// Servers that this process is connected to.
    pub connections: u64,
}

impl RedisStore {
    /// Some entries whose keys begin with `prefix` and match `glob`, behind `cursor`, in no order.
    ///
    /// Entries that are there all the time are found, perhaps twice; those that are written or removed meanwhile may be.
    /// A page may be empty though more follow, and may hold some more than `limit`.
    pub async fn scan(
        &self,
        prefix: &[u8],
        glob: Option<&Glob>,
        cursor: Option<&[u8]>,
        limit: usize,
        now: u64,
    ) -> Result<Page, FarError> {
        let home = self.home("scan")?;
        self.scan_in(home, (prefix, glob), cursor, limit, now)
            .await
            .map_err(|problem| self.error("scan", problem))
    }

    async fn scan_in(
        &self,
        home: &Home,
        (prefix, glob): (&[u8], Option<&Glob>),
        cursor: Option<&[u8]>,
        limit: usize,
        now: u64,
    ) -> Result<Page, Problem> {
        let masters = home.server.masters().await?;
        let (mut node, mut at) = cursor
            .map_or(Some((0, 0)), read_cursor)
            .ok_or_else(|| Problem::Unsupported("that is no cursor of this store".to_owned()))?;
        let pattern = self.names.pattern();
        let mut page = Page::default();
        for _ in 0..STEPS {
            let Some(address) = masters.get(node) else {
                return Ok(page);
            };
            let step = limit.clamp(STEP.0, STEP.1);
            let (next, names) = step_at(home, address, &pattern, at, step).await?;
            let wanted = names.into_iter().filter_map(|name| {
                let key = self.names.key(&name)?;
                let fits = key.starts_with(prefix)
                    && glob.is_none_or(|glob| glob.matches(&String::from_utf8_lossy(&key)));
                fits.then_some((name, key))
            });
            for (_, item, verdict) in self.look_at(home, wanted.collect(), now).await? {
                if let Some((terms, stale)) = verdict.of(item.terms) {
                    page.items.push(Item {
                        terms,
                        stale,
                        ..item
                    });
                }
            }
            at = next;
            if next == 0 {
                node += 1;
            }
            if node >= masters.len() {
                return Ok(page);
            }
            if page.items.len() >= limit {
                break;
            }
        }
        page.next = Some(format!("{node}:{at}").into_bytes());
        Ok(page)
    }

    /// What there is of the entries called so: the head, the item, the verdict.
    async fn look_at(
        &self,
        home: &Home,
        wanted: Vec<(Vec<u8>, Vec<u8>)>,
        now: u64,
    ) -> Result<Vec<(Vec<u8>, Item, Verdict)>, Problem> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let requests = wanted
            .iter()
            .map(|(name, _)| Request::new("GETRANGE", name).arg(0).arg(HEAD - 1));
        let mut replies = home.server.run(requests.collect()).await?.into_iter();
        let mut heads = Vec::with_capacity(wanted.len());
        for (name, key) in wanted {
            let Value::BulkString(mut head) = next(&mut replies)? else {
                continue;
            };
            if head.len() == HEAD && header(&head, &key).is_none() {
                let whole = Request::script(&scripts::HEAD, &[&name]);
                if let Value::BulkString(whole) = home.server.ask(whole).await? {
                    head = whole;
                }
            }
            if header(&head, &key).is_some() {
                heads.push((key, head));
            } else if !head.is_empty() {
                home.counters.damaged.fetch_add(1, Relaxed);
            }
        }
        let mut tags = BTreeSet::new();
        for (key, head) in &heads {
            if let Some((_, header)) = header(head, key) {
                tags.extend(header.tags().map(|(tag, _)| tag.to_owned()));
            }
        }
        let tags: Vec<String> = tags.into_iter().collect();
        let known = if tags.is_empty() {
            None
        } else {
            Some(self.ask_tags(home, &tags).await?)
        };
        let mut looked = Vec::with_capacity(heads.len());
        for (key, head) in heads {
            let Some((version, header)) = header(&head, &key) else {
                continue;
            };
            let names: Vec<String> = header.tags().map(|(tag, _)| tag.to_owned()).collect();
            let (present, values) = known.clone().unwrap_or_default();
            let its: Vec<_> = names
                .iter()
                .filter_map(|tag| tags.binary_search(tag).ok())
                .filter_map(|at| values.get(at).cloned())
                .collect();
            let verdict = Tags::judge_by(&header, present, &its, now);
            let item = Item {
                terms: header.terms,
                tags: names,
                version,
                size: header.payload_len,
                stale: false,
                key,
            };
            let length = super::value::NONCE + header_len(&head, &header);
            looked.push((head[..length].to_vec(), item, verdict));
        }
        Ok(looked)
    }

    /// How many entries there are. Looks at every key of the server.
    pub async fn count(&self, now: u64) -> Result<u64, FarError> {
        let home = self.home("count")?;
        let counted = self.count_in(home, now).await;
        counted.map_err(|problem| self.error("count", problem))
    }

    async fn count_in(&self, home: &Home, now: u64) -> Result<u64, Problem> {
        let mut count = 0;
        let mut walk = Walk::new(home, self.names.pattern()).await?;
        while let Some(names) = walk.next(home).await? {
            let looked = self.look_at(home, self.own(names), now).await?;
            count += looked
                .iter()
                .filter(|(_, _, verdict)| *verdict != Verdict::Gone)
                .count() as u64;
        }
        Ok(count)
    }

    /// Removes what is over; how many went. The server removes by itself what has come to its end, but not what carries a
    /// tag that was invalidated.
    pub async fn purge(&self, now: u64) -> Result<u64, FarError> {
        let home = self.home("purge")?;
        let purged = self.purge_in(home, now).await;
        purged.map_err(|problem| self.error("purge", problem))
    }

    async fn purge_in(&self, home: &Home, now: u64) -> Result<u64, Problem> {
        let mut count = 0;
        let mut walk = Walk::new(home, self.names.pattern()).await?;
        while let Some(names) = walk.next(home).await? {
            let looked = self.look_at(home, self.own(names), now).await?;
            let over = looked
                .iter()
                .filter(|(_, _, verdict)| *verdict == Verdict::Gone);
            let requests = over.map(|(head, item, _)| {
                let name = self.names.entry(&item.key);
                Request::script(&scripts::DROP, &[&name]).arg(head)
            });
            for reply in home.run_unless_none(requests.collect()).await? {
                count += u64::from(Server::accept(reply)? == Value::Int(1));
            }
        }
        Ok(count)
    }

    /// Removes everything of this cache, in steps; how many entries there were, such that were over among them. Loads that
    /// are under way will not be stored.
    pub async fn clear(&self) -> Result<u64, FarError> {
        let home = self.home("clear")?;
        let cleared = self.clear_in(home).await;
        cleared.map_err(|problem| self.error("clear", problem))
    }

    async fn clear_in(&self, home: &Home) -> Result<u64, Problem> {
        // First, so that what is still written under a lease is written before the entries are looked for.
        let mut walk = Walk::new(home, self.names.lease_pattern()).await?;
        while let Some(names) = walk.next(home).await? {
            let keys = names.iter().filter_map(|name| self.names.leased(name));
            let requests = keys.map(|key| {
                let name = self.names.entry(&key);
                let lease = self.names.lease(&name);
                Request::script(&scripts::RELEASE, &[&name, &lease])
                    .arg("")
                    .arg(&self.names.channel)
            });
            for reply in home.run_unless_none(requests.collect()).await? {
                Server::accept(reply)?;
            }
        }
        let mut count = 0;
        let mut walk = Walk::new(home, self.names.pattern()).await?;
        while let Some(names) = walk.next(home).await? {
            let own = self.own(names);
            let requests = own.iter().map(|(name, _)| Request::new("UNLINK", name));
            for reply in home.run_unless_none(requests.collect()).await? {
                if let Value::Int(removed) = Server::accept(reply)? {
                    count += removed.cast_unsigned();
                }
            }
            for (name, _) in &own {
                home.wrote(name);
            }
        }
        Ok(count)
    }

    /// What was counted.
    pub async fn stats(&self, now: u64) -> Result<Stats, FarError> {
        let entries = self.count(now).await?;
        let home = self.home("stats")?;
        let counters = &home.counters;
        let links = home.server.links();
        Ok(Stats {
            entries,
            hits: counters.hits.load(Relaxed),
            misses: counters.misses.load(Relaxed),
            damaged: counters.damaged.load(Relaxed),
            trips: home.server.trips.load(Relaxed),
            connections: links.iter().filter(|link| link.live().is_some()).count() as u64,
        })
    }

    /// The names that are entries of this cache, with their keys.
    fn own(&self, names: Vec<Vec<u8>>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let keys = names.into_iter().filter_map(|name| {
            let key = self.names.key(&name)?;
            Some((name, key))
        });
        keys.collect()
    }
}

impl Home {
    async fn run_unless_none(
        &self,
        requests: Vec<Request>,
    ) -> Result<Vec<super::route::Reply>, Problem> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        self.server.run(requests).await
    }
}

/// Bytes of the header that `record` begins with: what is behind the nonce and is no payload.
fn header_len(head: &[u8], header: &crate::far::record::Header<'_>) -> usize {
    let tags: usize = header.tags().map(|(name, _)| name.len() + 10).sum();
    let schema = if header.terms.schema.is_some() { 8 } else { 0 };
    (52 + schema + tags + 8).min(head.len() - super::value::NONCE)
}

/// A walk over the names on all servers that match a pattern.
pub(super) struct Walk {
    masters: Vec<Address>,
    pattern: Vec<u8>,
    node: usize,
    cursor: u64,
}

impl Walk {
    /// At the start.
    pub(super) async fn new(home: &Home, pattern: Vec<u8>) -> Result<Self, Problem> {
        Ok(Self {
            masters: home.server.masters().await?,
            pattern,
            node: 0,
            cursor: 0,
        })
    }

    /// The next names, which may be none, each once; `None` at the end.
    pub(super) async fn next(&mut self, home: &Home) -> Result<Option<Vec<Vec<u8>>>, Problem> {
        let Some(address) = self.masters.get(self.node) else {
            return Ok(None);
        };
        let (next, names) = step_at(home, address, &self.pattern, self.cursor, STEP.1).await?;
        self.cursor = next;
        if next == 0 {
            self.node += 1;
        }
        Ok(Some(names))
    }
}

/// One step of a scan of one server: where to go on, 0 at the end, and what was found, each once.
async fn step_at(
    home: &Home,
    address: &Address,
    pattern: &[u8],
    cursor: u64,
    count: usize,
) -> Result<(u64, Vec<Vec<u8>>), Problem> {
    let mut command = redis::cmd("SCAN");
    command
        .arg(cursor)
        .arg("MATCH")
        .arg(pattern)
        .arg("COUNT")
        .arg(count);
    let answer = home.server.ask_at(address, &command).await?;
    let Some([next, found]) = answer.as_sequence() else {
        return Err(Problem::Refused("the answer to SCAN is none".to_owned()));
    };
    let next = text(next).and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut names: Vec<Vec<u8>> = found
        .as_sequence()
        .unwrap_or_default()
        .iter()
        .filter_map(|name| match name {
            Value::BulkString(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok((next, names))
}

fn read_cursor(cursor: &[u8]) -> Option<(usize, u64)> {
    let (node, at) = std::str::from_utf8(cursor).ok()?.split_once(':')?;
    Some((node.parse().ok()?, at.parse().ok()?))
}
