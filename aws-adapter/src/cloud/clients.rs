//! The AWS clients: one connector with TLS by ring, retries with jitter, and time limits well within a function's.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

use crate::error::{Code, Error};
use crate::sdk::phrase;

/// How often a request is sent at most.
const ATTEMPTS: u32 = 4;

/// How long a connection may take, an attempt until its answer begins, and all attempts together.
const CONNECT: Duration = Duration::from_secs(2);
const ATTEMPT: Duration = Duration::from_secs(10);
const OPERATION: Duration = Duration::from_secs(25);

/// Makes the clients of one configuration.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// Clients as the environment describes them: region, credentials, and endpoints where they are not AWS's own.
    pub async fn from_environment() -> Self {
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).operation_timeout(OPERATION);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
            .timeout_config(timeouts.build());
        Self { config: config.load().await }
    }

    /// S3. At an endpoint that is not AWS's own, buckets are named in the path.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let is_other = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"].iter().any(|name| std::env::var_os(name).is_some());
        let config = aws_sdk_s3::config::Builder::from(&self.config).force_path_style(is_other);
        aws_sdk_s3::Client::from_conf(config.build())
    }

    /// DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.config)
    }

    /// Rekognition.
    pub fn rekognition(&self) -> aws_sdk_rekognition::Client {
        aws_sdk_rekognition::Client::new(&self.config)
    }

    /// The text of a secret in Secrets Manager.
    ///
    /// # Errors
    /// `storage_unavailable` where it cannot be read, `invalid_request` where it is no text.
    pub async fn secret(&self, arn: &str) -> Result<String, Error> {
        let asked = aws_sdk_secretsmanager::Client::new(&self.config).get_secret_value().secret_id(arn).send().await;
        let secret = asked.map_err(|e| Error::new(Code::StorageUnavailable, format!("secret `{arn}`: {}", phrase(&e))))?;
        secret.secret_string.ok_or_else(|| Error::new(Code::InvalidRequest, format!("secret `{arn}` is no text")))
    }

    /// EventBridge.
    pub fn events(&self) -> aws_sdk_eventbridge::Client {
        aws_sdk_eventbridge::Client::new(&self.config)
    }
}
