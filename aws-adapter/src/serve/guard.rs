//! Who may ask: only requests that were meant for this server, from its own page or from no page at all.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::Problem;
use crate::error::{Code, Error};

/// The names by which this server is called.
#[derive(Debug, Clone)]
pub struct Own {
    hosts: [String; 3],
}

impl Own {
    /// The names of a server on this port.
    pub fn new(port: u16) -> Self {
        Self { hosts: ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}")) }
    }

    /// The name that signed URLs have, and the page with them.
    pub fn origin(&self) -> String {
        format!("http://{}", self.hosts[0])
    }

    pub(super) fn is_canonical(&self, headers: &HeaderMap) -> bool {
        headers.get(header::HOST).is_some_and(|host| host.as_bytes() == self.hosts[0].as_bytes())
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), Error> {
        let mut hosts = headers.get_all(header::HOST).into_iter();
        let is_own = hosts.next().is_some_and(|host| self.hosts.iter().any(|own| host.as_bytes().eq_ignore_ascii_case(own.as_bytes())));
        if !is_own || hosts.next().is_some() {
            return Err(Error::new(Code::Forbidden, "the host is not this server"));
        }
        let is_ours = |origin: &HeaderValue| {
            let host = origin.as_bytes().strip_prefix(b"http://");
            host.is_some_and(|host| self.hosts.iter().any(|own| host.eq_ignore_ascii_case(own.as_bytes())))
        };
        if !headers.get_all(header::ORIGIN).into_iter().all(is_ours) {
            return Err(Error::new(Code::Forbidden, "the origin is another page"));
        }
        Ok(())
    }
}

/// What no page of ours needs: scripts and pictures from elsewhere, frames, forms that lead away.
const POLICY: &str = "default-src 'self'; img-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Refuses what was not meant for this server, and tells browsers to keep what it answers to its own page.
pub(super) async fn guard(State(own): State<Arc<Own>>, request: Request, next: Next) -> Response {
    let mut response = match own.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => Problem::from(error).into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pairs: &[(header::HeaderName, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value.parse().unwrap());
        }
        Own::new(8787).check(&headers).is_ok()
    }

    #[test]
    fn only_its_own_names_are_answered() {
        for host in ["127.0.0.1:8787", "localhost:8787", "LocalHost:8787", "[::1]:8787"] {
            assert!(allows(&[(header::HOST, host)]), "{host}");
        }
        for host in ["127.0.0.1", "127.0.0.1:8788", "evil.example:8787", "localhost:8787.evil.example", ""] {
            assert!(!allows(&[(header::HOST, host)]), "{host}");
        }
        assert!(!allows(&[]));
        assert!(!allows(&[(header::HOST, "localhost:8787"), (header::HOST, "evil.example")]));
    }

    #[test]
    fn another_page_is_refused() {
        let from = |origin| allows(&[(header::HOST, "localhost:8787"), (header::ORIGIN, origin)]);
        assert!(from("http://localhost:8787"));
        assert!(from("http://127.0.0.1:8787"));
        for origin in
            ["null", "http://localhost:3000", "https://localhost:8787", "http://evil.example", "http://127.0.0.1:8787.evil.example"]
        {
            assert!(!from(origin), "{origin}");
        }
    }
}
