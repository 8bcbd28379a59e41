//! The pipeline at home: the API, the objects behind its signed URLs, the gallery page, and a watch on the input folder.
//!
//! Only for whoever sits at this machine: a foreign `Host` (a name that was bent to point here) and a foreign `Origin` (another page in the
//! same browser) are refused.

mod gallery;
mod guard;
mod objects;
mod watch;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch as signal};
use tokio::task::JoinSet;

use crate::api;
use crate::error::{Code, Error};
use crate::local::LocalFlow;
use crate::pipeline::{self, Finished};
use crate::store::Signer;

pub use guard::Own;

/// How long running pictures have to end when the server is told to.
const GRACE: Duration = Duration::from_secs(10);

/// What is to be done for a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// There is a new object, or another one.
    Submit(String),
    /// It is gone.
    Remove(String),
}

/// What a server tells whoever started it.
#[derive(Debug)]
pub enum Told<'a> {
    /// A picture was worked on.
    Picture(&'a Finished),
    /// A request could not be answered, and the fault is here.
    Fault(&'a Error),
}

/// What all handlers share.
pub(crate) struct Local {
    flow: Arc<LocalFlow>,
    signer: Signer,
    tasks: mpsc::UnboundedSender<Task>,
}

/// Opens the port that the server will listen on, on this machine only. Port 0 means any.
///
/// # Errors
/// `storage_unavailable` where it is taken.
pub async fn bind(port: u16) -> Result<TcpListener, Error> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    TcpListener::bind(address).await.map_err(|e| Error::caused(Code::StorageUnavailable, format!("cannot listen on {address}"), e))
}

/// Serves until `stop` is done, and tells each picture as it is done, and each fault. `signer` is the one that `flow` was opened with.
///
/// # Errors
/// Where the port or the input folder no longer answers.
pub async fn serve(
    flow: Arc<LocalFlow>,
    signer: Signer,
    listener: TcpListener,
    workers: usize,
    told: impl Fn(Told<'_>) + Send + Sync + 'static,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let lost = |e: std::io::Error| Error::caused(Code::StorageUnavailable, "the port no longer answers", e);
    let told = Arc::new(told);
    let own = Own::new(listener.local_addr().map_err(lost)?.port());
    let (tasks, received) = mpsc::unbounded_channel();
    let (stopping, mut stopped) = signal::channel(false);

    let watching = tokio::spawn(watch::watch(Arc::clone(&flow), tasks.clone(), stopped.clone()));
    let working = tokio::spawn(work(Arc::clone(&flow), received, workers, Arc::clone(&told), stopped.clone()));
    tokio::spawn(async move {
        stop.await;
        // Nobody listens any more if the server has ended by itself.
        let _ = stopping.send(true);
    });

    let tell = move |request: Request, next: Next| {
        let told = Arc::clone(&told);
        async move {
            let response = next.run(request).await;
            let error = response.extensions().get::<Arc<Error>>();
            if let Some(error) = error.filter(|_| response.status().is_server_error()) {
                told(Told::Fault(error));
            }
            response
        }
    };
    let app = router(Arc::new(Local { flow, signer, tasks }), own).layer(from_fn(tell));
    let quiet = async move { while !*stopped.borrow_and_update() && stopped.changed().await.is_ok() {} };
    axum::serve(listener, app).with_graceful_shutdown(quiet).await.map_err(lost)?;
    watching.abort();
    let _ = tokio::time::timeout(GRACE, working).await;
    Ok(())
}

/// All routes on one machine: the API, the objects and the page.
fn router(local: Arc<Local>, own: Own) -> Router {
    api::router(Arc::clone(&local.flow))
        .merge(objects::router(Arc::clone(&local)))
        .merge(gallery::router(&local.flow.config, &own))
        .layer(axum::middleware::from_fn_with_state(Arc::new(own), guard::guard))
}

/// Carries out tasks, `workers` at a time; when it is time to stop, those that run may end.
async fn work(
    flow: Arc<LocalFlow>,
    mut tasks: mpsc::UnboundedReceiver<Task>,
    workers: usize,
    told: Arc<impl Fn(Told<'_>) + Send + Sync + 'static>,
    mut stopped: signal::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(workers.max(1)));
    let mut running = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        let task = tokio::select! {
            task = tasks.recv() => task,
            _ = stopped.wait_for(|stopped| *stopped) => None,
        };
        let Some(task) = task else { break };
        let (flow, told) = (Arc::clone(&flow), Arc::clone(&told));
        while running.try_join_next().is_some() {}
        running.spawn(async move {
            let finished = match task {
                Task::Submit(key) => pipeline::submit(&flow, &key).await,
                Task::Remove(key) => pipeline::remove(&flow, &key).await,
            };
            told(Told::Picture(&finished));
            drop(place);
        });
    }
    while running.join_next().await.is_some() {}
}
