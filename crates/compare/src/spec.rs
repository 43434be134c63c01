//! The rules as they cross the boundary; see `docs/explanation/boundary.md`, "RULES".

use serde::Deserialize;

/// A set of rules as a user's configuration states it, not yet compiled.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RulesSpec {
    pub ignore: Vec<IgnoreSpec>,
    pub unordered: Vec<UnorderedSpec>,
    pub tolerance: Vec<ToleranceSpec>,
    pub equivalent: Vec<EquivalentSpec>,
    pub case: Vec<CaseSpec>,
    pub additive: Vec<AdditiveSpec>,
    /// Names of further response headers that count.
    pub headers: Vec<String>,
}

/// Differences at or below `at` do not count.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IgnoreSpec {
    pub at: String,
    #[serde(default)]
    pub id: Option<String>,
}

/// The order of the arrays at or below `at` does not count. With `by`, elements are matched by that member.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnorderedSpec {
    pub at: String,
    #[serde(default)]
    pub by: Option<String>,
    #[serde(default)]
    pub id: Option<String>,
}

/// Numbers at or below `at` may differ by `absolute`, or by `relative` times the larger magnitude.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToleranceSpec {
    pub at: String,
    #[serde(default)]
    pub absolute: Option<f64>,
    #[serde(default)]
    pub relative: Option<f64>,
    #[serde(default)]
    pub id: Option<String>,
}

/// Texts at or below `at` are equal if they are after every match of `pattern` became `replacement` on both sides.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EquivalentSpec {
    pub at: String,
    pub pattern: String,
    pub replacement: String,
    #[serde(default)]
    pub id: Option<String>,
}

/// Upper and lower case of texts at or below `at` do not count.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseSpec {
    pub at: String,
    #[serde(default)]
    pub id: Option<String>,
}

/// The new side may add fields at or below `at`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdditiveSpec {
    pub at: String,
    #[serde(default)]
    pub id: Option<String>,
}
