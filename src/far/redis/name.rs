//! What keys are called on the server: readable where they can be, and never two alike.
//!
//! ```text
//! omnicache:{namespace}:{cache}:user:42           the key "user:42", as it is
//! omnicache:{namespace}:{cache}:%i42              the key 42: its canonical bytes, escaped
//! omnicache:{namespace}:{cache}%tags              what is the cache's own, outside what keys begin with
//! omnicache:{namespace}:{cache}%lease:{...}       the lease of the key whose name stands in the braces
//! ```
//!
//! (Braces in the first part are placeholders.) No name of an entry holds braces, so that a cluster spreads entries, and
//! the lease of an entry lies in the entry's slot: the braces of its name are all that is hashed.

use super::url::hex;

/// The names of one cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Names {
    /// What the names of all entries begin with.
    pub(super) prefix: String,
    /// The hash of the generations of tags.
    pub(super) tags: String,
    /// What the names of all leases begin with.
    pub(super) leases: String,
    /// The channel on which its tags and leases are told of.
    pub(super) channel: String,
}

impl Names {
    /// Those of the cache `name` in `namespace`.
    pub(super) fn new(root: &str, namespace: &str, name: &str) -> Self {
        let base = format!("{root}:{}:{}", part(namespace), part(name));
        Self {
            prefix: format!("{base}:"),
            tags: format!("{base}%tags"),
            leases: format!("{base}%lease:"),
            channel: format!("{base}%news"),
        }
    }

    /// The name of the entry of `key`, given as its canonical bytes.
    pub(super) fn entry(&self, key: &[u8]) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.prefix.len() + key.len() + 2);
        name.extend_from_slice(self.prefix.as_bytes());
        append(&mut name, key);
        name
    }

    /// The key of the entry called `name`; `None` if no entry of this cache is called so.
    pub(super) fn key(&self, name: &[u8]) -> Option<Vec<u8>> {
        let short = name.strip_prefix(self.prefix.as_bytes())?;
        let Some(escaped) = short.strip_prefix(b"%") else {
            let mut key = vec![b's'];
            key.extend_from_slice(short);
            return is_plain(&key).then_some(key);
        };
        let key = unescape(escaped)?;
        // One key has one name.
        let mut again = Vec::with_capacity(short.len());
        append(&mut again, &key);
        (again == short).then_some(key)
    }

    /// The name of the lease of the entry called `entry`.
    pub(super) fn lease(&self, entry: &[u8]) -> Vec<u8> {
        let mut name = Vec::with_capacity(self.leases.len() + entry.len() + 2);
        name.extend_from_slice(self.leases.as_bytes());
        name.push(b'{');
        name.extend_from_slice(entry);
        name.push(b'}');
        name
    }

    /// The key whose lease is called `name`.
    pub(super) fn leased(&self, name: &[u8]) -> Option<Vec<u8>> {
        let entry = name.strip_prefix(self.leases.as_bytes())?;
        self.key(entry.strip_prefix(b"{")?.strip_suffix(b"}")?)
    }

    /// The pattern of the names of all entries. Keys that begin alike have no pattern of their own: some are escaped.
    pub(super) fn pattern(&self) -> Vec<u8> {
        glob(self.prefix.as_bytes())
    }

    /// The pattern of the names of all leases.
    pub(super) fn lease_pattern(&self) -> Vec<u8> {
        glob(self.leases.as_bytes())
    }
}

/// The pattern of what begins with `start`.
fn glob(start: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(start.len() + 2);
    for &byte in start {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\' | b'^') {
            pattern.push(b'\\');
        }
        pattern.push(byte);
    }
    pattern.push(b'*');
    pattern
}

/// A part of the names of a cache: what is no letter, digit, `_`, `-` or `.` is escaped.
fn part(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') {
            out.push(byte as char);
        } else {
            push_escaped(&mut out, byte);
        }
    }
    out
}

fn push_escaped(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.push('%');
    for digit in [byte >> 4, byte & 15] {
        out.push(DIGITS[usize::from(digit)] as char);
    }
}

