//! The recipe as JSON: read key by key against the known words, so that an error can name the path, and written canonically,
//! so that equal recipes have equal hashes.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

use super::keys::{Keys, Words, word_of};
use super::{
    ChromaSubsampling, Color, Composite, Effort, Encode, Extend, Fit, Focus, Frames, Kernel, Measure, Metadata, OnTruncated, Position,
    Recipe, Resize, Trim,
};
use crate::codec::Format;
use crate::error::Error;
use crate::geometry::Region;
use crate::limits::check;

/// Recipes are small; a longer text is refused before it is parsed.
const MAX_RECIPE_BYTES: u64 = 1 << 20;

const FITS: Words<Fit> =
    &[("cover", Fit::Cover), ("contain", Fit::Contain), ("fill", Fit::Fill), ("inside", Fit::Inside), ("outside", Fit::Outside)];
/// The nine gravities and two strategies, then accepted synonyms that are never written.
const POSITIONS: Words<Position> = &[
    ("center", Position::Center),
    ("north", Position::North),
    ("northeast", Position::Northeast),
    ("east", Position::East),
    ("southeast", Position::Southeast),
    ("south", Position::South),
    ("southwest", Position::Southwest),
    ("west", Position::West),
    ("northwest", Position::Northwest),
    ("entropy", Position::Entropy),
    ("attention", Position::Attention),
    ("centre", Position::Center),
    ("top", Position::North),
    ("right top", Position::Northeast),
    ("right", Position::East),
    ("right bottom", Position::Southeast),
    ("bottom", Position::South),
    ("left bottom", Position::Southwest),
    ("left", Position::West),
    ("left top", Position::Northwest),
];
const KERNELS: Words<Kernel> = &[
    ("nearest", Kernel::Nearest),
    ("box", Kernel::Box),
    ("linear", Kernel::Linear),
    ("hamming", Kernel::Hamming),
    ("cubic", Kernel::Cubic),
    ("mitchell", Kernel::Mitchell),
    ("lanczos2", Kernel::Lanczos2),
    ("lanczos3", Kernel::Lanczos3),
    ("bilinear", Kernel::Linear),
    ("bicubic", Kernel::Cubic),
];
const EFFORTS: Words<Effort> = &[("fast", Effort::Fast), ("balanced", Effort::Balanced), ("small", Effort::Small)];
const SUBSAMPLINGS: Words<ChromaSubsampling> =
    &[("4:2:0", ChromaSubsampling::Cs420), ("4:2:2", ChromaSubsampling::Cs422), ("4:4:4", ChromaSubsampling::Cs444)];
const FORMATS: Words<Format> = &[
    ("jpeg", Format::Jpeg),
    ("png", Format::Png),
    ("webp", Format::Webp),
    ("gif", Format::Gif),
    ("avif", Format::Avif),
    ("jpg", Format::Jpeg),
];
const FRAMES: Words<Frames> = &[("first", Frames::First), ("all", Frames::All)];
const ON_TRUNCATED: Words<OnTruncated> = &[("error", OnTruncated::Error), ("partial", OnTruncated::Partial)];
const MEASURES: Words<Measure> = &[
    ("blurhash", Measure::Blurhash),
    ("thumbhash", Measure::Thumbhash),
    ("dominantColor", Measure::DominantColor),
    ("perceptualHash", Measure::PerceptualHash),
];
const METADATA: Words<fn(&mut Metadata)> = &[
    ("icc", |m| m.icc = true),
    ("exif", |m| m.exif = true),
    ("xmp", |m| m.xmp = true),
    ("iptc", |m| m.iptc = true),
    ("copyright", |m| m.copyright = true),
    ("gps", |m| m.gps = true),
];

/// The first word that stands for a value: the one that is written.
fn word<T: PartialEq>(words: Words<T>, value: &T) -> &'static str {
    words.iter().find(|(_, v)| v == value).map_or("", |(word, _)| word)
}

