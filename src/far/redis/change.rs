//! Removing entries, moving their ends, invalidating them: what there was is judged by its header.

use super::home::Home;
use super::news::News;
use super::read::{Found, next};
use super::request::Request;
use super::scripts;
use super::store::RedisStore;
use super::tags::{self, Verdict};
use super::value::{accept_tags, lifetime, split};
use super::write::{TRIES, busy};
use crate::far::Stored;
use crate::far::error::{FarError, Problem};
use crate::far::record::{Flags, Header, Terms};
use redis::Value;

impl RedisStore {
    /// Removes an entry; whether there was one. A load of the key that is under way will not be stored.
    pub async fn delete(&self, key: &[u8], now: u64) -> Result<bool, FarError> {
        let home = self.home("delete")?;
        let removed = self.remove(home, &[key], now).await;
        removed
            .map(|count| count > 0)
            .map_err(|problem| self.error("delete", problem))
    }

    /// As [`RedisStore::delete`] of many keys, in one round trip to each server; how many there were.
    pub async fn delete_many(&self, keys: &[&[u8]], now: u64) -> Result<u64, FarError> {
        let home = self.home("delete_many")?;
        let removed = self.remove(home, keys, now).await;
        removed.map_err(|problem| self.error("delete_many", problem))
    }

    async fn remove(&self, home: &Home, keys: &[&[u8]], now: u64) -> Result<u64, Problem> {
        let (names, heads, generation) = self.heads(home, &scripts::REMOVE, keys).await?;
        let mut count = 0;
        for ((key, name), head) in keys.iter().zip(&names).zip(&heads) {
            let Some(head) = head else {
                continue;
            };
            home.wrote(name);
            if let Some((_, header)) = header(head, key) {
                let verdict = self.judge(home, &header, generation, now).await?;
                count += u64::from(verdict != Verdict::Gone);
            }
        }
        Ok(count)
    }

    /// The heads of the entries of `keys`, as `script` gives them, and the generation of the tags if there are any.
    async fn heads(
        &self,
        home: &Home,
        script: &'static redis::Script,
        keys: &[&[u8]],
    ) -> Result<(Vec<Vec<u8>>, Vec<Option<Vec<u8>>>, Option<u64>), Problem> {
        let names: Vec<_> = keys.iter().map(|key| self.names.entry(key)).collect();
        let mut requests: Vec<_> = names.iter().map(|name| self.about(script, name)).collect();
        let asks = home.tags.used();
        if asks {
            requests.push(self.generation_request());
        }
        let mut replies = home.server.run(requests).await?.into_iter();
        let mut heads = Vec::with_capacity(names.len());
        for _ in &names {
            heads.push(match next(&mut replies)? {
                Value::BulkString(head) if !head.is_empty() => Some(head),
                _ => None,
            });
        }
        let generation = if asks {
            Some(home.saw(&mut replies)?)
        } else {
            None
        };
        Ok((names, heads, generation))
    }

    /// A call of a script about an entry and its lease.
    pub(super) fn about(&self, script: &'static redis::Script, name: &[u8]) -> Request {
        let lease = self.names.lease(name);
        Request::script(script, &[name, &lease]).arg(&self.names.channel)
    }

    /// Removes an entry and returns it; `None` if there was none.
    pub async fn take(&self, key: &[u8], now: u64) -> Result<Option<Stored>, FarError> {
        let home = self.home("take")?;
        let taken = self.take_from(home, key, now).await;
        taken
            .map(|found| home.count(found))
            .map_err(|problem| self.error("take", problem))
    }

    async fn take_from(&self, home: &Home, key: &[u8], now: u64) -> Result<Found, Problem> {
        let name = self.names.entry(key);
        // Sent again it would find nothing, and what was taken would be lost without an error.
        let request = self.about(&scripts::TAKE, &name).once();
        let value = home.server.ask(request).await?;
        home.wrote(&name);
        self.open_value(home, key, &value, None, now).await
    }

    /// Gives an entry another end; whether there was one. What was softly invalidated, itself or by a tag, is not any more.
    pub async fn touch(
        &self,
        key: &[u8],
        fresh_until: u64,
        expires: u64,
        now: u64,
    ) -> Result<bool, FarError> {
        let home = self.home("touch")?;
        let touched = self.touch_in(home, key, (fresh_until, expires), now).await;
        touched.map_err(|problem| self.error("touch", problem))
    }

    async fn touch_in(
        &self,
        home: &Home,
        key: &[u8],
        (fresh_until, expires): (u64, u64),
        now: u64,
    ) -> Result<bool, Problem> {
        for _ in 0..TRIES {
            let (names, heads, generation) = self.heads(home, &scripts::HEAD, &[key]).await?;
            let (Some(name), Some(Some(head))) = (names.first(), heads.first()) else {
                return Ok(false);
            };
            let Some((_, header)) = header(head, key) else {
                return Ok(false);
            };
            if self.judge(home, &header, generation, now).await? == Verdict::Gone {
                return Ok(false);
            }
            let terms = Terms {
                fresh_until,
                expires,
                flags: header.terms.flags.without(Flags::SOFT),
                ..header.terms
            };
            let renewed = if header.has_tags() {
                Some(self.known_generation(home, now).await?.generation)
            } else {
                None
            };
            let written = header.rewrite(&terms, renewed, key);
            let mut requests = vec![rewriting(name, head, &written, expires, now)];
            if renewed.is_some() {
                requests.push(self.generation_request());
            }
            let mut replies = home.server.run(requests).await?.into_iter();
            let done = next(&mut replies)? == Value::Int(1);
            // What was invalidated before this is done is renewed by it.
            let current = match renewed {
                Some(renewed) => home.saw(&mut replies)? == renewed,
                None => true,
            };
            if done {
                home.wrote(name);
                if current {
                    return Ok(true);
                }
            }
        }
        Err(busy())
    }

