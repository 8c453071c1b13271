//! Tags and their generations.

use super::*;

#[test]
fn tags_invalidate_what_carries_them() {
    let store = plain();
    let tags = names(&["x", "y"]);
    let terms = Terms {
        fresh_until: NOW + 90,
        expires: NOW + 99,
        ..Terms::default()
    };
    let tagged = |key| Set {
        tags: &tags,
        terms,
        ..entry(key, b"1")
    };
    store.set(&tagged(b"a"), NOW).unwrap();
    let not_kept = Set {
        terms: Terms::default(),
        ..tagged(b"b")
    };
    store.set(&not_kept, NOW).unwrap();
    store
        .invalidate_tags(&names(&["y"]), false, NOW + 5)
        .unwrap();
    let found = stored(&store, b"a", NOW + 6).unwrap();
    assert!(found.stale);
    assert_eq!(stored(&store, b"b", NOW + 6), None);
    assert_eq!(
        (found.terms.fresh_until, found.tags),
        (NOW + 5, tags.clone())
    );
    store.set(&tagged(b"a"), NOW).unwrap();
    assert!(!stored(&store, b"a", NOW + 6).unwrap().stale, "it is newer");
    store
        .invalidate_tags(&names(&["x"]), true, NOW + 7)
        .unwrap();
    assert_eq!(stored(&store, b"a", NOW), None);
    assert_eq!(store.scan(b"", None, None, 10, NOW).unwrap().items, []);
    assert_eq!(store.len(NOW).unwrap(), 0);
    store.validate();
}

#[test]
fn a_value_that_was_made_before_its_tag_was_invalidated_is_not_valid_after() {
    let store = plain();
    let tags = names(&["x"]);
    let before = store.generation(NOW).unwrap();
    store.invalidate_tags(&tags, true, NOW).unwrap();
    let late = Set {
        tags: &tags,
        generation: Some(before),
        ..entry(b"a", b"old")
    };
    store.set(&late, NOW).unwrap();
    assert_eq!(get(&store, b"a"), None);
    let before = store.generation(NOW).unwrap();
    store.clear(NOW).unwrap();
    store
        .set(
            &Set {
                generation: Some(before),
                ..late
            },
            NOW,
        )
        .unwrap();
    assert_eq!(get(&store, b"a"), None);
    store
        .set(
            &Set {
                generation: None,
                ..late
            },
            NOW,
        )
        .unwrap();
    assert!(get(&store, b"a").is_some());
}

#[test]
fn very_many_tags_are_forgotten_without_reviving_anything() {
    let store = plain();
    let tags = names(&["old"]);
    store
        .set(
            &Set {
                tags: &tags,
                ..entry(b"a", b"1")
            },
            NOW,
        )
        .unwrap();
    store.invalidate_tags(&tags, true, NOW).unwrap();
    for turn in 0..70 {
        let many: Vec<String> = (0..1000).map(|number| format!("{turn}-{number}")).collect();
        store.invalidate_tags(&many, false, NOW).unwrap();
    }
    store
        .set(
            &Set {
                tags: &tags,
                ..entry(b"b", b"1")
            },
            NOW,
        )
        .unwrap();
    assert_eq!(get(&store, b"a"), None);
    assert!(get(&store, b"b").is_some());
    store.validate();
}
