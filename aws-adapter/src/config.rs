//! What the operator configures: the renditions that every picture gets, the limits, and the memory that all workers share.
//!
//! ```json
//! { "renditions": [ { "name": "thumb", "recipe": { "resize": { "width": 200, "height": 200 } } } ],
//!   "limits": { "maxInputPixels": 50000000 },
//!   "memoryBytes": 402653184 }
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use imgcore::{Limits, OUTPUT_REVISION, Recipe, Resize};
use serde_json::{Map, Value};

use crate::error::{Code, Error};
use crate::identity::{config_hash, is_rendition_name};

/// The memory that all workers share. Default: 384 MiB.
pub const MEMORY_BYTES: u64 = 384 << 20;

/// What the pipeline does to every picture.
#[derive(Debug, Clone)]
pub struct Config {
    /// What is made of a picture, in the order of the record.
    pub renditions: Vec<Wanted>,
    /// What a picture may cost. Default: the preset `pipeline`.
    pub limits: Limits,
    /// The memory that all workers share, in bytes. Default: 384 MiB.
    pub memory_bytes: u64,
    /// Bytes that recipes refer to by name.
    pub assets: BTreeMap<String, Vec<u8>>,
    hash: String,
}

/// A rendition that is wanted of every picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// Its name: `[a-z0-9-]{1,64}`, unique.
    pub name: String,
    /// How it is made.
    pub recipe: Recipe,
}

impl Default for Config {
    /// A thumbnail of 200 by 200, and at most 800 and 1600 pixels; none enlarged, each in its picture's own format where that is a format to write.
    fn default() -> Self {
        let wanted =
            |name: &str, resize: Resize| Wanted { name: name.to_owned(), recipe: Recipe::default().resize(resize.without_enlargement()) };
        let renditions = vec![
            wanted("thumb", Resize::cover(200, 200)),
            wanted("medium", Resize::inside(800, 800)),
            wanted("large", Resize::inside(1600, 1600)),
        ];
        Self::new(renditions, BTreeMap::new()).expect("the default renditions have good names and use no assets")
    }
}

impl Config {
    /// A configuration with these renditions, and else the defaults.
    ///
    /// # Errors
    /// `invalid_request` for no renditions, a bad name or one that is there twice; `invalid_recipe` for an asset that is not there.
    pub fn new(renditions: Vec<Wanted>, assets: BTreeMap<String, Vec<u8>>) -> Result<Self, Error> {
        if renditions.is_empty() {
            return Err(invalid("renditions", "at least one must be named"));
        }
        let mut hashes = BTreeMap::new();
        for (i, wanted) in renditions.iter().enumerate() {
            let path = format!("renditions[{i}].name");
            if !is_rendition_name(&wanted.name) {
                return Err(invalid(&path, &format!("`{}` is not 1 to 64 of a-z, 0-9 and -", wanted.name)));
            }
            let hash = wanted.recipe.hash(&assets)?;
            if hashes.insert(wanted.name.clone(), hash).is_some() {
                return Err(invalid(&path, &format!("`{}` is there twice", wanted.name)));
            }
        }
        let hash = config_hash(hashes.iter().map(|(name, hash)| (name.as_str(), hash.as_str())));
        Ok(Self { renditions, limits: Limits::pipeline(), memory_bytes: MEMORY_BYTES, assets, hash })
    }

