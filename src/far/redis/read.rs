//! What the store is asked: values, judged by their headers and by the tags that were invalidated.

use super::home::Home;
use super::request::Request;
use super::route::Reply;
use super::server::Server;
use super::store::RedisStore;
use super::tags::{self, Present, Tags, Verdict};
use super::value::split;
use crate::far::Stored;
use crate::far::error::{FarError, Problem};
use crate::far::record::{self, Header};
use redis::Value;
use std::sync::atomic::Ordering::Relaxed;

/// What lies under a key.
pub(super) enum Found {
    /// No entry, or one that is over.
    Nothing,
    /// A record that cannot be read.
    Damaged,
    /// An entry.
    Stored(Stored),
}

/// What there is of an entry, or that this depends on tags that are not known.
pub(super) enum Looked {
    Known(Found),
    Unknown(Vec<String>),
}

impl RedisStore {
    /// The entry of `key`, stale or not.
    pub async fn get(&self, key: &[u8], now: u64) -> Result<Option<Stored>, FarError> {
        let home = self.home("get")?;
        self.get_from(home, key, now)
            .await
            .map(|found| home.count(found))
            .map_err(|problem| self.error("get", problem))
    }

    pub(super) async fn get_from(
        &self,
        home: &Home,
        key: &[u8],
        now: u64,
    ) -> Result<Found, Problem> {
        let name = self.names.entry(key);
        let mut requests = vec![Request::new("GET", &name)];
        let asks = home.tags.used();
        if asks {
            requests.push(self.generation_request());
        }
        let mut replies = home.server.run(requests).await?.into_iter();
        let value = next(&mut replies)?;
        let generation = if asks {
            Some(home.saw(&mut replies)?)
        } else {
            None
        };
        self.open_value(home, key, &value, generation, now).await
    }

    /// What there is under `key`. `generation` is what came with it, if it was asked for.
    pub(super) async fn open_value(
        &self,
        home: &Home,
        key: &[u8],
        value: &Value,
        generation: Option<u64>,
        now: u64,
    ) -> Result<Found, Problem> {
        match home.look(key, value, generation, now) {
            Looked::Known(found) => Ok(found),
            Looked::Unknown(tags) => {
                let (present, known) = self.ask_tags(home, &tags).await?;
                Ok(look_by(key, value, present, &known, now))
            }
        }
    }

    /// The entries of many keys, in their order, in one round trip to each server.
    pub async fn get_many(
        &self,
        keys: &[&[u8]],
        now: u64,
    ) -> Result<Vec<Option<Stored>>, FarError> {
        let home = self.home("get_many")?;
        self.get_many_from(home, keys, now)
            .await
            .map(|all| all.into_iter().map(|found| home.count(found)).collect())
            .map_err(|problem| self.error("get_many", problem))
    }

    async fn get_many_from(
        &self,
        home: &Home,
        keys: &[&[u8]],
        now: u64,
    ) -> Result<Vec<Found>, Problem> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<_> = keys.iter().map(|key| self.names.entry(key)).collect();
        let together = !home.server.is_cluster();
        let mut requests = if together {
            let first = Request::new("MGET", &names[0]);
            vec![names[1..].iter().fold(first, Request::arg)]
        } else {
            names.iter().map(|name| Request::new("GET", name)).collect()
        };
        let asks = home.tags.used();
        if asks {
            requests.push(self.generation_request());
        }
        let mut replies = home.server.run(requests).await?.into_iter();
        let values = if together {
            match next(&mut replies)? {
                Value::Array(values) => values,
                _ => Vec::new(),
            }
        } else {
            let mut values = Vec::with_capacity(keys.len());
            for _ in keys {
                values.push(next(&mut replies)?);
            }
            values
        };
        let generation = if asks {
            Some(home.saw(&mut replies)?)
        } else {
            None
        };
        let looks: Vec<_> = keys
            .iter()
            .zip(&values)
            .map(|(key, value)| home.look(key, value, generation, now))
            .collect();
        let mut unknown: Vec<String> = looks
            .iter()
            .flat_map(|look| match look {
                Looked::Unknown(tags) => &tags[..],
                Looked::Known(_) => &[],
            })
            .cloned()
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        let (present, known) = if unknown.is_empty() {
            (Present::default(), Vec::new())
        } else {
            self.ask_tags(home, &unknown).await?
        };
        let looked = keys.iter().zip(&values).zip(looks);
        Ok(looked
            .map(|((key, value), look)| match look {
                Looked::Known(found) => found,
                Looked::Unknown(tags) => {
                    let its: Vec<_> = tags
                        .iter()
                        .filter_map(|tag| unknown.binary_search(tag).ok())
                        .filter_map(|at| known.get(at).cloned())
                        .collect();
                    look_by(key, value, present, &its, now)
                }
            })
            .collect())
    }

    /// Asks for the generation of the tags.
    pub(super) fn generation_request(&self) -> Request {
        Request::new("HGET", self.names.tags.as_bytes()).arg("g")
    }

    /// What the server knows of these tags now.
    pub(super) async fn ask_tags(
        &self,
        home: &Home,
        tags: &[String],
    ) -> Result<(Present, Vec<Value>), Problem> {
        let mut request = Request::new("HMGET", self.names.tags.as_bytes())
            .arg("g")
            .arg("f")
            .arg("b");
        for tag in tags {
            request = request.arg(tags::field(tag));
        }
        let Value::Array(mut values) = home.server.ask(request).await? else {
            return Err(Problem::Refused(
                "what is kept of tags is no hash".to_owned(),
            ));
        };
        let known = values.split_off(3.min(values.len()));
        let present = Present::read(&values);
        home.tags.note_use();
        home.tags.learn(tags, &known, present);
        Ok((present, known))
    }

    /// What there is at `now` of the entry with this header. `generation` is what came with it, if it was asked for.
    pub(super) async fn judge(
        &self,
        home: &Home,
        header: &Header<'_>,
        generation: Option<u64>,
        now: u64,
    ) -> Result<Verdict, Problem> {
        if let Some(verdict) = home.tags.judge(header, generation, now) {
            return Ok(verdict);
        }
        let tags: Vec<String> = header.tags().map(|(tag, _)| tag.to_owned()).collect();
        let (present, known) = self.ask_tags(home, &tags).await?;
        Ok(Tags::judge_by(header, present, &known, now))
    }

    /// The generation of the tags: what is made from now on is invalidated by what comes after it. 0 before there is any.
    pub async fn generation(&self) -> Result<u64, FarError> {
        let home = self.home("generation")?;
        let asked = home.server.ask(self.generation_request()).await;
        let asked = asked.map_err(|problem| self.error("generation", problem))?;
        let generation = tags::generation(&asked);
        home.tags.saw(generation);
        Ok(generation)
    }
}

