//! `max_bytes`, the order of eviction, and a map that is full.

use super::*;

fn key(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

#[test]
fn entries_never_weigh_more_than_they_may() {
    let store = bounded(100_000);
    for number in 0..1000 {
        put(
            &store,
            &key(number),
            &vec![0; (number as usize * 37) % 9000],
        );
        assert!(store.stats(NOW).unwrap().bytes <= 100_000);
    }
    assert!(store.stats(NOW).unwrap().evictions > 900);
    assert!(get(&store, &key(999)).is_some());
    store.validate();
}

#[test]
fn what_was_read_stays_and_what_was_not_goes() {
    let store = bounded(100 * 1200);
    for number in 0..90 {
        put(&store, &key(number), &[0; 1000]);
    }
    for number in 90..1000 {
        for used in 0..10 {
            assert!(get(&store, &key(used)).is_some(), "{used} at {number}");
        }
        put(&store, &key(number), &[0; 1000]);
    }
    assert!((10..100).all(|number| get(&store, &key(number)).is_none()));
    store.validate();
}

#[test]
fn priorities_weigh() {
    let store = bounded(50 * 1200);
    let with = |number, priority| {
        let terms = Terms {
            priority,
            ..Terms::default()
        };
        store
            .set(
                &Set {
                    terms,
                    ..entry(&key(number), &[0; 1000])
                },
                NOW,
            )
            .unwrap();
    };
    (0..10).for_each(|number| with(number, u8::MAX));
    (10..20).for_each(|number| with(number, 0));
    (20..300).for_each(|number| with(number, crate::far::record::NORMAL));
    assert!((0..10).all(|number| get(&store, &key(number)).is_some()));
    assert!((10..20).all(|number| get(&store, &key(number)).is_none()));
    (300..400).for_each(|number| with(number, u8::MAX));
    assert!(get(&store, &key(0)).is_none(), "nothing else was left");
    store.validate();
}

#[test]
fn an_entry_heavier_than_everything_is_not_kept() {
    let store = bounded(10_000);
    put(&store, b"a", b"1");
    put(&store, b"b", b"1");
    assert_eq!(
        store.set(&entry(b"a", &vec![0; 20_000]), NOW).unwrap(),
        Written::TooHeavy
    );
    assert_eq!(get(&store, b"a"), None);
    assert!(get(&store, b"b").is_some());
    store.validate();
}

#[test]
fn the_number_of_entries_is_a_limit_that_can_be_changed() {
    let store = temporary(Options {
        max_entries: Some(10),
        ..Options::default()
    });
    for number in 0..50 {
        put(&store, &key(number), b"1");
        assert!(store.stats(NOW).unwrap().entries <= 10);
        get(&store, &key(45));
    }
    assert!(get(&store, &key(45)).is_some(), "it was used");
    assert!(get(&store, &key(0)).is_none());
    store.limit(None, Some(3), NOW).unwrap();
    assert_eq!(store.stats(NOW).unwrap().entries, 3);
    assert_eq!(store.limits(), (None, Some(3)));
    store.limit(None, None, NOW).unwrap();
    for number in 50..70 {
        put(&store, &key(number), b"1");
    }
    assert_eq!(store.stats(NOW).unwrap().entries, 23);
    store.validate();
}

#[test]
fn a_full_map_grows() {
    let mut store = temporary(Options {
        map_bytes: Some(1 << 20),
        ..Options::default()
    });
    assert_eq!(store.stats(NOW).unwrap().map_bytes, 1 << 20);
    for number in 0..4000 {
        put(&store, &key(number), &[number as u8; 1000]);
    }
    put(&store, b"large", &vec![1; 20 << 20]);
    assert!(store.stats(NOW).unwrap().map_bytes > 24 << 20);
    store.validate();
    assert_eq!(store.reopen(), None);
    assert!((0..4000).all(|number| get(&store, &key(number)) == Some(vec![number as u8; 1000])));
}

#[test]
fn a_bounded_cache_that_is_written_for_long_does_not_grow_for_ever() {
    let store = bounded(1 << 20);
    for number in 0..20_000 {
        put(
            &store,
            &key(number % 4096),
            &vec![0; (number as usize * 7919) % 3000],
        );
    }
    let disk = store.stats(NOW).unwrap().disk_bytes;
    assert!(disk < 8 << 20, "{disk} bytes for a cache of one MiB");
    store.validate();
}
