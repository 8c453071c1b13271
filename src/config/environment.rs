//! Variables of the environment over a configuration: `OMNICACHE_CACHES__USERS__MAX_SIZE=500`.

use super::file::SECTIONS;
use super::read::known;
use serde::de::value::Error;
use serde_json::{Map, Value};

const PREFIX: &str = "OMNICACHE_";
/// What is between the keys of a path.
const BETWEEN: &str = "__";

/// The keys that lead to a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

impl Path {
    /// If one of the two paths begins with the other: the keys of `self` after the end of `path`.
    pub(super) fn beyond(&self, path: &[&str]) -> Option<&[String]> {
        let same = self.0.iter().zip(path).all(|(mine, other)| mine == other);
        same.then(|| self.0.get(path.len()..).unwrap_or_default())
    }
}

/// What a variable put where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Overlay {
    /// Where.
    pub(super) path: Path,
    /// The full name.
    pub(super) variable: String,
}

/// Puts into `tree` what the variables say, those with a double underscore in them; the others are no configuration.
pub(super) fn overlay(
    tree: &mut Value,
    variables: &[(String, String)],
) -> Result<Vec<Overlay>, String> {
    let mut made = Vec::new();
    for (variable, text) in variables {
        let Some(name) = variable
            .strip_prefix(PREFIX)
            .filter(|name| name.contains(BETWEEN))
        else {
            continue;
        };
        let refused = |problem: &str| format!("the variable {variable}: {problem}");
        let mut path: Vec<String> = name.split(BETWEEN).map(str::to_lowercase).collect();
        if path.iter().any(String::is_empty) {
            return Err(refused(
                "a name is missing between two underscores, or after them",
            ));
        }
        if !SECTIONS.contains(&path[0].as_str()) {
            return Err(refused(
                &known::<Error>("section", &path[0], &SECTIONS).to_string(),
            ));
        }
        if path[0] == "caches" {
            path[1] = spelled(tree, &path[1]);
        }
        put(tree, &path, value(text)).map_err(|problem| refused(&problem))?;
        made.push(Overlay {
            path: Path(path),
            variable: variable.clone(),
        });
    }
    Ok(made)
}

/// The name of the cache that is meant, which in a variable has only capital letters and no `-`.
fn spelled(tree: &Value, name: &str) -> String {
    let caches = tree.get("caches").and_then(Value::as_object);
    let same = |known: &&String| known.to_lowercase().replace('-', "_") == name;
    let found = caches.and_then(|caches| caches.keys().find(same));
    found.map_or_else(|| name.to_owned(), Clone::clone)
}

/// JSON where it is JSON, text otherwise.
fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn put(tree: &mut Value, path: &[String], value: Value) -> Result<(), String> {
    let mut here = tree;
    let (last, before) = path.split_last().ok_or("it names no key")?;
    for (depth, key) in before.iter().enumerate() {
        let table = here
            .as_object_mut()
            .ok_or_else(|| no_table(&path[..depth]))?;
        here = table
            .entry(key)
            .or_insert_with(|| Value::Object(Map::new()));
        if depth == 1 && path[0] == "caches" && here.is_string() {
            // The address of a backend alone.
            *here = Value::Object(Map::from_iter([("backend".to_owned(), here.take())]));
        }
    }
    let table = here.as_object_mut().ok_or_else(|| no_table(before))?;
    table.insert(last.clone(), value);
    Ok(())
}

fn no_table(path: &[String]) -> String {
    format!(
        "{} is no table, so nothing can be put into it",
        path.join(".")
    )
}
