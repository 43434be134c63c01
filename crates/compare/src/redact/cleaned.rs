use std::borrow::Cow;

/// A body without its secrets, beside what it was.
#[derive(Debug)]
pub struct Cleaned<'a> {
    original: &'a [u8],
    body: Cow<'a, [u8]>,
}

impl<'a> Cleaned<'a> {
    pub(super) fn new(original: &'a [u8], body: Cow<'a, [u8]>) -> Self {
        Self { original, body }
    }

    /// The body with its secrets.
    pub fn original(&self) -> &[u8] {
        self.original
    }

    /// The body without its secrets.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether an excerpt of the body, as a [`Difference`](crate::Difference) has it, is of a part that has been removed. An excerpt may begin behind the
    /// name that makes it a secret, so that it alone does not tell.
    pub fn hides(&self, excerpt: &str) -> bool {
        let excerpt = excerpt.trim_start_matches('…').trim_end_matches('…');
        let has = |text: &[u8]| String::from_utf8_lossy(text).contains(excerpt);
        self.original != self.body.as_ref() && has(self.original) && !has(&self.body)
    }
}
