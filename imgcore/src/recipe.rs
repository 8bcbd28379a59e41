//! WANTED: what is to become of a picture. Plain data that knows no particular file, may be stored and sent, and is not trusted.
//!
//! Its JSON, `from_json` and `to_json`, and its hash stand in `recipe/wire.rs`.

mod keys;
mod wire;

pub(crate) use wire::{default_quality, hex};

pub use crate::codec::Format;
use crate::geometry::Region;

/// What is wanted of a picture. The default turns it upright and strips it.
///
/// Operations run in the library's order, whatever the order of the keys: auto-orient, rotate/flip/flop, trim, extract, resize,
/// crop, extend, sharpen, composite, flatten, encode.
///
/// ```
/// use imgcore::{Encode, Recipe, Resize};
///
/// let recipe = Recipe::default().resize(Resize::cover(320, 240)).encode(Encode::jpeg().quality(75));
/// assert_eq!(recipe.to_json(), r#"{"encode":{"format":"jpeg","quality":75},"resize":{"height":240,"width":320}}"#);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Recipe {
    /// Turn the picture as its EXIF orientation says. Default: true.
    pub auto_orient: bool,
    /// Degrees clockwise: 0, 90, 180 or 270. Default: 0.
    pub rotate: u16,
    /// Exchange top and bottom. Default: false.
    pub flip: bool,
    /// Exchange left and right. Default: false.
    pub flop: bool,
    /// Cut away borders of one color. Default: none.
    pub trim: Option<Trim>,
    /// Cut out a rectangle of the upright source, in its pixels. Default: none.
    pub extract: Option<Region>,
    /// Change the size. Default: none.
    pub resize: Option<Resize>,
    /// Cut out a rectangle of the resized picture, in its pixels. Default: none.
    pub crop: Option<Region>,
    /// Add a border. Default: none.
    pub extend: Option<Extend>,
    /// Sharpen by a Gaussian of this sigma, in pixels, 0.01 to 10. Default: none.
    pub sharpen: Option<f64>,
    /// Lay texts or images over the picture, in this order. Default: none.
    pub composite: Vec<Composite>,
    /// Lay the picture on a ground of this color, so that nothing stays transparent. Default: none.
    pub flatten: Option<Color>,
    /// What metadata the result carries. Default: nothing.
    pub metadata: Metadata,
    /// The result's format and its options. Default: the source's format where it is JPEG, PNG or GIF; else PNG with alpha, JPEG without.
    pub encode: Option<Encode>,
    /// The first frame or all of them. Default: first.
    pub frames: Frames,
    /// What a file that ends too early gives. Default: an error.
    pub on_truncated: OnTruncated,
    /// Measures of the result to report. Default: none.
    pub analyze: Vec<Measure>,
}

impl Default for Recipe {
    fn default() -> Recipe {
        Recipe {
            auto_orient: true,
            rotate: 0,
            flip: false,
            flop: false,
            trim: None,
            extract: None,
            resize: None,
            crop: None,
            extend: None,
            sharpen: None,
            composite: Vec::new(),
            flatten: None,
            metadata: Metadata::none(),
            encode: None,
            frames: Frames::First,
            on_truncated: OnTruncated::Error,
            analyze: Vec::new(),
        }
    }
}

impl Recipe {
    /// Sets whether the picture is turned as its EXIF orientation says.
    #[must_use]
    pub fn auto_orient(self, auto_orient: bool) -> Recipe {
        Recipe { auto_orient, ..self }
    }

    /// Sets the clockwise rotation in degrees: 0, 90, 180 or 270.
    #[must_use]
    pub fn rotate(self, degrees: u16) -> Recipe {
        Recipe { rotate: degrees, ..self }
    }

    /// Exchanges top and bottom.
    #[must_use]
    pub fn flip(self) -> Recipe {
        Recipe { flip: true, ..self }
    }

    /// Exchanges left and right.
    #[must_use]
    pub fn flop(self) -> Recipe {
        Recipe { flop: true, ..self }
    }

