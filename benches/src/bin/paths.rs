//! The paths that most pictures take, each once, for a program that counts instructions: see `.ci/paths`.
//!
//! `paths` lists them, `paths prepare FOLDER` makes the pictures, and `paths NAME FOLDER` takes one. Only what `counted` calls is counted, so that
//! neither reading a file nor starting a process is.
#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{Write, stdout};
use std::path::Path;

use imgcore::{
    ChromaSubsampling, Context, Effort, Encode, Layout, Picture, Pixels, Raster, Recipe, Resize, convert, convert_pixels, decode,
};

type Failure = Box<dyn Error>;

/// Sides that are no multiples of a block's, as in photographs that were cut.
const WIDTH: u32 = 1_610;
const HEIGHT: u32 = 1_205;
const RGBA_WIDTH: u32 = 1_030;
const RGBA_HEIGHT: u32 = 770;

/// What goes in: a file, or pixels at hand.
enum Input {
    File(Vec<u8>),
    Pixels(Picture),
}

enum Work {
    Convert(Box<Recipe>),
    Decode,
}

struct Job {
    name: &'static str,
    source: &'static str,
    work: Work,
}

fn jobs() -> [Job; 8] {
    let job = |name, source, work| Job { name, source, work };
    let to_jpeg = |resize| Work::Convert(Box::new(Recipe::default().resize(resize).encode(Encode::jpeg())));
    let encode = |effort| Work::Convert(Box::new(Recipe::default().encode(Encode::jpeg().effort(effort))));
    [
        job("jpeg-inside-800", "baseline.jpg", to_jpeg(Resize::inside(800, 800))),
        job("jpeg-cover-200", "baseline.jpg", to_jpeg(Resize::cover(200, 200))),
        job("jpeg-decode", "baseline.jpg", Work::Decode),
        job("progressive-cover-200", "progressive.jpg", to_jpeg(Resize::cover(200, 200))),
        job("progressive-decode", "progressive.jpg", Work::Decode),
        job("encode-fast", "pixels.rgb", encode(Effort::Fast)),
        job("encode-balanced", "pixels.rgb", encode(Effort::Balanced)),
        job(
            "png-rgba-inside-512",
            "rgba.png",
            Work::Convert(Box::new(Recipe::default().resize(Resize::inside(512, 512)).encode(Encode::png()))),
        ),
    ]
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => jobs().iter().try_for_each(|job| Ok(writeln!(stdout(), "{}", job.name)?)),
        ["prepare", folder] => prepare(Path::new(folder)),
        [name, folder] => {
            let job = jobs().into_iter().find(|job| job.name == *name).ok_or("there is no such path")?;
            let bytes = fs::read(Path::new(folder).join(job.source))?;
            let input = match job.source {
                "pixels.rgb" => Input::Pixels(Picture::still(Raster::from_u8(WIDTH, HEIGHT, Layout::Rgb, bytes)?)),
                _ => Input::File(bytes),
            };
            counted(input, &job.work)?;
            Ok(writeln!(stdout(), "{}", processor())?)
        }
        _ => Err("say nothing, `prepare FOLDER`, or NAME FOLDER".into()),
    }
}

/// Not inlined: the counting begins and ends with this function.
#[inline(never)]
fn counted(input: Input, work: &Work) -> Result<(), imgcore::Error> {
    let context = Context::default();
    match (input, work) {
        (Input::File(bytes), Work::Decode) => drop(black_box(decode(&bytes, &Recipe::default(), &context)?)),
        (Input::File(bytes), Work::Convert(recipe)) => drop(black_box(convert(&bytes, recipe, &context)?)),
        (Input::Pixels(picture), Work::Convert(recipe)) => drop(black_box(convert_pixels(picture, recipe, &context)?)),
        (Input::Pixels(picture), Work::Decode) => drop(black_box(picture)),
    }
    Ok(())
}

/// Effort `fast`, so that a better encoder does not change what the decoder is counted with.
fn prepare(folder: &Path) -> Result<(), Failure> {
    let photo = benches::pixels(WIDTH, HEIGHT)?;
    let jpeg = Encode::jpeg().quality(85).chroma_subsampling(ChromaSubsampling::Cs420).effort(Effort::Fast);
    let write = |name: &str, bytes: &[u8]| fs::write(folder.join(name), bytes);
    let file = |picture: &Picture, encode| convert_pixels(picture.clone(), &Recipe::default().encode(encode), &Context::default());
    write("baseline.jpg", &file(&photo, jpeg.clone())?.data)?;
    write("progressive.jpg", &file(&photo, jpeg.progressive())?.data)?;
    write("pixels.rgb", samples(&photo)?)?;

    let opaque = benches::pixels(RGBA_WIDTH, RGBA_HEIGHT)?;
    let rgba = samples(&opaque)?
        .chunks_exact(3)
        .enumerate()
        .flat_map(|(index, pixel)| [pixel[0], pixel[1], pixel[2], (index % RGBA_WIDTH as usize).min(255) as u8])
        .collect();
    let transparent = Picture::still(Raster::from_u8(RGBA_WIDTH, RGBA_HEIGHT, Layout::Rgba, rgba)?);
    write("rgba.png", &file(&transparent, Encode::png())?.data)?;
    Ok(())
}

fn samples(picture: &Picture) -> Result<&[u8], Failure> {
    match &picture.frames.first().ok_or("a frame")?.pixels {
        Pixels::Raster(raster) => Ok(raster.bytes()),
        _ => Err("not a raster".into()),
    }
}

/// What the crates under imgcore choose by: on another processor other instructions are counted.
fn processor() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::is_x86_feature_detected as detected;

        if detected!("avx512f") {
            return "avx512";
        }
        if detected!("avx2") && detected!("fma") && detected!("bmi2") {
            return "avx2";
        }
    }
    "less than avx2"
}
