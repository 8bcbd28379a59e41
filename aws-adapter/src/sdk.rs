//! What the AWS SDK's errors say, in a phrase: the service's own word where there is one, else what stood in the way of its answer.

use std::error::Error;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

/// The phrase for an error.
pub(crate) fn phrase<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> String {
    match (error.code(), error.raw_response()) {
        (Some(code), _) => match error.message() {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        },
        (None, Some(response)) => format!("status {}", response.status().as_u16()),
        (None, None) => causes(error),
    }
}

/// An error and all that it comes from.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut phrase = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        phrase.push_str(": ");
        phrase.push_str(&error.to_string());
        source = error.source();
    }
    phrase
}
