//! Short ASCII texts that were read lately, kept as objects: the keys of dicts are the same few again and again.
//!
//! A kept str also keeps its hash, so that a dict takes it without hashing it anew.

use std::hash::BuildHasher;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

use foldhash::fast::FixedState;
use pyo3::ffi;
use pyo3::prelude::*;

use super::error::Outcome;

/// Longer texts are not kept: they are rarely names.
const LONGEST: usize = 40;

/// A power of two.
const PLACES: usize = 512;

/// Who reads takes them, and puts them back: who reads meanwhile does without those that were kept.
static KEPT: AtomicPtr<Names> = AtomicPtr::new(null_mut());

/// The texts, each at the place that its hash says.
pub(super) struct Names {
    places: [Option<Py<PyAny>>; PLACES],
}

/// The texts while one reader has them.
pub(super) struct Borrowed(Box<Names>);

impl Borrowed {
    /// Takes the texts. The thread must be attached, which a `Python` shows.
    pub(super) fn take(_: Python<'_>) -> Self {
        let kept = KEPT.swap(null_mut(), Ordering::Acquire);
        Self(if kept.is_null() {
            Box::new(Names {
                places: [const { None }; PLACES],
            })
        } else {
            // SAFETY: what is in KEPT came from `Box::into_raw`, and whoever swaps it out owns it.
            unsafe { Box::from_raw(kept) }
        })
    }

    /// Puts the texts back, in the place of those of a reader that was quicker.
    pub(super) fn put_back(self, _: Python<'_>) {
        let other = KEPT.swap(Box::into_raw(self.0), Ordering::AcqRel);
        if !other.is_null() {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(other) });
        }
    }

    /// The str of this text: one that was kept, or a new one.
    #[inline]
    pub(super) fn text<'py>(&mut self, py: Python<'py>, text: &[u8]) -> Outcome<Bound<'py, PyAny>> {
        if text.len() > LONGEST || !text.is_ascii() {
            return new_text(py, text);
        }
        let hash = FixedState::default().hash_one(text) as usize;
        let place = &mut self.0.places[hash % PLACES];
        if let Some(kept) = place {
            let kept = kept.bind(py);
            // SAFETY: only ASCII texts are kept, whose bytes are their characters.
            let same = unsafe {
                let len = ffi::PyUnicode_GET_LENGTH(kept.as_ptr()).cast_unsigned();
                let data = ffi::PyUnicode_DATA(kept.as_ptr()).cast::<u8>();
                std::slice::from_raw_parts(data, len) == text
            };
            if same {
                return Ok(kept.clone());
            }
        }
        let made = new_text(py, text)?;
        *place = Some(made.clone().unbind());
        Ok(made)
    }
}

/// A new str of this text, which may turn out not to be UTF-8.
#[inline]
pub(super) fn new_text<'py>(py: Python<'py>, text: &[u8]) -> Outcome<Bound<'py, PyAny>> {
    // SAFETY: the new object is of the length that is copied into it, one byte for a character of ASCII; null means that
    // an error is set. Texts of one character are shared by the interpreter, which makes them itself.
    unsafe {
        let size = text.len().cast_signed();
        if text.len() > 1 && text.is_ascii() {
            let made = Bound::from_owned_ptr_or_err(py, ffi::PyUnicode_New(size, 127))?;
            let data = ffi::PyUnicode_DATA(made.as_ptr()).cast::<u8>();
            data.copy_from_nonoverlapping(text.as_ptr(), text.len());
            return Ok(made);
        }
        let made = ffi::PyUnicode_DecodeUTF8(text.as_ptr().cast(), size, null_mut());
        Ok(Bound::from_owned_ptr_or_err(py, made)?)
    }
}
