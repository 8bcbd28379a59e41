//! What the API answers, asked without a socket.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod served;

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use aws_adapter::api::Caller;
use aws_adapter::identity::image_id;
use aws_adapter::record::Status;
use aws_adapter::store::{Objects, PutOptions};
use served::{World, data, send};

fn offer(filename: &str, content_type: &str, size: u64) -> String {
    json!({ "filename": filename, "contentType": content_type, "size": size }).to_string()
}

#[tokio::test]
async fn an_offer_makes_a_pending_record_under_a_key_of_its_own() {
    let world = World::new();
    let body = offer("Zürich 1.jpg", "image/jpeg", 10);
    let (first, second) = (world.send("POST", "/images", body.clone()).await, world.send("POST", "/images", body).await);
    assert_eq!(first.status, 201);
    assert_ne!(first.json()["imageId"], second.json()["imageId"]);

    let upload = &first.json()["upload"];
    assert_eq!(upload["method"], "PUT");
    assert_eq!(upload["headers"], json!({ "content-type": "image/jpeg", "content-length": "10" }));
    let record = world.get(&format!("/images/{}", first.json()["imageId"].as_str().unwrap())).await.json();
    assert_eq!((&record["status"], &record["filename"], &record["size"]), (&json!("PENDING"), &json!("Zürich 1.jpg"), &json!(10)));
    let key = record["key"].as_str().unwrap();
    assert!(key.starts_with("uploads/") && key.ends_with("/Zürich 1.jpg"), "{key}");
    assert_eq!(record["imageId"], image_id("in", key));
    assert!(record.get("owner").is_none());
}

#[tokio::test]
async fn the_record_names_its_owner_and_no_private_field() {
    let world = World::new();
    let mut request =
        Request::post("/images").header("content-type", "application/json").body(Body::from(offer("a.jpg", "image/jpeg", 1))).unwrap();
    request.extensions_mut().insert(Caller { subject: "ada".to_owned(), is_admin: false });
    let id = send(&world.router, request).await.json()["imageId"].as_str().unwrap().to_owned();
    let record = world.get(&format!("/images/{id}")).await.json();
    assert_eq!(record["owner"], "ada");
    for private in ["claim", "leaseUntil", "revision", "expiresAt"] {
        assert!(record.get(private).is_none(), "{private}");
    }
}

#[tokio::test]
async fn each_caller_sees_its_own_and_an_admin_sees_all() {
    let world = World::new();
    let ask = async |caller: Caller, method: &str, path: &str, body: String| {
        let router = aws_adapter::api::guarded(world.router.clone(), move |_| Some(caller.clone()));
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        send(&router, request.body(Body::from(body)).unwrap()).await
    };
    let user = |subject: &str| Caller { subject: subject.to_owned(), is_admin: false };
    let admin = Caller { subject: "root".to_owned(), is_admin: true };
    let offered = ask(user("ada"), "POST", "/images", offer("a.jpg", "image/jpeg", 1)).await.json();
    let path = format!("/images/{}", offered["imageId"].as_str().unwrap());
    world.picture("nobodys.jpg", &data("jpeg-gps.jpg")).await;
    for (caller, status, listed) in [(user("ada"), 200, 1), (user("bob"), 404, 0), (admin, 200, 2)] {
        assert_eq!(ask(caller.clone(), "GET", &path, String::new()).await.status, status, "{caller:?}");
        let page = ask(caller.clone(), "GET", "/images?limit=1", String::new()).await.json();
        assert_eq!(page["items"].as_array().unwrap().len(), listed.min(1), "{caller:?}");
        assert_eq!(page["nextCursor"].is_null(), listed < 2, "{caller:?}");
    }
    assert_eq!(ask(user("bob"), "DELETE", &path, String::new()).await.problem(), (404, "not_found".to_owned()));
    assert_eq!(ask(user("ada"), "DELETE", &path, String::new()).await.status, 204);
}

