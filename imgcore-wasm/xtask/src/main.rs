//! Writes the JavaScript that loads `imgcore-wasm`: `xtask FILE.wasm FOLDER`.
//!
//! The `wasm-bindgen` program does the same, but has to be of the same version as the crate; here the lock file sees to that.
#![forbid(unsafe_code)]

use std::env;
use std::error::Error;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [module, folder] = arguments.as_slice() else { return Err("say FILE.wasm FOLDER".into()) };
    let mut bindings = Bindgen::new();
    // Without the path, `init()` could not find the module beside its JavaScript.
    bindings.input_path(module).out_name("imgcore_wasm").typescript(true).omit_default_module_path(false).web(true)?;
    Ok(bindings.generate(folder)?)
}
