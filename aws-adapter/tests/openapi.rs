//! `openapi.yaml` against the router: the same routes, each documented answer is reached, and its body is what the document says.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod served;

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use aws_adapter::api;
use aws_adapter::catalog::MemoryRecords;
use aws_adapter::identity::image_id;
use aws_adapter::record::Status;
use aws_adapter::store::MemoryObjects;
use served::{Answer, World, data, send};

fn document() -> Value {
    serde_norway::from_str(include_str!("../openapi.yaml")).unwrap()
}

/// Follows a `$ref` within the document.
fn resolve<'a>(document: &'a Value, node: &'a Value) -> &'a Value {
    match node["$ref"].as_str() {
        Some(reference) => {
            let path = reference.strip_prefix('#').unwrap();
            document.pointer(path).unwrap_or_else(|| panic!("{reference} is nowhere"))
        }
        None => node,
    }
}

/// Method, path and status of every documented answer.
fn documented(document: &Value) -> BTreeSet<(String, String, u16)> {
    let mut all = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap().iter().filter(|(name, _)| *name != "parameters") {
            for status in operation["responses"].as_object().unwrap().keys() {
                all.insert((method.to_uppercase(), path.clone(), status.parse().unwrap()));
            }
        }
    }
    all
}

/// Holds a value against the part of JSON Schema that the document uses; anything else in it is an error here.
fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = resolve(document, schema);
    for (word, rule) in schema.as_object().unwrap() {
        match word.as_str() {
            "type" => {
                let one = [rule.clone()];
                let types = rule.as_array().map_or(&one[..], Vec::as_slice);
                let is = |name: &Value| match name.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64() || value.is_i64(),
                    "null" => value.is_null(),
                    other => panic!("{at}: type {other} is not known to this test"),
                };
                assert!(types.iter().any(is), "{at}: {value} is no {rule}");
            }
            "required" => {
                for name in rule.as_array().unwrap() {
                    assert!(value.get(name.as_str().unwrap()).is_some(), "{at}: {name} is missing in {value}");
                }
            }
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    if let Some(inner) = value.get(name) {
                        check(document, schema, inner, &format!("{at}.{name}"));
                    }
                }
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object();
                for (name, inner) in
                    value.as_object().unwrap().iter().filter(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)))
                {
                    assert!(rule.is_object(), "{at}: {name} is not documented");
                    check(document, rule, inner, &format!("{at}.{name}"));
                }
            }
            "items" => value.as_array().unwrap().iter().for_each(|item| check(document, rule, item, &format!("{at}[]"))),
            "enum" => assert!(rule.as_array().unwrap().contains(value), "{at}: {value} is none of {rule}"),
            "const" => assert_eq!(rule, value, "{at}"),
            "minimum" => assert!(value.as_f64() >= rule.as_f64(), "{at}: {value} is below {rule}"),
            "maximum" => assert!(value.as_f64() <= rule.as_f64(), "{at}: {value} is above {rule}"),
            // The patterns of the document are classes of characters with a length; the tests of `identity` hold them.
            "pattern" | "format" | "description" | "examples" | "minLength" | "maxLength" => {}
            other => panic!("{at}: `{other}` is not known to this test"),
        }
    }
}

fn is_template(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len() && template.iter().zip(&path).all(|(t, p)| t == p || t.starts_with('{'))
}

#[test]
fn the_router_has_the_documented_routes_and_no_other() {
    let documented: BTreeSet<_> = documented(&document()).into_iter().map(|(method, path, _)| (method, path)).collect();
    let routes = api::routes::<MemoryObjects, MemoryObjects, MemoryRecords>();
    let routed: BTreeSet<_> = routes.into_iter().map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(routed, documented);
}