    /// Makes entries stale, or gone if `hard` or if they are not kept past their time; how many there were. Loads of the
    /// keys that are under way will not be stored.
    pub async fn invalidate(&self, keys: &[&[u8]], hard: bool, now: u64) -> Result<u64, FarError> {
        let home = self.home("invalidate")?;
        let done = if hard {
            self.remove(home, keys, now).await
        } else {
            self.make_stale(home, keys, now).await
        };
        done.map_err(|problem| self.error("invalidate", problem))
    }

    async fn make_stale(&self, home: &Home, keys: &[&[u8]], now: u64) -> Result<u64, Problem> {
        let mut keys = keys.to_vec();
        let mut count = 0;
        for _ in 0..TRIES {
            let (names, heads, generation) = self.heads(home, &scripts::STOP, &keys).await?;
            let mut requests = Vec::new();
            let mut changing = Vec::new();
            for ((key, name), head) in keys.iter().zip(&names).zip(&heads) {
                let Some(head) = head else {
                    continue;
                };
                let Some((_, header)) = header(head, key) else {
                    continue;
                };
                if self.judge(home, &header, generation, now).await? == Verdict::Gone {
                    continue;
                }
                let terms = header.terms;
                requests.push(if terms.has_window() {
                    let terms = Terms {
                        fresh_until: terms.fresh_until.min(now),
                        flags: terms.flags.with(Flags::SOFT),
                        ..terms
                    };
                    let written = header.rewrite(&terms, None, key);
                    rewriting(name, head, &written, terms.expires, now)
                } else {
                    Request::script(&scripts::DROP, &[name]).arg(head)
                });
                changing.push((*key, name));
            }
            if requests.is_empty() {
                return Ok(count);
            }
            let mut replies = home.server.run(requests).await?.into_iter();
            keys.clear();
            for (key, name) in changing {
                if next(&mut replies)? == Value::Int(1) {
                    home.wrote(name);
                    count += 1;
                } else {
                    keys.push(key);
                }
            }
            if keys.is_empty() {
                return Ok(count);
            }
        }
        Err(busy())
    }

    /// Makes whatever carries one of `tags` stale, or gone as [`RedisStore::invalidate`] does, however much that is.
    pub async fn invalidate_tags(
        &self,
        tags: &[String],
        hard: bool,
        now: u64,
    ) -> Result<(), FarError> {
        let home = self.home("invalidate_tags")?;
        let done = async {
            accept_tags(tags)?;
            if tags.is_empty() {
                return Ok(());
            }
            home.tags.note_use();
            let message = News::tags(home.mark, hard, tags);
            let mut request = Request::script(&scripts::INVALIDATE, &[self.names.tags.as_bytes()])
                .arg(&self.names.channel)
                .arg(message)
                .arg(u8::from(hard))
                .arg(now)
                .arg(now / 1000);
            for tag in tags {
                request = request.arg(tag);
            }
            let answer = home.server.ask(request).await?;
            if let Some([generation, count]) = answer.as_sequence() {
                home.tags.saw(tags::generation(generation));
                if let Value::Int(count) = count
                    && *count > REMEMBERED
                {
                    self.forget_tags(home).await?;
                }
            }
            Ok(())
        };
        done.await
            .map_err(|problem| self.error("invalidate_tags", problem))
    }

    /// Forgets the half of the tags that was not invalidated for longest, and the entries that could carry them with it.
    async fn forget_tags(&self, home: &Home) -> Result<(), Problem> {
        let mut known = Vec::new();
        let mut cursor = b"0".to_vec();
        loop {
            let request = Request::new("HSCAN", self.names.tags.as_bytes())
                .arg(&cursor)
                .arg("MATCH")
                .arg("t*")
                .arg("COUNT")
                .arg(1000);
            let answer = home.server.ask(request).await?;
            let Some([Value::BulkString(next), pairs]) = answer.as_sequence() else {
                return Ok(());
            };
            for pair in pairs.as_sequence().unwrap_or_default().chunks(2) {
                if let [Value::BulkString(field), value] = pair
                    && let Some(soft) = tags::soft(value)
                {
                    known.push((soft, field.clone()));
                }
            }
            if next == b"0" {
                break;
            }
            cursor.clone_from(next);
        }
        let half = known.len() / 2;
        if half == 0 {
            return Ok(());
        }
        known.select_nth_unstable(half);
        let floor = known[..half]
            .iter()
            .map(|(soft, _)| *soft)
            .max()
            .unwrap_or(0);
        for some in known[..half].chunks(1000) {
            let mut request =
                Request::script(&scripts::FORGET, &[self.names.tags.as_bytes()]).arg(floor);
            for (_, field) in some {
                request = request.arg(field);
            }
            home.server.ask(request).await?;
        }
        Ok(())
    }
}

/// So many tags are remembered by the server; then the older half is forgotten.
const REMEMBERED: i64 = 65_536;

fn rewriting(name: &[u8], head: &[u8], written: &[u8], expires: u64, now: u64) -> Request {
    Request::script(&scripts::REWRITE, &[name])
        .arg(head)
        .arg(written)
        .arg(lifetime(expires, now))
}

/// The version and the header in the head of an entry; `None` if it cannot be read.
pub(super) fn header<'a>(head: &'a [u8], key: &[u8]) -> Option<(u64, Header<'a>)> {
    let (version, record) = split(head)?;
    let (header, _) = Header::parse(record, key).ok()?;
    Some((version, header))
}
