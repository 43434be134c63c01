//! Bytes that are kept for later, in one piece: within a cap of their own and the memory of all.
//!
//! They are copied. The parts in which a body arrives are slices of the read buffer of its connection, and a slice of one
//! byte holds the whole buffer: kept as they came, a body of tiny chunks would take a thousand times its length.

use bytes::Bytes;
use http::HeaderMap;

use crate::budget::Share;

#[derive(Debug)]
pub struct Store {
    bytes: Vec<u8>,
    /// What `bytes` has room for, all of it reserved.
    room: usize,
    cap: usize,
    share: Share,
}

/// Why something was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The cap of this store.
    Cap,
    /// The memory of all.
    Memory,
}

impl Store {
    pub fn new(cap: usize, share: Share) -> Self {
        Self {
            bytes: Vec::new(),
            room: 0,
            cap,
            share,
        }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Keeps `data` too, or nothing of it.
    pub fn add(&mut self, data: &[u8]) -> Result<(), Full> {
        let needed = self.bytes.len() + data.len();
        if needed > self.cap {
            return Err(Full::Cap);
        }
        if needed > self.room {
            let room = needed.max(2 * self.room).min(self.cap);
            if !self.share.grow(room - self.room) {
                return Err(Full::Memory);
            }
            self.room = room;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// True if so many bytes are not too many for it.
    pub fn may_hold(&self, bytes: usize) -> bool {
        bytes <= self.cap
    }

    /// Reserves memory for something that is kept beside the bytes.
    pub fn reserve(&mut self, bytes: usize) -> Result<(), Full> {
        if self.share.grow(bytes) {
            Ok(())
        } else {
            Err(Full::Memory)
        }
    }

    /// Gives back what was reserved for something beside the bytes.
    pub fn give_back(&mut self, bytes: usize) {
        self.share.shrink(bytes);
    }

    /// Reserves what header fields take that are kept beside the bytes.
    pub fn charge(&mut self, fields: &HeaderMap) -> Result<(), Full> {
        if self.share.charge(fields) {
            Ok(())
        } else {
            Err(Full::Memory)
        }
    }

    /// Up to `most` bytes from `start` on; none if there are no more yet.
    pub fn read(&self, start: usize, most: usize) -> Option<Bytes> {
        let left = self.bytes.get(start..).filter(|left| !left.is_empty())?;
        Some(Bytes::copy_from_slice(&left[..left.len().min(most)]))
    }

    pub fn copy(&self) -> Bytes {
        Bytes::copy_from_slice(&self.bytes)
    }

    /// All bytes, and what they have reserved.
    pub fn into_parts(self) -> (Bytes, Share) {
        (self.bytes.into(), self.share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    #[test]
    fn tiny_parts_take_no_more_than_twice_their_length() {
        let budget = Budget::new(1 << 20);
        let mut store = Store::new(100_000, budget.share());
        (0..10_000).for_each(|_| assert_eq!(store.add(b"x"), Ok(())));
        assert_eq!(store.len(), 10_000);
        assert!(store.bytes.capacity() <= 20_000);
        assert_eq!(
            budget.reserved(),
            store.bytes.capacity(),
            "all that is allocated is reserved"
        );
    }

    #[test]
    fn the_cap_counts_bytes_and_not_parts() {
        let budget = Budget::new(1 << 20);
        let mut store = Store::new(10, budget.share());
        (0..10).for_each(|_| assert_eq!(store.add(b"x"), Ok(())));
        assert_eq!(store.add(b"x"), Err(Full::Cap));
        assert_eq!(store.copy(), &b"xxxxxxxxxx"[..]);
        assert_eq!(budget.reserved(), 10);
    }

    #[test]
    fn the_memory_of_all_is_respected_and_given_back() {
        let budget = Budget::new(100);
        let mut store = Store::new(1000, budget.share());
        assert_eq!(store.add(&[0; 60]), Ok(()));
        assert_eq!(store.add(&[0; 60]), Err(Full::Memory));
        let mut fields = HeaderMap::new();
        fields.insert("x-sum", http::HeaderValue::from_static("1"));
        assert_eq!(
            store.charge(&fields),
            Err(Full::Memory),
            "fields are charged like bytes"
        );
        let (bytes, share) = store.into_parts();
        assert_eq!((bytes.len(), budget.reserved()), (60, 60));
        drop(share);
        assert_eq!(budget.reserved(), 0);
    }

    #[test]
    fn it_is_read_in_pieces() {
        let mut store = Store::new(10, Budget::new(10).share());
        assert_eq!(store.read(0, 4), None);
        assert_eq!(store.add(b"abcdef"), Ok(()));
        assert_eq!(store.read(0, 4).as_deref(), Some(&b"abcd"[..]));
        assert_eq!(store.read(4, 4).as_deref(), Some(&b"ef"[..]));
        assert_eq!(store.read(6, 4), None);
    }
}
