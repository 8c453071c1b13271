//! What is said on the channel of a cache: that a lease has ended, that tags were invalidated.

/// What is said on the channel of a cache.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum News<'a> {
    /// The lease of the entry called so has ended.
    Lease(&'a [u8]),
    /// These tags were invalidated by the store with this mark.
    Tags {
        mark: u64,
        hard: bool,
        tags: Vec<String>,
    },
}

impl<'a> News<'a> {
    /// That these tags were invalidated, to be said. Scripts themselves say that a lease ended.
    pub(super) fn tags(mark: u64, hard: bool, tags: &[String]) -> Vec<u8> {
        let mut out = vec![b'T', u8::from(hard)];
        out.extend_from_slice(&mark.to_le_bytes());
        for tag in tags {
            out.extend_from_slice(&(tag.len() as u32).to_le_bytes());
            out.extend_from_slice(tag.as_bytes());
        }
        out
    }

    /// What was said; `None` if it means nothing to this version.
    pub(super) fn read(message: &'a [u8]) -> Option<Self> {
        let (kind, rest) = message.split_first()?;
        match kind {
            b'L' => Some(Self::Lease(rest)),
            b'T' => {
                let (&hard, rest) = rest.split_first()?;
                let (mark, mut rest) = rest.split_first_chunk()?;
                let mut tags = Vec::new();
                while !rest.is_empty() {
                    let (len, behind) = rest.split_first_chunk()?;
                    let (tag, behind) =
                        behind.split_at_checked(u32::from_le_bytes(*len) as usize)?;
                    tags.push(String::from_utf8(tag.to_vec()).ok()?);
                    rest = behind;
                }
                Some(Self::Tags {
                    mark: u64::from_le_bytes(*mark),
                    hard: hard != 0,
                    tags,
                })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn news_is_read_as_it_was_said(
            mark in any::<u64>(), hard in any::<bool>(), tags in prop::collection::vec("\\PC{0,5}", 0..4),
        ) {
            let said = News::tags(mark, hard, &tags);
            prop_assert_eq!(News::read(&said), Some(News::Tags { mark, hard, tags }));
        }
    }
}
