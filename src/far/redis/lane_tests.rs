//! Answers on a lane, however they come.

use super::super::link::{Address, Link};
use super::*;
use proptest::prelude::*;
use std::io::Write;
use std::os::unix::net::UnixStream;

/// A lane, and the server's end of it.
fn lane() -> (Lane<usize>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let way = Way {
        server: Weak::new(),
        link: Arc::new(Link::new(Address::Unix("nowhere".into()))),
        timeout: Duration::from_secs(1),
        pid: 0,
    };
    (Lane::new(way, Arc::new(Stream::Unix(ours))), theirs)
}

fn ask(lane: &mut Lane<usize>, who: usize, count: usize) {
    let until = Instant::now() + lane.way.timeout;
    lane.asked.push_back(Asked { who, count, until });
}

#[test]
fn what_was_not_asked_for_ends_it() {
    let (mut lane, mut server) = lane();
    let mut answered = Vec::new();
    lane.read(&mut answered).unwrap();
    server.write_all(b"+OK\r\n").unwrap();
    assert!(lane.read(&mut answered).is_err());
    assert!(answered.is_empty());
}

#[test]
fn the_end_of_the_connection_is_an_error_after_what_came_before() {
    let (mut lane, mut server) = lane();
    let mut answered = Vec::new();
    ask(&mut lane, 0, 1);
    ask(&mut lane, 1, 1);
    server.write_all(b"+OK\r\n$5\r\nhal").unwrap();
    drop(server);
    while lane.read(&mut answered).is_ok() {}
    let answers: Vec<_> = answered
        .into_iter()
        .map(|(who, _, answers)| (who, answers))
        .collect();
    assert_eq!(answers, [(0, vec![Answer::Done])]);
    let left: Vec<_> = lane.leave().into_iter().map(|(who, _)| who).collect();
    assert_eq!(left, [1]);
}

#[test]
fn each_has_his_own_time() {
    let (mut lane, _server) = lane();
    ask(&mut lane, 0, 1);
    let first = lane.until().unwrap();
    lane.way.timeout *= 2;
    ask(&mut lane, 1, 1);
    let left = lane.leave();
    assert_eq!(left[0], (0, first));
    assert!(left[1].1 > first);
}

proptest! {
    #[test]
    fn answers_come_in_order_however_they_are_cut(
        asked in prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..4), 1..20),
        cuts in prop::collection::vec(1_usize..300, 1..20),
    ) {
        let (mut lane, mut server) = lane();
        let mut bytes = Vec::new();
        for (who, values) in asked.iter().enumerate() {
            // One value stands alone, several follow what says so.
            ask(&mut lane, who, 1);
            if values.len() > 1 {
                bytes.extend_from_slice(format!("*{}\r\n", values.len()).as_bytes());
            }
            for value in values {
                bytes.extend_from_slice(format!("${}\r\n", value.len()).as_bytes());
                bytes.extend_from_slice(value);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        let mut answered = Vec::new();
        let mut cuts = cuts.iter().cycle();
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(*cuts.next().unwrap()));
            server.write_all(now).unwrap();
            lane.read(&mut answered).unwrap();
            rest = later;
        }
        let expected: Vec<_> = asked.iter().cloned().map(|values| {
            let many = (values.len() > 1).then_some(Answer::Many(values.len()));
            many.into_iter().chain(values.into_iter().map(Answer::Bytes)).collect::<Vec<_>>()
        }).enumerate().collect();
        let answered: Vec<_> = answered.into_iter().map(|(who, _, answers)| (who, answers)).collect();
        prop_assert_eq!(answered, expected);
        prop_assert!(lane.until().is_none());
    }
}
