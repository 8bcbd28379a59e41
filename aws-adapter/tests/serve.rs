//! The server at home, asked over a socket.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod served;

use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_adapter::config::Config;
use aws_adapter::local;
use aws_adapter::serve::{self, Own};
use aws_adapter::store::{Objects, Signer};
use aws_adapter::time::SystemRandom;
use serde_json::{Value, json};
use served::data;
use served::folder::Folder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

struct Server {
    port: u16,
    folder: Folder,
    bucket: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<()>,
}

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Server {
    async fn start() -> Self {
        let folder = Folder::new();
        let input = folder.path().join("in");
        std::fs::create_dir(&input).unwrap();
        let listener = serve::bind(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let signer = Signer::ephemeral(Own::new(port).origin(), &SystemRandom);
        let flow = local::open(&input, &folder.path().join("data"), Config::default(), signer.clone()).unwrap();
        let bucket = flow.input.bucket().to_owned();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(async move {
            let stop = async {
                let _ = stopped.await;
            };
            serve::serve(Arc::new(flow), signer, listener, 2, |_| {}, stop).await.unwrap();
        });
        Self { port, folder, bucket, stop, ended }
    }

    async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let own = format!("127.0.0.1:{}", self.port);
        let host = headers.iter().find(|(name, _)| *name == "host").map_or(own.as_str(), |(_, value)| *value);
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
        for (name, value) in headers.iter().filter(|(name, _)| *name != "host") {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-length") {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        socket.write_all(&[request.as_bytes(), body].concat()).await.unwrap();
        let mut all = Vec::new();
        socket.read_to_end(&mut all).await.unwrap();
        let end = all.windows(4).position(|part| part == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(all[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: all[end + 4..].to_vec() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    async fn offer(&self, filename: &str, size: usize) -> Value {
        let body = json!({ "filename": filename, "contentType": "image/jpeg", "size": size }).to_string();
        let answer = self.ask("POST", "/images", &[("content-type", "application/json")], body.as_bytes()).await;
        assert_eq!(answer.status, 201);
        answer.json()
    }

    /// The part of a signed URL after its host.
    fn local<'a>(&self, url: &'a str) -> &'a str {
        url.strip_prefix(&format!("http://127.0.0.1:{}", self.port)).unwrap_or_else(|| panic!("{url} is elsewhere"))
    }

    /// Waits for the only picture that is listed to have this status.
    async fn becomes(&self, status: &str) -> Value {
        let begun = Instant::now();
        loop {
            let page = self.get(&format!("/images?status={status}")).await.json();
            if let Some(record) = page["items"].get(0) {
                return record.clone();
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "{:#}", self.get("/images").await.json());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(15), self.ended).await.expect("it ends when it is told to").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_in_by_its_signed_url_and_a_rendition_comes_out_by_another() {
    let server = Server::start().await;
    let picture = data("jpeg-420.jpg");
    let offered = server.offer("a b.jpg", picture.len()).await;
    let url = server.local(offered["upload"]["url"].as_str().unwrap());
    assert_eq!(server.ask("PUT", url, &[("content-type", "image/jpeg")], &picture).await.status, 204);

    let record = server.becomes("SUCCEEDED").await;
    assert_eq!(record["imageId"], offered["imageId"]);
    assert_eq!(std::fs::read(server.folder.path().join("in").join(record["key"].as_str().unwrap())).unwrap(), picture);

    let thumb = server.get(&format!("/images/{}/renditions/thumb", record["imageId"].as_str().unwrap())).await;
    assert_eq!(thumb.status, 302);
    let place = server.local(thumb.header("location").unwrap()).to_owned();
    let file = server.get(&place).await;
    assert_eq!((file.status, file.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
    assert!(file.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(file.body.len() as u64, record["renditions"][0]["bytes"].as_u64().unwrap());
    let again = server.ask("GET", &place, &[("if-none-match", file.header("etag").unwrap())], b"").await;
    assert_eq!((again.status, again.body.len()), (304, 0));

    // What was signed for one object, one method, one moment opens nothing else.
    let wrong =
        [place.replace("thumb.", "medium."), place.replace("signature=", "signature=0"), place.split('?').next().unwrap().to_owned()];
    for place in wrong {
        assert_eq!(server.get(&place).await.json()["code"], "forbidden", "{place}");
    }
    assert_eq!(server.get(url).await.json()["code"], "forbidden");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_offered_upload_is_taken() {
    let server = Server::start().await;
    let offered = server.offer("a.jpg", 4).await;
    let url = server.local(offered["upload"]["url"].as_str().unwrap());
    let jpeg = ("content-type", "image/jpeg");
    for (headers, body, code) in [
        (&[("content-type", "text/html")][..], &b"1234"[..], "forbidden"),
        (&[][..], b"1234", "forbidden"),
        (&[jpeg][..], b"12345", "forbidden"),
        (&[jpeg, ("transfer-encoding", "chunked")][..], b"4\r\n1234\r\n0\r\n\r\n", "invalid_request"),
    ] {
        let headers = headers.to_vec();
        let answer = server.ask("PUT", url, &headers, body).await;
        assert_eq!(answer.json()["code"], code, "{headers:?}");
    }
    let other = url.replace("a.jpg", "b.jpg");
    assert_eq!(server.ask("PUT", &other, &[jpeg], b"1234").await.json()["code"], "forbidden");
    assert!(std::fs::read_dir(&server.bucket).unwrap().next().is_none(), "nothing was stored");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_come_and_go_in_the_folder_are_followed() {
    let server = Server::start().await;
    std::fs::write(server.folder.path().join("in/a.jpg"), data("jpeg-420.jpg")).unwrap();
    let record = server.becomes("SUCCEEDED").await;
    assert_eq!(record["filename"], "a.jpg");
    std::fs::remove_file(server.folder.path().join("in/a.jpg")).unwrap();
    server.becomes("DELETED").await;
    assert_eq!(server.get("/images").await.json()["items"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_or_origin_is_refused() {
    let server = Server::start().await;
    let localhost = format!("localhost:{}", server.port);
    let own = format!("http://{localhost}");
    for (headers, status) in [
        (&[("host", localhost.as_str())][..], 200),
        (&[("origin", own.as_str())][..], 200),
        (&[("host", "evil.example")][..], 403),
        (&[("origin", "http://evil.example")][..], 403),
        (&[("origin", "null")][..], 403),
    ] {
        let answer = server.ask("GET", "/livez", headers, b"").await;
        assert_eq!(answer.status, status, "{headers:?}");
        if status == 403 {
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.json()["code"], "forbidden");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() {
    let server = Server::start().await;
    let page = server.get("/").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").unwrap().starts_with("default-src 'self'; img-src 'self' blob:"));
    let html = String::from_utf8(page.body).unwrap();
    let names: Vec<&str> = html.split(['"']).filter(|part| part.starts_with("/gallery/")).collect();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        assert_eq!(server.get(name).await.status, 200, "{name}");
    }
    assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("style="));
    let elsewhere = server.ask("GET", "/", &[("host", &format!("localhost:{}", server.port))], b"").await;
    assert_eq!((elsewhere.status, elsewhere.header("location")), (307, Some(format!("http://127.0.0.1:{}/", server.port).as_str())));
    server.stop().await;
}
