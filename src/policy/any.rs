//! One of the policies, chosen while the cache lives.

use super::{Facts, Lfu, Lru, Policy, Size, TinyLfu, Ttl};

/// The name of a policy, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Least recently used.
    Lru,
    /// Least frequently used.
    Lfu {
        /// Whether counts fade.
        ageing: bool,
    },
    /// Soonest to expire.
    Ttl,
    /// Heaviest and coldest.
    Size,
    /// Admission by popularity.
    TinyLfu,
    /// Somebody outside decides; the order kept here is LRU, for the candidates and for want of an answer.
    Adviser,
}

/// A policy of any [`Kind`].
#[derive(Debug)]
pub enum AnyPolicy {
    /// [`Kind::Lru`] and [`Kind::Adviser`].
    Lru(Lru),
    /// [`Kind::Lfu`].
    Lfu(Lfu),
    /// [`Kind::Ttl`].
    Ttl(Ttl),
    /// [`Kind::Size`].
    Size(Size),
    /// [`Kind::TinyLfu`].
    TinyLfu(Box<TinyLfu>),
}

impl AnyPolicy {
    /// An empty policy.
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::Lru | Kind::Adviser => Self::Lru(Lru::default()),
            Kind::Lfu { ageing } => Self::Lfu(Lfu::new(ageing)),
            Kind::Ttl => Self::Ttl(Ttl::default()),
            Kind::Size => Self::Size(Size::default()),
            Kind::TinyLfu => Self::TinyLfu(Box::default()),
        }
    }
}

macro_rules! each {
    ($self:ident, $policy:ident => $call:expr) => {
        match $self {
            Self::Lru($policy) => $call,
            Self::Lfu($policy) => $call,
            Self::Ttl($policy) => $call,
            Self::Size($policy) => $call,
            Self::TinyLfu($policy) => $call,
        }
    };
}

impl Policy for AnyPolicy {
    #[inline]
    fn insert(&mut self, id: u32, facts: Facts) {
        each!(self, p => p.insert(id, facts));
    }
    #[inline]
    fn access(&mut self, id: u32, facts: Facts) {
        each!(self, p => p.access(id, facts));
    }
    #[inline]
    fn access_all(&mut self, used: &[u32], hash: impl Fn(u32) -> u32) {
        each!(self, p => p.access_all(used, hash));
    }
    fn pardon(&mut self, id: u32, facts: Facts) {
        each!(self, p => p.pardon(id, facts));
    }
    fn update(&mut self, id: u32, facts: Facts) {
        each!(self, p => p.update(id, facts));
    }
    #[inline]
    fn remove(&mut self, id: u32) {
        each!(self, p => p.remove(id));
    }
    #[inline]
    fn victim(&mut self) -> Option<u32> {
        each!(self, p => p.victim())
    }
    fn set_capacity(&mut self, entries: Option<u32>) {
        each!(self, p => p.set_capacity(entries));
    }
    fn order(&self) -> Vec<u32> {
        each!(self, p => p.order())
    }
    fn bytes(&self) -> usize {
        each!(self, p => p.bytes())
    }
    fn validate(&self) {
        each!(self, p => p.validate());
    }
}
