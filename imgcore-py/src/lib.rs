//! imgcore for Python: bytes and a recipe in JSON in, bytes and a report in JSON out. No defaults and no validation live here.

use pyo3::prelude::*;

/// The module `_imgcore`.
#[pymodule(gil_used = false)]
mod _imgcore {
    use imgcore::{Context, Limits, Recipe};
    use pyo3::exceptions::PyOSError;
    use pyo3::prelude::*;
    use pyo3::types::PyBytes;

    /// Carries out a recipe on a file; answers the result's bytes and a report in JSON.
    ///
    /// Raises an `OSError` of `(code, message)`.
    #[pyfunction]
    #[pyo3(signature = (data, recipe, limits = None))]
    fn convert<'py>(py: Python<'py>, data: &[u8], recipe: &str, limits: Option<&str>) -> PyResult<(Bound<'py, PyBytes>, String)> {
        let result = py.detach(|| {
            let limits = limits.map(Limits::from_json).transpose()?.unwrap_or_default();
            imgcore::convert(data, &Recipe::from_json(recipe)?, &Context::with_limits(limits))
        });
        let output = result.map_err(|e| PyOSError::new_err((e.code(), e.to_string())))?;
        Ok((PyBytes::new(py, &output.data), output.report.to_json()))
    }
}