impl Recipe {
    /// Reads a recipe. Key order means nothing; snake_case and British spellings are accepted.
    ///
    /// # Errors
    /// `invalid_recipe`, with the path of the key, for unknown keys, wrong types and values out of range; `limit_exceeded` for more than 1 MiB.
    pub fn from_json(text: &str) -> Result<Recipe, Error> {
        check("maxRecipeBytes", text.len() as u64, MAX_RECIPE_BYTES)?;
        let value: Value = serde_json::from_str(text).map_err(|e| Error::recipe("$", format!("not JSON: {e}")))?;
        let mut keys = Keys::of(value, "")?;
        let default = Recipe::default();
        let recipe = Recipe {
            auto_orient: keys.bool("autoOrient")?.unwrap_or(default.auto_orient),
            rotate: keys.whole("rotate", 0, 359)?.unwrap_or(0) as u16,
            flip: keys.bool("flip")?.unwrap_or(false),
            flop: keys.bool("flop")?.unwrap_or(false),
            trim: keys.object("trim")?.map(trim).transpose()?,
            extract: keys.object("extract")?.map(region).transpose()?,
            resize: keys.object("resize")?.map(resize).transpose()?,
            crop: keys.object("crop")?.map(region).transpose()?,
            extend: keys.object("extend")?.map(extend).transpose()?,
            sharpen: keys.number("sharpen", 0.01, 10.0)?,
            composite: keys
                .list("composite")?
                .into_iter()
                .map(|(path, value)| composite(Keys::of(value, &path)?))
                .collect::<Result<_, _>>()?,
            flatten: keys.color("flatten")?,
            metadata: metadata(&mut keys)?,
            encode: keys.object("encode")?.map(encode).transpose()?,
            frames: keys.word("frames", FRAMES)?.unwrap_or_default(),
            on_truncated: keys.word("onTruncated", ON_TRUNCATED)?.unwrap_or_default(),
            analyze: analyze(&mut keys)?,
        };
        keys.end()?;
        recipe.validate()?;
        Ok(recipe)
    }