    /// Cuts a rectangle out of the upright source.
    #[must_use]
    pub fn extract(self, region: Region) -> Recipe {
        Recipe { extract: Some(region), ..self }
    }

    /// Changes the size.
    #[must_use]
    pub fn resize(self, resize: Resize) -> Recipe {
        Recipe { resize: Some(resize), ..self }
    }

    /// Cuts a rectangle out of the resized picture.
    #[must_use]
    pub fn crop(self, region: Region) -> Recipe {
        Recipe { crop: Some(region), ..self }
    }

    /// Adds a border.
    #[must_use]
    pub fn extend(self, extend: Extend) -> Recipe {
        Recipe { extend: Some(extend), ..self }
    }

    /// Lays the picture on a ground of one color.
    #[must_use]
    pub fn flatten(self, ground: Color) -> Recipe {
        Recipe { flatten: Some(ground), ..self }
    }

    /// Sets what metadata the result carries.
    #[must_use]
    pub fn metadata(self, metadata: Metadata) -> Recipe {
        Recipe { metadata, ..self }
    }

    /// Sets the result's format and its options.
    #[must_use]
    pub fn encode(self, encode: Encode) -> Recipe {
        Recipe { encode: Some(encode), ..self }
    }

    /// Takes the first frame or all of them.
    #[must_use]
    pub fn frames(self, frames: Frames) -> Recipe {
        Recipe { frames, ..self }
    }

    /// Sets what a file that ends too early gives.
    #[must_use]
    pub fn on_truncated(self, on_truncated: OnTruncated) -> Recipe {
        Recipe { on_truncated, ..self }
    }
}

/// How the picture meets its box: CSS's words.
///
/// ```text
/// a 4:3 picture and a square box
///
/// cover          contain        fill           inside         outside
/// +---------+    +---------+    +---------+    +---------+    +-----------+
/// |#########|    |         |    |#########|    |#########|    |###########|
/// |#########|    |#########|    |#########|    |#########|    |###########|
/// |#########|    |#########|    |#########|    +---------+    |###########|
/// |#########|    |         |    |#########|                   |###########|
/// +---------+    +---------+    +---------+                   +-----------+
/// fills, crops   fits, pads     distorts       fits           covers, uncropped
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fit {
    /// Fills the box and crops what lies over.
    #[default]
    Cover,
    /// Fits into the box and pads to it.
    Contain,
    /// Takes the box's size and loses its ratio.
    Fill,
    /// Fits into the box.
    Inside,
    /// Covers the box, uncropped.
    Outside,
}

/// Where a crop or a pad puts the picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Position {
    /// The middle.
    #[default]
    Center,
    /// Top middle.
    North,
    /// Top right.
    Northeast,
    /// Right middle.
    East,
    /// Bottom right.
    Southeast,
    /// Bottom middle.
    South,
    /// Bottom left.
    Southwest,
    /// Left middle.
    West,
    /// Top left.
    Northwest,
    /// The part with the most detail.
    Entropy,
    /// The part that draws the eye.
    Attention,
}

/// The point that a crop centers on, as fractions of the upright picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Focus {
    /// From the left edge, 0, to the right, 1.
    pub x: f64,
    /// From the top edge, 0, to the bottom, 1.
    pub y: f64,
}

/// The filter of a resize.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kernel {
    /// The nearest sample.
    Nearest,
    /// The mean of what an output sample covers.
    Box,
    /// A triangle of support 1.
    Linear,
    /// A windowed sinc of support 1.
    Hamming,
    /// Catmull-Rom, support 2.
    Cubic,
    /// Mitchell-Netravali, support 2.
    Mitchell,
    /// A sinc windowed by a sinc, support 2.
    Lanczos2,
    /// A sinc windowed by a sinc, support 3.
    #[default]
    Lanczos3,
}

