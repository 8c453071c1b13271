//! Reading one table: values under their key's name in an error, and the nearest right name for a wrong one.

use super::values::Text;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess};
use std::fmt::Write as _;

/// The value under `key`; null counts as not given. An error begins with the key.
pub(super) fn field<'de, T, A>(map: &mut A, key: &str) -> Result<Option<T>, A::Error>
where
    T: Deserialize<'de>,
    A: MapAccess<'de>,
{
    map.next_value::<Option<T>>()
        .map_err(|error| A::Error::custom(format!("{key}: {error}")))
}

/// One of `N` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Choice<const N: usize>(pub &'static str);

impl<const N: usize> Choice<N> {
    /// The value under `key`, one of `names`, as [`field`] reads others.
    pub(super) fn field<'de, A: MapAccess<'de>>(
        map: &mut A,
        key: &str,
        names: [&'static str; N],
    ) -> Result<Option<Self>, A::Error> {
        let name: Option<Word> = field(map, key)?;
        let Some(Word(name)) = name else {
            return Ok(None);
        };
        match names.into_iter().find(|known| *known == name) {
            Some(known) => Ok(Some(Self(known))),
            None => Err(A::Error::custom(format!(
                "{key}: {}",
                known::<A::Error>("value", &name, &names)
            ))),
        }
    }
}

struct Word(String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Text("a name")).map(Self)
    }
}

/// The error for `given`, which is none of `names`: it names the nearest of them and lists them all.
pub(super) fn known<E: Error>(what: &str, given: &str, names: &[&str]) -> E {
    let short: String = given.chars().take(40).collect();
    let mut text = format!("there is no {what} {short:?}");
    match nearest(&short.to_lowercase(), names) {
        Some(near) => _ = write!(text, "; did you mean {near:?}?"),
        None => text.push('.'),
    }
    let list: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let _ = write!(text, " The {what}s are {}", list.join(", "));
    E::custom(text)
}

fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    names
        .iter()
        .map(|name| (strsim::normalized_damerau_levenshtein(given, name), *name))
        .filter(|(likeness, _)| *likeness >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}