impl Home {
    /// The generation in the next reply.
    pub(super) fn saw(&self, replies: &mut impl Iterator<Item = Reply>) -> Result<u64, Problem> {
        let generation = tags::generation(&next(replies)?);
        self.tags.saw(generation);
        Ok(generation)
    }

    /// What there is under `key`, as far as this process knows.
    pub(super) fn look(
        &self,
        key: &[u8],
        value: &Value,
        generation: Option<u64>,
        now: u64,
    ) -> Looked {
        let Value::BulkString(bytes) = value else {
            return Looked::Known(Found::Nothing);
        };
        let Some((version, record)) = split(bytes) else {
            return Looked::Known(Found::Damaged);
        };
        let Ok((header, payload)) = record::open(record, key) else {
            return Looked::Known(Found::Damaged);
        };
        if header.has_tags() {
            self.tags.note_use();
        }
        match self.tags.judge(&header, generation, now) {
            Some(verdict) => Looked::Known(found(&header, version, payload, verdict)),
            None => Looked::Unknown(header.tags().map(|(tag, _)| tag.to_owned()).collect()),
        }
    }

    /// The entry, counted as read.
    pub(super) fn count(&self, found: Found) -> Option<Stored> {
        let counters = &self.counters;
        match found {
            Found::Stored(stored) => {
                let count = if stored.stale {
                    &counters.misses
                } else {
                    &counters.hits
                };
                count.fetch_add(1, Relaxed);
                Some(stored)
            }
            Found::Nothing => {
                counters.misses.fetch_add(1, Relaxed);
                None
            }
            Found::Damaged => {
                counters.misses.fetch_add(1, Relaxed);
                counters.damaged.fetch_add(1, Relaxed);
                None
            }
        }
    }
}

/// The answer in the next reply.
pub(super) fn next(replies: &mut impl Iterator<Item = Reply>) -> Result<Value, Problem> {
    Server::accept(replies.next().unwrap_or(Ok(Value::Nil)))
}

/// What there is under `key`, where all is known of its tags.
fn look_by(key: &[u8], value: &Value, present: Present, known: &[Value], now: u64) -> Found {
    let Value::BulkString(bytes) = value else {
        return Found::Nothing;
    };
    let Some((version, record)) = split(bytes) else {
        return Found::Damaged;
    };
    match record::open(record, key) {
        Ok((header, payload)) => {
            let verdict = Tags::judge_by(&header, present, known, now);
            found(&header, version, payload, verdict)
        }
        Err(_) => Found::Damaged,
    }
}

fn found(header: &Header<'_>, version: u64, payload: &[u8], verdict: Verdict) -> Found {
    let Some((terms, stale)) = verdict.of(header.terms) else {
        return Found::Nothing;
    };
    Found::Stored(Stored {
        terms,
        tags: header.tags().map(|(tag, _)| tag.to_owned()).collect(),
        version,
        stale,
        payload: payload.to_vec(),
    })
}