    /// The canonical text: no white space, keys sorted, defaults left out.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        write_value(&self.to_value(), &mut out);
        out
    }

    /// SHA-256, in hex, of the canonical text and of the assets that the recipe uses.
    ///
    /// # Errors
    /// `invalid_recipe` for an asset that is not there.
    pub fn hash(&self, assets: &BTreeMap<String, Vec<u8>>) -> Result<String, Error> {
        let mut sha = Sha256::new();
        sha.update(self.to_json());
        let mut names: Vec<&String> = self.composite.iter().filter_map(|c| c.image.as_ref()).collect();
        names.sort();
        names.dedup();
        for name in names {
            let bytes = assets.get(name).ok_or_else(|| Error::recipe("composite", format!("no asset is named `{name}`")))?;
            sha.update([0]);
            sha.update(name);
            sha.update([0]);
            sha.update(hex(&Sha256::digest(bytes)));
        }
        Ok(hex(&sha.finalize()))
    }

    /// What a recipe must obey whoever made it; `plan` asks again, since a recipe's fields are public.
    pub(crate) fn validate(&self) -> Result<(), Error> {
        let in_range = |path: &str, value: f64, min: f64, max: f64| {
            if (min..=max).contains(&value) {
                Ok(())
            } else {
                Err(Error::recipe(path, format!("must be from {min} to {max}, not {value}")))
            }
        };
        if let Some(resize) = &self.resize {
            if resize.width.is_none() && resize.height.is_none() {
                return Err(Error::recipe("resize", "needs a width or a height"));
            }
            for (path, side) in [("resize.width", resize.width), ("resize.height", resize.height)] {
                if side == Some(0) {
                    return Err(Error::recipe(path, "must be at least 1"));
                }
            }
            if let Some(focus) = resize.focus {
                if resize.position != Position::Center {
                    return Err(Error::recipe("resize.focus", "stands in the place of a position; give one of the two"));
                }
                in_range("resize.focus.x", focus.x, 0.0, 1.0)?;
                in_range("resize.focus.y", focus.y, 0.0, 1.0)?;
            }
        }
        for (path, region) in [("extract", self.extract), ("crop", self.crop)] {
            if region.is_some_and(|r| r.width == 0 || r.height == 0) {
                return Err(Error::recipe(path, "must be at least 1 pixel wide and high"));
            }
        }
        if self.flatten.is_some_and(|color| color.a != 255) {
            return Err(Error::recipe("flatten", "must be an opaque color"));
        }
        if let Some(sigma) = self.sharpen {
            in_range("sharpen", sigma, 0.01, 10.0)?;
        }
        if let Some(trim) = self.trim {
            in_range("trim.threshold", trim.threshold, 0.0, 255.0)?;
        }
        for (i, one) in self.composite.iter().enumerate() {
            if one.text.is_some() == one.image.is_some() {
                return Err(Error::recipe(format!("composite[{i}]"), "needs exactly one of `text` and `image`"));
            }
            in_range(&format!("composite[{i}].opacity"), one.opacity.unwrap_or(1.0), 0.0, 1.0)?;
        }
        if let Some(encode) = &self.encode {
            if encode.lossless && encode.quality.is_some() {
                return Err(Error::recipe("encode.quality", "has no meaning beside `lossless`"));
            }
            for (path, value) in [("encode.quality", encode.quality), ("encode.minQuality", encode.min_quality)] {
                if let Some(value) = value {
                    in_range(path, f64::from(value), 1.0, 100.0)?;
                }
            }
        }
        Ok(())
    }

    fn to_value(&self) -> Value {
        let default = Recipe::default();
        let mut map = Map::new();
        let mut put = |key: &str, wanted: bool, value: Value| {
            if wanted {
                map.insert(key.to_owned(), value);
            }
        };
        put("autoOrient", !self.auto_orient, false.into());
        put("rotate", self.rotate != 0, self.rotate.into());
        put("flip", self.flip, true.into());
        put("flop", self.flop, true.into());
        put("trim", self.trim.is_some(), self.trim.as_ref().map_or(Value::Null, trim_value));
        put("extract", self.extract.is_some(), self.extract.map_or(Value::Null, region_value));
        put("resize", self.resize.is_some(), self.resize.as_ref().map_or(Value::Null, resize_value));
        put("crop", self.crop.is_some(), self.crop.map_or(Value::Null, region_value));
        put("extend", self.extend.is_some_and(|e| e != Extend::default()), self.extend.as_ref().map_or(Value::Null, extend_value));
        put("sharpen", self.sharpen.is_some(), self.sharpen.map_or(Value::Null, float));
        put("composite", !self.composite.is_empty(), self.composite.iter().map(composite_value).collect());
        put("flatten", self.flatten.is_some(), self.flatten.map_or(Value::Null, |c| c.to_hex().into()));
        put("metadata", self.metadata != default.metadata, self.metadata.words().collect());
        put("encode", self.encode.is_some(), self.encode.as_ref().map_or(Value::Null, encode_value));
        put("frames", self.frames != default.frames, word(FRAMES, &self.frames).into());
        put("onTruncated", self.on_truncated != default.on_truncated, word(ON_TRUNCATED, &self.on_truncated).into());
        let mut measures = self.analyze.clone();
        measures.sort();
        measures.dedup();
        put("analyze", !measures.is_empty(), measures.iter().map(|m| word(MEASURES, m)).collect());
        Value::Object(map)
    }
}

fn region(mut keys: Keys) -> Result<Region, Error> {
    let mut side = |key, min| keys.whole(key, min, u64::from(u32::MAX)).map(|v| v.map(|v| v as u32));
    let (left, top) = (side("left", 0)?.unwrap_or(0), side("top", 0)?.unwrap_or(0));
    let (width, height) = (side("width", 1)?, side("height", 1)?);
    let width = width.ok_or_else(|| keys.missing("width"))?;
    let height = height.ok_or_else(|| keys.missing("height"))?;
    keys.end()?;
    Ok(Region { left, top, width, height })
}

fn region_value(r: Region) -> Value {
    serde_json::json!({ "left": r.left, "top": r.top, "width": r.width, "height": r.height })
}