    /// Reads a configuration; what is absent has its default.
    ///
    /// # Errors
    /// `invalid_request` or, within a recipe, `invalid_recipe`, with the path of the key.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let value = serde_json::from_str(text).map_err(|e| Error::caused(Code::InvalidRequest, "the config is not JSON", e))?;
        let Value::Object(mut keys) = value else {
            return Err(invalid("$", "must be an object"));
        };
        let mut config = match keys.remove("renditions") {
            None => Self::default(),
            Some(Value::Array(list)) => {
                let wanted = list.into_iter().enumerate().map(|(i, value)| read_wanted(&format!("renditions[{i}]"), value));
                Self::new(wanted.collect::<Result<_, _>>()?, BTreeMap::new())?
            }
            Some(_) => return Err(invalid("renditions", "must be a list")),
        };
        if let Some(limits) = keys.remove("limits") {
            config.limits = read_limits(limits)?;
        }
        if let Some(bytes) = keys.remove("memoryBytes") {
            let bytes = bytes.as_u64().filter(|bytes| *bytes > 0);
            config.memory_bytes = bytes.ok_or_else(|| invalid("memoryBytes", "must be a whole number above 0"))?;
        }
        refuse_unknown("", &keys, &["renditions", "limits", "memoryBytes"])?;
        Ok(config)
    }

    /// SHA-256 of the renditions' names and recipe hashes: another value makes a record stale.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Whether a record was made by this configuration and this build's output revision.
    pub fn is_current(&self, record: &crate::record::Record) -> bool {
        record.config_hash.as_deref() == Some(&self.hash) && record.output_revision == Some(OUTPUT_REVISION)
    }
}

/// Refuses an output that is the input or lies within it: the pipeline would feed on what it makes.
///
/// # Errors
/// `invalid_request`, naming both.
pub fn check_places(input_bucket: &str, output_bucket: &str) -> Result<(), Error> {
    // Names of buckets are paths of one part here, and compare whole.
    if Path::new(output_bucket).starts_with(input_bucket) {
        let message = format!("the output `{output_bucket}` must not be the input `{input_bucket}` or lie within it");
        return Err(Error::new(Code::InvalidRequest, message));
    }
    Ok(())
}

fn read_wanted(path: &str, value: Value) -> Result<Wanted, Error> {
    let Value::Object(mut keys) = value else {
        return Err(invalid(path, "must be an object"));
    };
    let name = match keys.remove("name") {
        Some(Value::String(name)) => name,
        _ => return Err(invalid(&format!("{path}.name"), "must be a text")),
    };
    let recipe = keys.remove("recipe").unwrap_or(Value::Object(Map::new()));
    refuse_unknown(&format!("{path}."), &keys, &["name", "recipe"])?;
    let recipe = Recipe::from_json(&recipe.to_string()).map_err(|error| match error {
        imgcore::Error::InvalidRecipe { path: inner, reason } => {
            Error::new(Code::InvalidRecipe, format!("config field `{path}.recipe.{inner}`: {reason}"))
        }
        other => other.into(),
    })?;
    Ok(Wanted { name, recipe })
}

/// Limits over the preset `pipeline`, not over the library's defaults.
fn read_limits(value: Value) -> Result<Limits, Error> {
    let Value::Object(keys) = value else {
        return Err(invalid("limits", "must be an object"));
    };
    let preset = Limits::pipeline().to_json();
    let mut all: Map<String, Value> = serde_json::from_str(&preset).expect("limits are an object of numbers");
    all.extend(keys);
    Limits::from_json(&Value::Object(all).to_string()).map_err(|e| invalid("limits", &e.to_string()))
}

fn refuse_unknown(path: &str, left: &Map<String, Value>, known: &[&str]) -> Result<(), Error> {
    match left.keys().next() {
        None => Ok(()),
        Some(key) => Err(invalid(&format!("{path}{key}"), &format!("is unknown; known are {}", known.join(", ")))),
    }
}

