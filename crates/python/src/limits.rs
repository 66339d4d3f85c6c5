//! Limits as Python gives them: a dict of those that differ from the defaults.

use exuvia_runtime::Limits;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// Takes each limit out of a dict, by its name.
macro_rules! limits {
    ($($name:ident),+ $(,)?) => {
        /// The limits of a run.
        ///
        /// # Errors
        ///
        /// A key is the name of no limit, or a value is no number that it can have.
        pub(crate) fn from_dict(given: &Bound<'_, PyDict>) -> PyResult<Limits> {
            let mut limits = Limits::default();
            for (name, value) in given {
                let name: String = name.extract()?;
                match name.as_str() {
                    $(stringify!($name) => limits.$name = value.extract()?,)+
                    _ => return Err(PyTypeError::new_err(format!("there is no limit {name}"))),
                }
            }
            Ok(limits)
        }

        /// What holds where nothing is given.
        pub(crate) fn defaults(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
            let (limits, dict) = (Limits::default(), PyDict::new(py));
            $(dict.set_item(stringify!($name), limits.$name)?;)+
            Ok(dict)
        }
    };
}

limits! {
    fuel, wall_ms, memory_bytes, tool_calls, concurrent_calls, call_timeout_ms, call_arguments_bytes, call_result_bytes,
    buffered_bytes, log_bytes, result_bytes, source_bytes,
}
