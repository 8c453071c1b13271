//! A configuration from the text of a file and from variables of the environment, and where in these an error lies.

use super::environment::{Overlay, overlay};
use super::file::FileConfig;
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use std::fmt::Write as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The text of a file and what it is called in an error.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// TOML.
    pub text: &'a str,
    /// Its path.
    pub name: &'a str,
    /// The table in it that is the configuration, such as `tool.omnicache`; empty for the whole file.
    pub within: &'a [&'a str],
}

impl Source<'_> {
    /// What the file and then the variables, by their full names, say; None if the file lacks the table.
    pub fn read(self, variables: &[(String, String)]) -> Result<Option<FileConfig>, String> {
        let parsed = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message().trim_end().replace('\n', " ");
            format!("{}: it is no TOML: {message}", self.line(at))
        })?;
        let Some(table) = self.table(parsed.get_ref())? else {
            return Ok(None);
        };
        let mut tree = Value::Object(self.plain_table(table)?);
        let overlays = overlay(&mut tree, variables)?;
        FileConfig::deserialize(&tree).map(Some).map_err(|error| {
            let message = error.to_string();
            let (path, said) = parted(&tree, &message);
            self.located(table, &overlays, &path, said)
        })
    }

    /// `name:line` of a place in the text.
    fn line(&self, at: usize) -> String {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = 1 + before.matches('\n').count();
        format!("{}:{line}", self.name)
    }

    fn table<'t, 'i>(&self, whole: &'t DeTable<'i>) -> Result<Option<&'t DeTable<'i>>, String> {
        let mut table = whole;
        for name in self.within {
            let Some((_, value)) = table.get_key_value(*name) else {
                return Ok(None);
            };
            let DeValue::Table(inner) = value.get_ref() else {
                let place = self.line(value.span().start);
                return Err(format!(
                    "{place}: {}: a table is expected",
                    self.within.join(".")
                ));
            };
            table = inner;
        }
        Ok(Some(table))
    }

    fn plain_table(&self, table: &DeTable<'_>) -> Result<Map<String, Value>, String> {
        let pairs = table
            .iter()
            .map(|(key, value)| Ok((key.get_ref().to_string(), self.plain(value)?)));
        pairs.collect()
    }

    fn plain(&self, value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
        let refused = |what: &str| Err(format!("{}: {what}", self.line(value.span().start)));
        Ok(match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::from(number),
                    Err(_) => return refused("the number is too large"),
                }
            }
            DeValue::Float(number) => match number.as_str().parse().ok().and_then(Number::from_f64)
            {
                Some(number) => Value::Number(number),
                None => return refused("a number of finite size is expected"),
            },
            DeValue::Datetime(_) => {
                return refused(
                    "a date belongs nowhere in a configuration; quote it if it is text",
                );
            }
            DeValue::Array(array) => Value::Array(
                array
                    .iter()
                    .map(|item| self.plain(item))
                    .collect::<Result<_, _>>()?,
            ),
            DeValue::Table(table) => Value::Object(self.plain_table(table)?),
        })
    }

    /// The message after the place that it is about, and the keys that lead there.
    fn located(
        &self,
        table: &DeTable<'_>,
        overlays: &[Overlay],
        path: &[&str],
        said: &str,
    ) -> String {
        let place = self.place(table, overlays, path, said);
        let mut text = place.unwrap_or_else(|| self.name.to_owned()) + ": ";
        if !path.is_empty() {
            let keys: Vec<&str> = self.within.iter().chain(path).copied().collect();
            let _ = write!(text, "{}: ", keys.join("."));
        }
        text + said
    }

    /// The variable that put a value at `path`, or the line of the file; of a key that `said` quotes, if it is there.
    fn place(
        &self,
        table: &DeTable<'_>,
        overlays: &[Overlay],
        path: &[&str],
        said: &str,
    ) -> Option<String> {
        let quoted: Vec<&str> = said.split('"').skip(1).step_by(2).collect();
        for overlay in overlays {
            let Some(further) = overlay.path.beyond(path) else {
                continue;
            };
            if further
                .first()
                .is_none_or(|key| quoted.first() == Some(&key.as_str()))
            {
                return Some(format!("the variable {}", overlay.variable));
            }
        }
        let (mut table, mut at) = (table, None);
        for (depth, key) in path.iter().enumerate() {
            let Some((key, value)) = table.get_key_value(*key) else {
                return at.map(|at| self.line(at));
            };
            at = Some(key.span().start);
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ if depth + 1 == path.len() => return at.map(|at| self.line(at)),
                _ => break,
            }
        }
        for word in quoted {
            if let Some((key, _)) = table.get_key_value(word) {
                return Some(self.line(key.span().start));
            }
        }
        at.map(|at| self.line(at))
    }
}

/// The keys before a message, as [`super::read::field`] puts them there, and the message itself.
fn parted<'m>(tree: &Value, message: &'m str) -> (Vec<&'m str>, &'m str) {
    let (mut here, mut path, mut rest) = (tree, Vec::new(), message);
    while let Some((key, after)) = rest.split_once(": ") {
        let Some(inside) = here.get(key) else {
            break;
        };
        path.push(key);
        (here, rest) = (inside, after);
    }
    (path, rest)
}
