//! A JSON object read key by key, so that an error can name the path of the key and the nearest known word.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Color;
use crate::error::Error;

/// Words and what they stand for; the first word for a value is the one that is written.
pub(super) type Words<T> = &'static [(&'static str, T)];

/// An object's keys, taken out one by one; what is left at the end is unknown.
pub(super) struct Keys {
    path: String,
    left: BTreeMap<String, Value>,
    known: Vec<&'static str>,
}

impl Keys {
    pub(super) fn of(value: Value, path: &str) -> Result<Keys, Error> {
        let Value::Object(map) = value else {
            let path = if path.is_empty() { "$" } else { path };
            return Err(Error::recipe(path, format!("must be an object, not {}", kind(&value))));
        };
        let mut left = BTreeMap::new();
        for (key, value) in map {
            let name = american(&camel_case(&key));
            if left.insert(name, value).is_some() {
                return Err(Error::recipe(join(path, &key), "is given twice, in two spellings"));
            }
        }
        Ok(Keys { path: path.to_owned(), left, known: Vec::new() })
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.left.get(key).is_some_and(|v| !v.is_null())
    }

    fn path(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(super) fn missing(&self, key: &str) -> Error {
        Error::recipe(self.path(key), "is missing")
    }

    /// `null` means absent.
    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.left.remove(key).filter(|value| !value.is_null())
    }

    fn wrong(&self, key: &str, wanted: &str, value: &Value) -> Error {
        Error::recipe(self.path(key), format!("must be {wanted}, not {}", kind(value)))
    }

    pub(super) fn bool(&mut self, key: &'static str) -> Result<Option<bool>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(self.wrong(key, "true or false", &other)),
        }
    }

    pub(super) fn whole(&mut self, key: &'static str, min: u64, max: u64) -> Result<Option<u64>, Error> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let number = value.as_u64().or_else(|| value.as_f64().filter(|f| f.fract() == 0.0 && (0.0..9e15).contains(f)).map(|f| f as u64));
        match number {
            Some(n) if (min..=max).contains(&n) => Ok(Some(n)),
            _ if min == 0 || max == u64::from(u32::MAX) => {
                Err(Error::recipe(self.path(key), format!("must be a whole number, at least {min}, not {value}")))
            }
            _ => Err(Error::recipe(self.path(key), format!("must be a whole number from {min} to {max}, not {value}"))),
        }
    }

    pub(super) fn number(&mut self, key: &'static str, min: f64, max: f64) -> Result<Option<f64>, Error> {
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_f64() {
            Some(n) if (min..=max).contains(&n) => Ok(Some(n)),
            _ => Err(Error::recipe(self.path(key), format!("must be a number from {min} to {max}, not {value}"))),
        }
    }

    pub(super) fn text(&mut self, key: &'static str) -> Result<Option<String>, Error> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong(key, "a text", &other)),
        }
    }

    pub(super) fn color(&mut self, key: &'static str) -> Result<Option<Color>, Error> {
        let Some(value) = self.take(key) else { return Ok(None) };
        let color = value.as_str().and_then(Color::from_hex);
        color.map(Some).ok_or_else(|| Error::recipe(self.path(key), format!("must be a color such as \"#ffffff\", not {value}")))
    }

    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: Words<T>) -> Result<Option<T>, Error> {
        self.take(key).map(|value| word_of(&self.path(key), &value, words)).transpose()
    }

    pub(super) fn object(&mut self, key: &'static str) -> Result<Option<Keys>, Error> {
        self.take(key).map(|value| Keys::of(value, &self.path(key))).transpose()
    }

    pub(super) fn list(&mut self, key: &'static str) -> Result<Vec<(String, Value)>, Error> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => {
                Ok(list.into_iter().enumerate().map(|(i, value)| (format!("{}[{i}]", self.path(key)), value)).collect())
            }
            Some(other) => Err(self.wrong(key, "a list", &other)),
        }
    }

    pub(super) fn end(self) -> Result<(), Error> {
        let Some(key) = self.left.keys().next() else { return Ok(()) };
        Err(Error::recipe(join(&self.path, key), format!("is unknown{}", suggestion(key, self.known.iter().copied()))))
    }
}

pub(super) fn word_of<T: Copy>(path: &str, value: &Value, words: Words<T>) -> Result<T, Error> {
    let Some(text) = value.as_str() else { return Err(Error::recipe(path, format!("must be a word, not {}", kind(value)))) };
    let found =
        words.iter().find(|(word, _)| *word == text).or_else(|| words.iter().find(|(word, _)| *word == american(&camel_case(text))));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let hint = suggestion(text, words.iter().map(|(word, _)| *word));
        Error::recipe(path, format!("`{}` is unknown{hint}", text.chars().take(40).collect::<String>()))
    })
}

fn join(path: &str, key: &str) -> String {
    let key: String = key.chars().take(40).collect();
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn camel_case(key: &str) -> String {
    let mut parts = key.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut name, part| {
        let mut chars = part.chars();
        name.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        name.push_str(chars.as_str());
        name
    })
}

fn american(word: &str) -> String {
    word.replace("olour", "olor").replace("nalyse", "nalyze").replace("entre", "enter").replace("grey", "gray")
}

/// `; did you mean ...?` where a known word is near.
fn suggestion<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.map(|k| (distance(word, k), k)).min().filter(|(d, k)| *d <= 1 + k.len() / 3);
    near.map_or_else(String::new, |(_, k)| format!("; did you mean `{k}`?"))
}

/// Edits from one word to another (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let change = diagonal + usize::from(!ca.eq_ignore_ascii_case(cb));
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
