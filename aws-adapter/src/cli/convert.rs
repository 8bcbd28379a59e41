//! `imgcore convert IN OUT`: options become a recipe in JSON, and the core reads it like any other.

use std::fs;
use std::path::{Path, PathBuf};

use imgcore::{Context, Recipe, Report, convert};
use serde_json::{Map, Value, json};

use super::{Failure, print, read, warn, words};

/// The arguments of `convert`.
#[derive(clap::Args)]
pub(crate) struct Convert {
    /// The picture to read.
    input: PathBuf,
    /// The file to write; its extension names the format.
    output: PathBuf,
    /// A recipe: JSON, or a file that holds it. The other options change it.
    #[arg(long, value_name = "JSON|FILE")]
    recipe: Option<String>,
    /// The width of the box, in pixels.
    #[arg(long)]
    width: Option<u32>,
    /// The height of the box, in pixels.
    #[arg(long)]
    height: Option<u32>,
    /// How the picture meets the box: cover, contain, fill, inside, outside.
    #[arg(long)]
    fit: Option<String>,
    /// What stays when the picture is cropped: center, north, ..., northwest.
    #[arg(long)]
    position: Option<String>,
    /// nearest, box, linear, hamming, cubic, mitchell, lanczos2, lanczos3.
    #[arg(long)]
    kernel: Option<String>,
    /// Never make the picture larger.
    #[arg(long)]
    without_enlargement: bool,
    /// jpeg, png, webp or gif, whatever the extension says.
    #[arg(long)]
    format: Option<String>,
    /// 1 to 100, for lossy formats.
    #[arg(long)]
    quality: Option<u32>,
    /// A progressive JPEG.
    #[arg(long)]
    progressive: bool,
    /// A lossless WebP.
    #[arg(long)]
    lossless: bool,
    /// A JPEG's chroma: 4:2:0, 4:2:2, 4:4:4.
    #[arg(long)]
    chroma_subsampling: Option<String>,
    /// Put the picture on a ground of this color, as in #ffffff.
    #[arg(long, value_name = "COLOR")]
    flatten: Option<String>,
    /// Keep metadata: icc, exif, xmp, iptc, copyright, gps.
    #[arg(long, value_name = "WORDS", value_delimiter = ',')]
    keep: Vec<String>,
}

impl Convert {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let ctx = Context::default();
        let recipe = Recipe::from_json(&self.recipe()?.to_string()).map_err(|e| Failure::new(e.code(), e.to_string()))?;
        let input = read(&self.input, &ctx.limits)?;
        let result = convert(&input, &recipe, &ctx).map_err(|e| Failure::of(&self.input, &e))?;
        warn(&self.input, &result.report.warnings);
        write_whole(&self.output, &result.data)?;
        print(format_args!("{}\n", self.line(&result.report)))
    }

    /// The recipe's JSON: the one given, changed by the options.
    fn recipe(&self) -> Result<Value, Failure> {
        let mut recipe = self.given_recipe()?;
        let mut set = |object: &str, key: &str, value: Option<Value>| -> Result<(), Failure> {
            let Some(value) = value else { return Ok(()) };
            let inner = recipe.entry(object).or_insert_with(|| json!({}));
            let inner = inner
                .as_object_mut()
                .ok_or_else(|| Failure::new("invalid_recipe", format!("recipe field `{object}`: is not an object")))?;
            inner.insert(key.to_owned(), value);
            Ok(())
        };
        set("resize", "width", self.width.map(Value::from))?;
        set("resize", "height", self.height.map(Value::from))?;
        set("resize", "fit", self.fit.clone().map(Value::from))?;
        set("resize", "position", self.position.clone().map(Value::from))?;
        set("resize", "kernel", self.kernel.clone().map(Value::from))?;
        set("resize", "withoutEnlargement", self.without_enlargement.then_some(true.into()))?;
        set("encode", "quality", self.quality.map(Value::from))?;
        set("encode", "progressive", self.progressive.then_some(true.into()))?;
        set("encode", "lossless", self.lossless.then_some(true.into()))?;
        set("encode", "chromaSubsampling", self.chroma_subsampling.clone().map(Value::from))?;
        set("encode", "format", self.format.clone().map(Value::from))?;
        let has_format = recipe.get("encode").is_some_and(|encode| encode.get("format").is_some());
        if !has_format {
            let format = format_by_extension(&self.output)?;
            let encode = recipe.entry("encode").or_insert_with(|| json!({}));
            if let Some(encode) = encode.as_object_mut() {
                encode.insert("format".to_owned(), format.into());
            }
        }
        if let Some(color) = &self.flatten {
            recipe.insert("flatten".to_owned(), color.clone().into());
        }
        if !self.keep.is_empty() {
            recipe.insert("metadata".to_owned(), self.keep.clone().into());
        }
        Ok(recipe.into())
    }

    fn given_recipe(&self) -> Result<Map<String, Value>, Failure> {
        let Some(given) = &self.recipe else { return Ok(Map::new()) };
        let file = Path::new(given);
        let text = if given.trim_start().starts_with('{') {
            given.clone()
        } else {
            fs::read_to_string(file).map_err(|e| Failure::io(file, &e))?
        };
        // Read by the core first: it names the path of what is wrong.
        Recipe::from_json(&text).map_err(|e| Failure::new(e.code(), e.to_string()))?;
        serde_json::from_str(&text).map_err(|e| Failure::new("invalid_recipe", e.to_string()))
    }

    fn line(&self, report: &Report) -> String {
        let (before, after) = (report.header.bytes, report.bytes);
        format!(
            "{}: {} {}x{}, {} -> {}: {} {}x{}, {} ({})",
            self.input.display(),
            report.header.format.name(),
            report.header.width,
            report.header.height,
            words::bytes(before),
            self.output.display(),
            report.format.name(),
            report.width,
            report.height,
            words::bytes(after),
            words::saved(before, after),
        )
    }
}

fn format_by_extension(output: &Path) -> Result<&'static str, Failure> {
    let extension = output.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    Ok(match extension.as_str() {
        "jpg" | "jpeg" => "jpeg",
        "png" => "png",
        "webp" => "webp",
        "gif" => "gif",
        "avif" => "avif",
        _ => {
            let sentence = format!("{}: the extension names none of jpeg, png, webp, gif: say --format", output.display());
            return Err(Failure::new("unsupported", sentence));
        }
    })
}

/// Writes a file whole: under a temporary name beside it, then renamed.
fn write_whole(output: &Path, data: &[u8]) -> Result<(), Failure> {
    let name =
        output.file_name().ok_or_else(|| Failure::new("invalid_request", format!("{}: is not the name of a file", output.display())))?;
    let temporary = output.with_file_name(format!(".imgcore-tmp-{}-{}", std::process::id(), name.to_string_lossy()));
    fs::write(&temporary, data).and_then(|()| fs::rename(&temporary, output)).map_err(|e| {
        // Best effort: the failure itself is what matters.
        let _ = fs::remove_file(&temporary);
        Failure::new("storage_unavailable", format!("{}: {e}", output.display()))
    })
}
