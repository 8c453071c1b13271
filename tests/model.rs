//! The shard against a naive reference: every strategy, every kind of entry, every operation, time moved by hand.

use omnicache::clock::{Clock, NEVER};
use omnicache::entry::{Gone, Life, NORMAL};
use omnicache::policy::Kind;
use omnicache::shard::{Found, Limits, Mode, Put, Shard, Terms};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MS: u64 = 1_000_000;

#[derive(Clone, Debug)]
enum Op {
    Get(u8),
    Set {
        key: u8,
        ttl: Option<u16>,
        idle: Option<u16>,
        stale: u16,
        early: Option<u16>,
        priority: u8,
        tag: Option<u8>,
        weight: u8,
        mode: u8,
    },
    Delete(u8),
    Touch(u8, u16),
    Invalidate(u8),
    Claim(u8),
    Rearm(u8, u16),
    Tag {
        tag: u8,
        hard: bool,
    },
    Wait(u16),
    Settle,
    Switch(u8, u8),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0u8..24;
    prop_oneof![
        8 => key.clone().prop_map(Op::Get),
        8 => (
            key.clone(), prop::option::weighted(0.3, 1u16..400), prop::option::weighted(0.2, 1u16..400),
            (prop_oneof![3 => Just(0u16), 1 => 1u16..400], prop::option::weighted(0.2, 0u16..300)),
            prop_oneof![4 => Just(50u8), 1 => 0u8..=100], prop::option::weighted(0.3, 0u8..3), 1u8..50,
            prop_oneof![4 => Just(0u8), 1 => 1u8..=4],
        ).prop_map(|(key, ttl, idle, (stale, early), priority, tag, weight, mode)|
            Op::Set { key, ttl, idle, stale, early, priority, tag, weight, mode }),
        2 => key.clone().prop_map(Op::Delete),
        1 => (key.clone(), 1u16..400).prop_map(|(k, t)| Op::Touch(k, t)),
        1 => key.clone().prop_map(Op::Invalidate),
        1 => key.clone().prop_map(Op::Claim),
        1 => (key, 0u16..300).prop_map(|(k, t)| Op::Rearm(k, t)),
        1 => (0u8..3, any::<bool>()).prop_map(|(tag, hard)| Op::Tag { tag, hard }),
        4 => (1u16..300).prop_map(Op::Wait),
        1 => Just(Op::Settle),
        1 => (0u8..6, 0u8..12).prop_map(|(k, n)| Op::Switch(k, n)),
        1 => Just(Op::Clear),
    ]
}

/// What the reference knows of an entry: enough to say whether it may be served.
#[derive(Clone, Debug)]
struct Known {
    value: u32,
    fresh: u64,
    gone: u64,
    idle: u64,
    idle_end: u64,
    stale: u64,
    /// How long after a write it asks for a refresh, and from which moment on it does.
    early_after: u64,
    early: u64,
    /// It has something beside key and value.
    extra: bool,
    tag: Option<u8>,
}

impl Known {
    fn is_fresh(&self, now: u64) -> bool {
        now < self.fresh && now < self.gone && now < self.idle_end
    }
    fn is_kept(&self, now: u64) -> bool {
        now < self.gone && now < self.idle_end
    }
}

fn kind(number: u8) -> Kind {
    [
        Kind::Lru,
        Kind::Lfu { ageing: false },
        Kind::Lfu { ageing: true },
        Kind::Ttl,
        Kind::Size,
        Kind::TinyLfu,
    ][usize::from(number) % 6]
}