/// Whether a key is text that can stand as it is: printed, without braces, not beginning as the escaped form does.
fn is_plain(key: &[u8]) -> bool {
    let Some(text) = key.strip_prefix(b"s") else {
        return false;
    };
    if text.is_ascii() {
        text.first() != Some(&b'%')
            && text
                .iter()
                .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'{' | b'}'))
    } else {
        std::str::from_utf8(text).is_ok_and(|text| {
            !text.starts_with('%')
                && text
                    .chars()
                    .all(|char| !char.is_control() && !matches!(char, '{' | '}'))
        })
    }
}

fn append(name: &mut Vec<u8>, key: &[u8]) {
    if is_plain(key) {
        name.extend_from_slice(&key[1..]);
        return;
    }
    let mut escaped = String::with_capacity(key.len() + 8);
    escaped.push('%');
    for &byte in key {
        if matches!(byte, b' '..=b'~') && !matches!(byte, b'%' | b'{' | b'}') {
            escaped.push(byte as char);
        } else {
            push_escaped(&mut escaped, byte);
        }
    }
    name.extend_from_slice(escaped.as_bytes());
}

fn unescape(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(text.len());
    while let Some((&byte, rest)) = text.split_first() {
        text = rest;
        if byte == b'%' {
            key.push(hex(*rest.first_chunk()?)?);
            text = &rest[2..];
        } else {
            key.push(byte);
        }
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names() -> Names {
        Names::new("omnicache", "shop", "users")
    }

    #[test]
    fn text_is_called_what_it_is() {
        let name = |key: &[u8]| String::from_utf8(names().entry(key)).unwrap();
        assert_eq!(name(b"suser:42"), "omnicache:shop:users:user:42");
        assert_eq!(name("szoë".as_bytes()), "omnicache:shop:users:zoë");
        assert_eq!(name(b"s50% off"), "omnicache:shop:users:50% off");
        assert_eq!(name(b"i42"), "omnicache:shop:users:%i42");
        assert_eq!(name(b"s%i42"), "omnicache:shop:users:%s%25i42");
        assert_eq!(name(b"sa{b}\n"), "omnicache:shop:users:%sa%7Bb%7D%0A");
        assert_eq!(name(b""), "omnicache:shop:users:%");
        assert_eq!(name(b"s"), "omnicache:shop:users:");
    }

    #[test]
    fn caches_have_names_apart_from_each_other() {
        let odd = Names::new("omnicache", "a:b", "c{d}");
        assert_eq!(odd.prefix, "omnicache:a%3Ab:c%7Bd%7D:");
        assert_ne!(
            Names::new("o", "a", "b:c").prefix,
            Names::new("o", "a:b", "c").prefix
        );
        assert_eq!(Names::new("o*", "a", "b").pattern(), b"o\\*:a:b:*");
        assert!(!names().tags.starts_with(&names().prefix));
        assert!(!names().leases.starts_with(&names().prefix));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_key_is_found_by_its_name(key in prop::collection::vec(any::<u8>(), 0..12)) {
            let name = names().entry(&key);
            prop_assert_eq!(names().key(&name), Some(key.clone()));
            prop_assert_eq!(names().leased(&names().lease(&name)), Some(key));
            prop_assert!(std::str::from_utf8(&name).is_ok());
            let braces = name.iter().any(|byte| matches!(byte, b'{' | b'}'));
            prop_assert!(!braces);
        }

        #[test]
        fn every_text_is_found_by_its_name(text in "[a-c%{}é\\n]{0,6}") {
            let key = [b"s", text.as_bytes()].concat();
            let name = names().entry(&key);
            prop_assert_eq!(names().key(&name), Some(key));
        }

        #[test]
        fn a_name_belongs_to_one_key(text in "[s%2sA-C5{é\\n]{0,8}") {
            let name = [names().prefix.as_bytes(), text.as_bytes()].concat();
            if let Some(key) = names().key(&name) {
                prop_assert_eq!(names().entry(&key), name);
            }
        }
    }
}
