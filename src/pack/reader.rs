//! Reads the bytes of a value, item by item, and never past a limit.

use rmp::Marker;

use super::Broken;

/// A place in the bytes of a value.
pub struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

/// What a value starts with; for text and bytes it is all of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Head<'a> {
    /// Nothing.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A number too large for the signed form.
    Uint(u64),
    /// A float.
    Float(f64),
    /// Text, which should be UTF-8.
    Str(&'a [u8]),
    /// Bytes.
    Bin(&'a [u8]),
    /// An array of so many values, which follow.
    Array(usize),
    /// A map of so many keys, each followed by its value.
    Map(usize),
    /// An extension of this type, which ends at this place.
    Ext(i8, usize),
}

impl<'a> Reader<'a> {
    /// A reader at the start of these bytes.
    pub fn new(data: &'a [u8]) -> Self {
        Self { data, at: 0 }
    }

    /// Where it is.
    #[inline]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Goes back to a place where it has been.
    #[inline]
    pub fn back_to(&mut self, at: usize) {
        debug_assert!(at <= self.at);
        self.at = at;
    }

    /// What the value that starts here starts with; nothing at or past `limit` belongs to it.
    ///
    /// A container is refused if its items, of a byte at least each, cannot all be before the limit.
    #[inline]
    pub fn head(&mut self, limit: usize) -> Result<Head<'a>, Broken> {
        debug_assert!(limit <= self.data.len());
        if self.at >= limit {
            return Err(Broken::Short);
        }
        let marker = Marker::from_u8(self.data[self.at]);
        self.at += 1;
        match marker {
            Marker::FixPos(number) => Ok(Head::Int(i64::from(number))),
            Marker::FixNeg(number) => Ok(Head::Int(i64::from(number))),
            Marker::FixStr(len) => Ok(Head::Str(self.bytes(usize::from(len), limit)?)),
            Marker::FixMap(len) => self.map(usize::from(len), limit),
            Marker::FixArray(len) => self.array(usize::from(len), limit),
            Marker::Null => Ok(Head::Nil),
            Marker::False => Ok(Head::Bool(false)),
            Marker::True => Ok(Head::Bool(true)),
            Marker::F64 => Ok(Head::Float(f64::from_be_bytes(self.fixed(limit)?))),
            Marker::U8 => Ok(Head::Int(i64::from(u8::from_be_bytes(self.fixed(limit)?)))),
            Marker::U16 => Ok(Head::Int(i64::from(u16::from_be_bytes(self.fixed(limit)?)))),
            Marker::U32 => Ok(Head::Int(i64::from(u32::from_be_bytes(self.fixed(limit)?)))),
            Marker::I8 => Ok(Head::Int(i64::from(i8::from_be_bytes(self.fixed(limit)?)))),
            Marker::I16 => Ok(Head::Int(i64::from(i16::from_be_bytes(self.fixed(limit)?)))),
            Marker::I32 => Ok(Head::Int(i64::from(i32::from_be_bytes(self.fixed(limit)?)))),
            Marker::I64 => Ok(Head::Int(i64::from_be_bytes(self.fixed(limit)?))),
            Marker::Str8 | Marker::Bin8 | Marker::Array16 | Marker::Map16 | Marker::Ext8 => {
                self.longer(marker, limit)
            }
            other => self.rare(other, limit),
        }
    }

    /// The bytes of an extension that ends at `end`, all of them.
    pub fn rest(&mut self, end: usize) -> &'a [u8] {
        let bytes = &self.data[self.at..end];
        self.at = end;
        bytes
    }

    #[inline]
    fn longer(&mut self, marker: Marker, limit: usize) -> Result<Head<'a>, Broken> {
        match marker {
            Marker::Str8 => {
                let len = u8::from_be_bytes(self.fixed(limit)?);
                Ok(Head::Str(self.bytes(usize::from(len), limit)?))
            }
            Marker::Bin8 => {
                let len = u8::from_be_bytes(self.fixed(limit)?);
                Ok(Head::Bin(self.bytes(usize::from(len), limit)?))
            }
            Marker::Array16 => {
                let len = u16::from_be_bytes(self.fixed(limit)?);
                self.array(usize::from(len), limit)
            }
            Marker::Map16 => {
                let len = u16::from_be_bytes(self.fixed(limit)?);
                self.map(usize::from(len), limit)
            }
            _ => {
                let len = u8::from_be_bytes(self.fixed(limit)?);
                self.ext(usize::from(len), limit)
            }
        }
    }

    #[inline(never)]
    fn rare(&mut self, marker: Marker, limit: usize) -> Result<Head<'a>, Broken> {
        match marker {
            Marker::U64 => {
                let number = u64::from_be_bytes(self.fixed(limit)?);
                Ok(i64::try_from(number).map_or(Head::Uint(number), Head::Int))
            }
            Marker::F32 => Ok(Head::Float(f64::from(f32::from_be_bytes(
                self.fixed(limit)?,
            )))),
            Marker::Str16 => {
                let len = u16::from_be_bytes(self.fixed(limit)?);
                Ok(Head::Str(self.bytes(usize::from(len), limit)?))
            }
            Marker::Str32 => {
                let len = self.long(limit)?;
                Ok(Head::Str(self.bytes(len, limit)?))
            }
            Marker::Bin16 => {
                let len = u16::from_be_bytes(self.fixed(limit)?);
                Ok(Head::Bin(self.bytes(usize::from(len), limit)?))
            }
            Marker::Bin32 => {
                let len = self.long(limit)?;
                Ok(Head::Bin(self.bytes(len, limit)?))
            }
            Marker::Array32 => {
                let len = self.long(limit)?;
                self.array(len, limit)
            }
            Marker::Map32 => {
                let len = self.long(limit)?;
                self.map(len, limit)
            }
            Marker::Ext16 => {
                let len = u16::from_be_bytes(self.fixed(limit)?);
                self.ext(usize::from(len), limit)
            }
            Marker::Ext32 => {
                let len = self.long(limit)?;
                self.ext(len, limit)
            }
            Marker::FixExt1 => self.ext(1, limit),
            Marker::FixExt2 => self.ext(2, limit),
            Marker::FixExt4 => self.ext(4, limit),
            Marker::FixExt8 => self.ext(8, limit),
            Marker::FixExt16 => self.ext(16, limit),
            _ => Err(Broken::Reserved),
        }
    }

    #[inline]
    fn array(&self, len: usize, limit: usize) -> Result<Head<'a>, Broken> {
        if len > limit - self.at {
            return Err(Broken::Short);
        }
        Ok(Head::Array(len))
    }

    #[inline]
    fn map(&self, len: usize, limit: usize) -> Result<Head<'a>, Broken> {
        if len > (limit - self.at) / 2 {
            return Err(Broken::Short);
        }
        Ok(Head::Map(len))
    }

    fn ext(&mut self, len: usize, limit: usize) -> Result<Head<'a>, Broken> {
        let code = i8::from_be_bytes(self.fixed(limit)?);
        if len > limit - self.at {
            return Err(Broken::Short);
        }
        Ok(Head::Ext(code, self.at + len))
    }

    fn long(&mut self, limit: usize) -> Result<usize, Broken> {
        usize::try_from(u32::from_be_bytes(self.fixed(limit)?)).map_err(|_| Broken::Short)
    }

    #[inline]
    fn bytes(&mut self, len: usize, limit: usize) -> Result<&'a [u8], Broken> {
        if len > limit - self.at {
            return Err(Broken::Short);
        }
        let bytes = &self.data[self.at..self.at + len];
        self.at += len;
        Ok(bytes)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self, limit: usize) -> Result<[u8; N], Broken> {
        match self.data[self.at..limit].first_chunk() {
            Some(bytes) => {
                self.at += N;
                Ok(*bytes)
            }
            None => Err(Broken::Short),
        }
    }
}
