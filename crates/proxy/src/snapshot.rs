//! One version of the config, compiled once and then only read.

use std::sync::Arc;
use std::time::Duration;

use http::uri::{Scheme, Uri};
use parallelrun_compare::Redactor;

use crate::headers::HeaderChanges;
use crate::routes::Routes;
use crate::settings::{
    BreakerSpec, ConfigError, Databases, Limits, Protocol, Rescue, SideSpec, SnapshotSpec, Sticky, VerifySpec,
};
use crate::sides::{Side, Sides};
use crate::tls;

#[derive(Debug)]
pub struct Snapshot {
    pub generation: u64,
    pub targets: Sides<Arc<Target>>,
    pub databases: Databases,
    pub rescue: Rescue,
    pub sample_ppm: u32,
    pub sticky: Sticky,
    pub assignment_key: String,
    pub routes: Routes,
    pub limits: Limits,
    pub redactor: Redactor,
    pub breaker: BreakerSpec,
    pub verify: VerifySpec,
}

/// One side as an upstream. Pools belong to a target: as long as its settings stay, so do its connections.
#[derive(Debug)]
pub struct Target {
    spec: SideSpec,
    pub side: Side,
    pub scheme: Scheme,
    pub host: String,
    pub port: u16,
    /// Put before every path, without a slash at its end; empty for most.
    pub base_path: String,
    pub timeout: Duration,
    pub connect_timeout: Duration,
    pub changes: HeaderChanges,
    pub tls: Option<tls::ClientConfigs>,
    pub protocol: Protocol,
}

impl Snapshot {
    /// Compiles `spec`; targets whose settings did not change are taken from `before`.
    pub fn compile(spec: SnapshotSpec, before: Option<&Snapshot>) -> Result<Self, ConfigError> {
        let routes = Routes::compile(&spec)?;
        let target = |side: Side, side_spec: &SideSpec| match before.map(|b| &b.targets[side]) {
            Some(kept) if kept.spec == *side_spec => Ok(Arc::clone(kept)),
            _ => Target::compile(side, side_spec).map(Arc::new),
        };
        if spec.sample_ppm > crate::assign::WHOLE {
            return Err(ConfigError::at("sample_ppm", "at most 1000000"));
        }
        Ok(Self {
            generation: spec.generation,
            targets: Sides {
                old: target(Side::Old, &spec.old)?,
                new: target(Side::New, &spec.new)?,
            },
            databases: spec.databases,
            rescue: spec.rescue,
            sample_ppm: spec.sample_ppm,
            sticky: spec.sticky,
            assignment_key: spec.assignment_key,
            routes,
            redactor: Redactor::compile(&spec.redact.headers, &spec.redact.json)
                .map_err(|e| ConfigError::at("redact", e))?,
            limits: spec.limits,
            breaker: spec.breaker,
            verify: spec.verify,
        })
    }

    /// True if the other side's answer may cover a failure of `serving`.
    pub fn rescues(&self, serving: Side) -> bool {
        serving == Side::New || self.rescue == Rescue::Both
    }
}

impl Target {
    fn compile(side: Side, spec: &SideSpec) -> Result<Self, ConfigError> {
        let place = format!("{}.url", side.name());
        let uri: Uri = spec
            .url
            .parse()
            .map_err(|e| ConfigError::at(&place, format!("`{}`: {e}", spec.url)))?;
        let scheme = uri.scheme().cloned().unwrap_or(Scheme::HTTP);
        if scheme != Scheme::HTTP && scheme != Scheme::HTTPS {
            return Err(ConfigError::at(
                &place,
                format!("`{}`: http or https expected", spec.url),
            ));
        }
        let Some(host) = uri.host() else {
            return Err(ConfigError::at(&place, format!("`{}`: no host", spec.url)));
        };
        let secure = scheme == Scheme::HTTPS;
        let tls = if secure {
            Some(tls::client_configs(side.name(), spec)?)
        } else {
            None
        };
        Ok(Self {
            side,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            base_path: uri.path().trim_end_matches('/').to_owned(),
            timeout: Duration::from_millis(spec.timeout_ms),
            connect_timeout: Duration::from_millis(spec.connect_timeout_ms),
            changes: HeaderChanges::compile(side.name(), spec)?,
            tls,
            protocol: spec.protocol,
            scheme,
            spec: spec.clone(),
        })
    }
}
