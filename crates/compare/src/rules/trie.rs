//! Paths as one automaton that is stepped along a walk: the cost of a member is the number of paths that are still possible there, not of all rules.

use super::path::Step;
use super::RuleId;

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone)]
struct Node {
    /// Sorted by name.
    names: Vec<(Box<[u8]>, u32)>,
    any: u32,
    /// The node that a `..` leads to.
    deep: u32,
    /// Whether this is such a node, which stays possible at all levels below.
    stays: bool,
    rules: Vec<RuleId>,
}

/// The paths of a set of rules.
#[derive(Debug, Clone)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::new(false)],
        }
    }
}

impl Node {
    fn new(stays: bool) -> Self {
        Self {
            names: Vec::new(),
            any: NONE,
            deep: NONE,
            stays,
            rules: Vec::new(),
        }
    }
}

/// A step of a walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move<'a> {
    Member(&'a [u8]),
    Element,
}

impl Trie {
    /// Adds a path. [`Step::Other`] counts as any member or element, which is right for redaction only.
    pub(crate) fn insert(&mut self, steps: &[Step], rule: RuleId) {
        let mut at = 0;
        for step in steps {
            at = match step {
                Step::Name(name) => self.named(at, name.as_bytes()),
                Step::Any | Step::Other => self.child(at, false),
                Step::Deep => self.child(at, true),
            };
        }
        self.nodes[at as usize].rules.push(rule);
    }

    fn named(&mut self, at: u32, name: &[u8]) -> u32 {
        match self.nodes[at as usize]
            .names
            .binary_search_by(|(known, _)| known.as_ref().cmp(name))
        {
            Ok(found) => self.nodes[at as usize].names[found].1,
            Err(place) => {
                let new = self.grow(false);
                self.nodes[at as usize].names.insert(place, (name.into(), new));
                new
            }
        }
    }

    fn child(&mut self, at: u32, deep: bool) -> u32 {
        let node = &self.nodes[at as usize];
        let known = if deep { node.deep } else { node.any };
        if known != NONE {
            return known;
        }
        let new = self.grow(deep);
        let node = &mut self.nodes[at as usize];
        *(if deep { &mut node.deep } else { &mut node.any }) = new;
        new
    }

    fn grow(&mut self, stays: bool) -> u32 {
        self.nodes.push(Node::new(stays));
        self.nodes.len() as u32 - 1
    }

    /// The states at the root.
    pub(crate) fn start(&self, states: &mut Vec<u32>) {
        self.reach(0, 0, states);
    }

    /// Appends the states that one move leads to from `states[from..to]`.
    pub(crate) fn step(&self, from: usize, to: usize, with: Move<'_>, states: &mut Vec<u32>) {
        let base = states.len();
        for at in from..to {
            let state = states[at];
            let node = &self.nodes[state as usize];
            if let Move::Member(name) = with {
                if let Ok(found) = node.names.binary_search_by(|(known, _)| known.as_ref().cmp(name)) {
                    self.reach(node.names[found].1, base, states);
                }
            }
            if node.any != NONE {
                self.reach(node.any, base, states);
            }
            if node.stays {
                self.reach(state, base, states);
            }
        }
    }

    /// Adds a state, and the one that a `..` leads to from there, to `states[base..]`; each once.
    fn reach(&self, state: u32, base: usize, states: &mut Vec<u32>) {
        if !states[base..].contains(&state) {
            states.push(state);
            let deep = self.nodes[state as usize].deep;
            if deep != NONE {
                self.reach(deep, base, states);
            }
        }
    }

    /// The rules whose location this state is.
    pub(crate) fn rules(&self, state: u32) -> impl Iterator<Item = RuleId> + '_ {
        self.nodes[state as usize].rules.iter().copied()
    }
}
