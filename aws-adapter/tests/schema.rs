//! Holds `record.schema.json` and the record's type together, in both directions.

use aws_adapter::identity::{Sequencer, image_id, rendition_key, sha256};
use aws_adapter::record::{Failure, Record, Rendition, Status};
use aws_adapter::time::Timestamp;
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("../record.schema.json")).expect("the schema is JSON")
}

/// The keywords that the schema uses; another one would go unchecked, and is refused.
fn check(schema: &Value, root: &Value, value: &Value, path: &str) -> Result<(), String> {
    for (keyword, argument) in schema.as_object().expect("a schema is an object") {
        let holds = match keyword.as_str() {
            "$schema" | "title" | "description" | "$defs" => true,
            "$ref" => {
                let pointer = argument.as_str().and_then(|reference| reference.strip_prefix('#')).expect("a local reference");
                check(root.pointer(pointer).expect("the reference leads somewhere"), root, value, path)?;
                true
            }
            "type" => match argument.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_u64() || value.is_i64(),
                "number" => value.is_number(),
                other => panic!("type {other} is not known to this test"),
            },
            "enum" => argument.as_array().expect("a list").contains(value),
            "const" => argument == value,
            "minimum" => value.as_f64() >= argument.as_f64(),
            "maximum" => value.as_f64() <= argument.as_f64(),
            "pattern" => {
                let pattern = regex_lite::Regex::new(argument.as_str().expect("a text")).expect("a pattern");
                value.as_str().is_some_and(|text| pattern.is_match(text))
            }
            "required" => {
                let names = argument.as_array().expect("a list");
                names.iter().filter_map(Value::as_str).all(|name| value.get(name).is_some())
            }
            "properties" => {
                for (name, schema) in argument.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        check(schema, root, value, &format!("{path}.{name}"))?;
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = schema.get("properties");
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.and_then(|known| known.get(name)).is_none() {
                        if argument == &Value::Bool(false) {
                            return Err(format!("{path}.{name} is unknown"));
                        }
                        check(argument, root, value, &format!("{path}.{name}"))?;
                    }
                }
                true
            }
            "items" => {
                for (i, value) in value.as_array().into_iter().flatten().enumerate() {
                    check(argument, root, value, &format!("{path}[{i}]"))?;
                }
                true
            }
            other => panic!("keyword {other} is not known to this test"),
        };
        if !holds {
            return Err(format!("{path}: {keyword} {argument} does not hold for {value}"));
        }
    }
    Ok(())
}

fn is_valid(value: &Value) -> Result<(), String> {
    let schema = schema();
    check(&schema, &schema, value, "$")
}

/// A record in which every field is present.
fn full() -> Record {
    let id = image_id("photos", "a/b.jpg");
    let hash = sha256(b"x");
    Record {
        size: Some(1),
        status: Status::Rejected,
        owner: Some("ada".into()),
        content_type: Some("image/jpeg".into()),
        format: Some("jpeg".into()),
        width: Some(2),
        height: Some(3),
        stored_width: Some(3),
        stored_height: Some(2),
        orientation: Some(6),
        exif: Some(json!({ "make": "x" })),
        source_version: Some("v".into()),
        sequencer: Some(Sequencer::new("0055AED6DCD90281E5")),
        source_sha256: Some(hash.clone()),
        renditions: vec![Rendition {
            name: "thumb".into(),
            key: rendition_key(&id, "thumb", &hash[..16], "jpg"),
            width: 1,
            height: 1,
            format: "jpeg".into(),
            bytes: 1,
            sha256: hash.clone(),
            etag: "e".into(),
            recipe_hash: hash.clone(),
        }],
        analysis: Some(json!({
            "faces": [{ "box": { "left": -0.1, "top": 0.5, "width": 0.2, "height": 0.3 }, "confidence": 99.5 }],
            "text": [],
            "moderation": [{ "name": "Alcohol", "parent": "", "confidence": 91 }],
        })),
        error: Some(Failure { code: "malformed".into(), message: "no".into() }),
        duration_ms: [("total".to_owned(), 1)].into(),
        output_revision: Some(1),
        config_hash: Some(hash),
        ..Record::new("photos", "a/b.jpg", Timestamp::from_millis(1))
    }
}

#[test]
fn every_field_of_the_record_stands_in_the_schema_and_no_other() {
    let value = serde_json::to_value(full()).unwrap();
    is_valid(&value).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(sorted(names(&value)), sorted(names(&schema()["properties"])));
    let rendition = &schema()["$defs"]["rendition"]["properties"];
    assert_eq!(sorted(names(&value["renditions"][0])), sorted(names(rendition)));
    assert_eq!(serde_json::from_value::<Record>(value).unwrap(), full());
}

#[test]
fn the_fields_are_those_that_were_promised() {
    let promised = "imageId bucket key filename size timestamp status owner contentType format width height storedWidth storedHeight \
                    orientation exif sourceVersion sequencer sourceSha256 renditions analysis error durationMs outputRevision configHash \
                    schemaVersion updatedAt";
    let mut promised: Vec<_> = promised.split_whitespace().collect();
    promised.sort_unstable();
    let value = serde_json::to_value(full()).unwrap();
    let mut fields: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, promised);
}

#[test]
fn what_is_not_known_is_absent() {
    let value = serde_json::to_value(Record::new("photos", "a/b.jpg", Timestamp::from_millis(0))).unwrap();
    is_valid(&value).unwrap();
    let expected = json!({
        "imageId": image_id("photos", "a/b.jpg"), "bucket": "photos", "key": "a/b.jpg", "filename": "b.jpg",
        "timestamp": "1970-01-01T00:00:00.000Z", "status": "PENDING", "renditions": [], "schemaVersion": 1,
        "updatedAt": "1970-01-01T00:00:00.000Z",
    });
    assert_eq!(value, expected);
}

#[test]
fn the_schema_refuses_what_the_record_is_not() {
    let good = serde_json::to_value(full()).unwrap();
    for (field, wrong) in [
        ("imageId", json!("../../../../../../../etc/pw")),
        ("status", json!("DONE")),
        ("timestamp", json!("2026-01-01")),
        ("orientation", json!(9)),
        ("width", json!("2")),
        ("claim", json!("private")),
        ("error", json!({ "code": "malformed" })),
        ("analysis", json!({ "faces": [{ "confidence": 1 }] })),
    ] {
        let mut bad = good.clone();
        bad[field] = wrong;
        assert!(is_valid(&bad).is_err(), "{field}");
    }
}