fn resize(mut keys: Keys) -> Result<Resize, Error> {
    let default = Resize::default();
    let has_position = keys.has("position");
    let mut focus = None;
    if let Some(mut point) = keys.object("focus")? {
        if has_position {
            return Err(Error::recipe("resize.focus", "stands in the place of `position`; give one of the two"));
        }
        let x = point.number("x", 0.0, 1.0)?.ok_or_else(|| point.missing("x"))?;
        let y = point.number("y", 0.0, 1.0)?.ok_or_else(|| point.missing("y"))?;
        point.end()?;
        focus = Some(Focus { x, y });
    }
    let resize = Resize {
        width: keys.whole("width", 1, u64::from(u32::MAX))?.map(|v| v as u32),
        height: keys.whole("height", 1, u64::from(u32::MAX))?.map(|v| v as u32),
        fit: keys.word("fit", FITS)?.unwrap_or_default(),
        position: keys.word("position", POSITIONS)?.unwrap_or_default(),
        focus,
        kernel: keys.word("kernel", KERNELS)?.unwrap_or_default(),
        without_enlargement: keys.bool("withoutEnlargement")?.unwrap_or(false),
        without_reduction: keys.bool("withoutReduction")?.unwrap_or(false),
        fast_shrink_on_load: keys.bool("fastShrinkOnLoad")?.unwrap_or(default.fast_shrink_on_load),
        background: keys.color("background")?.unwrap_or(default.background),
    };
    keys.end()?;
    Ok(resize)
}

fn resize_value(r: &Resize) -> Value {
    let default = Resize::default();
    let mut map = Map::new();
    let mut put = |key: &str, wanted: bool, value: Value| {
        if wanted {
            map.insert(key.to_owned(), value);
        }
    };
    put("width", r.width.is_some(), r.width.into());
    put("height", r.height.is_some(), r.height.into());
    put("fit", r.fit != default.fit, word(FITS, &r.fit).into());
    put("position", r.position != default.position, word(POSITIONS, &r.position).into());
    let focus = r.focus.map_or(Value::Null, |f| [("x".to_owned(), float(f.x)), ("y".to_owned(), float(f.y))].into_iter().collect());
    put("focus", r.focus.is_some(), focus);
    put("kernel", r.kernel != default.kernel, word(KERNELS, &r.kernel).into());
    put("withoutEnlargement", r.without_enlargement, true.into());
    put("withoutReduction", r.without_reduction, true.into());
    put("fastShrinkOnLoad", !r.fast_shrink_on_load, false.into());
    put("background", r.background != default.background, r.background.to_hex().into());
    Value::Object(map)
}

fn extend(mut keys: Keys) -> Result<Extend, Error> {
    let mut side = |key| keys.whole(key, 0, u64::from(u32::MAX)).map(|v| v.unwrap_or(0) as u32);
    let (top, right, bottom, left) = (side("top")?, side("right")?, side("bottom")?, side("left")?);
    let background = keys.color("background")?.unwrap_or_default();
    keys.end()?;
    Ok(Extend { top, right, bottom, left, background })
}

fn extend_value(e: &Extend) -> Value {
    let sides = [("top", e.top), ("right", e.right), ("bottom", e.bottom), ("left", e.left)];
    let mut map: Map<String, Value> = sides.into_iter().filter(|(_, v)| *v != 0).map(|(k, v)| (k.to_owned(), v.into())).collect();
    if e.background != Color::TRANSPARENT {
        map.insert("background".to_owned(), e.background.to_hex().into());
    }
    Value::Object(map)
}

fn trim(mut keys: Keys) -> Result<Trim, Error> {
    let trim = Trim { background: keys.color("background")?, threshold: keys.number("threshold", 0.0, 255.0)?.unwrap_or(10.0) };
    keys.end()?;
    Ok(trim)
}

fn trim_value(t: &Trim) -> Value {
    let mut map = Map::new();
    if let Some(color) = t.background {
        map.insert("background".to_owned(), color.to_hex().into());
    }
    if t.threshold != 10.0 {
        map.insert("threshold".to_owned(), float(t.threshold));
    }
    Value::Object(map)
}

fn composite(mut keys: Keys) -> Result<Composite, Error> {
    let composite = Composite {
        text: keys.text("text")?,
        image: keys.text("image")?,
        position: keys.word("position", POSITIONS)?.unwrap_or_default(),
        opacity: keys.number("opacity", 0.0, 1.0)?,
    };
    keys.end()?;
    Ok(composite)
}

