//! Compression of what is stored: zstd, kept only where it makes the bytes fewer.

use std::cell::RefCell;
use std::io::{self, Read};
use zstd::bulk::{Compressor, Decompressor};

/// The levels there are; those above want hundreds of megabytes to read what they wrote.
pub const LEVELS: std::ops::RangeInclusive<i32> = 1..=19;

/// Level 19 looks back over 8 MiB; who asks the reader for more memory than twice that is not our writer.
const WINDOW_LOG_MAX: u32 = 24;

/// What is made at once without having seen that the bytes really stand for so much.
const TRUSTED: usize = 1 << 20;

/// Up to this size each thread keeps what it needs for the next one: making that takes longer than using it. For more it
/// would be megabytes.
const SMALL: usize = 32 << 10;

thread_local! {
    static WRITER: RefCell<Option<(i32, Compressor<'static>)>> = const { RefCell::new(None) };
    static READER: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Why bytes cannot be made what they were.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    /// They say they were longer than the caller allows.
    #[error("they would be {len} bytes long, more than the {limit} allowed")]
    Large {
        /// What they say.
        len: u64,
        /// What the caller allows.
        limit: usize,
    },
    /// They are damaged, or something else than what `compress` made.
    #[error("they are damaged")]
    Damaged,
    /// The library refused.
    #[error("zstd failed: {0}")]
    Failed(#[from] io::Error),
}

/// `data` compressed, or `None` if that would not be shorter.
pub fn compress(data: &[u8], level: i32) -> Result<Option<Vec<u8>>, CompressError> {
    let level = level.clamp(*LEVELS.start(), *LEVELS.end());
    let packed = if data.len() <= SMALL {
        WRITER.with_borrow_mut(|writer| {
            if writer.as_ref().is_none_or(|(of, _)| *of != level) {
                *writer = Some((level, Compressor::new(level)?));
            }
            match writer {
                Some((_, writer)) => writer.compress(data),
                None => zstd::bulk::compress(data, level),
            }
        })?
    } else {
        zstd::bulk::compress(data, level)?
    };
    Ok((packed.len() < data.len()).then_some(packed))
}

/// What `data` was before it was compressed, which may be `limit` bytes at most.
///
/// Memory is taken as the bytes come, not as they promise to.
pub fn decompress(data: &[u8], limit: usize) -> Result<Vec<u8>, CompressError> {
    let Ok(Some(promised)) = zstd::zstd_safe::get_frame_content_size(data) else {
        return Err(CompressError::Damaged);
    };
    let len = usize::try_from(promised)
        .ok()
        .filter(|len| *len <= limit)
        .ok_or(CompressError::Large {
            len: promised,
            limit,
        })?;
    // One frame, and nothing after it.
    if zstd::zstd_safe::find_frame_compressed_size(data).ok() != Some(data.len()) {
        return Err(CompressError::Damaged);
    }
    let out = if len <= SMALL {
        READER
            .with_borrow_mut(|reader| match reader {
                Some(reader) => reader.decompress(data, len),
                None => reader.insert(Decompressor::new()?).decompress(data, len),
            })
            .map_err(|_| CompressError::Damaged)?
    } else if len <= TRUSTED.max(data.len().saturating_mul(16)) {
        zstd::bulk::decompress(data, len).map_err(|_| CompressError::Damaged)?
    } else {
        let mut reader =
            zstd::stream::read::Decoder::with_buffer(data).map_err(|_| CompressError::Damaged)?;
        reader.window_log_max(WINDOW_LOG_MAX)?;
        let mut out = Vec::new();
        reader
            .take(promised + 1)
            .read_to_end(&mut out)
            .map_err(|_| CompressError::Damaged)?;
        out
    };
    if out.len() == len {
        Ok(out)
    } else {
        Err(CompressError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(data in prop::collection::vec(0_u8..4, 0..4000), level in 1..20) {
            if let Some(packed) = compress(&data, level).unwrap() {
                prop_assert!(packed.len() < data.len());
                prop_assert_eq!(decompress(&packed, data.len()).unwrap(), &data[..]);
                let refused = decompress(&packed, data.len() - 1);
                prop_assert!(matches!(refused, Err(CompressError::Large { .. })), "limit");
            }
        }

        #[test]
        fn any_bytes_are_an_error_or_bounded(data in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(out) = decompress(&data, 1 << 16) {
                prop_assert!(out.len() <= 1 << 16);
            }
        }

        #[test]
        fn damage_is_an_error_or_of_the_promised_length(at in 0_usize..60, flip in 1_u8..) {
            let data = b"one, two, three, one, two, three, one, two, three, four, four, four".repeat(9);
            let mut packed = compress(&data, 3).unwrap().unwrap();
            let at = at % packed.len();
            packed[at] ^= flip;
            if let Ok(out) = decompress(&packed, 1 << 16) {
                prop_assert!(out.len() <= 1 << 16);
            }
        }
    }

    #[test]
    fn noise_is_left_as_it_is() {
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .take(2000)
        .collect();
        assert!(compress(&noise, 3).unwrap().is_none());
        assert!(compress(b"", 3).unwrap().is_none());
    }

    #[test]
    fn a_large_promise_is_kept_or_costs_nothing() {
        let data = vec![7_u8; 64 << 20];
        let packed = compress(&data, 1).unwrap().unwrap();
        assert!(packed.len() < 1 << 16);
        assert_eq!(decompress(&packed, data.len()).unwrap(), data);
        let cut = &packed[..packed.len() / 2];
        assert!(decompress(cut, data.len()).is_err());
        assert!(decompress(&[&packed[..], b"more"].concat(), data.len()).is_err());
    }
}
