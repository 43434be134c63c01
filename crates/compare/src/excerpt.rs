//! Short texts of what differs.

use crate::limits::TEXT;

const MARK: &str = "…";
/// Bytes shown before the first byte that differs, where the start has to be left out.
const BEFORE: usize = 40;

/// The start of a text.
pub(crate) fn start(text: &[u8]) -> String {
    let head = &text[..text.len().min(TEXT + 1)];
    cut(&String::from_utf8_lossy(head))
}

/// Cuts a text that is too long at a character's boundary and marks the cut.
pub(crate) fn cut(text: &str) -> String {
    if text.len() <= TEXT {
        return text.to_owned();
    }
    format!("{}{MARK}", &text[..boundary(text, TEXT - MARK.len())])
}

/// The parts of two texts that show how they differ: the start, or what surrounds the first byte that differs.
pub(crate) fn pair(old: &[u8], new: &[u8]) -> (String, String) {
    let at = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    if at + BEFORE <= TEXT {
        return (start(old), start(new));
    }
    // The same bytes lead to `at` in both, so the same place is a boundary in both.
    let mut from = at - BEFORE;
    while old.get(from).is_some_and(|b| b & 0xc0 == 0x80) {
        from += 1;
    }
    let window = |text: &[u8]| {
        let end = text.len().min(from + TEXT + 1);
        cut(&format!("{MARK}{}", String::from_utf8_lossy(&text[from..end])))
    };
    (window(old), window(new))
}

/// JSON without the space between tokens, cut like any text.
pub(crate) fn json(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len().min(TEXT + 1));
    let (mut quoted, mut escaped) = (false, false);
    for &b in text {
        if out.len() > TEXT {
            break;
        }
        if !quoted && matches!(b, b' ' | b'\n' | b'\r' | b'\t') {
            continue;
        }
        quoted ^= b == b'"' && !escaped;
        escaped = quoted && b == b'\\' && !escaped;
        out.push(b);
    }
    start(&out)
}

fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}
