//! imgcore beside its peers: a job a line in, its cost a line out; and the judge of all results.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::time::{Duration, Instant};
use std::{fs, hint};

use imgcore::{
    ChromaSubsampling, Context, Effort, Encode, Layout, Picture, Raster, Recipe, convert, convert_many, convert_pixels, decode, probe,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use ssimulacra2::{ColorPrimaries, Rgb, TransferCharacteristic, compute_frame_ssimulacra2};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    for line in stdin().lock().lines() {
        let answer = answer(&serde_json::from_str(&line?)?)?;
        writeln!(stdout(), "{answer}")?;
        stdout().flush()?;
    }
    Ok(())
}

fn answer(job: &Value) -> Result<Value, Failure> {
    match text(job, "kind")? {
        "nothing" => Ok(json!({})),
        "judge" => judge(job),
        _ => {
            let paths = job["inputs"].as_array().ok_or("a job has inputs")?;
            let inputs = paths.iter().map(|path| fs::read(path.as_str().unwrap_or_default())).collect::<Result<Vec<_>, _>>()?;
            match measured(&inputs, job) {
                // What is not offered yet is no fault of the run.
                Err(error) if error.downcast_ref::<imgcore::Error>().is_some_and(|error| error.code() == "unsupported") => {
                    Ok(json!({ "unable": true }))
                }
                other => other,
            }
        }
    }
}

fn measured(inputs: &[Vec<u8>], job: &Value) -> Result<Value, Failure> {
    let times = job["times"].as_u64().unwrap_or(1);
    let (mut wall, mut cpu) = (Duration::ZERO, Duration::ZERO);
    let mut result = Vec::new();
    for data in (0..times).flat_map(|_| inputs) {
        // An encoder is given its pixels, and keeps none: they are made before the clock starts, each when it is needed, since peers read the same
        // ones again and again.
        let picture = if job["kind"] == "encode" {
            let (width, height) = (whole(&job["size"][0])?, whole(&job["size"][1])?);
            Some(Picture::still(Raster::from_u8(width, height, Layout::Rgb, data.clone())?))
        } else {
            None
        };
        let (cpu_begun, begun) = (cpu_time(), Instant::now());
        result = hint::black_box(match picture {
            Some(picture) => encode(picture, job)?,
            None => run(data, job)?,
        });
        wall += begun.elapsed();
        cpu += cpu_time() - cpu_begun;
    }
    if let Some(path) = job["keep"].as_str() {
        fs::write(path, &result)?;
    }
    Ok(json!({ "cpu": cpu.as_secs_f64(), "wall": wall.as_secs_f64(), "bytes": result.len() }))
}

/// The result that is judged: the file, of several the first.
fn run(data: &[u8], job: &Value) -> Result<Vec<u8>, Failure> {
    let context = Context::default();
    let output = text(job, "output")?;
    match text(job, "kind")? {
        "probe" => Ok(serde_json::to_vec(&probe(data, &context)?)?),
        "decode" => {
            hint::black_box(decode(data, &Recipe::default(), &context)?);
            Ok(Vec::new())
        }
        "three" => {
            let sizes = job["size"].as_array().ok_or("a list of sizes")?;
            let recipes = sizes.iter().map(|size| recipe(size, size[2] == true, output)).collect::<Result<Vec<_>, _>>()?;
            let mut all = convert_many(data, &recipes, &context).into_iter().collect::<Result<Vec<_>, _>>()?;
            Ok(all.swap_remove(0).data)
        }
        kind => Ok(convert(data, &recipe(&job["size"], kind == "cover", output)?, &context)?.data),
    }
}

fn encode(picture: Picture, job: &Value) -> Result<Vec<u8>, Failure> {
    let effort = match job["way"].as_str() {
        Some("small") => Effort::Small,
        Some("balanced") => Effort::Balanced,
        // As libjpeg-turbo beside it: with the example tables.
        _ => Effort::Fast,
    };
    let quality = job["quality"].as_u64().unwrap_or(80);
    let chroma = if job["chroma"] == "4:4:4" { ChromaSubsampling::Cs444 } else { ChromaSubsampling::Cs420 };
    let encode = Encode::jpeg().quality(u8::try_from(quality)?).effort(effort).chroma_subsampling(chroma);
    Ok(convert_pixels(picture, &Recipe::default().encode(encode), &Context::default())?.data)
}

fn recipe(size: &Value, is_cover: bool, output: &str) -> Result<Recipe, Failure> {
    let fit = if is_cover { "cover" } else { "inside" };
    let resize = json!({ "width": whole(&size[0])?, "height": whole(&size[1])?, "fit": fit, "withoutEnlargement": true });
    let encode = match output {
        "jpeg" | "webp" => json!({ "format": output, "quality": 80 }),
        _ => json!({ "format": output }),
    };
    let frames = if output == "gif" { "all" } else { "first" };
    Ok(Recipe::from_json(&json!({ "resize": resize, "encode": encode, "frames": frames }).to_string())?)
}

/// SSIMULACRA2 of a picture of bytes against a reference of floats, both RGB and of one size.
fn judge(job: &Value) -> Result<Value, Failure> {
    let (width, height) = (job["size"][0].as_u64().ok_or("a width")? as usize, job["size"][1].as_u64().ok_or("a height")? as usize);
    let floats = fs::read(text(job, "reference")?)?;
    let reference = floats.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) / 255.0).collect();
    let result = fs::read(text(job, "result")?)?.iter().map(|byte| f32::from(*byte) / 255.0).collect::<Vec<f32>>();
    Ok(json!({ "ssimulacra2": compute_frame_ssimulacra2(rgb(reference, width, height)?, rgb(result, width, height)?)? }))
}

fn rgb(samples: Vec<f32>, width: usize, height: usize) -> Result<Rgb, Failure> {
    let pixels = samples.chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Ok(Rgb::new(pixels, width, height, TransferCharacteristic::SRGB, ColorPrimaries::BT709)?)
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn text<'a>(job: &'a Value, name: &str) -> Result<&'a str, Failure> {
    job[name].as_str().ok_or_else(|| format!("`{name}` is a text").into())
}

fn whole(value: &Value) -> Result<u32, Failure> {
    Ok(u32::try_from(value.as_u64().ok_or("a whole number")?)?)
}
