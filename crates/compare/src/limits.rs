//! Every limit of a comparison, in one place. Each that can cut a comparison short has a [`crate::Cap`], so that none is silent.

/// Nested arrays and objects that are taken apart. Real services stay below 20; more is an attack on a recursive parser.
pub(crate) const DEPTH: usize = 128;

/// JSON values and member names in one body: 16 bytes of memory each.
pub(crate) const NODES: usize = 2_000_000;

/// Differences that count, in one pair; and as many again that a rule hides.
pub(crate) const DIFFERENCES: usize = 100;

/// Bytes of one body after decoding.
pub(crate) const DECODED: usize = 16 << 20;

/// Bytes of the `old` and `new` texts of a difference.
pub(crate) const TEXT: usize = 200;

/// Bytes of one member name in a location; the rest of a longer one is cut.
pub(crate) const NAME: usize = 100;

/// Candidates that one element of an unordered array is tried against, among those that may be equal to it.
pub(crate) const TRIES: usize = 64;