fn invalid(path: &str, reason: &str) -> Error {
    Error::new(Code::InvalidRequest, format!("config field `{path}`: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (&'static str, String) {
        let error = Config::from_json(text).unwrap_err();
        (error.code(), error.message)
    }

    #[test]
    fn the_default_makes_three_renditions_and_enlarges_none() {
        let config = Config::from_json("{}").unwrap();
        let recipes: Vec<_> = config.renditions.iter().map(|w| format!("{} {}", w.name, w.recipe.to_json())).collect();
        assert_eq!(
            recipes,
            [
                r#"thumb {"resize":{"height":200,"width":200,"withoutEnlargement":true}}"#,
                r#"medium {"resize":{"fit":"inside","height":800,"width":800,"withoutEnlargement":true}}"#,
                r#"large {"resize":{"fit":"inside","height":1600,"width":1600,"withoutEnlargement":true}}"#,
            ]
        );
        assert_eq!(config.memory_bytes, 402_653_184);
        assert_eq!(config.limits, Limits::pipeline());
    }

    #[test]
    fn renditions_limits_and_memory_are_read() {
        let config = Config::from_json(
            r#"{ "renditions": [ { "name": "w320", "recipe": { "resize": { "width": 320 } } }, { "name": "same" } ],
                 "limits": { "maxInputPixels": 5 }, "memoryBytes": 7 }"#,
        )
        .unwrap();
        assert_eq!(config.renditions[0].recipe, Recipe::default().resize(Resize::width(320)));
        assert_eq!(config.renditions[1].recipe, Recipe::default());
        assert_eq!((config.limits.max_input_pixels, config.memory_bytes), (5, 7));
        assert_eq!(config.limits.max_memory_bytes, Limits::pipeline().max_memory_bytes);
    }

    #[test]
    fn the_hash_changes_with_a_name_or_a_recipe_and_not_with_a_limit() {
        let hash = |text| Config::from_json(text).unwrap().hash().to_owned();
        let plain = hash(r#"{"renditions":[{"name":"a","recipe":{"resize":{"width":320}}}]}"#);
        assert_eq!(plain, hash(r#"{"renditions":[{"recipe":{"resize":{"width":320}},"name":"a"}],"limits":{"maxWork":1}}"#));
        assert_ne!(plain, hash(r#"{"renditions":[{"name":"b","recipe":{"resize":{"width":320}}}]}"#));
        assert_ne!(plain, hash(r#"{"renditions":[{"name":"a","recipe":{"resize":{"width":321}}}]}"#));
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        for (text, code, path) in [
            ("[", "invalid_request", "not JSON"),
            ("[]", "invalid_request", "`$`"),
            (r#"{"rendition":[]}"#, "invalid_request", "`rendition`"),
            (r#"{"renditions":[]}"#, "invalid_request", "`renditions`"),
            (r#"{"renditions":[{"name":"a"},{"name":"A"}]}"#, "invalid_request", "`renditions[1].name`"),
            (r#"{"renditions":[{"name":"a"},{"name":"a"}]}"#, "invalid_request", "`renditions[1].name`"),
            (r#"{"renditions":[{"recipe":{}}]}"#, "invalid_request", "`renditions[0].name`"),
            (r#"{"renditions":[{"name":"a","size":1}]}"#, "invalid_request", "`renditions[0].size`"),
            (r#"{"renditions":[{"name":"a","recipe":{"resize":{"width":0}}}]}"#, "invalid_recipe", "`renditions[0].recipe.resize.width`"),
            (r#"{"limits":{"maxPixels":1}}"#, "invalid_request", "`limits`"),
            (r#"{"memoryBytes":0}"#, "invalid_request", "`memoryBytes`"),
        ] {
            let (seen, message) = refused(text);
            assert_eq!(seen, code, "{text}: {message}");
            assert!(message.contains(path), "{text}: {message}");
        }
    }

    #[test]
    fn an_output_within_the_input_is_refused() {
        for (input, output) in [("/a", "/a"), ("/a", "/a/out"), ("/", "/a"), ("photos", "photos")] {
            assert!(check_places(input, output).is_err(), "{input} {output}");
        }
        for (input, output) in [("/a", "/ab"), ("/a/in", "/a/out"), ("/a/in", "/a"), ("photos", "photos-out")] {
            assert!(check_places(input, output).is_ok(), "{input} {output}");
        }
    }
}