/// A change of size.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Resize {
    /// The box's width in pixels, at least 1. None: follows from the height.
    pub width: Option<u32>,
    /// The box's height in pixels, at least 1. None: follows from the width.
    pub height: Option<u32>,
    /// How the picture meets the box. Default: cover.
    pub fit: Fit,
    /// Where a crop or a pad puts the picture. Default: center.
    pub position: Position,
    /// A focal point in the place of a position. Default: none.
    pub focus: Option<Focus>,
    /// The filter. Default: lanczos3.
    pub kernel: Kernel,
    /// Never enlarge. Default: false.
    pub without_enlargement: bool,
    /// Never reduce. Default: false.
    pub without_reduction: bool,
    /// Decode a JPEG at N/8 of its size, the smallest that is 1.5 times the result or more. Default: true.
    pub fast_shrink_on_load: bool,
    /// The color of `contain`'s pad. Default: transparent black.
    pub background: Color,
}

impl Default for Resize {
    fn default() -> Resize {
        Resize {
            width: None,
            height: None,
            fit: Fit::Cover,
            position: Position::Center,
            focus: None,
            kernel: Kernel::Lanczos3,
            without_enlargement: false,
            without_reduction: false,
            fast_shrink_on_load: true,
            background: Color::TRANSPARENT,
        }
    }
}

impl Resize {
    fn to_box(width: u32, height: u32, fit: Fit) -> Resize {
        Resize { width: Some(width), height: Some(height), fit, ..Resize::default() }
    }

    /// Fills a box and crops what lies over.
    #[must_use]
    pub fn cover(width: u32, height: u32) -> Resize {
        Resize::to_box(width, height, Fit::Cover)
    }

    /// Fits into a box and pads to it.
    #[must_use]
    pub fn contain(width: u32, height: u32) -> Resize {
        Resize::to_box(width, height, Fit::Contain)
    }

    /// Takes a box's size and loses the ratio.
    #[must_use]
    pub fn fill(width: u32, height: u32) -> Resize {
        Resize::to_box(width, height, Fit::Fill)
    }

    /// Fits into a box.
    #[must_use]
    pub fn inside(width: u32, height: u32) -> Resize {
        Resize::to_box(width, height, Fit::Inside)
    }

    /// Covers a box, uncropped.
    #[must_use]
    pub fn outside(width: u32, height: u32) -> Resize {
        Resize::to_box(width, height, Fit::Outside)
    }

    /// To a width; the height follows.
    #[must_use]
    pub fn width(width: u32) -> Resize {
        Resize { width: Some(width), ..Resize::default() }
    }

    /// To a height; the width follows.
    #[must_use]
    pub fn height(height: u32) -> Resize {
        Resize { height: Some(height), ..Resize::default() }
    }

    /// Sets where a crop or a pad puts the picture.
    #[must_use]
    pub fn position(self, position: Position) -> Resize {
        Resize { position, focus: None, ..self }
    }

    /// Sets the point that a crop centers on, as fractions of the upright picture.
    #[must_use]
    pub fn focus(self, x: f64, y: f64) -> Resize {
        Resize { focus: Some(Focus { x, y }), position: Position::Center, ..self }
    }

    /// Sets the filter.
    #[must_use]
    pub fn kernel(self, kernel: Kernel) -> Resize {
        Resize { kernel, ..self }
    }

    /// Never enlarges.
    #[must_use]
    pub fn without_enlargement(self) -> Resize {
        Resize { without_enlargement: true, ..self }
    }

    /// Never reduces.
    #[must_use]
    pub fn without_reduction(self) -> Resize {
        Resize { without_reduction: true, ..self }
    }

    /// Sets the color of `contain`'s pad.
    #[must_use]
    pub fn background(self, background: Color) -> Resize {
        Resize { background, ..self }
    }
}

/// A border around the picture, in pixels a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extend {
    /// Rows above. Default: 0.
    pub top: u32,
    /// Columns to the right. Default: 0.
    pub right: u32,
    /// Rows below. Default: 0.
    pub bottom: u32,
    /// Columns to the left. Default: 0.
    pub left: u32,
    /// The border's color. Default: transparent black.
    pub background: Color,
}

/// Cutting away borders of one color.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trim {
    /// The color to cut away. None: that of the top left pixel.
    pub background: Option<Color>,
    /// How far a sample may be from it, 0 to 255. Default: 10.
    pub threshold: f64,
}

