//! S3 and DynamoDB over the wire, in the test's own process: other people's servers behind the code that speaks to AWS.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

pub mod runtime;

use std::path::{Path, PathBuf};

use aws_adapter::catalog::DynamoRecords;
use aws_adapter::store::S3Objects;
use aws_adapter::time::{Random, SystemRandom};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;

pub const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub const REGION: &str = "eu-central-1";
pub const INPUT: &str = "photos";
pub const OUTPUT: &str = "renditions-of-photos";

/// Two buckets and a table, gone with the test.
pub struct Cloud {
    folder: PathBuf,
    pub s3_url: String,
    pub dynamodb_url: String,
    pub s3: aws_sdk_s3::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
}

impl Cloud {
    /// Starts both servers on ports of their own.
    pub async fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("imgcore-cloud-{}", SystemRandom.token()));
        for bucket in [INPUT, OUTPUT] {
            std::fs::create_dir_all(folder.join(bucket)).unwrap();
        }
        let s3_url = serve_s3(&folder).await;
        let dynamodb_url = serve_dynamodb().await;
        let cloud = Self { s3: s3_client(&s3_url), dynamodb: dynamodb_client(&dynamodb_url), folder, s3_url, dynamodb_url };
        cloud.records().create_table().await.unwrap();
        cloud
    }

    pub fn input(&self) -> S3Objects {
        S3Objects::new(self.s3.clone(), INPUT)
    }

    pub fn output(&self) -> S3Objects {
        S3Objects::new(self.s3.clone(), OUTPUT)
    }

    pub fn records(&self) -> DynamoRecords {
        DynamoRecords::new(self.dynamodb.clone(), "ImageMetadata")
    }

    /// Where a bucket's objects lie as files.
    pub fn files(&self, bucket: &str) -> PathBuf {
        self.folder.join(bucket)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn serve_s3(folder: &Path) -> String {
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    service.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        while let Ok((socket, _)) = listener.accept().await {
            socket.set_nodelay(true).unwrap();
            let connection = server.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
            tokio::spawn(async move {
                let _ = connection.await;
            });
        }
    });
    url
}

async fn serve_dynamodb() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(dynoxide::server::serve_on(listener, dynoxide::Database::memory().unwrap()));
    url
}

fn credentials() -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(ACCESS_KEY, SECRET_KEY, None, None, "test"))
}

pub fn s3_client(url: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

pub fn dynamodb_client(url: &str) -> aws_sdk_dynamodb::Client {
    let config = aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url);
    aws_sdk_dynamodb::Client::from_conf(config.build())
}
