//! The role `api`: the same router as everywhere, behind API Gateway. Who asks is what its authorizer says.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use lambda_http::request::RequestContext;
use serde_json::json;

use super::telemetry::{self, Level};
use crate::api::{self, Caller};
use crate::cloud::CloudFlow;
use crate::error::Error;

/// The group whose members see everybody's pictures.
const ADMIN: &str = "admin";

/// Where a token names its bearer's groups.
const GROUPS: [&str; 2] = ["cognito:groups", "groups"];

/// Serves requests until the service ends the process.
///
/// # Errors
/// Where the runtime's own interface fails.
pub async fn serve(flow: Arc<CloudFlow>) -> Result<(), lambda_http::Error> {
    lambda_http::run(router(api::router(flow))).await
}

/// The API for those whom the authorizer knows.
fn router(router: Router) -> Router {
    let who = |request: &Request| request.extensions().get::<RequestContext>().and_then(caller);
    api::guarded(router, who).layer(from_fn(tell))
}

/// Prints how each request was answered.
async fn tell(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let request_id = request.extensions().get::<lambda_http::Context>().map(|context| context.request_id.clone());
    let response = next.run(request).await;
    let error = response.extensions().get::<Arc<Error>>();
    let level = if response.status().is_server_error() { Level::Error } else { Level::Info };
    let fields = json!({
        "requestId": request_id,
        "method": method.as_str(),
        "status": response.status().as_u16(),
        "code": error.map(|error| error.code()),
        // Only what failed here: what a caller has asked for may be personal.
        "cause": error.filter(|_| level == Level::Error).map(|error| error.message.as_str()),
    });
    telemetry::log(level, "a request was answered", fields);
    response
}

/// Who asks, as the authorizer has found it in a token.
fn caller(context: &RequestContext) -> Option<Caller> {
    let RequestContext::ApiGatewayV2(context) = context else { return None };
    let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
    let subject = claims.get("sub").filter(|subject| !subject.is_empty())?.clone();
    // API Gateway writes a list as `[one two]`.
    let is_in = |list: &String| list.trim_matches(['[', ']']).split([' ', ',']).any(|group| group.trim_matches('"') == ADMIN);
    let is_admin = GROUPS.iter().any(|name| claims.get(*name).is_some_and(is_in));
    Some(Caller { subject, is_admin })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(authorizer: serde_json::Value) -> RequestContext {
        let context = json!({
            "http": { "method": "GET", "path": "/images", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "x" },
            "timeEpoch": 0,
            "authorizer": authorizer,
        });
        RequestContext::ApiGatewayV2(serde_json::from_value(context).unwrap())
    }

    fn jwt(claims: serde_json::Value) -> RequestContext {
        context(json!({ "jwt": { "claims": claims, "scopes": null } }))
    }

    #[test]
    fn the_subject_and_the_group_are_the_authorizers() {
        let named = |groups: &str| caller(&jwt(json!({ "sub": "ada", "cognito:groups": groups })));
        let ada = |is_admin| Some(Caller { subject: "ada".into(), is_admin });
        assert_eq!(named("[editors]"), ada(false));
        for groups in ["admin", "[admin]", "[editors admin]", "[\"editors\",\"admin\"]"] {
            assert_eq!(named(groups), ada(true), "{groups}");
        }
        for groups in ["", "[]", "[administrators]", "[sub-admin]"] {
            assert_eq!(named(groups), ada(false), "{groups}");
        }
        assert_eq!(caller(&jwt(json!({ "sub": "ada" }))), ada(false));
    }

    #[test]
    fn without_a_subject_there_is_no_caller() {
        for context in [context(json!(null)), context(json!({ "iam": {} })), jwt(json!({})), jwt(json!({ "sub": "" }))] {
            assert_eq!(caller(&context), None);
        }
    }
}