/// A text or an image laid over the picture: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Composite {
    /// The text.
    pub text: Option<String>,
    /// The name of an asset that holds an image.
    pub image: Option<String>,
    /// Where it lies. Default: center.
    pub position: Position,
    /// 0 to 1. Default: 1.
    pub opacity: Option<f64>,
}

/// Red, green, blue, alpha: 0 to 255, straight. The default is transparent black.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Color {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
    /// Alpha: 255 is opaque.
    pub a: u8,
}

impl serde::Serialize for Color {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.to_hex())
    }
}

impl Color {
    /// Transparent black.
    pub const TRANSPARENT: Color = Color { r: 0, g: 0, b: 0, a: 0 };
    /// White.
    pub const WHITE: Color = Color::rgb(255, 255, 255);
    /// Black.
    pub const BLACK: Color = Color::rgb(0, 0, 0);

    /// An opaque color.
    #[must_use]
    pub const fn rgb(r: u8, g: u8, b: u8) -> Color {
        Color { r, g, b, a: 255 }
    }

    /// Reads `#rgb`, `#rgba`, `#rrggbb` or `#rrggbbaa`.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Color> {
        let digits: Vec<u8> = text.strip_prefix('#')?.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
        match digits[..] {
            [r, g, b] => Some(Color::rgb(r * 17, g * 17, b * 17)),
            [r, g, b, a] => Some(Color { r: r * 17, g: g * 17, b: b * 17, a: a * 17 }),
            [r, r2, g, g2, b, b2] => Some(Color::rgb(r * 16 + r2, g * 16 + g2, b * 16 + b2)),
            [r, r2, g, g2, b, b2, a, a2] => Some(Color { r: r * 16 + r2, g: g * 16 + g2, b: b * 16 + b2, a: a * 16 + a2 }),
            _ => None,
        }
    }

    /// `#rrggbb`, or `#rrggbbaa` when not opaque, lower case.
    #[must_use]
    pub fn to_hex(self) -> String {
        let Color { r, g, b, a } = self;
        if a == 255 { format!("#{r:02x}{g:02x}{b:02x}") } else { format!("#{r:02x}{g:02x}{b:02x}{a:02x}") }
    }

    /// Whether red, green and blue are equal.
    #[must_use]
    pub const fn is_gray(self) -> bool {
        self.r == self.g && self.g == self.b
    }
}

/// Which metadata the result carries; location only when it is asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Metadata {
    /// The ICC profile, and the pixels as they are in it.
    pub icc: bool,
    /// EXIF without location, maker notes, serial numbers and thumbnail.
    pub exif: bool,
    /// The XMP packet.
    pub xmp: bool,
    /// The IPTC block.
    pub iptc: bool,
    /// Only who made it and whose it is.
    pub copyright: bool,
    /// The location in EXIF.
    pub gps: bool,
}

impl Metadata {
    /// Nothing.
    #[must_use]
    pub const fn none() -> Metadata {
        Metadata { icc: false, exif: false, xmp: false, iptc: false, copyright: false, gps: false }
    }

    /// The ICC profile alone.
    #[must_use]
    pub const fn icc() -> Metadata {
        Metadata { icc: true, ..Metadata::none() }
    }

    /// The words, in their canonical order.
    pub(crate) fn words(self) -> impl Iterator<Item = &'static str> {
        [(self.icc, "icc"), (self.exif, "exif"), (self.xmp, "xmp"), (self.iptc, "iptc"), (self.copyright, "copyright"), (self.gps, "gps")]
            .into_iter()
            .filter_map(|(wanted, word)| wanted.then_some(word))
    }
}

/// How much time an encoder takes for fewer bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// The least time. A JPEG that is not progressive has fixed Huffman tables.
    Fast,
    /// Few bytes for little time. A JPEG has optimized Huffman tables.
    #[default]
    Balanced,
    /// The fewest bytes for the looks, in more time and, for a JPEG, more memory. A JPEG loses what costs more bytes than it is worth, has
    /// quantization tables of its own, and is progressive where that is smaller. No other format has it yet.
    Small,
}

