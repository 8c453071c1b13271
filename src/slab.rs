//! Doubly linked lists of slot numbers: no pointers, no allocation per entry, nothing unsafe.

/// No slot: the end of a list.
pub const NIL: u32 = u32::MAX;

/// The neighbours of one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    prev: u32,
    next: u32,
}

/// The link pairs of every slot, indexed by slot number. A slot is in one list of these links at a time.
#[derive(Clone, Debug, Default)]
pub struct Links(Vec<Link>);

impl Links {
    /// Makes room for slot `id`.
    pub fn grow_to(&mut self, id: u32) {
        let need = id as usize + 1;
        if self.0.len() < need {
            self.0.resize(
                need,
                Link {
                    prev: NIL,
                    next: NIL,
                },
            );
        }
    }

    /// The slot after `id`, towards the back.
    pub fn next(&self, id: u32) -> u32 {
        self.0[id as usize].next
    }

    /// The slot before `id`, towards the front.
    pub fn prev(&self, id: u32) -> u32 {
        self.0[id as usize].prev
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.0.capacity() * size_of::<Link>()
    }
}

/// So many links stay in the processor's nearest cache.
const FITS: usize = 4096;

/// Reads the neighbours of `ids`, so that they come from memory together and not one after the other.
#[inline(never)]
fn fetch(links: &[Link], ids: &[u32]) {
    let mut all = 0;
    for &id in ids {
        let Link { prev, next } = links[id as usize];
        all ^= links.get(prev as usize).map_or(0, |link| link.next);
        all ^= links.get(next as usize).map_or(0, |link| link.prev);
    }
    std::hint::black_box(all);
}

/// One list threaded through [`Links`].
#[derive(Clone, Copy, Debug)]
pub struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl Default for List {
    fn default() -> Self {
        Self {
            head: NIL,
            tail: NIL,
            len: 0,
        }
    }
}

impl List {
    /// How many slots are in the list.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether the list has no slot.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The first slot, or [`NIL`].
    pub fn front(&self) -> u32 {
        self.head
    }

    /// The last slot, or [`NIL`].
    pub fn back(&self) -> u32 {
        self.tail
    }

    /// Puts `id`, which is in no list, first.
    pub fn push_front(&mut self, links: &mut Links, id: u32) {
        links.grow_to(id);
        links.0[id as usize] = Link {
            prev: NIL,
            next: self.head,
        };
        match self.head {
            NIL => self.tail = id,
            head => links.0[head as usize].prev = id,
        }
        self.head = id;
        self.len += 1;
    }

    /// Puts `id`, which is in no list, last.
    pub fn push_back(&mut self, links: &mut Links, id: u32) {
        links.grow_to(id);
        links.0[id as usize] = Link {
            prev: self.tail,
            next: NIL,
        };
        match self.tail {
            NIL => self.head = id,
            tail => links.0[tail as usize].next = id,
        }
        self.tail = id;
        self.len += 1;
    }

    /// Takes `id`, which is in this list, out of it.
    pub fn unlink(&mut self, links: &mut Links, id: u32) {
        let Link { prev, next } = links.0[id as usize];
        match prev {
            NIL => self.head = next,
            prev => links.0[prev as usize].next = next,
        }
        match next {
            NIL => self.tail = prev,
            next => links.0[next as usize].prev = prev,
        }
        self.len -= 1;
    }

    /// Moves `id`, which is in this list, to the front.
    #[inline]
    pub fn move_to_front(&mut self, links: &mut Links, id: u32) {
        let (links, head) = (&mut *links.0, self.head);
        if head == id {
            return;
        }
        let Link { prev, next } = links[id as usize];
        links[prev as usize].next = next;
        match next {
            NIL => self.tail = prev,
            next => links[next as usize].prev = prev,
        }
        links[head as usize].prev = id;
        links[id as usize] = Link {
            prev: NIL,
            next: head,
        };
        self.head = id;
    }

    /// As [`List::move_to_front`] for each of `ids` in turn.
    pub fn move_all_to_front(&mut self, links: &mut Links, ids: &[u32]) {
        let links = &mut *links.0;
        if links.len() > FITS {
            fetch(links, ids);
        }
        let (mut head, mut tail) = (self.head, self.tail);
        for &id in ids {
            if id == head {
                continue;
            }
            let Link { prev, next } = links[id as usize];
            links[prev as usize].next = next;
            match next {
                NIL => tail = prev,
                next => links[next as usize].prev = prev,
            }
            links[head as usize].prev = id;
            links[id as usize] = Link {
                prev: NIL,
                next: head,
            };
            head = id;
        }
        (self.head, self.tail) = (head, tail);
    }

    /// Every slot from the back to the front: coldest first where the front is the hottest.
    pub fn iter_back<'a>(&self, links: &'a Links) -> impl Iterator<Item = u32> + 'a {
        let mut at = self.tail;
        std::iter::from_fn(move || {
            (at != NIL).then(|| {
                let id = at;
                at = links.prev(id);
                id
            })
        })
    }

    /// Panics unless both directions agree and count `len` slots.
    pub fn validate(&self, links: &Links) {
        let (mut at, mut before, mut count) = (self.head, NIL, 0);
        while at != NIL {
            assert_eq!(links.prev(at), before, "the neighbour before slot {at}");
            before = at;
            at = links.next(at);
            count += 1;
            assert!(count <= self.len, "a cycle in the list");
        }
        assert_eq!(before, self.tail, "the tail");
        assert_eq!(count, self.len, "the length");
    }
}
