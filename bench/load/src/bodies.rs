//! The JSON answers of the origin: of an exact size, and the same on both sides but for one field where that is asked.

/// What the path of a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// `/equal/SIZE`: the same body whatever the version.
    Equal(usize),
    /// `/differs/SIZE`: one price, in the middle of the document, depends on the version.
    Differs(usize),
    /// `/empty`: no body.
    Empty,
}

impl Wanted {
    /// Largest body that is made, so that a wrong path cannot eat the memory.
    pub const MAX_SIZE: usize = 16 << 20;

    /// Reads a path; `None` where it asks for nothing that is here.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        if path == "/empty" {
            return Some(Self::Empty);
        }
        let (make, size): (fn(usize) -> Self, &str) = if let Some(size) = path.strip_prefix("/equal/") {
            (Self::Equal, size)
        } else {
            (Self::Differs, path.strip_prefix("/differs/")?)
        };
        let size = size.parse().ok()?;
        (MIN_SIZE..=Self::MAX_SIZE).contains(&size).then(|| make(size))
    }

    /// The body that a version answers with.
    #[must_use]
    pub fn body(self, version: u8) -> Vec<u8> {
        match self {
            Self::Equal(size) => json(size, 0),
            Self::Differs(size) => json(size, version),
            Self::Empty => Vec::new(),
        }
    }
}

/// Room for the frame and one item.
const MIN_SIZE: usize = 100;

/// A page of a catalogue, exactly `size` bytes long. `cent` is the last digit of one price.
fn json(size: usize, cent: u8) -> Vec<u8> {
    let frame = |items: &str, note: &str| format!(r#"{{"page":1,"items":[{items}],"note":"{note}"}}"#);
    let item = |id: usize, cent: u8| {
        format!(
            r#"{{"id":{id},"name":"mug {id}","price":{}.5{},"tags":["new"]}}"#,
            id % 90 + 10,
            cent % 10
        )
    };
    let room = size - frame("", "").len();
    let mut lengths = 0;
    let count = (0..)
        .take_while(|i| {
            lengths += item(1000 + i, 0).len() + usize::from(*i > 0);
            lengths <= room
        })
        .count();
    let items: Vec<_> = (0..count)
        .map(|i| item(1000 + i, if i == count / 2 { cent } else { 0 }))
        .collect();
    let items = items.join(",");
    let note = "x".repeat(room - items.len());
    frame(&items, &note).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn bodies_have_the_exact_size_and_are_json() {
        for size in [100, 101, 163, 2048, 102_400] {
            for wanted in [Wanted::Equal(size), Wanted::Differs(size)] {
                let body = wanted.body(2);
                assert_eq!(body.len(), size);
                let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
                assert!(!value["items"].as_array().unwrap().is_empty());
            }
        }
    }

    #[test]
    fn one_byte_differs_between_versions_where_asked() {
        for size in [100, 2048, 102_400] {
            let (one, two) = (Wanted::Differs(size).body(1), Wanted::Differs(size).body(2));
            assert_eq!(one.iter().zip(&two).filter(|(a, b)| a != b).count(), 1);
            assert_eq!(Wanted::Equal(size).body(1), Wanted::Equal(size).body(2));
        }
    }

    #[test]
    fn paths() {
        assert_eq!(Wanted::from_path("/equal/2048"), Some(Wanted::Equal(2048)));
        assert_eq!(Wanted::from_path("/differs/100"), Some(Wanted::Differs(100)));
        assert_eq!(Wanted::from_path("/empty"), Some(Wanted::Empty));
        for path in [
            "/",
            "/equal/",
            "/equal/99",
            "/equal/99999999999",
            "/differs/-1",
            "/other/100",
        ] {
            assert_eq!(Wanted::from_path(path), None, "{path}");
        }
    }
}
