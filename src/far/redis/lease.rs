//! Leases: who of all processes, on all machines, loads a key now, so that the others wait for it.
//!
//! A lease is a key of its own that ends by itself within seconds, unless its holder lives and keeps it. It ends when it is
//! released, when its key is written with its token, invalidated or deleted; whoever waits is told then, and never asks
//! again and again. A write that names a token is refused when that lease has ended, or the entry was written meanwhile.

use super::home::Home;
use super::keeper;
use super::random;
use super::read::next;
use super::request::Request;
use super::scan::Walk;
use super::scripts;
use super::server::Server;
use super::store::{RedisStore, reached};
use super::watch::Level;
use crate::far::entry::{Leased, Owner};
use crate::far::error::{FarError, Problem};
use redis::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a lease outlives its holder, and how often the holder says that it lives.
const TTL: Duration = Duration::from_secs(4);
const BEAT: Duration = Duration::from_secs(1);
/// How long somebody waits who cannot be told.
const BLIND: Duration = Duration::from_millis(50);
/// Bytes of the token and of the nonce before the owner.
const OWNER: usize = 16;

/// The owner as it is written.
fn text(owner: &Owner) -> String {
    format!("{}:{:x}:{}", owner.pid, owner.namespace, owner.number)
}

/// The owner in a lease; one that nobody is if it cannot be read.
fn owner_in(lease: &[u8]) -> Owner {
    let text = lease.get(OWNER..).map(String::from_utf8_lossy);
    let text = text.unwrap_or_default();
    let mut parts = text.split(':');
    let pid = parts.next().and_then(|text| text.parse().ok());
    let namespace = parts.next().map(|text| u64::from_str_radix(text, 16));
    let number = parts.next().and_then(|text| text.parse().ok());
    Owner {
        pid: pid.unwrap_or(0),
        start: 0,
        namespace: namespace.and_then(Result::ok).unwrap_or(0),
        number: number.unwrap_or(0),
    }
}

impl RedisStore {
    /// Asks for the lease of `key`, until `until` at the latest, for whoever in this process goes by `number`. Who has it
    /// already keeps it for longer.
    ///
    /// While it is held, this process keeps it alive; if the process dies, it ends within seconds. Who is told that
    /// somebody else holds it asks [`RedisStore::wait`].
    pub async fn lease(
        &self,
        key: &[u8],
        number: u64,
        until: u64,
        now: u64,
    ) -> Result<Leased, FarError> {
        let home = self.home("lease")?;
        self.ask_lease(home, key, number, until, now)
            .await
            .map_err(|problem| self.error("lease", problem))
    }

    async fn ask_lease(
        &self,
        home: &Home,
        key: &[u8],
        number: u64,
        until: u64,
        now: u64,
    ) -> Result<Leased, Problem> {
        let name = self.names.entry(key);
        let lease = self.names.lease(&name);
        let owner = Owner {
            pid: std::process::id(),
            start: 0,
            namespace: home.mark,
            number,
        };
        let left = Duration::from_nanos(until.saturating_sub(now));
        let token = random::number();
        let request = Request::script(&scripts::LEASE, &[&name, &lease])
            .arg(&token.to_le_bytes())
            .arg(text(&owner))
            .arg(millis(left.min(TTL)));
        let requests = vec![request, self.generation_request()];
        let mut replies = home.server.run(requests).await?.into_iter();
        let answer = next(&mut replies)?;
        let generation = super::tags::generation(&next(&mut replies)?);
        match answer.as_sequence() {
            Some([Value::Int(1), Value::BulkString(token)]) => {
                let token = number_of(token)
                    .ok_or_else(|| Problem::Refused("a lease has no token".to_owned()))?;
                keep(home, token, lease, left)?;
                Ok(Leased::Acquired { token, generation })
            }
            Some([_, Value::BulkString(lease), Value::Int(left)]) => Ok(Leased::Held {
                owner: owner_in(lease),
                until: now.saturating_add(u64::try_from(*left).unwrap_or(0) * 1_000_000),
            }),
            _ => Err(Problem::Refused(
                "an answer about a lease is none".to_owned(),
            )),
        }
    }

