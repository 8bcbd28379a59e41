//! imgcore for the browser and Node: bytes and a recipe in JSON in, bytes and a report in JSON out. No defaults and no validation live here.

use imgcore::{Context, Limits, Recipe};
use wasm_bindgen::prelude::*;

/// The result of a conversion.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Output {
    data: Vec<u8>,
    report: String,
}

#[wasm_bindgen]
impl Output {
    /// The encoded file.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn data(&self) -> Vec<u8> {
        self.data.clone()
    }

    /// The report, in JSON.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn report(&self) -> String {
        self.report.clone()
    }
}

/// Carries out a recipe on a file.
///
/// # Errors
/// The error in JSON: `{"code", "message"}`.
#[wasm_bindgen]
pub fn convert(input: &[u8], recipe: &str, limits: Option<String>) -> Result<Output, String> {
    let work = || {
        let limits = limits.as_deref().map(Limits::from_json).transpose()?.unwrap_or_default();
        imgcore::convert(input, &Recipe::from_json(recipe)?, &Context::with_limits(limits))
    };
    let output = work().map_err(|e: imgcore::Error| e.to_json())?;
    Ok(Output { data: output.data, report: output.report.to_json() })
}
