//! What Python hands over, as text: the shapes of docs/explanation/boundary.md, and nothing that is derived from them.

use std::collections::BTreeMap;

use parallelrun_compare::RulesSpec;
use serde::Deserialize;

/// A listener or snapshot that is refused; the text names the place and what was expected.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub String);

impl ConfigError {
    pub(crate) fn at(place: &str, problem: impl std::fmt::Display) -> Self {
        Self(format!("{place}: {problem}"))
    }
}

/// Fixed for the life of the process.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerSpec {
    /// `ADDRESS:PORT`; port 0 takes a free one.
    pub listen: String,
    /// None: one per core.
    pub workers: Option<usize>,
    /// Client connections open at once, over all workers.
    pub connections: usize,
    pub tls: Option<ListenerTls>,
    /// Header fields in one request.
    pub headers: usize,
    /// Bytes of one request head.
    pub header_bytes: usize,
    pub uri_bytes: usize,
    /// Time for a whole request head, which bounds an idle keep-alive connection too.
    pub header_timeout_ms: u64,
    /// Longest silence of either end in the middle of a body.
    pub idle_timeout_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListenerTls {
    pub cert: String,
    pub key: String,
}

/// One version of everything that may change while requests flow.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnapshotSpec {
    pub generation: u64,
    pub old: SideSpec,
    pub new: SideSpec,
    pub databases: Databases,
    pub rescue: Rescue,
    pub sample_ppm: u32,
    pub sticky: Sticky,
    pub assignment_key: String,
    pub compare: RulesSpec,
    pub templates: Vec<String>,
    pub routes: Vec<RouteSpec>,
    pub limits: Limits,
    pub redact: RedactSpec,
    pub breaker: BreakerSpec,
    pub verify: VerifySpec,
}

#[derive(Debug, Clone, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct SideSpec {
    pub url: String,
    pub timeout_ms: u64,
    pub connect_timeout_ms: u64,
    pub protocol: Protocol,
    /// PEM text of further certificate authorities.
    pub ca: Option<String>,
    pub set_headers: BTreeMap<String, String>,
    pub remove_headers: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Auto,
    Http1,
    Http2,
}

#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Databases {
    /// Both sides write to one database: an unsafe request goes to one side only.
    Shared,
    /// Each side has its own data: unsafe requests go to both.
    Separate,
}

/// Whose failure the other side's answer may cover.
#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Rescue {
    New,
    Both,
}

#[derive(Debug, Clone, Deserialize, PartialEq, Eq)]
#[serde(tag = "by", rename_all = "lowercase", deny_unknown_fields)]
pub enum Sticky {
    Address,
    Cookie { name: String },
    Header { name: String },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSpec {
    /// None: any method.
    pub method: Option<String>,
    pub path: String,
    pub writes: Option<Writes>,
    pub mirror: bool,
    /// None: as `verify.everywhere` says.
    pub verify: Option<bool>,
    pub compare: Option<RulesSpec>,
}

#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Writes {
    OneSide,
    BothSides,
    OldOnly,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Longest request or response body that is copied or compared.
    pub body_bytes: usize,
    /// Bytes that copies, captured answers and waiting records may hold, over all workers.
    pub memory_bytes: usize,
    /// Resident bytes of the whole process, clients' connections left out, beyond which no copy begins; none: unbounded.
    pub process_bytes: Option<usize>,
    /// Copies under way at once, over all workers.
    pub shadows: usize,
    /// Longest life of one copy.
    pub shadow_ms: u64,
    /// Longest silence of an upstream in the middle of a body.
    pub idle_ms: u64,
    pub second_opinions_per_s: u32,
    /// Pairs per second, taken at random, of which the old side is asked again whatever they say.
    pub sampled_per_s: u32,
    pub endpoints: usize,
    pub pair_body_bytes: usize,
}

/// When the new side is taken out of service, and how it comes back.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakerSpec {
    /// So many failures in a row open it; so many probes that work, one after the other, let it close again.
    pub failures: u32,
    /// So large a share of failures opens it (0 to 1), of at least `volume` requests within `window_ms`.
    pub share: f64,
    pub volume: u32,
    pub window_ms: u64,
    /// As many requests as `failures` that wait for this long, and twice as long as the old side took to answer them, while
    /// the new side answers nothing, open it.
    pub stall_ms: u64,
    /// Time that it stays open at least; twice as long after each relapse, up to `longest_open_ms`.
    pub open_ms: u64,
    pub longest_open_ms: u64,
    /// Time in which the new side's share grows back.
    pub slow_start_ms: u64,
    /// Copies per second that probe the new side while it is open.
    pub probes_per_s: u32,
}

/// What counts as a slow answer of each side.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlowSpec {
    pub old_us: u64,
    pub new_us: u64,
}

/// Answers of the new side that are held until they have proved equal to the old side's.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerifySpec {
    /// On all routes that do not say otherwise.
    pub everywhere: bool,
    /// How long an answer is held at most, from the head of the old side's on.
    pub wait_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedactSpec {
    pub headers: Vec<String>,
    pub json: Vec<String>,
}

/// Reads JSON text; the error names the key by its path.
pub fn parse<T: serde::de::DeserializeOwned>(what: &str, json: &str) -> Result<T, ConfigError> {
    serde_json::from_str(json).map_err(|e| ConfigError::at(what, e))
}
