//! The role `api`: the same router as everywhere, behind API Gateway. Who asks is what its authorizer says.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use lambda_http::aws_lambda_events::apigw::{
    ApiGatewayRequestAuthorizerIamDescription as Identity, ApiGatewayRequestAuthorizerJwtDescription as Token,
};
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
pub async fn serve(flow: Arc<CloudFlow>, admin_role: Option<String>) -> Result<(), lambda_http::Error> {
    lambda_http::run(router(api::router(flow), admin_role)).await
}

/// The API for those whom the authorizer knows.
fn router(router: Router, admin_role: Option<String>) -> Router {
    let who = move |request: &Request| {
        let RequestContext::ApiGatewayV2(context) = request.extensions().get()? else { return None };
        let authorizer = context.authorizer.as_ref()?;
        authorizer.jwt.as_ref().map_or_else(|| principal(authorizer.iam.as_ref()?, admin_role.as_deref()), bearer)
    };
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
fn bearer(token: &Token) -> Option<Caller> {
    let claims = &token.claims;
    let subject = claims.get("sub").filter(|subject| !subject.is_empty())?.clone();
    // API Gateway writes a list as `[one two]`.
    let is_in = |list: &String| list.trim_matches(['[', ']']).split([' ', ',']).any(|group| group.trim_matches('"') == ADMIN);
    let is_admin = GROUPS.iter().any(|name| claims.get(*name).is_some_and(is_in));
    Some(Caller { subject, is_admin })
}

/// Who asks, as IAM knows it. All sessions of a role are one caller.
fn principal(identity: &Identity, admin_role: Option<&str>) -> Option<Caller> {
    // A role's id, a colon and the session's name; or a user's id.
    let subject = identity.user_id.as_deref()?.split(':').next().filter(|subject| !subject.is_empty())?;
    let resource = identity.user_arn.as_deref().and_then(|arn| arn.splitn(6, ':').nth(5)).unwrap_or_default();
    let role = resource.strip_prefix("assumed-role/").and_then(|session| session.split('/').next());
    Some(Caller { subject: subject.to_owned(), is_admin: admin_role.is_some() && role == admin_role })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: serde_json::Value) -> Token {
        serde_json::from_value(json!({ "claims": claims, "scopes": null })).unwrap()
    }

    fn iam(user_id: &str, user_arn: &str) -> Identity {
        serde_json::from_value(json!({ "userId": user_id, "userArn": user_arn, "accountId": "123456789012" })).unwrap()
    }

    #[test]
    fn the_subject_and_the_group_are_the_authorizers() {
        let named = |groups: &str| bearer(&jwt(json!({ "sub": "ada", "cognito:groups": groups })));
        let ada = |is_admin| Some(Caller { subject: "ada".into(), is_admin });
        assert_eq!(named("[editors]"), ada(false));
        for groups in ["admin", "[admin]", "[editors admin]", "[\"editors\",\"admin\"]"] {
            assert_eq!(named(groups), ada(true), "{groups}");
        }
        for groups in ["", "[]", "[administrators]", "[sub-admin]"] {
            assert_eq!(named(groups), ada(false), "{groups}");
        }
        assert_eq!(bearer(&jwt(json!({ "sub": "ada" }))), ada(false));
    }

    #[test]
    fn without_a_subject_there_is_no_caller() {
        for claims in [json!({}), json!({ "sub": "" })] {
            assert_eq!(bearer(&jwt(claims)), None);
        }
        assert_eq!(principal(&iam("", "arn:aws:iam::123456789012:user/ada"), None), None);
    }

    #[test]
    fn all_sessions_of_a_role_are_one_caller_and_one_role_may_be_the_admins() {
        let session = |name: &str| iam(&format!("AROAEXAMPLE:{name}"), &format!("arn:aws:sts::123456789012:assumed-role/Backend/{name}"));
        let backend = |is_admin| Some(Caller { subject: "AROAEXAMPLE".into(), is_admin });
        assert_eq!(principal(&session("one"), None), backend(false));
        assert_eq!(principal(&session("two"), Some("Backend")), backend(true));
        assert_eq!(principal(&session("Back/Backend"), Some("Back")), backend(false));
        let user = iam("AIDAEXAMPLE", "arn:aws:iam::123456789012:user/Backend");
        assert_eq!(principal(&user, Some("Backend")), Some(Caller { subject: "AIDAEXAMPLE".into(), is_admin: false }));
    }
}