fn composite_value(c: &Composite) -> Value {
    let mut map = Map::new();
    if let Some(text) = &c.text {
        map.insert("text".to_owned(), text.clone().into());
    }
    if let Some(image) = &c.image {
        map.insert("image".to_owned(), image.clone().into());
    }
    if c.position != Position::Center {
        map.insert("position".to_owned(), word(POSITIONS, &c.position).into());
    }
    if let Some(opacity) = c.opacity.filter(|o| *o != 1.0) {
        map.insert("opacity".to_owned(), float(opacity));
    }
    Value::Object(map)
}

fn encode(mut keys: Keys) -> Result<Encode, Error> {
    let format = keys.word("format", FORMATS)?.ok_or_else(|| keys.missing("format"))?;
    let percent = |v: Option<u64>| v.map(|v| v as u8);
    let encode = Encode {
        format,
        quality: percent(keys.whole("quality", 1, 100)?),
        effort: keys.word("effort", EFFORTS)?.unwrap_or_default(),
        progressive: keys.bool("progressive")?.unwrap_or(false),
        chroma_subsampling: keys.word("chromaSubsampling", SUBSAMPLINGS)?.unwrap_or_default(),
        lossless: keys.bool("lossless")?.unwrap_or(false),
        max_bytes: keys.whole("maxBytes", 1, 1 << 53)?,
        min_quality: percent(keys.whole("minQuality", 1, 100)?),
        skip_if_larger: keys.bool("skipIfLarger")?.unwrap_or(false),
    };
    keys.end()?;
    Ok(encode)
}

/// The quality that stands for none given.
pub(crate) const fn default_quality(format: Format) -> u8 {
    if matches!(format, Format::Avif) { 50 } else { 80 }
}

fn encode_value(e: &Encode) -> Value {
    let mut map = Map::new();
    let mut put = |key: &str, wanted: bool, value: Value| {
        if wanted {
            map.insert(key.to_owned(), value);
        }
    };
    put("format", true, e.format.name().into());
    put("quality", e.quality.is_some_and(|q| q != default_quality(e.format)), e.quality.into());
    put("effort", e.effort != Effort::Balanced, word(EFFORTS, &e.effort).into());
    put("progressive", e.progressive, true.into());
    put("chromaSubsampling", e.chroma_subsampling != ChromaSubsampling::Cs420, word(SUBSAMPLINGS, &e.chroma_subsampling).into());
    put("lossless", e.lossless, true.into());
    put("maxBytes", e.max_bytes.is_some(), e.max_bytes.into());
    put("minQuality", e.min_quality.is_some(), e.min_quality.into());
    put("skipIfLarger", e.skip_if_larger, true.into());
    Value::Object(map)
}

fn metadata(keys: &mut Keys) -> Result<Metadata, Error> {
    let mut metadata = Metadata::none();
    for (path, value) in keys.list("metadata")? {
        word_of(&path, &value, METADATA)?(&mut metadata);
    }
    Ok(metadata)
}

fn analyze(keys: &mut Keys) -> Result<Vec<Measure>, Error> {
    keys.list("analyze")?.into_iter().map(|(path, value)| word_of(&path, &value, MEASURES)).collect()
}