#[tokio::test]
async fn a_record_that_is_known_is_not_sent_again() {
    let world = World::new();
    let id = world.picture("a.jpg", &data("jpeg-gps.jpg")).await;
    let path = format!("/images/{id}");
    let first = world.get(&path).await;
    let tag = first.header("etag").to_owned();
    let ask = async |known: &str| {
        let request = Request::get(&path).header("if-none-match", known).body(Body::empty()).unwrap();
        send(&world.router, request).await
    };
    let again = ask(&tag).await;
    assert_eq!((again.status.as_u16(), again.body.len(), again.header("etag")), (304, 0, tag.as_str()));
    assert_eq!(ask(&format!("\"x\", W/{tag}")).await.status, 304);
    assert_eq!(ask("\"x\"").await.status, 200);
    world.send("DELETE", &path, String::new()).await;
    assert_eq!(ask(&tag).await.json()["status"], "DELETED");
}

#[tokio::test]
async fn an_upload_that_is_offered_and_put_becomes_a_picture_with_renditions() {
    let world = World::new();
    let bytes = data("jpeg-gps.jpg");
    let offered = world.send("POST", "/images", offer("a.jpg", "image/jpeg", bytes.len() as u64)).await.json();
    let path = format!("/images/{}", offered["imageId"].as_str().unwrap());
    let before = world.get(&format!("{path}/renditions/thumb")).await;
    assert_eq!(before.problem(), (409, "not_ready".to_owned()));

    let key = world.get(&path).await.json()["key"].as_str().unwrap().to_owned();
    assert_eq!(world.picture(&key, &bytes).await, offered["imageId"].as_str().unwrap());
    let record = world.get(&path).await.json();
    assert_eq!(record["status"], "SUCCEEDED", "{record:#}");
    let there = world.get(&format!("{path}/renditions/thumb")).await;
    assert_eq!(there.status, 302);
    let key = record["renditions"][0]["key"].as_str().unwrap();
    assert!(there.header("location").starts_with(&format!("http://127.0.0.1:1/objects/out/{key}?")), "{}", there.header("location"));
    assert_eq!(world.get(&format!("{path}/renditions/poster")).await.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn an_offer_that_cannot_be_meant_is_refused_with_a_sentence() {
    let world = World::new();
    let large = 64 << 20;
    for (body, status, code, word) in [
        ("{".to_owned(), 400, "invalid_request", "body"),
        ("[]".to_owned(), 400, "invalid_request", "body"),
        ("{}".to_owned(), 400, "invalid_request", "filename"),
        (json!({ "filename": "a", "contentType": "image/png", "size": 1, "owner": "eve" }).to_string(), 400, "invalid_request", "owner"),
        (json!({ "filename": "a", "contentType": "image/png", "size": "1" }).to_string(), 400, "invalid_request", "body"),
        (offer("", "image/png", 1), 400, "invalid_request", "filename"),
        (offer("../a", "image/png", 1), 400, "invalid_request", "filename"),
        (offer("a\\b", "image/png", 1), 400, "invalid_request", "filename"),
        (offer("..", "image/png", 1), 400, "invalid_request", "filename"),
        (offer("a\nb", "image/png", 1), 400, "invalid_request", "filename"),
        (offer(&"a".repeat(201), "image/png", 1), 400, "invalid_request", "filename"),
        (offer("a", "png", 1), 400, "invalid_request", "contentType"),
        (offer("a", "image/png\r\nx: y", 1), 400, "invalid_request", "contentType"),
        (offer("a", "image/png", 0), 400, "invalid_request", "size"),
        (offer("a", "image/png", large + 1), 413, "source_too_large", "size"),
        (" ".repeat(20 << 10), 400, "invalid_request", "body"),
    ] {
        let answer = world.send("POST", "/images", body.clone()).await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{body}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{body}: {}", answer.json());
    }
    assert_eq!(world.send("POST", "/images", offer("a", "image/png", large)).await.status, 201);
    let form = Request::post("/images").header("content-type", "text/plain").body(Body::from(offer("a", "image/png", 1))).unwrap();
    assert_eq!(send(&world.router, form).await.problem(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn pages_hold_every_record_once_and_newest_first() {
    let world = World::new();
    for i in 0..7 {
        world.record("in", &format!("{i}.jpg"), Status::Pending).await;
    }
    world.record("in", "gone.jpg", Status::Deleted).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = world.get(&format!("/images?limit=3{cursor}")).await.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(
            items.iter().map(|record| (record["timestamp"].as_str().unwrap().to_owned(), record["imageId"].as_str().unwrap().to_owned())),
        );
        let Some(next) = page["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let mut ids: Vec<_> = seen.iter().map(|(_, id)| id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 7);
    assert!(seen.windows(2).all(|pair| pair[0].0 > pair[1].0 || (pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1)));
    let deleted = world.get("/images?status=DELETED").await.json();
    assert_eq!(deleted["items"][0]["filename"], "gone.jpg");
    assert_eq!(deleted["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_query_that_cannot_be_meant_is_refused() {
    let world = World::new();
    for query in ["limit=0", "limit=101", "limit=x", "limit=", "status=DONE", "cursor=x", "page=2", "limit=1&limit=2", "limit=%zz"] {
        assert_eq!(world.get(&format!("/images?{query}")).await.problem(), (400, "invalid_request".to_owned()), "{query}");
    }
    assert_eq!(world.get("/images?limit=100&status=REJECTED").await.status, 200);
}

#[tokio::test]
async fn a_deleted_picture_is_answered_and_its_renditions_are_gone() {
    let world = World::new();
    let id = world.picture("a.jpg", &data("jpeg-420.jpg")).await;
    let path = format!("/images/{id}");
    let key = world.get(&path).await.json()["renditions"][0]["key"].as_str().unwrap().to_owned();
    assert!(world.flow.output.head(&key).await.is_ok());
    for _ in 0..2 {
        let answer = world.send("DELETE", &path, Body::empty()).await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    }
    assert_eq!(world.get(&path).await.json()["status"], "DELETED");
    assert_eq!(world.get(&format!("{path}/renditions/thumb")).await.problem(), (404, "not_found".to_owned()));
    assert!(world.flow.input.head("a.jpg").await.is_err());
    assert!(world.flow.output.head(&key).await.is_err());
}

#[tokio::test]
async fn an_offer_can_be_withdrawn() {
    let world = World::new();
    let offered = world.send("POST", "/images", offer("a.jpg", "image/jpeg", 1)).await.json();
    let path = format!("/images/{}", offered["imageId"].as_str().unwrap());
    assert_eq!(world.send("DELETE", &path, Body::empty()).await.status, 204);
    assert_eq!(world.get(&path).await.json()["status"], "DELETED");
}

#[tokio::test]
async fn a_picture_of_another_bucket_is_not_deleted_here() {
    let world = World::new();
    world.flow.input.put("a.jpg", b"mine", &PutOptions::default()).await.unwrap();
    let id = world.record("elsewhere", "a.jpg", Status::Succeeded).await;
    assert_eq!(world.send("DELETE", &format!("/images/{id}"), Body::empty()).await.problem(), (403, "forbidden".to_owned()));
    assert!(world.flow.input.head("a.jpg").await.is_ok());
}

#[tokio::test]
async fn a_rejected_picture_says_why_and_has_no_renditions() {
    let world = World::new();
    let id = world.picture("a.jpg", &data("not-an-image.txt")).await;
    let record = world.get(&format!("/images/{id}")).await.json();
    assert_eq!((&record["status"], &record["error"]["code"]), (&json!("REJECTED"), &json!("unknown_format")));
    assert_eq!(world.get(&format!("/images/{id}/renditions/thumb")).await.problem(), (404, "not_found".to_owned()));
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let world = World::new();
    let nobody = image_id("in", "nobody");
    for (method, path, status, code) in [
        ("GET", "/".to_owned(), 404, "not_found"),
        ("GET", format!("/images/{nobody}"), 404, "not_found"),
        ("GET", "/images/..%2F..%2Fetc".to_owned(), 404, "not_found"),
        ("DELETE", format!("/images/{nobody}"), 404, "not_found"),
        ("GET", format!("/images/{nobody}/renditions/thumb"), 404, "not_found"),
        ("PUT", "/images".to_owned(), 405, "invalid_request"),
        ("POST", "/livez".to_owned(), 405, "invalid_request"),
    ] {
        assert_eq!(world.send(method, &path, Body::empty()).await.problem(), (status, code.to_owned()), "{method} {path}");
    }
    assert_eq!(world.send("PUT", "/images", Body::empty()).await.header("allow"), "POST,GET,HEAD");
    assert_eq!(world.get("/livez").await.body, b"ok\n");
}
