//! What lies in the directory: damage, the end of the machine, compaction, two openings.

use super::*;
use crate::far::Problem;
use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;

/// The current data file.
fn data(store: &Temporary) -> PathBuf {
    let files = fs::read_dir(store.path())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut data = files.filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("data-") && !name.ends_with("-lock")
    });
    let found = data.next().unwrap();
    assert_eq!(data.next(), None);
    found
}

fn filled() -> Temporary {
    let store = plain();
    for number in 0..200_u8 {
        put(&store, &[number], &vec![number; 20 * usize::from(number)]);
    }
    store
}

fn is_whole(store: &FileStore) -> bool {
    (0..200_u8).all(|number| get(store, &[number]) == Some(vec![number; 20 * usize::from(number)]))
}

#[test]
fn everything_is_there_after_a_restart() {
    let mut store = filled();
    assert_eq!(store.reopen(), None);
    assert!(is_whole(&store));
    store.validate();
}

#[test]
fn files_are_for_their_owner_alone() {
    let store = filled();
    for entry in fs::read_dir(store.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn a_file_that_was_cut_is_set_aside() {
    for part in [0, 1, 3, 6, 9] {
        let mut store = filled();
        store.store.close().unwrap();
        let path = data(&store);
        let len = fs::metadata(&path).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(len * part / 10 + 100).unwrap();
        let reason = store.reopen();
        assert!(reason.is_some(), "{part} tenths");
        assert_eq!(store.stats(NOW).unwrap().entries, 0);
        put(&store, b"a", b"1");
        store.validate();
        let aside = &store.set_aside().unwrap().path;
        assert!(aside.exists(), "{}", aside.display());
    }
}

#[test]
fn bytes_that_were_flipped_in_a_payload_are_a_miss() {
    let mut store = plain();
    for number in 0..50_u8 {
        put(&store, &[number], &[number; 1500]);
    }
    store.store.close().unwrap();
    let path = data(&store);
    let mut bytes = fs::read(&path).unwrap();
    let needle = [33_u8; 1500];
    for at in 0..bytes.len() - needle.len() {
        if bytes[at..at + needle.len()] == needle {
            bytes[at + 700] ^= 1;
        }
    }
    fs::write(&path, bytes).unwrap();
    assert_eq!(store.reopen(), None);
    for number in 0..50_u8 {
        let expected = (number != 33).then(|| vec![number; 1500]);
        assert_eq!(get(&store, &[number]), expected);
    }
    assert_eq!(store.stats(NOW).unwrap().damaged, 1);
    let problems = store.check(NOW).unwrap().problems;
    assert_eq!(problems.len(), 1, "{problems:?}");
    put(&store, &[33], b"new");
    store.validate();
}

#[test]
fn heads_that_were_damaged_are_noticed() {
    for at in [0, 10, 16, 20, 40, 41, 128, 136, 139, 144] {
        let mut store = filled();
        store.store.close().unwrap();
        let path = data(&store);
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        for page in [0, 4096] {
            let mut byte = [0];
            file.read_exact_at(&mut byte, page + at).unwrap();
            file.write_all_at(&[byte[0] ^ 0x55], page + at).unwrap();
        }
        let aside = store.reopen();
        assert!(aside.is_some() || is_whole(&store), "byte {at}");
        put(&store, b"a", b"1");
    }
}

#[test]
fn garbage_in_the_place_of_any_file_is_set_aside() {
    for name in ["state", "data"] {
        let mut store = filled();
        store.store.close().unwrap();
        let path = if name == "data" {
            data(&store)
        } else {
            store.path().join(name)
        };
        fs::write(path, vec![7; 50_000]).unwrap();
        assert!(store.reopen().is_some(), "{name}");
        assert_eq!(store.stats(NOW).unwrap().entries, 0);
        put(&store, b"a", b"1");
        store.validate();
    }
}

/// Makes the state say what it would after the machine stopped without a clean close.
fn stop_the_machine(store: &Temporary) {
    let path = store.path().join("state");
    let state = fs::read_to_string(&path).unwrap();
    let state: String = state
        .lines()
        .map(|line| {
            if line.starts_with("boot") {
                "boot another\n".to_owned()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    fs::write(path, state).unwrap();
}

#[test]
fn after_the_end_of_the_machine_the_cache_starts_empty_unless_it_was_closed() {
    let mut store = filled();
    assert_eq!(store.reopen(), None);
    stop_the_machine(&store);
    store.store.close().unwrap();
    stop_the_machine(&store);
    assert_eq!(store.reopen(), None, "it was closed");
    assert!(is_whole(&store));
    put(&store, b"a", b"1");
    let state = fs::read_to_string(store.path().join("state")).unwrap();
    store.store.close().unwrap();
    fs::write(store.path().join("state"), state).unwrap();
    stop_the_machine(&store);
    assert!(store.reopen().unwrap().contains("machine"));
    assert_eq!(store.stats(NOW).unwrap().entries, 0);
}

#[test]
fn what_the_system_must_survive_survives_it() {
    let mut store = temporary(Options {
        durability: Durability::System,
        ..Options::default()
    });
    put(&store, b"a", b"1");
    let state = fs::read_to_string(store.path().join("state")).unwrap();
    store.store.close().unwrap();
    fs::write(store.path().join("state"), state).unwrap();
    stop_the_machine(&store);
    assert_eq!(store.reopen(), None);
    assert!(get(&store, b"a").is_some());
}

#[test]
fn many_threads_share_a_commit() {
    let store = temporary(Options {
        durability: Durability::System,
        ..Options::default()
    });
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let store = &store;
            scope.spawn(move || {
                for turn in 0..30 {
                    put(store, &[thread, turn], &[thread; 100]);
                    assert_eq!(get(store, &[thread, turn]), Some(vec![thread; 100]));
                }
            });
        }
    });
    let stats = store.stats(NOW).unwrap();
    assert_eq!(stats.entries, 240);
    assert!(stats.writes < 240, "{} commits of 240 writes", stats.writes);
    store.validate();
}

#[test]
fn a_directory_is_opened_once_and_shared() {
    let store = plain();
    let other = FileStore::open(store.path(), Options::default()).unwrap();
    put(&store, b"a", b"1");
    assert!(get(&other, b"a").is_some());
    other.close().unwrap();
    assert!(matches!(
        other.delete(b"a", NOW).unwrap_err().problem,
        Problem::Closed
    ));
    assert!(get(&store, b"a").is_some(), "the other one is still open");
    let options = Options {
        durability: Durability::System,
        ..Options::default()
    };
    let error = FileStore::open(store.path(), options)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("\"process\"") && error.contains("\"system\""),
        "{error}"
    );
}

#[test]
fn compaction_gives_the_disk_back() {
    let store = plain();
    for number in 0..3000_u32 {
        put(&store, &number.to_be_bytes(), &[1; 3000]);
    }
    for number in 100..3000_u32 {
        store.delete(&number.to_be_bytes(), NOW).unwrap();
    }
    let (before, after) = store.compact().unwrap();
    assert!(after * 5 < before, "{before} to {after}");
    assert!((0..100_u32).all(|number| get(&store, &number.to_be_bytes()) == Some(vec![1; 3000])));
    put(&store, b"a", b"1");
    store.validate();
    assert_eq!(
        store.stats(NOW).unwrap().disk_bytes,
        fs::metadata(data(&store)).unwrap().len()
    );
}

#[test]
fn compaction_beside_readers_and_writers_loses_nothing() {
    let store = Arc::new(plain());
    std::thread::scope(|scope| {
        for thread in 0..3_u8 {
            let store = Arc::clone(&store);
            scope.spawn(move || {
                for turn in 0..200_u8 {
                    put(&store, &[thread, turn], &[turn; 500]);
                    assert!(get(&store, &[thread, turn]).is_some());
                }
            });
        }
        for _ in 0..20 {
            store.compact().unwrap();
        }
    });
    assert_eq!(store.stats(NOW).unwrap().entries, 600);
    store.validate();
}

#[test]
fn a_directory_that_is_removed_is_made_again() {
    let store = filled();
    fs::remove_dir_all(store.path()).unwrap();
    put(&store, b"a", b"1");
    assert_eq!(get(&store, b"a").as_deref(), Some(&b"1"[..]));
    assert!(data(&store).exists());
    store.validate();
}

#[test]
fn a_newer_format_is_left_alone() {
    let mut store = filled();
    store.store.close().unwrap();
    let path = store.path().join("state");
    fs::write(&path, "omnicache 2\n").unwrap();
    let error = FileStore::open(store.path(), Options::default()).unwrap_err();
    assert!(matches!(error.problem, Problem::Newer(2)), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "omnicache 2\n");
    drop(std::mem::replace(&mut store, plain()));
}

#[test]
fn damage_that_is_met_while_it_is_open_is_set_aside_by_the_next_operation() {
    let store = filled();
    let path = data(&store);
    let len = fs::metadata(&path).unwrap().len() as usize;
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&vec![0; len - 8192], 8192).unwrap();
    let met = store.get_with(b"1", NOW, true, |_| ()).unwrap_err();
    assert!(matches!(met.problem, Problem::Damaged(_)), "{met}");
    put(&store, b"a", b"1");
    assert_eq!(get(&store, b"a").as_deref(), Some(&b"1"[..]));
    let aside = store.take_set_aside().unwrap().unwrap();
    assert!(aside.path.exists());
    assert_eq!(store.take_set_aside().unwrap(), None);
    store.validate();
}

#[test]
fn the_last_to_close_has_written_what_others_did() {
    let store = temporary(Options {
        durability: Durability::System,
        ..Options::default()
    });
    put(&store, b"a", b"1");
    // As another process leaves it, which did not wait for the disk.
    let state = store.path().join("state");
    let text = fs::read_to_string(&state).unwrap();
    fs::write(&state, text.replace("clean 1", "clean 0")).unwrap();
    store.close().unwrap();
    assert!(fs::read_to_string(&state).unwrap().contains("clean 1"));
}
