//! Writing entries: at once where nothing has to hold, else by a script that looks before it writes.

use super::home::Home;
use super::read::next;
use super::request::Request;
use super::scripts;
use super::store::RedisStore;
use super::tags::Present;
use super::value::{Packed, accept, lifetime, pack};
use crate::far::entry::{Mode, Set, Written};
use crate::far::error::{FarError, Problem};
use redis::Value;

/// How often a write is begun anew because the entry, or the generation of the tags, changed under it.
pub(super) const TRIES: u32 = 100;

impl RedisStore {
    /// Writes an entry.
    ///
    /// With `token` only as long as the lease with that token holds, which then ends, and nobody wrote the entry since it
    /// began. With tags, and unless `generation` says when the value began to be made, whatever was invalidated before
    /// the write is done does not reach it.
    pub async fn set(&self, set: &Set<'_>, now: u64) -> Result<Written, FarError> {
        let home = self.home("set")?;
        accept(set).map_err(|problem| self.error("set", problem))?;
        let written = if set.mode == Mode::Always && set.token.is_none() {
            self.put_many(home, std::slice::from_ref(set), now)
                .await
                .map(|versions| Written::Stored(versions.first().copied().unwrap_or(0)))
        } else {
            self.put_if(home, set, now).await
        };
        written.map_err(|problem| self.error("set", problem))
    }

