//! Recorded request traces, and the hit ratios that others reached on them.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use flate2::read::GzDecoder;
use serde_json::Value;

use crate::replay::Stream;

/// The folder that `OMNICACHE_TRACES` names, or `../shared/traces` beside the checkout, if it has the traces.
pub(crate) fn folder() -> Option<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/traces");
    let folder = std::env::var_os("OMNICACHE_TRACES").map_or(beside, PathBuf::from);
    folder.join("anchors.json").is_file().then_some(folder)
}

/// A trace, and for each capacity the anchors.
pub(crate) struct Trace {
    /// What the file is called.
    pub(crate) name: String,
    /// The requests.
    pub(crate) stream: Stream,
    /// Capacities with what others reached, smallest first.
    pub(crate) anchors: Vec<(u32, Value)>,
}

/// Every trace of the folder, one at a time.
pub(crate) fn all(folder: PathBuf) -> impl Iterator<Item = Trace> {
    let text = std::fs::read(folder.join("anchors.json")).expect("anchors.json can be read");
    let anchors: Value = serde_json::from_slice(&text).expect("anchors.json is JSON");
    let traces = anchors["traces"]
        .as_object()
        .expect("anchors.json has traces")
        .clone();
    traces.into_iter().map(move |(name, facts)| {
        let file = File::open(folder.join(format!("{name}.u64.gz")))
            .expect("each trace of anchors.json is there");
        let mut bytes = Vec::new();
        GzDecoder::new(file)
            .read_to_end(&mut bytes)
            .expect("a trace is gzip");
        let keys = bytes
            .chunks_exact(8)
            .map(|key| u64::from_le_bytes(key.try_into().expect("eight bytes")));
        let mut anchors: Vec<(u32, Value)> = facts["hit_ratio"]
            .as_object()
            .expect("each trace has hit ratios")
            .iter()
            .map(|(capacity, reached)| {
                (
                    capacity.parse().expect("capacities are numbers"),
                    reached.clone(),
                )
            })
            .collect();
        anchors.sort_by_key(|&(capacity, _)| capacity);
        Trace {
            name,
            stream: Stream::new(keys),
            anchors,
        }
    })
}
