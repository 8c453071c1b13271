//! W-TinyLFU on made streams: never far below LRU, never far below the best window that stays as it is.
#![allow(clippy::cast_precision_loss)] // counts of requests are far below 2^52

#[allow(dead_code, unreachable_pub)]
#[path = "../benches/eviction/replay.rs"]
mod replay;
#[allow(dead_code, unreachable_pub)]
#[path = "../benches/eviction/synthetic.rs"]
mod synthetic;

use omnicache::policy::{Lfu, Lru, Policy, TinyLfu};
use replay::{Order, Stream};
use synthetic::{Maker, Named};

struct Reached {
    name: String,
    tinylfu: f64,
    lru: f64,
    fixed: f64,
}

fn measure(capacity: u32, streams: Vec<Named>) -> Vec<Reached> {
    let measure = |(name, keys)| {
        let stream = Stream::new(keys);
        let ratio = |policy: &mut dyn Policy, order| stream.hit_ratio(capacity, policy, order);
        let fixed = [1, 20, 60, 95]
            .map(|percent| ratio(&mut TinyLfu::with_fixed_window(percent), Order::Admission));
        Reached {
            name,
            tinylfu: ratio(&mut TinyLfu::default(), Order::Admission),
            lru: ratio(&mut Lru::default(), Order::RoomFirst),
            fixed: fixed.into_iter().fold(0.0, f64::max),
        }
    };
    streams.into_iter().map(measure).collect()
}

/// Holds the mean over all streams, and each stream, against the best fixed window and against LRU.
fn check(all: &[Reached], mean_to_fixed: f64, to_fixed: f64, to_lru: f64) {
    let mean = all
        .iter()
        .map(|one| one.tinylfu / one.fixed.max(1e-9))
        .sum::<f64>()
        / all.len() as f64;
    assert!(
        mean >= mean_to_fixed,
        "in the mean {mean:.4} of the best fixed window"
    );
    for Reached {
        name,
        tinylfu,
        lru,
        fixed,
    } in all
    {
        assert!(
            tinylfu - fixed >= to_fixed,
            "{name}: {tinylfu:.4}, with the best fixed window {fixed:.4}"
        );
        assert!(
            tinylfu - lru >= to_lru,
            "{name}: {tinylfu:.4}, with LRU {lru:.4}"
        );
    }
}

#[test]
fn a_steady_workload_gets_nearly_the_best_window() {
    for capacity in [100, 400, 1_000] {
        let streams = Maker::new(capacity).steady();
        check(&measure(capacity, streams), 0.97, -0.05, -0.03);
    }
}

#[test]
fn a_changing_workload_gets_more_than_any_window_that_stays() {
    for capacity in [100, 400] {
        let streams = Maker::new(capacity).changing();
        check(&measure(capacity, streams), 1.0, -0.08, -0.04);
    }
}

#[test]
fn popularity_and_loops_are_kept_where_lru_loses_them() {
    let capacity = 500;
    let mut maker = Maker::new(capacity);
    let streams = vec![
        ("zipf".into(), maker.zipf(0.9, 30_000)),
        ("loop".into(), maker.looped(1.5, 30_000)),
    ];
    let all = measure(capacity, streams);
    assert!(
        all[0].tinylfu > all[0].lru + 0.05,
        "{:.4} and {:.4}",
        all[0].tinylfu,
        all[0].lru
    );
    assert!(
        all[1].lru == 0.0 && all[1].tinylfu > 0.55,
        "{:.4}",
        all[1].tinylfu
    );
}

#[test]
fn the_same_requests_give_the_same_hits() {
    let stream = Stream::new(Maker::new(200).zipf(0.9, 20_000));
    let ratio = || stream.hit_ratio(200, &mut TinyLfu::default(), Order::Admission);
    assert_eq!(ratio().to_bits(), ratio().to_bits());
}

#[test]
fn nothing_beats_the_future() {
    let stream = Stream::new(Maker::new(50).zipf(0.9, 5_000));
    let best = stream.best_hit_ratio(50);
    for policy in [
        &mut TinyLfu::default() as &mut dyn Policy,
        &mut Lru::default(),
        &mut Lfu::new(false),
    ] {
        assert!(stream.hit_ratio(50, policy, Order::Admission) < best);
    }
}