    /// Ends the lease of `key` that has this token; whether it held.
    pub async fn release(&self, key: &[u8], token: u64) -> Result<bool, FarError> {
        let home = self.home("release")?;
        home.keep_no_longer(token);
        let name = self.names.entry(key);
        let lease = self.names.lease(&name);
        let request = Request::script(&scripts::RELEASE, &[&name, &lease])
            .arg(&token.to_le_bytes())
            .arg(&self.names.channel);
        let answer = home.server.ask(request).await;
        answer
            .map(|answer| answer == Value::Int(1))
            .map_err(|problem| self.error("release", problem))
    }

    /// Waits until the lease of `key` may have ended, but not longer than `timeout`; whether it may. Then ask again.
    pub async fn wait(&self, key: &[u8], timeout: Duration) -> Result<bool, FarError> {
        let home = self.home("wait")?;
        self.wait_in(home, key, timeout)
            .await
            .map_err(|problem| self.error("wait", problem))
    }

    async fn wait_in(&self, home: &Home, key: &[u8], timeout: Duration) -> Result<bool, Problem> {
        let deadline = Instant::now() + timeout;
        keeper::want(&home.server, &home.watch, Level::News)?;
        let patience = timeout.min(self.options.timeout);
        let told = reached(home, Level::News, false, patience).await;
        let name = self.names.entry(key);
        let waiting = home.watch.wait_for(&name);
        let Some(ended) = waiting.ended() else {
            return Ok(true);
        };
        tokio::pin!(ended);
        // Before the look at the lease, so that its end in between is not missed.
        ended.as_mut().enable();
        let request = Request::new("PTTL", &self.names.lease(&name));
        let left = match home.server.ask(request).await? {
            Value::Int(left) if left >= 0 => Duration::from_millis(left.cast_unsigned() + 1),
            _ => return Ok(true),
        };
        let left = if told { left } else { left.min(BLIND) };
        let until = deadline.saturating_duration_since(Instant::now());
        let woken = tokio::time::timeout(left.min(until), ended).await.is_ok();
        Ok(woken || left <= until)
    }

    /// The keys that somebody, here or elsewhere, has a lease of. Looks at every key of the server.
    pub async fn leased(&self) -> Result<Vec<Vec<u8>>, FarError> {
        let home = self.home("leased")?;
        let walked = async {
            let mut keys = Vec::new();
            let mut walk = Walk::new(home, self.names.lease_pattern()).await?;
            while let Some(names) = walk.next(home).await? {
                keys.extend(names.iter().filter_map(|name| self.names.leased(name)));
            }
            Ok(keys)
        };
        let mut keys = walked
            .await
            .map_err(|problem| self.error("leased", problem))?;
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }
}

impl Home {
    /// The lease with this token ends by itself.
    pub(super) fn keep_no_longer(&self, token: u64) {
        if let Some(held) = self.held.lock().remove(&token) {
            held.abort();
        }
    }
}

fn number_of(bytes: &[u8]) -> Option<u64> {
    bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}

/// What a server takes for a time to live.
fn millis(time: Duration) -> u64 {
    (time.as_millis() as u64).max(1)
}

/// Has the lease live as long as it is held, but no longer than `left`.
fn keep(home: &Home, token: u64, lease: Vec<u8>, left: Duration) -> Result<(), Problem> {
    let mut held = home.held.lock();
    if let Some(before) = held.remove(&token) {
        before.abort();
    }
    if left > TTL {
        let beats = beat(Arc::clone(&home.server), token, lease, left);
        let task = super::process::runtime()?.spawn(beats);
        held.retain(|_, held| !held.is_finished());
        held.insert(token, task.abort_handle());
    }
    Ok(())
}

async fn beat(server: Arc<Server>, token: u64, lease: Vec<u8>, left: Duration) {
    let end = Instant::now() + left;
    loop {
        tokio::time::sleep(BEAT).await;
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let request = Request::script(&scripts::RENEW, &[&lease])
            .arg(&token.to_le_bytes())
            .arg(millis(left.min(TTL)));
        if let Ok(Value::Int(0)) = server.ask(request).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_read_as_it_was_written() {
        let owner = Owner {
            pid: 7,
            start: 0,
            namespace: u64::MAX,
            number: 3,
        };
        let lease = [&[0; OWNER][..], text(&owner).as_bytes()].concat();
        assert_eq!(owner_in(&lease), owner);
        assert_eq!(owner_in(b"").pid, 0);
    }
}