fn nanos(ms: Option<u16>) -> u64 {
    ms.map_or(NEVER, |ms| u64::from(ms) * MS)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn shard_agrees_with_the_reference(
        first in 0u8..6,
        max in prop::option::of(1u32..12),
        max_bytes in prop::option::weighted(0.3, 60u64..300),
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let hand = Arc::new(AtomicU64::new(1_000_000 * MS));
        let clock = Clock::Manual(Arc::clone(&hand));
        let mut limits = Limits { entries: max, bytes: max_bytes };
        let mut shard: Shard<(u8, u32), u32> = Shard::new(kind(first), limits, clock.now());
        let mut model: HashMap<u8, Known> = HashMap::new();
        let mut serial = 0;
        for op in ops {
            let now = clock.now();
            let mut gone: Gone<(u8, u32), u32> = Gone::new();
            // Few hashes, so that collisions happen.
            let hash = |key: u8| u32::from(key % 5).wrapping_mul(0x9E37_79B9);
            match op {
                Op::Get(key) => {
                    let found = shard.get(hash(key), |k| k.0 == key, &clock, |v| *v, &mut gone, || ());
                    let known = model.get_mut(&key);
                    match (found, known) {
                        (Found::Fresh(value), Some(known)) => {
                            prop_assert_eq!(value, known.value);
                            prop_assert!(known.is_fresh(now), "served {known:?} at {now}");
                            prop_assert!(now < known.early, "{known:?} asked for a refresh at {now}");
                            if known.idle != NEVER { known.idle_end = now + known.idle; }
                        }
                        (Found::Early(value), Some(known)) => {
                            prop_assert_eq!(value, known.value);
                            prop_assert!(known.is_fresh(now) && now >= known.early);
                            if known.idle != NEVER { known.idle_end = now + known.idle; }
                        }
                        (Found::Stale(value), Some(known)) => {
                            prop_assert_eq!(value, known.value);
                            prop_assert!(!known.is_fresh(now) && known.is_kept(now));
                        }
                        (Found::Missing, None) => {}
                        (Found::Missing, Some(known)) => prop_assert!(!known.is_kept(now), "lost {known:?} at {now}"),
                        (found, None) => prop_assert!(false, "{found:?} out of nothing"),
                    }
                }
                Op::Set { key, ttl, idle, stale, early, priority, tag, weight, mode } => {
                    serial += 1;
                    let tags: Vec<Box<str>> = tag.iter().map(|t| t.to_string().into()).collect();
                    let early = nanos(early);
                    let life = Life { ttl: nanos(ttl), idle: nanos(idle), stale: u64::from(stale) * MS, early };
                    let terms = Terms {
                        life,
                        priority: if priority == 50 { NORMAL } else { f32::from(priority) / 100.0 },
                        tags: &tags,
                        weight: if limits.bytes.is_some() { u64::from(weight) } else { 0 },
                    };
                    let sight = shard.sight(hash(key), |k| k.0 == key, now, |value, sight| (*value, sight));
                    prop_assert_eq!(sight.map(|seen| seen.0), model.get(&key).filter(|k| k.is_kept(now)).map(|k| k.value));
                    let version = sight.map(|(_, sight)| sight.version);
                    let modes = [Mode::Always, Mode::Add, Mode::Replace, Mode::Unchanged(version), Mode::Unchanged(None)];
                    let mode = modes[usize::from(mode)];
                    let kept = sight.is_some();
                    let there = model.get(&key).is_some_and(|known| known.is_fresh(now));
                    // The short way of a plain overwrite, where it is open, must come to the same.
                    let plain = tags.is_empty() && priority == 50;
                    if plain && mode == Mode::Always && serial % 2 == 0
                        && let Ok(old) = shard.exchange(hash(key), |k| k.0 == key, serial, life, now)
                    {
                        prop_assert_eq!(model.get(&key).map(|known| known.value), Some(old));
                        let known = model.get_mut(&key).unwrap();
                        (known.value, known.fresh, known.stale) = (serial, now.saturating_add(life.ttl), life.stale);
                        known.gone = known.fresh.saturating_add(life.stale);
                        (known.early_after, known.early) = (life.early, now.saturating_add(life.early));
                        shard.validate();
                        continue;
                    }
                    let put = Put { key: (key, serial), value: serial, hash: hash(key), terms, mode };
                    let stored = shard.put(put, |k| k.0 == key, now);
                    let expected = match mode { Mode::Add => !there, Mode::Replace => there, Mode::Always => true, Mode::Unchanged(version) => version.is_some() || !kept };
                    prop_assert_eq!(stored.stored, expected);
                    if stored.stored {
                        let fresh = now.saturating_add(life.ttl);
                        model.insert(key, Known {
                            value: serial, fresh, gone: fresh.saturating_add(life.stale), idle: life.idle,
                            idle_end: now.saturating_add(life.idle), stale: life.stale, early_after: life.early,
                            early: now.saturating_add(life.early), extra: !(plain && life.is_forever()), tag,
                        });
                    }
                    gone = stored.gone;
                }
                Op::Delete(key) => {
                    let removed = shard.remove(hash(key), |k| k.0 == key, now);
                    let known = model.remove(&key);
                    prop_assert!(removed.is_some() || known.is_none_or(|known| !known.is_kept(now)));
                }
                Op::Touch(key, ttl) => {
                    let there = shard.touch(hash(key), |k| k.0 == key, nanos(Some(ttl)), now, &mut gone);
                    let known = model.get_mut(&key).filter(|known| known.is_fresh(now));
                    prop_assert_eq!(there, known.is_some());
                    if let Some(known) = known {
                        known.fresh = now + nanos(Some(ttl));
                        known.gone = known.fresh + known.stale;
                        known.early = now.saturating_add(known.early_after);
                        known.extra = true;
                        if known.idle != NEVER { known.idle_end = now + known.idle; }
                    }
                }
                Op::Invalidate(key) => {
                    shard.invalidate(hash(key), |k| k.0 == key, now, &mut gone);
                    if let Some(known) = model.get_mut(&key) {
                        if known.is_fresh(now) {
                            known.gone = known.gone.min(now + known.stale);
                            known.early = NEVER;
                        }
                        known.fresh = known.fresh.min(now);
                        if known.stale == 0 { known.gone = 0; }
                    }
                }
                Op::Claim(key) => {
                    let claimed = shard.claim(hash(key), |k| k.0 == key, now);
                    let known = model.get_mut(&key).filter(|known| known.is_fresh(now) && now >= known.early);
                    prop_assert_eq!(claimed, known.is_some());
                    if let Some(known) = known { known.early = NEVER; }
                }
                Op::Rearm(key, after) => {
                    let moment = now + u64::from(after) * MS;
                    shard.rearm(hash(key), |k| k.0 == key, moment);
                    if let Some(known) = model.get_mut(&key).filter(|known| known.extra) { known.early = moment; }
                }
                Op::Tag { tag, hard } => {
                    shard.invalidate_tag(&tag.to_string(), hard, now);
                    for known in model.values_mut().filter(|known| known.tag == Some(tag)) {
                        known.gone = if hard { 0 } else { known.gone.min(now + known.stale) };
                        known.fresh = known.fresh.min(now);
                    }
                }
                Op::Wait(ms) => { hand.fetch_add(u64::from(ms) * MS, Ordering::AcqRel); }
                Op::Settle => {
                    shard.settle(now, &mut gone);
                    let kept = model.values().filter(|known| known.is_kept(now)).count();
                    prop_assert_eq!(shard.len(), kept, "settled shards hold what may be served");
                    let fresh = model.values().filter(|known| known.is_fresh(now)).count();
                    prop_assert_eq!(shard.fresh_len(now), fresh, "and count what is fresh");
                }
                Op::Switch(number, entries) => {
                    let before = shard.len();
                    limits.entries = (entries > 0).then_some(u32::from(entries));
                    shard.reconfigure(kind(number), limits, now, &mut gone);
                    prop_assert_eq!(before, shard.len() + gone.len(), "a switch loses nothing but what is too much");
                }
                Op::Clear => {
                    gone = shard.clear(now);
                    model.clear();
                }
            }
            shard.validate();
            if let Some(max) = limits.entries { prop_assert!(shard.len() <= max as usize); }
            if let Some(max) = limits.bytes { prop_assert!(shard.weight() <= max); }
            // Whatever left and was the present value of its key is not there any more.
            let left: HashSet<u32> = gone.into_iter().map(|removed| removed.value).collect();
            model.retain(|_, known| !left.contains(&known.value));
        }
    }
}
