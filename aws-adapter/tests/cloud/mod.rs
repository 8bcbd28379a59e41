//! S3 and DynamoDB over the wire: other people's servers behind the code that speaks to AWS.
//!
//! Most run in the test's own process. Those that cannot are named by an environment variable, and `.ci/run` starts them.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

pub mod meter;
pub mod runtime;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use aws_adapter::catalog::DynamoRecords;
use aws_adapter::store::S3Objects;
use aws_adapter::time::{Random, SystemRandom};
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_s3::types::{BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration};
use hyper_util::rt::{TokioExecutor, TokioIo};
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;

/// Access key and secret: what the server in this process checks, and the only ones that the emulator knows.
pub const KEYS: [&str; 2] = ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"];
pub const EMULATOR_KEYS: [&str; 2] = ["test", "test"];
pub const REGION: &str = "eu-central-1";
pub const INPUT: &str = "photos";
pub const OUTPUT: &str = "renditions-of-photos";

/// Two buckets and a table, gone with the test.
pub struct Cloud {
    folder: PathBuf,
    pub buckets: [String; 2],
    pub table: String,
    pub keys: [&'static str; 2],
    pub s3_url: String,
    pub dynamodb_url: String,
    pub s3: aws_sdk_s3::Client,
    pub dynamodb: aws_sdk_dynamodb::Client,
}

impl Cloud {
    /// Starts both servers on ports of their own.
    pub async fn start() -> Self {
        let folder = env::temp_dir().join(format!("imgcore-cloud-{}", SystemRandom.token()));
        for bucket in [INPUT, OUTPUT] {
            fs::create_dir_all(folder.join(bucket)).unwrap();
        }
        let s3_url = serve_s3(&folder).await;
        Self::of(s3_url, serve_dynamodb().await, folder, [INPUT, OUTPUT].map(str::to_owned), KEYS).await
    }

    /// Buckets of its own on a server that many tests share, the input with versions; the records as ever.
    pub async fn with_versions(s3_url: String) -> Self {
        let token = SystemRandom.token();
        let buckets = ["photos", "renditions"].map(|kind| format!("{kind}-{token}"));
        let cloud = Self::of(s3_url, serve_dynamodb().await, PathBuf::new(), buckets, EMULATOR_KEYS).await;
        let here = CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
        for bucket in &cloud.buckets {
            cloud.s3.create_bucket().bucket(bucket).create_bucket_configuration(here.clone()).send().await.unwrap();
        }
        let enabled = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
        cloud.s3.put_bucket_versioning().bucket(&cloud.buckets[0]).versioning_configuration(enabled).send().await.unwrap();
        cloud
    }

    async fn of(s3_url: String, dynamodb_url: String, folder: PathBuf, buckets: [String; 2], keys: [&'static str; 2]) -> Self {
        let (s3, dynamodb) = (s3_client(&s3_url, keys), dynamodb_client(&dynamodb_url));
        let cloud = Self { folder, buckets, table: "ImageMetadata".to_owned(), keys, s3_url, dynamodb_url, s3, dynamodb };
        cloud.records().create_table().await.unwrap();
        cloud
    }

    pub fn input(&self) -> S3Objects {
        S3Objects::new(self.s3.clone(), &self.buckets[0])
    }

    pub fn output(&self) -> S3Objects {
        S3Objects::new(self.s3.clone(), &self.buckets[1])
    }

    pub fn records(&self) -> DynamoRecords {
        DynamoRecords::new(self.dynamodb.clone(), &self.table)
    }

    /// Where a bucket's objects lie as files.
    pub fn files(&self, bucket: &str) -> PathBuf {
        self.folder.join(bucket)
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The server that an environment variable names. Without it the test is skipped, aloud; with `CI` set that is a failure unless
/// `.ci/may-skip` names the test.
pub fn server(variable: &str, test: &str) -> Option<String> {
    if let Ok(url) = env::var(variable)
        && !url.is_empty()
    {
        return Some(url);
    }
    // Past the harness, which swallows what a passing test prints.
    writeln!(io::stderr(), "skipped: {test}: {variable} is not set").expect("standard error takes a line");
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/may-skip");
    let may_skip = || fs::read_to_string(&list).is_ok_and(|list| list.lines().any(|line| line.split('\t').next() == Some(test)));
    assert!(env::var_os("CI").is_none() || may_skip(), "{test} was skipped, and {} does not name it", list.display());
    None
}

async fn serve_s3(folder: &Path) -> String {
    let mut service = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    service.set_auth(SimpleAuth::from_single(KEYS[0], KEYS[1]));
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

fn credentials([access_key, secret]: [&str; 2]) -> SharedCredentialsProvider {
    SharedCredentialsProvider::new(Credentials::new(access_key, secret, None, None, "test"))
}

pub fn s3_client(url: &str, keys: [&str; 2]) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials(keys))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
        .force_path_style(true);
    aws_sdk_s3::Client::from_conf(config.build())
}

pub fn dynamodb_client(url: &str) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::from_conf(dynamodb_config(url).build())
}

pub fn dynamodb_config(url: &str) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(credentials(KEYS))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(url)
}
