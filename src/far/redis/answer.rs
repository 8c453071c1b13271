//! Commands as bytes, and bytes as answers: the few kinds that the simplest requests have (RESP2).

use std::io;

/// No answer that is expected here has a longer line.
const LONGEST_LINE: usize = 64 << 10;

/// What a server answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is nothing.
    Nothing,
    /// It is done.
    Done,
    /// What there is.
    Bytes(Vec<u8>),
    /// So many answers follow.
    Many(usize),
    /// An error, or something that was not expected.
    Other,
}

impl Answer {
    /// How many answers belong to it.
    pub(super) fn following(&self) -> usize {
        if let Self::Many(count) = self {
            *count
        } else {
            0
        }
    }
}

/// What bytes begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// An answer, and how many bytes it takes.
    Whole(Answer, usize),
    /// A part of one that takes at least so many.
    Part(usize),
}

/// Reads the answer that `bytes` begin with.
pub(super) fn read(bytes: &[u8]) -> io::Result<Read> {
    let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") else {
        return if bytes.len() > LONGEST_LINE {
            Err(io::ErrorKind::InvalidData.into())
        } else {
            Ok(Read::Part(bytes.len() + 1))
        };
    };
    let (kind, rest) = bytes[..end]
        .split_first()
        .ok_or(io::ErrorKind::InvalidData)?;
    let whole = |answer| Ok(Read::Whole(answer, end + 2));
    match kind {
        b'+' => whole(Answer::Done),
        b'-' | b':' => whole(Answer::Other),
        b'_' => whole(Answer::Nothing),
        b'*' => whole(Answer::Many(
            usize::try_from(number(rest)?).map_err(|_| io::ErrorKind::InvalidData)?,
        )),
        b'$' => {
            let Ok(length) = usize::try_from(number(rest)?) else {
                return whole(Answer::Nothing);
            };
            let last = (end + 4)
                .checked_add(length)
                .ok_or(io::ErrorKind::InvalidData)?;
            if bytes.len() < last {
                return Ok(Read::Part(last));
            }
            let content = bytes[end + 2..last - 2].to_vec();
            Ok(Read::Whole(Answer::Bytes(content), last))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn number(text: &[u8]) -> io::Result<i64> {
    let text = std::str::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok(text.parse().map_err(|_| io::ErrorKind::InvalidData)?)
}

/// Appends a command to `out`.
pub(super) fn command(out: &mut Vec<u8>, words: &[&[u8]]) {
    head(out, b'*', words.len());
    for word in words {
        head(out, b'$', word.len());
        out.extend_from_slice(word);
        out.extend_from_slice(b"\r\n");
    }
}

/// A line of one number.
fn head(out: &mut Vec<u8>, kind: u8, mut number: usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        #[allow(clippy::cast_possible_truncation)] // a digit
        let digit = (number % 10) as u8;
        digits[at] = b'0' + digit;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.push(kind);
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_command_is_what_servers_read() {
        let mut out = Vec::new();
        command(&mut out, &[b"SET", b"", &[b'x'; 10]]);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$0\r\n\r\n$10\r\nxxxxxxxxxx\r\n");
    }

    #[test]
    fn each_kind_of_answer() {
        let whole = |bytes: &[u8]| match read(bytes).unwrap() {
            Read::Whole(answer, length) if length == bytes.len() => answer,
            other => panic!("{other:?}"),
        };
        assert_eq!(whole(b"+OK\r\n"), Answer::Done);
        assert_eq!(whole(b"-ERR no\r\n"), Answer::Other);
        assert_eq!(whole(b":1\r\n"), Answer::Other);
        assert_eq!(whole(b"$-1\r\n"), Answer::Nothing);
        assert_eq!(whole(b"_\r\n"), Answer::Nothing);
        assert_eq!(whole(b"*3\r\n"), Answer::Many(3));
        assert_eq!(whole(b"$0\r\n\r\n"), Answer::Bytes(Vec::new()));
        assert_eq!(
            whole(b"$4\r\n\r\n\r\n\r\n"),
            Answer::Bytes(b"\r\n\r\n".to_vec())
        );
    }

    #[test]
    fn garbage_is_no_answer() {
        let huge = vec![b'+'; LONGEST_LINE + 1];
        for bytes in [
            &b"\r\n"[..],
            b"HTTP/1.1 400\r\n",
            b"$x\r\n",
            b"*-1\r\n",
            b"$9223372036854775807\r\n",
            &huge,
        ] {
            match read(bytes) {
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidData),
                Ok(Read::Part(wanted)) => assert!(wanted > 1 << 40),
                Ok(other) => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_comes_in_parts_is_read_when_it_is_whole(content: Vec<u8>, behind: Vec<u8>) {
            let mut bytes = Vec::new();
            command(&mut bytes, &[&content]);
            let bytes = &bytes[4..];
            for part in 0..bytes.len() {
                match read(&bytes[..part]).unwrap() {
                    Read::Part(wanted) => prop_assert!(wanted > part && wanted <= bytes.len()),
                    other @ Read::Whole(..) => panic!("{other:?}"),
                }
            }
            let all = [bytes, &behind].concat();
            prop_assert_eq!(read(&all).unwrap(), Read::Whole(Answer::Bytes(content), bytes.len()));
        }
    }
}