/// How much chroma a JPEG keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
pub enum ChromaSubsampling {
    /// One chroma sample for four pixels.
    #[default]
    #[serde(rename = "4:2:0")]
    Cs420,
    /// One chroma sample for two pixels in a row.
    #[serde(rename = "4:2:2")]
    Cs422,
    /// One chroma sample a pixel.
    #[serde(rename = "4:4:4")]
    Cs444,
}

impl ChromaSubsampling {
    /// The pixels that a chroma sample spans, across and down.
    pub(crate) const fn span(self) -> [u8; 2] {
        match self {
            ChromaSubsampling::Cs420 => [2, 2],
            ChromaSubsampling::Cs422 => [2, 1],
            ChromaSubsampling::Cs444 => [1, 1],
        }
    }
}

/// The result's format and its options.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Encode {
    /// The format.
    pub format: Format,
    /// 1 to 100. Default: 80, AVIF 50. Has no meaning for PNG, GIF and lossless WebP.
    pub quality: Option<u8>,
    /// Time against bytes. Default: balanced.
    pub effort: Effort,
    /// A progressive JPEG. Default: false.
    pub progressive: bool,
    /// A JPEG's chroma. Default: 4:2:0.
    pub chroma_subsampling: ChromaSubsampling,
    /// A lossless WebP. Default: false.
    pub lossless: bool,
    /// The most bytes that the result may have. Default: none.
    pub max_bytes: Option<u64>,
    /// The lowest quality that `max_bytes` may lead to, 1 to 100. Default: none.
    pub min_quality: Option<u8>,
    /// Give the source back when the result is larger. Default: false.
    pub skip_if_larger: bool,
}

impl Encode {
    /// A format with its defaults.
    #[must_use]
    pub fn to(format: Format) -> Encode {
        Encode {
            format,
            quality: None,
            effort: Effort::Balanced,
            progressive: false,
            chroma_subsampling: ChromaSubsampling::Cs420,
            lossless: false,
            max_bytes: None,
            min_quality: None,
            skip_if_larger: false,
        }
    }

    /// JPEG of quality 80, 4:2:0.
    #[must_use]
    pub fn jpeg() -> Encode {
        Encode::to(Format::Jpeg)
    }

    /// PNG.
    #[must_use]
    pub fn png() -> Encode {
        Encode::to(Format::Png)
    }

    /// WebP, lossy; see [`Encode::lossless`].
    #[must_use]
    pub fn webp() -> Encode {
        Encode::to(Format::Webp)
    }

    /// GIF.
    #[must_use]
    pub fn gif() -> Encode {
        Encode::to(Format::Gif)
    }

    /// Sets the quality, 1 to 100.
    #[must_use]
    pub fn quality(self, quality: u8) -> Encode {
        Encode { quality: Some(quality), ..self }
    }

    /// Sets time against bytes.
    #[must_use]
    pub fn effort(self, effort: Effort) -> Encode {
        Encode { effort, ..self }
    }

    /// Makes a JPEG progressive.
    #[must_use]
    pub fn progressive(self) -> Encode {
        Encode { progressive: true, ..self }
    }

    /// Sets a JPEG's chroma.
    #[must_use]
    pub fn chroma_subsampling(self, chroma_subsampling: ChromaSubsampling) -> Encode {
        Encode { chroma_subsampling, ..self }
    }

    /// Makes a WebP lossless.
    #[must_use]
    pub fn lossless(self) -> Encode {
        Encode { lossless: true, ..self }
    }
}

/// Which frames of an animation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Frames {
    /// The first.
    #[default]
    First,
    /// All of them.
    All,
}

/// What a file that ends too early gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnTruncated {
    /// The error `truncated`.
    #[default]
    Error,
    /// What there is, with the warning `truncated`.
    Partial,
}

/// A measure of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Measure {
    /// BlurHash.
    Blurhash,
    /// ThumbHash.
    Thumbhash,
    /// The most frequent color.
    DominantColor,
    /// A perceptual hash.
    PerceptualHash,
}
