//! What a configuration may say, and what is said about what it may not.

use super::*;
use proptest::prelude::*;

fn error(json: &str) -> String {
    serde_json::from_str::<CacheConfig>(json)
        .expect_err(json)
        .to_string()
}

fn normal(json: &str) -> String {
    serde_json::to_string(&serde_json::from_str::<CacheConfig>(json).expect(json)).expect(json)
}

#[test]
fn brings_every_form_to_the_normal_one() {
    assert_eq!(normal("{}"), "{}");
    assert_eq!(
        normal(
            r#"{"strategy": "TinyLFU", "max_size": 10, "max_bytes": "1KiB", "default_ttl": "1h30m", "jitter": 0}"#
        ),
        r#"{"strategy":{"type":"tinylfu"},"max_size":10,"max_bytes":1024,"default_ttl":5400.0,"jitter":0.0}"#,
    );
    assert_eq!(
        normal(
            r#"{"strategy": {"max_size": 5, "ageing": false, "type": "lfu"}, "backend": {"type": "memory"}, "stale": null}"#
        ),
        r#"{"strategy":{"type":"lfu","max_size":5,"ageing":false},"backend":"memory"}"#,
    );
    assert_eq!(
        normal(
            r#"{"default_idle": 0.5, "stale": 3, "namespace": "tenant_a", "copy": "deep", "backend": "memory"}"#
        ),
        r#"{"default_idle":0.5,"stale":3.0,"namespace":"tenant_a","backend":"memory","copy":"deep"}"#,
    );
}