/// A whole number without a point, any other as the shortest decimal of its f64.
fn float(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        Value::from(value as i64)
    } else {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

/// Sorted at every level by us: a stranger's feature can turn serde_json's maps around, and its floats have exponents.
fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (i, key) in keys.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_value(&map[key], out);
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Number(number) if number.is_f64() => out.push_str(&number.as_f64().unwrap_or_default().to_string()),
        other => out.push_str(&other.to_string()),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        Recipe::from_json(text).expect("a valid recipe").to_json()
    }

    #[test]
    fn canonical_texts_are_the_golden_ones() {
        let table = [
            (
                r#"{"resize":{"width":320,"fit":"cover"},"extract":{"left":0,"top":0,"width":800,"height":800},"autoOrient":true}"#,
                r#"{"extract":{"height":800,"left":0,"top":0,"width":800},"resize":{"width":320}}"#,
            ),
            (
                r#"{"resize":{"width":320,"height":240,"focus":{"x":0.50,"y":0.2}}}"#,
                r#"{"resize":{"focus":{"x":0.5,"y":0.2},"height":240,"width":320}}"#,
            ),
            (
                r#"{"composite":[{"text":"(c) 2026","position":"southeast","opacity":0.5},{"image":"logo","position":"northwest","opacity":1}]}"#,
                r#"{"composite":[{"opacity":0.5,"position":"southeast","text":"(c) 2026"},{"image":"logo","position":"northwest"}]}"#,
            ),
            (r#"{"metadata":["copyright","exif","exif"]}"#, r#"{"metadata":["exif","copyright"]}"#),
            (r#"{"encode":{"format":"webp","lossless":true}}"#, r#"{"encode":{"format":"webp","lossless":true}}"#),
            (
                r#"{"encode":{"format":"jpg","quality":80.0,"chroma_subsampling":"4:2:0"},"on_truncated":"error"}"#,
                r#"{"encode":{"format":"jpeg"}}"#,
            ),
            (r##"{"sharpen":1e0,"flatten":"#FFF","analyse":[]}"##, r##"{"flatten":"#ffffff","sharpen":1}"##),
            (r#"{"sharpen":0.0100}"#, r#"{"sharpen":0.01}"#),
            (r#"{"resize":{"width":10,"position":"centre"}}"#, r#"{"resize":{"width":10}}"#),
            ("{}", "{}"),
        ];
        for (given, golden) in table {
            assert_eq!(canonical(given), golden);
            assert_eq!(canonical(golden), golden, "canonical text is a fixed point");
        }
    }

    #[test]
    fn bad_recipes_name_the_path_and_the_nearest_word() {
        let table = [
            (r#"{"resize":{"widht":1}}"#, "recipe field `resize.widht`: is unknown; did you mean `width`?"),
            (r#"{"resise":{}}"#, "recipe field `resise`: is unknown; did you mean `resize`?"),
            (r#"{"resize":{"width":0}}"#, "recipe field `resize.width`: must be a whole number, at least 1, not 0"),
            (r#"{"resize":{"width":"10"}}"#, "recipe field `resize.width`: must be a whole number, at least 1, not \"10\""),
            (r#"{"resize":{"width":10,"fit":"covr"}}"#, "recipe field `resize.fit`: `covr` is unknown; did you mean `cover`?"),
            (r#"{"resize":{}}"#, "recipe field `resize`: needs a width or a height"),
            (
                r#"{"resize":{"width":5,"position":"north","focus":{"x":0,"y":0}}}"#,
                "recipe field `resize.focus`: stands in the place of `position`; give one of the two",
            ),
            (
                r#"{"encode":{"format":"webp","lossless":true,"quality":80}}"#,
                "recipe field `encode.quality`: has no meaning beside `lossless`",
            ),
            (r#"{"encode":{"quality":80}}"#, "recipe field `encode.format`: is missing"),
            (r#"{"encode":{"format":"jpeg","quality":0}}"#, "recipe field `encode.quality`: must be a whole number from 1 to 100, not 0"),
            (r#"{"metadata":["gsp"]}"#, "recipe field `metadata[0]`: `gsp` is unknown; did you mean `gps`?"),
            (r#"{"composite":[{"text":"a","image":"b"}]}"#, "recipe field `composite[0]`: needs exactly one of `text` and `image`"),
            (r#"{"autoOrient":true,"auto_orient":true}"#, "recipe field `auto_orient`: is given twice, in two spellings"),
            ("[]", "recipe field `$`: must be an object, not a list"),
        ];
        for (text, message) in table {
            let error = Recipe::from_json(text).expect_err(text);
            assert_eq!((error.code(), error.to_string().as_str()), ("invalid_recipe", message));
        }
    }

    #[test]
    fn the_hash_covers_the_assets_used_and_no_others() {
        let recipe = Recipe::from_json(r#"{"composite":[{"image":"logo"}]}"#).expect("a valid recipe");
        let mut assets = BTreeMap::from([("logo".to_owned(), vec![1])]);
        let first = recipe.hash(&assets).expect("the asset is there");
        assets.insert("other".to_owned(), vec![2]);
        assert_eq!(recipe.hash(&assets).expect("the asset is there"), first);
        assets.insert("logo".to_owned(), vec![2]);
        assert_ne!(recipe.hash(&assets).expect("the asset is there"), first);
        assert_eq!(recipe.hash(&BTreeMap::new()).expect_err("no asset").code(), "invalid_recipe");
    }
}
