//! The page: four files within the program, which ask the API and nobody else.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use super::Own;
use crate::config::Config;

const INDEX: &str = include_str!("../gallery/index.html");
const STYLE: &str = include_str!("../gallery/style.css");
const SCRIPT: &str = include_str!("../gallery/script.js");
const ICON: &str = include_str!("../gallery/icon.svg");

/// The page at `/`, and what it is made of.
pub(super) fn router(config: &Config, own: &Own) -> Router {
    let index: Arc<str> = INDEX.replace("data-keeps=\"\"", &format!("data-keeps=\"{}\"", keeps(config).join(" "))).into();
    let own = own.clone();
    let page = async move |headers: HeaderMap| {
        // Signed URLs name one host, and a page of another name may not load them.
        if own.is_canonical(&headers) {
            file("text/html; charset=utf-8", index.to_string())
        } else {
            Redirect::temporary(&format!("{}/", own.origin())).into_response()
        }
    };
    Router::new()
        .route("/", get(page))
        .route("/gallery/style.css", get(async || file("text/css; charset=utf-8", STYLE)))
        .route("/gallery/script.js", get(async || file("text/javascript; charset=utf-8", SCRIPT)))
        .route("/gallery/icon.svg", get(async || file("image/svg+xml", ICON)))
}

/// The private metadata that some rendition keeps, so that the page never says of it that it was removed.
fn keeps(config: &Config) -> Vec<&'static str> {
    let any = |keeps: fn(&imgcore::Metadata) -> bool| config.renditions.iter().any(|wanted| keeps(&wanted.recipe.metadata));
    [("gps", any(|m| m.gps)), ("exif", any(|m| m.exif))].into_iter().filter(|(_, keeps)| *keeps).map(|(word, _)| word).collect()
}

fn file(media_type: &'static str, text: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}