#[test]
fn reads_how_loads_behave() {
    assert_eq!(
        normal(r#"{"stale_on_error": "1d", "retry_after": 2, "refresh_at": 0.8, "timeout": "2s"}"#),
        r#"{"stale_on_error":86400.0,"retry_after":2.0,"refresh_at":0.8,"timeout":{"hard":2.0}}"#,
    );
    assert_eq!(
        normal(r#"{"refresh_at": "auto", "timeout": {"hard": 2, "soft": "50ms"}}"#),
        r#"{"refresh_at":"auto","timeout":{"soft":0.05,"hard":2.0}}"#,
    );
    assert_eq!(normal(r#"{"timeout": 1.5}"#), r#"{"timeout":{"hard":1.5}}"#);
    assert_eq!(normal(r#"{"timeout": {}}"#), r#"{"timeout":{}}"#);
}

#[test]
fn names_what_is_wrong_and_what_is_right() {
    for (json, parts) in [
        (
            r#"{"max_sise": 1}"#,
            &["max_sise", "did you mean \"max_size\"", "default_ttl"][..],
        ),
        (r#"{"Copy": "none"}"#, &["did you mean \"copy\""]),
        (
            r#"{"zzzzzzzzz": 1}"#,
            &["there is no key \"zzzzzzzzz\". The keys are \"strategy\""],
        ),
        (
            r#"{"max_size": "10"}"#,
            &["max_size: ", "string \"10\"", "whole number of 1 or more"],
        ),
        (
            r#"{"max_size": true}"#,
            &["max_size: ", "boolean `true`", "whole number"],
        ),
        (
            r#"{"max_size": 1.5}"#,
            &["max_size: ", "floating point `1.5`"],
        ),
        (
            r#"{"max_size": 0}"#,
            &["max_size: 0 leaves room for nothing"],
        ),
        (r#"{"max_size": -3}"#, &["max_size: -3 is negative"]),
        (r#"{"max_bytes": "64M"}"#, &["max_bytes: ", "KiB MiB"]),
        (
            r#"{"default_ttl": 0}"#,
            &["default_ttl: 0 is no time at all; use None for ever"],
        ),
        (
            r#"{"default_ttl": [1]}"#,
            &["default_ttl: ", "sequence", "a duration"],
        ),
        (r#"{"jitter": 1.5}"#, &["jitter: 1.5", "from 0 to 1"]),
        (
            r#"{"namespace": "a b"}"#,
            &["namespace: ", "letters, digits"],
        ),
        (
            r#"{"copy": "shalow"}"#,
            &["copy: ", "did you mean \"shallow\""],
        ),
        (
            r#"{"strategy": "lruu"}"#,
            &["strategy: ", "did you mean \"lru\"", "tinylfu"],
        ),
        (
            r#"{"strategy": 3}"#,
            &["strategy: ", "integer `3`", "a name such as"],
        ),
        (r#"{"strategy": {}}"#, &["strategy: a table needs \"type\""]),
        (
            r#"{"strategy": {"type": "lru", "maxsize": 1}}"#,
            &["strategy: ", "did you mean \"max_size\""],
        ),
        (
            r#"{"strategy": {"ageing": true, "type": "lru"}}"#,
            &["strategy: ", "takes no \"ageing\""],
        ),
        (
            r#"{"strategy": {"type": "ttl", "default_ttl": -1}}"#,
            &["strategy: default_ttl: -1 is negative"],
        ),
        (
            r#"{"backend": "gopher://user:secret@host"}"#,
            &["backend: ", "there is no such backend", "\"file:./cache\""],
        ),
        (
            r#"{"backend": {"type": "filesystem"}}"#,
            &["backend: ", "\"filesystem\" needs \"directory\""],
        ),
        (
            r#"{"backend": {"kind": "memory"}}"#,
            &["backend: ", "\"kind\"", "\"type\""],
        ),
        ("[]", &["a table of options"]),
    ] {
        let text = error(json);
        for part in parts {
            assert!(text.contains(part), "{json}: {text:?} lacks {part:?}");
        }
    }
    assert!(!error(r#"{"backend": "gopher://user:secret@host"}"#).contains("secret"));
}

#[test]
fn reads_what_is_outside_the_process() {
    assert_eq!(
        normal(
            r#"{"backend": {"far": "file:./a", "write": "behind", "near_ttl": "1m", "type": "tiered", "near": "memory"}}"#
        ),
        r#"{"backend":{"type":"tiered","near":"memory","far":"file:./a","near_ttl":60.0,"write":"behind"}}"#,
    );
    assert_eq!(
        normal(
            r#"{"backend": "file:./a", "fallback": {"type": "filesystem", "directory": "b", "max_bytes": "1KiB", "timeout": "2s"},
                "serializer": "json", "compression": {"level": 5, "threshold": "2KiB"}, "on_error": "raise",
                "on_serialization_error": "skip"}"#
        ),
        r#"{"backend":"file:./a","fallback":{"type":"filesystem","directory":"b","max_bytes":1024,"timeout":2.0},"#.to_owned()
            + r#""serializer":"json","compression":{"level":5,"threshold":2048},"on_error":"raise","#
            + r#""on_serialization_error":"skip"}"#,
    );
    assert_eq!(
        normal(r#"{"compression": false}"#),
        r#"{"compression":false}"#
    );
}

#[test]
fn reads_servers() {
    assert_eq!(
        normal(
            r#"{"backend": "redis+cluster://one,two", "fallback": {"type": "redis", "host": "h", "port": 7, "db": 1,
                "password": "p", "tls": true, "timeout": "500ms"}}"#
        ),
        r#"{"backend":"redis+cluster://one,two","fallback":{"type":"redis","host":"h","port":7,"db":1,"#.to_owned()
            + r#""password":"p","tls":true,"timeout":0.5}}"#,
    );
    assert_eq!(
        normal(r#"{"backend": {"type": "redis", "sentinels": ["a:1", "b"], "service": "s"}}"#),
        r#"{"backend":{"type":"redis","sentinels":["a:1","b"],"service":"s"}}"#,
    );
    for (json, parts) in [
        (
            r#"{"backend": {"type": "redis", "hst": "a"}}"#,
            &["backend: ", "did you mean \"host\""][..],
        ),
        (
            r#"{"backend": {"type": "redis", "port": 70000}}"#,
            &["backend: port: ", "from 0 to 65535"],
        ),
        (
            r#"{"backend": {"type": "redis", "nodes": "a"}}"#,
            &["backend: nodes: ", "a list of addresses"],
        ),
        (
            r#"{"backend": {"type": "redis", "directory": "a"}}"#,
            &["\"redis\" takes no \"directory\""],
        ),
    ] {
        let error = error(json);
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
    }
    assert!(!error(r#"{"backend": {"type": "redis", "password": 1234567}}"#).contains("1234567"));
}

#[test]
fn names_what_is_wrong_outside_the_process() {
    for (json, parts) in [
        (
            r#"{"backend": {"type": "filesystm", "directory": "a"}}"#,
            &["backend: ", "did you mean \"filesystem\""][..],
        ),
        (
            r#"{"backend": {"type": "filesystem", "directry": "a"}}"#,
            &["backend: ", "did you mean \"directory\""],
        ),
        (
            r#"{"backend": {"type": "filesystem", "directory": "a", "far": "memory"}}"#,
            &["backend: ", "\"filesystem\" takes no \"far\"", "durability"],
        ),
        (
            r#"{"backend": {"type": "filesystem", "directory": "a", "durability": "sytem"}}"#,
            &["backend: durability: ", "did you mean \"system\""],
        ),
        (
            r#"{"backend": {"type": "tiered", "near": "memory"}}"#,
            &["\"tiered\" needs \"far\""],
        ),
        (
            r#"{"backend": {"type": "tiered", "far": {"type": "filesystem", "max_bytes": 0, "directory": "a"}}}"#,
            &["backend: far: max_bytes: "],
        ),
        (
            r#"{"serializer": "jsn"}"#,
            &["serializer: ", "did you mean \"json\""],
        ),
        (
            r#"{"compression": {"level": 20}}"#,
            &["compression: level: ", "from 1 to 19"],
        ),
        (
            r#"{"compression": "zstd"}"#,
            &["compression: ", "true, false, or a table"],
        ),
        (
            r#"{"on_error": "rais"}"#,
            &["on_error: ", "did you mean \"raise\""],
        ),
        (r#"{"fallback": 5}"#, &["fallback: ", "a backend: "]),
    ] {
        let text = error(json);
        for part in parts {
            assert!(text.contains(part), "{json}: {text:?} lacks {part:?}");
        }
    }
}

#[test]
fn names_what_is_wrong_with_loads() {
    for (json, parts) in [
        (
            r#"{"stale_on_eror": 1}"#,
            &["did you mean \"stale_on_error\""][..],
        ),
        (
            r#"{"refresh_at": 1.0}"#,
            &["refresh_at: ", "between 0 and 1", "\"auto\""],
        ),
        (
            r#"{"refresh_at": "automatic"}"#,
            &["refresh_at: ", "\"automatic\"", "\"auto\""],
        ),
        (
            r#"{"refresh_at": true}"#,
            &["refresh_at: ", "boolean `true`", "between 0 and 1"],
        ),
        (
            r#"{"timeout": {"sofd": 1}}"#,
            &["timeout: ", "did you mean \"soft\""],
        ),
        (
            r#"{"timeout": {"soft": "soon"}}"#,
            &["timeout: soft: ", "is not a duration"],
        ),
        (
            r#"{"timeout": {"soft": 2, "hard": 1}}"#,
            &["timeout: soft must be shorter than hard"],
        ),
        (r#"{"timeout": 0}"#, &["timeout: 0 is no time at all"]),
        (
            r#"{"timeout": [1]}"#,
            &["timeout: ", "sequence", "a duration, or a table"],
        ),
    ] {
        let text = error(json);
        for part in parts {
            assert!(text.contains(part), "{json}: {text:?} lacks {part:?}");
        }
    }
}

proptest! {
    #[test]
    fn the_normal_form_is_its_own_normal_form(size in 1u64..1 << 32, ttl in 1e-6..1e8_f64, kind in 0usize..5) {
        let kind = ["lru", "lfu", "ttl", "size", "tinylfu"][kind];
        let size = size.min(crate::units::MAX_ENTRIES);
        let once = normal(&format!(r#"{{"strategy": "{kind}", "max_size": {size}, "default_ttl": {ttl:?}}}"#));
        prop_assert_eq!(normal(&once), once);
    }
}
