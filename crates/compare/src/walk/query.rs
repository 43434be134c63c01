//! Rules whose place depends on more than the location: indexes, slices and filters. They are asked of both documents before the walk.

use std::collections::HashMap;

use serde_json::{Map, Value};
use serde_json_path::PathElement;

use super::{Document, RuleId, Rules, Shape, View};

/// The rules that hold at certain values, by the values' indexes; on the old and on the new side.
#[derive(Debug, Default)]
pub(super) struct Matches {
    old: HashMap<u32, Vec<RuleId>>,
    new: HashMap<u32, Vec<RuleId>>,
}

impl Matches {
    /// Needs documents that share no nodes.
    pub(super) fn find(rules: &Rules, old: &Document<'_>, new: &Document<'_>) -> Self {
        if rules.queries().is_empty() {
            return Self::default();
        }
        Self {
            old: find(rules, old.root()),
            new: find(rules, new.root()),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.old.is_empty() && self.new.is_empty()
    }

    /// The rules that hold at a pair of values: those that hold for either.
    pub(super) fn at(&self, old: Option<View<'_>>, new: Option<View<'_>>) -> Vec<RuleId> {
        let of = |map: &HashMap<u32, Vec<RuleId>>, view: Option<View<'_>>| {
            view.and_then(|view| map.get(&view.index()))
                .cloned()
                .unwrap_or_default()
        };
        let mut rules = of(&self.old, old);
        rules.extend(of(&self.new, new));
        rules.sort_unstable();
        rules.dedup();
        rules
    }
}

fn find(rules: &Rules, root: View<'_>) -> HashMap<u32, Vec<RuleId>> {
    let value = to_value(root);
    let mut found: HashMap<u32, Vec<RuleId>> = HashMap::new();
    for (query, rule) in rules.queries() {
        for location in query.query_located(&value).locations() {
            let mut places = vec![root];
            for step in location.iter() {
                places = places.into_iter().flat_map(|view| below(view, step)).collect();
            }
            for place in places {
                found.entry(place.index()).or_default().push(*rule);
            }
        }
    }
    found
}

/// The values one step below; several where a name occurs several times.
fn below<'a>(view: View<'a>, step: &PathElement<'_>) -> Vec<View<'a>> {
    match step {
        PathElement::Name(name) => {
            let is_it = |text: &[u8]| String::from_utf8_lossy(text) == *name;
            view.members()
                .filter(|(name, _)| is_it(&name.text()))
                .map(|(_, value)| value)
                .collect()
        }
        PathElement::Index(index) => view.elements().nth(*index).into_iter().collect(),
    }
}

/// For the queries only: a number that no double can hold becomes null, a lone surrogate a replacement character, and the last of several members
/// of one name wins.
fn to_value(view: View<'_>) -> Value {
    let text = |view: View<'_>| String::from_utf8_lossy(&view.text()).into_owned();
    match view.shape() {
        Shape::Null => Value::Null,
        Shape::Bool => Value::Bool(view.raw() == b"true"),
        Shape::Number => serde_json::from_slice(view.raw()).unwrap_or_default(),
        Shape::String => Value::String(text(view)),
        Shape::Array => Value::Array(view.elements().map(to_value).collect()),
        Shape::Object => Value::Object(
            view.members()
                .map(|(name, value)| (text(name), to_value(value)))
                .collect::<Map<_, _>>(),
        ),
    }
}
