//! The path template that an unknown path gets by itself, so that `/orders/42` and `/orders/43` are one endpoint.

/// Longest template kept; a longer path is cut there with `…`, so that no client can make huge labels.
const LONGEST: usize = 200;

/// The template of `path`: segments that look like an identifier become `{id}`, `{uuid}`, `{hash}`, `{date}` or `{token}`.
#[must_use]
pub fn endpoint_template(path: &str) -> String {
    let mut out = String::with_capacity(path.len() + 8);
    write_template(path, &mut out);
    out
}

/// Appends the template of `path` to `out`.
pub(crate) fn write_template(path: &str, out: &mut String) {
    let start = out.len();
    for (position, segment) in path.split('/').enumerate() {
        if position > 0 {
            out.push('/');
        }
        write_segment(segment, out);
        if out.len() - start > LONGEST {
            let mut cut = start + LONGEST;
            while !out.is_char_boundary(cut) {
                cut -= 1;
            }
            out.truncate(cut);
            out.push('…');
            return;
        }
    }
}

/// A placeholder or the segment itself; a file ending stays: `/orders/42.json` is another endpoint than `/orders/42.csv`.
fn write_segment(segment: &str, out: &mut String) {
    if let Some(placeholder) = placeholder(segment) {
        return out.push_str(placeholder);
    }
    if let Some((stem, ending)) = segment.rsplit_once('.') {
        let is_ending = (1..=5).contains(&ending.len()) && ending.bytes().all(|b| b.is_ascii_alphabetic());
        if let Some(placeholder) = placeholder(stem).filter(|_| is_ending) {
            out.push_str(placeholder);
            out.push('.');
            return out.push_str(ending);
        }
    }
    out.push_str(segment);
}

/// What a segment stands for, if it looks like a value and not like a name.
fn placeholder(segment: &str) -> Option<&'static str> {
    let bytes = segment.as_bytes();
    if bytes.is_empty() {
        return None;
    }
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == 0 && bytes.len() < 20 {
        return None; // an ordinary word, the common case
    }
    if digits == bytes.len() {
        return Some("{id}");
    }
    if is_number(bytes) {
        return Some("{id}");
    }
    if is_uuid(bytes) {
        return Some("{uuid}");
    }
    if is_date(bytes) {
        return Some("{date}");
    }
    let hex = bytes.iter().all(u8::is_ascii_hexdigit);
    if hex && digits > 0 && bytes.len() >= 8 {
        return Some("{hash}");
    }
    if is_token(bytes, digits) {
        return Some("{token}");
    }
    if is_prefixed_id(bytes) {
        return Some("{id}");
    }
    None
}

/// A signed or decimal number: `-3`, `52.37`.
fn is_number(bytes: &[u8]) -> bool {
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let mut dots = 0;
    !unsigned.is_empty()
        && unsigned[0].is_ascii_digit()
        && unsigned.iter().all(|&b| {
            dots += usize::from(b == b'.');
            b.is_ascii_digit() || b == b'.'
        })
        && dots <= 1
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// `2026-11-24`, with or without a time behind it.
fn is_date(bytes: &[u8]) -> bool {
    bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(i, b)| match i {
            4 | 7 => *b == b'-',
            _ => b.is_ascii_digit(),
        })
        && (bytes.len() == 10 || matches!(bytes[10], b'T' | b't' | b' ' | b'_' | b'%'))
}

/// Long, and of mixed letters and digits (base64, ULID, JWT), or so long that nobody would name a resource so.
fn is_token(bytes: &[u8], digits: usize) -> bool {
    let alphabet = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=' | b'.' | b'~');
    if bytes.len() < 16 || !bytes.iter().all(alphabet) {
        return false;
    }
    let separators = bytes.iter().filter(|b| matches!(b, b'-' | b'_' | b'.')).count();
    (digits >= 3 && separators * 6 <= bytes.len()) || bytes.len() >= 48
}

/// `ord_8f3k2`, `order-1042`, `SKU-0099`: a short word, a separator, then mostly digits.
fn is_prefixed_id(bytes: &[u8]) -> bool {
    let Some(split) = bytes.iter().rposition(|b| matches!(b, b'-' | b'_')) else {
        return false;
    };
    let (prefix, tail) = (&bytes[..split], &bytes[split + 1..]);
    let digits = tail.iter().filter(|b| b.is_ascii_digit()).count();
    tail.len() >= 3
        && digits * 2 >= tail.len()
        && tail.iter().all(u8::is_ascii_alphanumeric)
        && prefix.iter().all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests;
