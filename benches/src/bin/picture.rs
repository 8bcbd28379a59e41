//! Writes the picture of the benches as a JPEG of quality 90: `picture WIDTH HEIGHT FILE`.
#![forbid(unsafe_code)]

use std::error::Error;

use imgcore::{Context, Encode, Recipe, convert_pixels};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [width, height, path] = arguments.as_slice() else { return Err("say WIDTH HEIGHT FILE".into()) };
    let pixels = benches::pixels(width.parse()?, height.parse()?)?;
    let jpeg = convert_pixels(pixels, &Recipe::default().encode(Encode::jpeg().quality(90)), &Context::default())?.data;
    Ok(std::fs::write(path, jpeg)?)
}
