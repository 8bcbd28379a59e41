//! Makes the project's own test images: the gallery that `imgcore run` shows first, and the tiny inputs of the
//! core's tests. Everything is computed, so the same program writes the same bytes each time:
//!
//! ```text
//! cargo run -p aws-adapter --example make-test-images
//! ```

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_methods, reason = "its files are kept, and need not come out alike elsewhere")]

mod gallery;
mod metadata;
mod paint;
mod palette;
mod picture;
mod scene;
mod vectors;
mod write;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    gallery::make(&mut Folder::new(root.join("aws-adapter/test-images")))?;
    vectors::make(&mut Folder::new(root.join("imgcore/tests/data")))
}

/// A folder being filled: each file is written, printed with its size, and listed in the folder's README.
struct Folder {
    path: PathBuf,
    table: String,
}

impl Folder {
    fn new(path: PathBuf) -> Folder {
        Folder { path, table: String::from("| file | what it shows |\n| --- | --- |\n") }
    }

    fn add(&mut self, name: &str, shows: &str, bytes: &[u8]) -> Result<()> {
        self.table += &format!("| `{name}` | {shows} |\n");
        self.write(name, bytes)
    }

    fn finish(&self, title: &str, introduction: &str) -> Result<()> {
        let text = format!(
            "# {title}\n\n{introduction}\n\nMade by code; to make them again:\n\n    \
             cargo run -p aws-adapter --example make-test-images\n\n{}",
            self.table
        );
        self.write("README.md", text.as_bytes())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        fs::create_dir_all(&self.path)?;
        fs::write(self.path.join(name), bytes)?;
        writeln!(io::stdout(), "{:>8}  {name}", bytes.len())?;
        Ok(())
    }
}
