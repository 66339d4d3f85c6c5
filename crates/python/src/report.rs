//! A report as a dict of Python.

use exuvia_runtime::{LimitHit, Outcome, Report, ScriptError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Always the same keys: `python/exuvia/_native.pyi` has them.
pub(crate) fn to_dict(py: Python<'_>, report: Report) -> PyResult<Bound<'_, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("outcome", report.outcome.name())?;
    let calls = report.calls.into_iter().map(|call| (call.server, call.tool, call.outcome, call.ms));
    dict.set_item("calls", PyList::new(py, calls.collect::<Vec<_>>())?)?;
    dict.set_item("logs", report.logs.text)?;
    dict.set_item("logs_dropped_bytes", report.logs.dropped_bytes)?;
    let usage = report.usage;
    dict.set_item("usage", (usage.fuel, usage.memory_bytes_peak, usage.wall_ms, usage.tool_calls))?;
    let (mut value, mut error, mut limit, mut message) = (None, None, None, None);
    match report.outcome {
        Outcome::Returned(result) => value = Some(result.into_string()),
        Outcome::Raised(raised) | Outcome::Denied(raised) => error = Some(raised),
        Outcome::Stopped(LimitHit { limit: hit, message: text, error: met }) => {
            (limit, message, error) = (Some(hit.name()), Some(text), met);
        }
        Outcome::Unavailable(text) | Outcome::Void(text) | Outcome::Fault(text) => message = Some(text),
        _ => {}
    }
    dict.set_item("value", value)?;
    dict.set_item("error", error.map(|error| error_tuple(py, error)).transpose()?)?;
    dict.set_item("limit", limit)?;
    dict.set_item("message", message)?;
    Ok(dict)
}

fn error_tuple(py: Python<'_>, error: ScriptError) -> PyResult<Bound<'_, PyAny>> {
    let ScriptError { kind, message, line, traceback, hint } = error;
    Ok((kind, message, line, traceback, hint).into_pyobject(py)?.into_any())
}
