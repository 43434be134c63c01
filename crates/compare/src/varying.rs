//! Text that varies by itself: a page with the time of day on it must not hide every other change of the page.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use crate::media::Media;
use crate::rules::Rules;
use crate::text::Lines;
use crate::{decode, excerpt, limits, Answer};

/// What differs beyond the lines in which the old side differs from itself.
#[derive(Debug, PartialEq, Eq)]
pub struct Beyond {
    /// A line that only old has; none if new has just more.
    pub old: Option<String>,
    /// A line that only new has; none if new has just less.
    pub new: Option<String>,
}

/// Tells whether the lines that vary between two answers of the old side, `old` and `again`, explain how the text of `new`
/// differs from `old`. None if they do.
///
/// A line of old explains itself when it is missing in `again` too; a line that only new has must stand in for one of
/// these. Lines are compared without regard to their order, so a variation that moves lines explains only itself.
pub fn text_beyond_noise(rules: &Rules, old: &Answer<'_>, again: &Answer<'_>, new: &Answer<'_>) -> Option<Beyond> {
    let beyond = lines_beyond_noise(rules, old, again, new)?;
    // Broken JSON shows none of its content: secrets are found by their path, and in it there is none.
    let json = [old, again, new]
        .iter()
        .any(|answer| Media::of(answer.headers) == Media::Json);
    Some(if json { Beyond { old: None, new: None } } else { beyond })
}

fn lines_beyond_noise(rules: &Rules, old: &Answer<'_>, again: &Answer<'_>, new: &Answer<'_>) -> Option<Beyond> {
    let decoded = |answer: &Answer<'_>| -> Option<Vec<u8>> {
        decode(answer.headers, answer.body, limits::DECODED)
            .ok()
            .map(Cow::into_owned)
    };
    let (Some(old), Some(again), Some(new)) = (decoded(old), decoded(again), decoded(new)) else {
        return Some(Beyond { old: None, new: None }); // what cannot be read explains nothing
    };
    let (gone, came) = without_rules(rules, only_in(&old, &new), only_in(&new, &old));
    let mut varied = count(only_in(&old, &again));
    let unexplained: Vec<&[u8]> = gone.iter().copied().filter(|line| !take(&mut varied, line)).collect();
    if let Some(line) = unexplained.first() {
        let place = gone.iter().position(|other| other == line).unwrap_or_default();
        return Some(match came.get(place) {
            Some(other) => {
                let (old, new) = excerpt::pair(line, other);
                Beyond {
                    old: Some(old),
                    new: Some(new),
                }
            }
            None => Beyond {
                old: Some(excerpt::start(line)),
                new: None,
            },
        });
    }
    if came.len() > gone.len() {
        return Some(Beyond {
            old: None,
            new: came.last().map(|line| excerpt::start(line)),
        });
    }
    // Nothing but the order of lines is left: explained if old reorders them as well.
    let only_order = gone.is_empty() && came.is_empty() && old != new;
    (only_order && old == again).then_some(Beyond { old: None, new: None })
}

/// The lines of `text` that `other` does not have (or not as often), in order.
fn only_in<'a>(text: &'a [u8], other: &'a [u8]) -> Vec<&'a [u8]> {
    let mut known = count(Lines(Some(other)).collect());
    Lines(Some(text)).filter(|line| !take(&mut known, line)).collect()
}

fn count(lines: Vec<&[u8]>) -> HashMap<&[u8], usize> {
    let mut counts = HashMap::new();
    for line in lines {
        *counts.entry(line).or_insert(0) += 1;
    }
    counts
}

fn take(counts: &mut HashMap<&[u8], usize>, line: &[u8]) -> bool {
    match counts.get_mut(line) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        _ => false,
    }
}

/// Leaves out the lines that rules make equal to one that only the other side has.
fn without_rules<'a>(rules: &Rules, gone: Vec<&'a [u8]>, came: Vec<&'a [u8]>) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    if rules.body().is_empty() {
        return (gone, came);
    }
    let canonical = |line: &[u8]| {
        let line = Cow::Owned(line.to_owned());
        rules.canonical(rules.body().iter().copied(), line).into_owned()
    };
    let all = |lines: &[&[u8]]| lines.iter().copied().map(canonical).collect::<Vec<_>>();
    let (of_gone, of_came) = (all(&gone), all(&came));
    let left = |lines: Vec<&'a [u8]>, own: &[Vec<u8>], others: &[Vec<u8>]| {
        let mut known = count(others.iter().map(Vec::as_slice).collect());
        let counts = lines.into_iter().zip(own).filter(|(_, own)| !take(&mut known, own));
        counts.map(|(line, _)| line).collect::<Vec<_>>()
    };
    (left(gone, &of_gone, &of_came), left(came, &of_came, &of_gone))
}
