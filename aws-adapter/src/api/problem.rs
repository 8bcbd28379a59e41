//! Errors as answers: RFC 9457 problem details with our code.

use std::sync::Arc;

use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{Code, Error};

/// An error that is answered as `application/problem+json`.
///
/// The error itself travels in the response's extensions, for a log: what went wrong within is nobody's business outside.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    error: Arc<Error>,
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, error: Arc::new(error) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let detail = match self.error.code {
            Code::Internal => "something went wrong here",
            Code::StorageUnavailable | Code::SourceForbidden => "the storage does not answer",
            _ => &self.error.message,
        };
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.error.code(),
            "detail": detail,
        });
        let media_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, media_type)], body.to_string()).into_response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response.extensions_mut().insert(self.error);
        response
    }
}

pub(super) async fn no_such_path(uri: Uri) -> Problem {
    Error::new(Code::NotFound, format!("there is nothing at `{}`", uri.path())).into()
}

pub(super) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let error = Error::new(Code::InvalidRequest, format!("`{}` does not take {method}", uri.path()));
    Problem { status: StatusCode::METHOD_NOT_ALLOWED, error: Arc::new(error) }
}
