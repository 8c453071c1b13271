//! Which server of a cluster has which keys: 16384 slots, by the checksum of the name.

use super::options::Host;
use redis::Value;

/// How many slots there are.
pub(super) const SLOTS: u16 = 16384;
const NOBODY: u16 = u16::MAX;

/// The slot of the key called `name`: that of what stands in its first braces, if anything does.
pub(super) fn slot(name: &[u8]) -> u16 {
    crc16(hashed(name)) % SLOTS
}

fn hashed(name: &[u8]) -> &[u8] {
    let Some(open) = name.iter().position(|&byte| byte == b'{') else {
        return name;
    };
    let inner = &name[open + 1..];
    match inner.iter().position(|&byte| byte == b'}') {
        Some(len) if len > 0 => &inner[..len],
        _ => name,
    }
}

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, &byte| {
        (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)]
    })
}

/// Who has which slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slots {
    pub(super) masters: Vec<Host>,
    owners: Vec<u16>,
    /// Whether some slot has moved since a server said all this, and others may have moved with it.
    pub(super) in_part: bool,
}

impl Slots {
    /// What a server answered to `CLUSTER SLOTS`; a host without a name is the one that was asked.
    pub(super) fn read(answer: &Value, asked: &Host) -> Option<Self> {
        let mut slots = Self {
            masters: Vec::new(),
            owners: vec![NOBODY; usize::from(SLOTS)],
            in_part: false,
        };
        for range in answer.as_sequence()? {
            let [Value::Int(first), Value::Int(last), master, ..] = range.as_sequence()? else {
                return None;
            };
            let [name, Value::Int(port), ..] = master.as_sequence()? else {
                return None;
            };
            let name = match text(name) {
                None | Some("" | "?") => asked.name.clone(),
                Some(name) => name.to_owned(),
            };
            let host = Host::new(name, u16::try_from(*port).ok()?);
            let (first, last) = (usize::try_from(*first).ok()?, usize::try_from(*last).ok()?);
            let owner = slots.number(host);
            slots.owners.get_mut(first..=last)?.fill(owner);
        }
        (!slots.masters.is_empty()).then_some(slots)
    }

    fn number(&mut self, host: Host) -> u16 {
        let known = self.masters.iter().position(|master| *master == host);
        known.unwrap_or_else(|| {
            self.masters.push(host);
            self.masters.len() - 1
        }) as u16
    }

    /// Who has `slot`, if anybody does.
    pub(super) fn owner(&self, slot: u16) -> Option<&Host> {
        self.masters
            .get(usize::from(self.owners[usize::from(slot)]))
    }

    /// From now on `host` has `slot`.
    pub(super) fn moved(&mut self, slot: u16, host: Host) {
        let owner = self.number(host);
        if let Some(place) = self.owners.get_mut(usize::from(slot)) {
            *place = owner;
            self.in_part = true;
        }
    }
}

/// The text in an answer.
pub(super) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => std::str::from_utf8(bytes).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"{user1000}.following"), slot(b"{user1000}.followers"));
        assert_eq!(slot(b"foo{}{bar}"), crc16(b"foo{}{bar}") % SLOTS);
        assert_eq!(slot(b"foo{{bar}}zap"), crc16(b"{bar") % SLOTS);
    }

    #[test]
    fn ranges_are_read() {
        let bulk = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let range = |first, last, name, port| {
            Value::Array(vec![
                Value::Int(first),
                Value::Int(last),
                Value::Array(vec![bulk(name), Value::Int(port), bulk("id")]),
            ])
        };
        let asked = Host::new("asked", 1);
        let answer = Value::Array(vec![
            range(0, 99, "a", 1),
            range(100, 100, "", 2),
            range(200, 16383, "a", 1),
        ]);
        let mut slots = Slots::read(&answer, &asked).unwrap();
        assert_eq!(slots.masters, [Host::new("a", 1), Host::new("asked", 2)]);
        assert_eq!(slots.owner(100), Some(&Host::new("asked", 2)));
        assert_eq!(slots.owner(150), None);
        assert_eq!(slots.owner(16383), Some(&Host::new("a", 1)));
        assert!(!slots.in_part);
        slots.moved(150, Host::new("b", 3));
        assert!(slots.in_part);
        assert_eq!(slots.owner(150), Some(&Host::new("b", 3)));
        assert_eq!(Slots::read(&Value::Array(vec![]), &asked), None);
        assert_eq!(
            Slots::read(&Value::Array(vec![range(0, 20_000, "a", 1)]), &asked),
            None
        );
    }
}