#[tokio::test]
async fn every_documented_answer_is_reached_and_is_as_documented() {
    let document = document();
    let mut missing = documented(&document);
    let mut look = |method: &str, path: &str, answer: &Answer| {
        let (path, _) = path.split_once('?').unwrap_or((path, ""));
        let (template, operations) =
            document["paths"].as_object().unwrap().iter().find(|(template, _)| is_template(template, path)).unwrap();
        let status = answer.status.as_u16();
        let response = &operations[method.to_lowercase()]["responses"][status.to_string()];
        assert!(!response.is_null(), "{method} {path} answers {status}, which is not documented");
        let response = resolve(&document, response);
        match response["content"].as_object() {
            None => assert!(answer.body.is_empty(), "{method} {path} {status}"),
            Some(content) => {
                let media_type = answer.header("content-type").split(';').next().unwrap();
                let schema =
                    content.get(media_type).unwrap_or_else(|| panic!("{method} {path} {status}: `{media_type}` is not documented"));
                if media_type != "text/plain" {
                    check(&document, &schema["schema"], &answer.json(), &format!("{method} {path} {status}"));
                }
            }
        }
        for name in response["headers"].as_object().into_iter().flat_map(|headers| headers.keys()) {
            assert!(!answer.header(name).is_empty(), "{method} {path} {status}: `{name}` is missing");
        }
        missing.remove(&(method.to_owned(), template.clone(), status));
    };

    let world = World::new();
    let good = world.picture("a.jpg", &data("jpeg-gps.jpg")).await;
    world.picture("b.jpg", &data("jpeg-truncated.jpg")).await;
    let running = world.record("in", "c.jpg", Status::Running).await;
    let foreign = world.record("elsewhere", "d.jpg", Status::Pending).await;
    let nobody = image_id("in", "nobody");
    let offer = |size: u64| json!({ "filename": "e.jpg", "contentType": "image/jpeg", "size": size }).to_string();
    for (method, path, body) in [
        ("POST", "/images".to_owned(), offer(5)),
        ("POST", "/images".to_owned(), offer(0)),
        ("POST", "/images".to_owned(), offer(1 << 40)),
        ("GET", "/images".to_owned(), String::new()),
        ("GET", "/images?limit=1".to_owned(), String::new()),
        ("GET", "/images?limit=0".to_owned(), String::new()),
        ("GET", format!("/images/{good}"), String::new()),
        ("GET", format!("/images/{nobody}"), String::new()),
        ("GET", format!("/images/{good}/renditions/thumb"), String::new()),
        ("GET", format!("/images/{good}/renditions/nothing"), String::new()),
        ("GET", format!("/images/{running}/renditions/thumb"), String::new()),
        ("DELETE", format!("/images/{good}"), String::new()),
        ("DELETE", format!("/images/{nobody}"), String::new()),
        ("DELETE", format!("/images/{foreign}"), String::new()),
        ("DELETE", format!("/images/{running}"), String::new()),
        ("GET", "/livez".to_owned(), String::new()),
    ] {
        let answer = world.send(method, &path, Body::from(body)).await;
        look(method, &path, &answer);
    }
    let request = Request::get(format!("/images/{running}")).header("if-none-match", "\"1\"").body(Body::empty()).unwrap();
    look("GET", &format!("/images/{running}"), &send(&world.router, request).await);
    let guarded = api::guarded(world.router.clone(), |_| None);
    for (method, path) in api::routes::<MemoryObjects, MemoryObjects, MemoryRecords>() {
        let path = path.replace("{imageId}", &good).replace("{name}", "thumb");
        let request = Request::builder().method(method).uri(&path).body(Body::empty()).unwrap();
        look(method, &path, &send(&guarded, request).await);
    }
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn the_documented_record_is_that_of_the_schema() {
    let schema = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/record.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let document = document();
    let described = &document["components"]["schemas"]["Record"];
    let names = |schema: &Value| schema["properties"].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let required =
        |schema: &Value| schema["required"].as_array().unwrap().iter().map(|n| n.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(names(described), names(&schema));
    assert_eq!(required(described), required(&schema));
}
