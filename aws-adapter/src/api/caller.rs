//! Who asks: what each caller may see, and nothing for those who do not say.

use axum::Router;
use axum::extract::{Extension, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};

use super::Problem;
use crate::error::{Code, Error};

/// The only path for which nobody has to say who it is.
const OPEN: &str = "/livez";

/// Who asks, put into the request by whoever has checked it. Without one all is allowed, and records have no owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The subject: the owner of what this caller offers, and of all that it sees.
    pub subject: String,
    /// Whether it sees everybody's.
    pub is_admin: bool,
}

pub(super) type Asking = Option<Extension<Caller>>;

/// Whose records may be seen: nothing for everybody's.
pub(super) fn scope(caller: &Asking) -> Option<&str> {
    caller.as_ref().filter(|caller| !caller.is_admin).map(|caller| caller.subject.as_str())
}

/// A router that answers those whom `who` knows, and 401 to all others.
pub fn guarded(router: Router, who: impl Fn(&Request) -> Option<Caller> + Clone + Send + Sync + 'static) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| {
        let caller = who(&request);
        answer(request, next, caller)
    }))
}

async fn answer(mut request: Request, next: Next, caller: Option<Caller>) -> Response {
    match caller {
        _ if request.uri().path() == OPEN => next.run(request).await,
        Some(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        None => Problem::from(Error::new(Code::Unauthorized, "the request does not say who asks")).into_response(),
    }
}