    /// Writes many entries, in one round trip to each server if they have no conditions; what became of each.
    pub async fn set_many(&self, sets: &[Set<'_>], now: u64) -> Result<Vec<Written>, FarError> {
        let home = self.home("set_many")?;
        for set in sets {
            accept(set).map_err(|problem| self.error("set_many", problem))?;
        }
        let plain = |set: &Set<'_>| set.mode == Mode::Always && set.token.is_none();
        let written = async {
            if sets.iter().all(plain) {
                let versions = self.put_many(home, sets, now).await?;
                return Ok(versions.into_iter().map(Written::Stored).collect());
            }
            let mut all = Vec::with_capacity(sets.len());
            for set in sets {
                all.push(self.put_if(home, set, now).await?);
            }
            Ok(all)
        };
        written
            .await
            .map_err(|problem| self.error("set_many", problem))
    }

    /// Writes entries under no condition; their versions.
    pub(super) async fn put_many(
        &self,
        home: &Home,
        sets: &[Set<'_>],
        now: u64,
    ) -> Result<Vec<u64>, Problem> {
        let watched = sets
            .iter()
            .any(|set| !set.tags.is_empty() && set.generation.is_none());
        let mut generation = if sets.iter().any(|set| !set.tags.is_empty()) {
            self.known_generation(home, now).await?
        } else {
            Present::default()
        };
        let mut packed = Vec::with_capacity(sets.len());
        let mut requests = Vec::with_capacity(sets.len() + 1);
        for set in sets {
            let value = pack(set, made_at(set, generation));
            let name = self.names.entry(set.key);
            requests.push(put(&name, &value.bytes, set, now));
            packed.push((name, value));
        }
        if watched {
            requests.push(self.generation_request());
        }
        let mut replies = home.server.run(requests).await?.into_iter();
        for (name, _) in &packed {
            next(&mut replies)?;
            home.wrote(name);
        }
        let mut versions: Vec<u64> = packed.iter().map(|(_, value)| value.nonce).collect();
        if watched {
            let mut seen = home.saw(&mut replies)?;
            // Whatever was invalidated before the write was done is no concern of what was written.
            for _ in 0..TRIES {
                if seen == generation.generation {
                    break;
                }
                generation = self.begin_generation(home, seen, now).await?;
                seen = self
                    .renew(home, sets, &mut versions, generation, now)
                    .await?;
            }
        }
        Ok(versions)
    }

    /// Writes again, at `generation`, what has tags and is there as it was written; the generation afterwards.
    async fn renew(
        &self,
        home: &Home,
        sets: &[Set<'_>],
        versions: &mut [u64],
        generation: Present,
        now: u64,
    ) -> Result<u64, Problem> {
        let mut requests = Vec::new();
        let mut renewed = Vec::new();
        for (at, set) in sets.iter().enumerate() {
            if set.tags.is_empty() || set.generation.is_some() {
                continue;
            }
            let value = pack(set, generation.generation);
            let name = self.names.entry(set.key);
            let set = Set {
                mode: Mode::Version(versions[at]),
                ..*set
            };
            // It is not judged: only the very write that was just made is replaced.
            let alive = versions[at];
            requests.push(self.put_request(&name, &value, &set, now, Some((alive, true))));
            renewed.push((at, value.nonce));
        }
        requests.push(self.generation_request());
        let mut replies = home.server.run(requests).await?.into_iter();
        for (at, nonce) in renewed {
            if next(&mut replies)? == Value::Int(1) {
                versions[at] = nonce;
            }
        }
        home.saw(&mut replies)
    }

    /// Writes an entry if its conditions hold.
    async fn put_if(&self, home: &Home, set: &Set<'_>, now: u64) -> Result<Written, Problem> {
        let name = self.names.entry(set.key);
        let mut judged = None;
        for _ in 0..TRIES {
            let generation = if set.tags.is_empty() {
                Present::default()
            } else {
                self.known_generation(home, now).await?
            };
            let value = pack(set, made_at(set, generation));
            let watched = !set.tags.is_empty() && set.generation.is_none();
            let mut requests = vec![self.put_request(&name, &value, set, now, judged)];
            if watched {
                requests.push(self.generation_request());
            }
            let mut replies = home.server.run(requests).await?.into_iter();
            match next(&mut replies)? {
                Value::Int(0) => return Ok(Written::Refused),
                Value::Int(2) => judged = self.judge_entry(home, set.key, now).await?,
                _ => {
                    home.wrote(&name);
                    let mut versions = [value.nonce];
                    if watched {
                        let mut before = generation.generation;
                        let mut seen = home.saw(&mut replies)?;
                        for _ in 0..TRIES {
                            if seen == before {
                                break;
                            }
                            let present = self.begin_generation(home, seen, now).await?;
                            before = present.generation;
                            let sets = std::slice::from_ref(set);
                            seen = self.renew(home, sets, &mut versions, present, now).await?;
                        }
                    }
                    return Ok(Written::Stored(versions[0]));
                }
            }
        }
        Err(busy())
    }

    /// Whether the entry of `key`, which has tags, is alive, and its version; `None` if it is not there any more.
    async fn judge_entry(
        &self,
        home: &Home,
        key: &[u8],
        now: u64,
    ) -> Result<Option<(u64, bool)>, Problem> {
        let name = self.names.entry(key);
        let value = home
            .server
            .ask(Request::script(&scripts::HEAD, &[&name]))
            .await?;
        let Value::BulkString(head) = value else {
            return Ok(None);
        };
        let Some((version, header)) = super::change::header(&head, key) else {
            return Ok(super::value::split(&head).map(|(version, _)| (version, false)));
        };
        let verdict = self.judge(home, &header, None, now).await?;
        Ok(Some((version, verdict != super::tags::Verdict::Gone)))
    }

    /// The request that writes an entry under conditions. `judged` is the version of an entry that has tags, and whether it
    /// is alive.
    fn put_request(
        &self,
        name: &[u8],
        value: &Packed,
        set: &Set<'_>,
        now: u64,
        judged: Option<(u64, bool)>,
    ) -> Request {
        let (mode, version) = match set.mode {
            Mode::Always => ("always", None),
            Mode::Add => ("add", None),
            Mode::Replace => ("replace", None),
            Mode::Version(version) => ("version", Some(version)),
        };
        let bytes =
            |number: Option<u64>| number.map_or(Vec::new(), |number| number.to_le_bytes().to_vec());
        let alive = judged
            .filter(|(_, alive)| *alive)
            .map(|(version, _)| version);
        let dead = judged
            .filter(|(_, alive)| !*alive)
            .map(|(version, _)| version);
        Request::script(&scripts::PUT, &[name, &self.names.lease(name)])
            .arg(&value.bytes)
            .arg(lifetime(set.terms.expires, now))
            .arg(mode)
            .arg(bytes(version))
            .arg(bytes(set.token))
            .arg(now >> 32)
            .arg(now & 0xffff_ffff)
            .arg(bytes(alive))
            .arg(bytes(dead))
            .arg(&self.names.channel)
    }

    /// The generation as far as it is known here, asked for or begun if it is not.
    pub(super) async fn known_generation(&self, home: &Home, now: u64) -> Result<Present, Problem> {
        home.tags.note_use();
        self.begin_generation(home, home.tags.last(), now).await
    }

    /// The generation where `seen` was seen; begun if there is none.
    pub(super) async fn begin_generation(
        &self,
        home: &Home,
        seen: u64,
        now: u64,
    ) -> Result<Present, Problem> {
        if seen != 0 && home.tags.first() != 0 {
            return Ok(Present {
                generation: seen,
                floor: 0,
                first: home.tags.first(),
            });
        }
        let request =
            Request::script(&scripts::BEGIN, &[self.names.tags.as_bytes()]).arg(now / 1000);
        let Value::Array(values) = home.server.ask(request).await? else {
            return Err(Problem::Refused(
                "what is kept of tags is no hash".to_owned(),
            ));
        };
        let present = Present::read(&values);
        home.tags.begin(present);
        Ok(present)
    }
}

/// The generation that an entry is written with, where the present one is known.
fn made_at(set: &Set<'_>, present: Present) -> u64 {
    match set.generation {
        // It began to be made before there was any: all that was invalidated since is younger than the first.
        Some(0) => present.first,
        Some(generation) => generation,
        None => present.generation,
    }
}

fn put(name: &[u8], value: &[u8], set: &Set<'_>, now: u64) -> Request {
    let request = Request::new("SET", name).arg(value);
    let lifetime = lifetime(set.terms.expires, now);
    if lifetime.is_empty() {
        request
    } else {
        request.arg("PX").arg(lifetime)
    }
}

/// Others changed the same all the time.
pub(super) fn busy() -> Problem {
    Problem::Busy("others kept changing the same entry".to_owned())
}
