//! Lambda's runtime interface, as far as a function sees it: events are handed out one at a time, and answers come back.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::{Cloud, REGION};

/// A function that runs: the real program, in a process of its own.
pub struct Function {
    child: Child,
    events: UnboundedSender<(String, String)>,
    answers: UnboundedReceiver<Result<Value, Value>>,
    lines: Arc<Mutex<Vec<String>>>,
    count: u32,
}

struct Runtime {
    events: tokio::sync::Mutex<UnboundedReceiver<(String, String)>>,
    answers: UnboundedSender<Result<Value, Value>>,
    time: Duration,
}

impl Function {
    /// Starts the program in a role, with five minutes for each event.
    pub async fn start(cloud: &Cloud, role: &str, more: &[(&str, &str)]) -> Self {
        Self::start_with_time(cloud, role, more, Duration::from_secs(300)).await
    }

    pub async fn start_with_time(cloud: &Cloud, role: &str, more: &[(&str, &str)], time: Duration) -> Self {
        let (events, received) = unbounded_channel();
        let (answered, answers) = unbounded_channel();
        let runtime = Arc::new(Runtime { events: tokio::sync::Mutex::new(received), answers: answered, time });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router(runtime)).await });
        let mut child = command(cloud, role).env("AWS_LAMBDA_RUNTIME_API", address).envs(more.iter().copied()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (output, kept) = (child.stdout.take().unwrap(), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, events, answers, lines, count: 0 }
    }

    /// Hands out an event and waits for its answer, or for the error that the function tells.
    pub async fn invoke(&mut self, event: impl ToString) -> Result<Value, Value> {
        self.count += 1;
        self.events.send((format!("request-{}", self.count), event.to_string())).unwrap();
        let answer = tokio::time::timeout(Duration::from_secs(120), self.answers.recv()).await;
        answer.expect("the function answers in time").expect("the runtime runs")
    }

    /// The first such line, which may come a little after the answer.
    pub async fn line(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..500 {
            if let Some(line) = self.lines().into_iter().find(&is_wanted) {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the function prints the line: {:?}", self.lines());
    }

    /// The lines that it has printed, all of which must be JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.lock().unwrap().iter().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program as Lambda would start it, in no other environment.
pub fn command(cloud: &Cloud, role: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    command.env_clear().stdout(Stdio::piped()).envs([
        ("AWS_LAMBDA_FUNCTION_NAME", "imgcore"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
        ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
        ("AWS_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", cloud.keys[0]),
        ("AWS_SECRET_ACCESS_KEY", cloud.keys[1]),
        ("AWS_ENDPOINT_URL_S3", &cloud.s3_url),
        ("AWS_ENDPOINT_URL_DYNAMODB", &cloud.dynamodb_url),
        ("IMGCORE_ROLE", role),
        ("IMGCORE_INPUT_BUCKET", &cloud.buckets[0]),
        ("IMGCORE_OUTPUT_BUCKET", &cloud.buckets[1]),
        ("IMGCORE_TABLE", &cloud.table),
    ]);
    command
}

fn router(runtime: Arc<Runtime>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .with_state(runtime)
}

async fn next(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    let mut events = runtime.events.lock().await;
    let Some((id, event)) = events.recv().await else {
        // The test is over, and the process about to be killed.
        return std::future::pending().await;
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("lambda-runtime-aws-request-id", id.parse().unwrap());
    headers.insert("lambda-runtime-deadline-ms", (now + runtime.time).as_millis().to_string().parse().unwrap());
    headers.insert("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:1:function:imgcore".parse().unwrap());
    (headers, event)
}

async fn response(State(runtime): State<Arc<Runtime>>, Path(_): Path<String>, body: String) -> StatusCode {
    runtime.answers.send(Ok(serde_json::from_str(&body).unwrap_or(Value::String(body)))).unwrap();
    StatusCode::ACCEPTED
}

async fn error(State(runtime): State<Arc<Runtime>>, Path(_): Path<String>, body: String) -> StatusCode {
    runtime.answers.send(Err(serde_json::from_str(&body).unwrap())).unwrap();
    StatusCode::ACCEPTED
}
