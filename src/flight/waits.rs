//! Who waits for whom, over all caches: finds the wait that would never end before it begins.
//!
//! Nodes are flights and threads. An edge `a -> b` says that `a` cannot go on before `b` has: the loader of flight `a`
//! asks for flight `b`; a thread is blocked until flight `b` ends; flight `a` runs on an event loop and so needs the
//! loop's thread. A wait that would close a circle of flights alone is a loader waiting for itself. A circle that goes
//! through a thread is only a thread in its own way: that caller can load the value by itself instead.

use std::collections::{HashMap, HashSet};

use crate::sync::Mutex;
use smallvec::SmallVec;

/// What can wait and be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A flight, by its number.
    Flight(u64),
    /// A thread, by the number the caller has for it.
    Thread(u64),
}

/// Why a wait must not begin.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal<L> {
    /// The loader would wait for itself. The labels of the flights in between, from the one asked for to the one that
    /// asks; the asker's own label is not among them.
    Circle(Vec<L>),
    /// The flight needs a thread that this wait would block.
    OwnThread,
}

#[derive(Debug)]
struct Edge<L> {
    serial: u64,
    to: Node,
    label: L,
}

/// The edges of all waits that are under way. `L` names a flight in an error.
#[derive(Debug)]
pub struct Waits<L> {
    graph: Mutex<Graph<L>>,
}

#[derive(Debug)]
struct Graph<L> {
    edges: HashMap<Node, SmallVec<[Edge<L>; 1]>, foldhash::fast::RandomState>,
    serial: u64,
}

impl<L> Default for Waits<L> {
    fn default() -> Self {
        Self {
            graph: Mutex::new(Graph {
                edges: HashMap::default(),
                serial: 0,
            }),
        }
    }
}

impl<L: Clone> Waits<L> {
    /// Records that `from` (named `label`) waits for `to`, unasked: for edges that cannot close a circle because
    /// nothing has started behind `to` yet, or because the thread `to` is running.
    pub fn add(&self, from: Node, label: L, to: Node) -> u64 {
        self.graph.lock().add(from, label, to)
    }

    /// Records that each of `from` waits for the flight `to`, all or none. The answer holds the numbers to give to
    /// [`remove`](Self::remove), in the same order.
    ///
    /// # Errors
    /// [`Refusal`] if the wait would never end.
    pub fn try_add(&self, from: &[(Node, L)], to: u64) -> Result<Vec<u64>, Refusal<L>> {
        let mut graph = self.graph.lock();
        for through_threads in [false, true] {
            for (target, _) in from {
                if let Some(path) = graph.path(Node::Flight(to), *target, through_threads) {
                    let asks = matches!(target, Node::Flight(_));
                    return Err(if asks && !through_threads {
                        Refusal::Circle(path)
                    } else {
                        Refusal::OwnThread
                    });
                }
            }
        }
        let to = Node::Flight(to);
        Ok(from
            .iter()
            .map(|(node, label)| graph.add(*node, label.clone(), to))
            .collect())
    }

    /// Takes an edge out and gives its label back, to be dropped outside the lock.
    pub fn remove(&self, from: Node, serial: u64) -> Option<L> {
        let mut graph = self.graph.lock();
        let edges = graph.edges.get_mut(&from)?;
        let at = edges.iter().position(|edge| edge.serial == serial)?;
        let edge = edges.swap_remove(at);
        if edges.is_empty() {
            graph.edges.remove(&from);
        }
        Some(edge.label)
    }

    /// How many nodes wait for something.
    pub fn len(&self) -> usize {
        self.graph.lock().edges.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<L: Clone> Graph<L> {
    fn add(&mut self, from: Node, label: L, to: Node) -> u64 {
        self.serial += 1;
        let edge = Edge {
            serial: self.serial,
            to,
            label,
        };
        self.edges.entry(from).or_default().push(edge);
        self.serial
    }

    /// The labels along a way from `start` to `goal`, the goal's own left out.
    fn path(&self, start: Node, goal: Node, through_threads: bool) -> Option<Vec<L>> {
        let mut seen = HashSet::from([start]);
        let mut found: Vec<(Node, usize, Option<&L>)> = vec![(start, 0, None)];
        let mut next = 0;
        while next < found.len() {
            let node = found[next].0;
            if node == goal {
                let mut labels = Vec::new();
                let mut at = next;
                while let (_, before, Some(label)) = found[at] {
                    labels.push(label.clone());
                    at = before;
                }
                labels.reverse();
                return Some(labels);
            }
            for edge in self.edges.get(&node).into_iter().flatten() {
                let allowed = through_threads || matches!(edge.to, Node::Flight(_));
                if allowed && seen.insert(edge.to) {
                    found.push((edge.to, next, Some(&edge.label)));
                }
            }
            next += 1;
        }
        None
    }
}
