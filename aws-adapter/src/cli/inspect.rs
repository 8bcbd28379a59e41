//! `imgcore inspect FILE`: the header and the metadata, for people or as JSON.

use std::path::PathBuf;

use imgcore::{Context, Header, probe};
use serde_json::Value;

use super::{Failure, print, read, table, words};

/// The arguments of `inspect`.
#[derive(clap::Args)]
pub(crate) struct Inspect {
    /// The picture.
    file: PathBuf,
    /// Print the header as one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Inspect {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let ctx = Context::default();
        let input = read(&self.file, &ctx.limits)?;
        let header = probe(&input, &ctx).map_err(|e| Failure::of(&self.file, &e))?;
        if self.json {
            return print(format_args!("{}\n", header.to_json()));
        }
        let name = self.file.file_name().unwrap_or_default().to_string_lossy();
        print(table::list(&describe(&name, &header), table::has_color()))
    }
}

/// The header as names and values.
fn describe(name: &str, header: &Header) -> Vec<(String, String)> {
    let json: Value = serde_json::to_value(header).unwrap_or_default();
    let mut items = vec![
        ("file".to_owned(), table::plain(name)),
        ("format".to_owned(), format(header)),
        ("size".to_owned(), size(header)),
        ("bytes".to_owned(), bytes(header.bytes)),
        ("colors".to_owned(), colors(header, &json)),
    ];
    let mut push = |name: &str, value: String| items.push((name.to_owned(), value));
    if let Some(profile) = &header.profile {
        let note = if profile.is_srgb { "" } else { " (converted to sRGB)" };
        push("profile", format!("{}{note}", table::plain(&profile.description)));
    }
    if header.frames > 1 {
        let loops = match header.loops {
            0 => "for ever".to_owned(),
            n => words::count(n.into(), "time"),
        };
        push("frames", format!("{}, played {loops}", header.frames));
    }
    if let Some(exif) = json.get("exif") {
        items.extend(words::camera(exif));
    }
    let blocks: Vec<&str> =
        [(header.has_xmp, "XMP"), (header.has_iptc, "IPTC")].into_iter().filter(|(has, _)| *has).map(|(_, n)| n).collect();
    if !blocks.is_empty() {
        items.push(("also holds".to_owned(), blocks.join(", ")));
    }
    for warning in &header.warnings {
        items.push(("warning".to_owned(), format!("{} [{}]", warning.message, warning.code)));
    }
    items
}

fn format(header: &Header) -> String {
    let mut words = vec![header.format.name().to_owned()];
    if header.progressive {
        words.push(if header.format == imgcore::Format::Jpeg { "progressive" } else { "interlaced" }.to_owned());
    }
    words.extend(header.chroma_subsampling.map(str::to_owned));
    words.join(", ")
}

fn size(header: &Header) -> String {
    let upright = format!("{}x{}", header.width, header.height);
    let turn = match header.orientation {
        2 => "mirrored",
        3 => "turned by 180°",
        4 => "upside down and mirrored",
        5 => "mirrored and turned left",
        6 => "turned right",
        7 => "mirrored and turned right",
        8 => "turned left",
        _ => return upright,
    };
    format!("{upright} (stored {}x{}, to be {turn}: orientation {})", header.stored_width, header.stored_height, header.orientation)
}

fn bytes(count: u64) -> String {
    if count < 1000 { words::bytes(count) } else { format!("{} ({})", words::thousands(count), words::bytes(count)) }
}

fn colors(header: &Header, json: &Value) -> String {
    let space = json["space"].as_str().unwrap_or_default();
    let alpha = if header.has_alpha { ", with alpha" } else { "" };
    format!("{space}, {}{alpha}", words::count(header.bit_depth.into(), "bit"))
}
