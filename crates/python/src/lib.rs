//! The thin `parallelrun._core`: everything crosses as JSON text, and no thread but Python's own ever attaches.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use parallelrun_compare::{compare, Answer, Rules, RulesSpec};
use parallelrun_proxy::{Proxy as DataPlane, StartError};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Tasks, read buffers and header maps are larger than what glibc keeps ready for each thread. This library is loaded
/// late, and so must not claim static thread-local storage; and zeroing huge pages costs more than it saves.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

pyo3::create_exception!(
    parallelrun._core,
    ConfigError,
    pyo3::exceptions::PyException,
    "A listener, snapshot or set of rules that the core refuses."
);

fn refused(error: impl std::fmt::Display) -> PyErr {
    ConfigError::new_err(error.to_string())
}

#[pyclass(frozen, module = "parallelrun._core")]
struct Proxy(DataPlane);

#[pymethods]
impl Proxy {
    #[new]
    fn new(listener: &str, snapshot: &str) -> PyResult<Self> {
        DataPlane::new(listener, snapshot).map(Self).map_err(refused)
    }

    fn start(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.start()).map_err(|error| match &error {
            StartError::Bind { source, .. } => match source.raw_os_error() {
                Some(code) => PyOSError::new_err((code, error.to_string())), // Python picks the subclass by errno
                None => PyOSError::new_err(error.to_string()),
            },
            StartError::Worker(_) => PyOSError::new_err(error.to_string()),
            StartError::Twice => PyRuntimeError::new_err(error.to_string()),
        })
    }

    #[getter]
    fn address(&self) -> (String, u16) {
        let address = self.0.address();
        (address.ip().to_string(), address.port())
    }

    fn configure(&self, py: Python<'_>, snapshot: &str) -> PyResult<()> {
        py.detach(|| self.0.configure(snapshot)).map_err(refused)
    }

    fn set_weight(&self, ppm: u32) -> PyResult<()> {
        self.0.set_weight(ppm).map_err(refused)
    }

    fn set_health(&self, healthy: bool) {
        self.0.set_health(healthy);
    }

    fn set_slow(&self, py: Python<'_>, limits: &str) -> PyResult<()> {
        py.detach(|| self.0.set_slow(limits)).map_err(refused)
    }

    fn counters<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let json = py.detach(|| self.0.counters());
        PyBytes::new(py, &json)
    }

    fn poll<'py>(&self, py: Python<'py>, max: usize, timeout: f64) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let timeout = seconds("timeout", timeout)?;
        let records = py.detach(|| self.0.poll(max, timeout));
        Ok(records.iter().map(|record| PyBytes::new(py, record)).collect())
    }

    fn listener_fds(&self) -> Vec<i32> {
        self.0.listener_fds()
    }

    fn drain(&self) {
        self.0.drain();
    }

    fn stop(&self, py: Python<'_>, grace: f64) -> PyResult<bool> {
        let grace = seconds("grace", grace)?;
        Ok(py.detach(|| self.0.stop(grace)))
    }
}

fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value).map_err(|e| PyValueError::new_err(format!("{name}: {e}")))
}

type PyAnswer = (u16, Vec<(String, String)>, Vec<u8>);

#[pyclass(frozen, module = "parallelrun._core")]
struct Comparator(Rules);

#[pymethods]
impl Comparator {
    #[new]
    fn new(rules: &str) -> PyResult<Self> {
        let spec: RulesSpec = serde_json::from_str(rules).map_err(refused)?;
        Rules::compile(&[&spec]).map(Self).map_err(refused)
    }

    fn compare<'py>(&self, py: Python<'py>, old: PyAnswer, new: PyAnswer) -> PyResult<Bound<'py, PyBytes>> {
        let (old_headers, new_headers) = (header_map(&old.1)?, header_map(&new.1)?);
        let json = py.detach(|| {
            let old = Answer { status: old.0, headers: &old_headers, body: &old.2 };
            let new = Answer { status: new.0, headers: &new_headers, body: &new.2 };
            let comparison = compare(&self.0, &old, &new);
            let differences: Vec<_> = comparison
                .differences
                .iter()
                .map(|d| serde_json::json!({"location": d.location, "kind": d.kind.as_str(), "old": d.old, "new": d.new, "rule": d.rule.as_deref()}))
                .collect();
            let capped = comparison.capped.map(parallelrun_compare::Cap::as_str);
            serde_json::json!({"outcome": comparison.outcome().as_str(), "differences": differences, "capped": capped}).to_string()
        });
        Ok(PyBytes::new(py, json.as_bytes()))
    }
}

fn header_map(lines: &[(String, String)]) -> PyResult<HeaderMap> {
    let mut headers = HeaderMap::with_capacity(lines.len());
    for (name, value) in lines {
        let bad = |e: &dyn std::fmt::Display| PyValueError::new_err(format!("header {name:?}: {e}"));
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|e| bad(&e))?;
        headers.append(name.parse::<HeaderName>().map_err(|e| bad(&e))?, value);
    }
    Ok(headers)
}

#[pyfunction]
fn endpoint_template(path: &str) -> String {
    parallelrun_proxy::endpoint_template(path)
}

#[pymodule]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add("ConfigError", module.py().get_type::<ConfigError>())?;
    module.add_class::<Proxy>()?;
    module.add_class::<Comparator>()?;
    module.add_function(wrap_pyfunction!(endpoint_template, module)?)
}
