//! The part of a job that is about pixels: get, probe, plan, convert, put.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use imgcore::{Context, Header, Limits, OUTPUT_REVISION, Output, Recipe, convert, convert_many, plan, plan_many, probe};

use super::Flow;
use crate::budget::Entering;
use crate::catalog::Records;
use crate::error::{Code, Error};
use crate::event::Job;
use crate::identity::{fingerprint, rendition_key, sha256};
use crate::record::{Record, Rendition};
use crate::store::{Objects, PutOptions};
use crate::time::Timestamp;

/// The longest EXIF that a record takes: a record must fit into 400 KB with all else that it says.
const MAX_EXIF_BYTES: usize = 64 << 10;

/// A rendition's key never changes its content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

impl<I: Objects, O: Objects, R: Records> Flow<I, O, R> {
    /// Makes and stores all renditions of a version, and tells the record what was found and made.
    pub(super) async fn picture(
        &self,
        record: &mut Record,
        version: &str,
        size: Option<u64>,
        begun: Timestamp,
        deadline: Timestamp,
    ) -> Result<(), Error> {
        let mut step = Steps { flow: self, last: begun };
        let Seen { data, recipes, context, peak, mut entering } = self.look(record, Some(version), size, deadline, &mut step).await?;
        self.take_peak(&mut entering, &data, peak).await?;
        let share = entering.start();
        step.done(record, "wait");

        let (source_sha256, results) = contained(move || (sha256(&data), convert_many(&data, &recipes, &context))).await?;
        let outputs = self.first_fault(results)?;
        step.done(record, "convert");

        for (wanted, output) in self.config.renditions.iter().zip(outputs) {
            let rendition = self.put(&record.image_id, &wanted.name, version, &output).await?;
            record.source_sha256 = Some(source_sha256.clone());
            record.renditions.push(rendition);
        }
        drop(share);
        step.done(record, "put");
        Ok(())
    }

    /// Whether all renditions could be made of an object as it is now: what was found in it, and nothing written.
    pub(super) async fn validate(&self, job: &Job, deadline: Timestamp) -> Result<Box<Record>, Error> {
        let begun = self.clock.now();
        let mut record = Record::new(&job.bucket, &job.key, begun);
        let mut step = Steps { flow: self, last: begun };
        drop(self.look(&mut record, job.version.as_deref(), None, deadline, &mut step).await?);
        record.source_version = job.version.clone();
        Ok(Box::new(record))
    }

    /// A version of an object by a recipe that is none of the configured ones; nothing is stored.
    pub(crate) async fn rendered(
        &self,
        key: &str,
        version: &str,
        size: u64,
        recipe: Recipe,
        deadline: Timestamp,
    ) -> Result<Vec<u8>, Error> {
        let max_bytes = self.config.limits.max_input_bytes;
        let mut entering = self.budget.enter().await;
        entering.take(size.min(max_bytes)).await?;
        let data = Arc::new(self.input.get(key, Some(version), max_bytes).await?.data);
        let context = self.context(data.len() as u64, deadline);
        let planned = {
            let (data, recipe, context) = (Arc::clone(&data), recipe.clone(), context.clone());
            move || plan(&recipe, &probe(&data, &context)?, &context)
        };
        self.take_peak(&mut entering, &data, contained(planned).await??.peak_bytes()).await?;
        let share = entering.start();
        let output = contained(move || convert(&data, &recipe, &context)).await??;
        drop(share);
        Ok(output.data)
    }

    /// Gets an object, and says what it is and what its renditions will cost.
    async fn look(
        &self,
        record: &mut Record,
        version: Option<&str>,
        size: Option<u64>,
        deadline: Timestamp,
        step: &mut Steps<'_, I, O, R>,
    ) -> Result<Seen, Error> {
        let size = match size {
            Some(size) => size,
            None => self.input.head(&record.key).await?.size,
        };
        let max_bytes = self.config.limits.max_input_bytes;
        let mut entering = self.budget.enter().await;
        // What is larger is refused by `get` before it is read.
        let reserved = if size <= max_bytes { size } else { 0 };
        entering.take(reserved).await?;
        step.done(record, "wait");

        let object = self.input.get(&record.key, version, max_bytes).await?;
        record.size = Some(object.head.size);
        record.timestamp = object.head.modified;
        record.content_type = record.content_type.take().or(object.head.content_type);
        entering.take(object.head.size.saturating_sub(reserved)).await?;
        step.done(record, "get");

        let data = Arc::new(object.data);
        let context = self.context(data.len() as u64, deadline);
        let header = {
            let (data, context) = (Arc::clone(&data), context.clone());
            contained(move || probe(&data, &context)).await?.map_err(Error::from)?
        };
        describe(record, &header);
        let recipes: Vec<Recipe> = self.config.renditions.iter().map(|wanted| wanted.recipe.clone()).collect();
        let plans = plan_many(&recipes, &header, &context);
        let peak = plans.peak_bytes();
        self.first_fault(plans.plans)?;
        step.done(record, "plan");
        Ok(Seen { data, recipes, context, peak, entering })
    }

    /// Waits for what the pixels take, beside the picture's own bytes that are taken already.
    async fn take_peak(&self, entering: &mut Entering, data: &[u8], peak: u64) -> Result<(), Error> {
        let room = self.budget.total().saturating_sub(data.len() as u64 + (8 << 10));
        entering.take(peak.min(room)).await
    }

    /// What a picture may cost: its own bytes are part of the shared memory, and the job's deadline ends it.
    fn context(&self, source_bytes: u64, deadline: Timestamp) -> Context {
        let room = self.budget.total().saturating_sub(source_bytes);
        let limits = self.config.limits.clone();
        let limits = with_memory(limits, room);
        let clock = Arc::clone(&self.clock);
        let control = Arc::new(move |_| clock.now() < deadline);
        let mut context = Context::with_limits(limits);
        context.assets = self.config.assets.clone();
        context.control = Some(control);
        context
    }

    /// All results, or the fault that decides: a rejection before what may pass later, else the first.
    fn first_fault<T>(&self, results: Vec<Result<T, imgcore::Error>>) -> Result<Vec<T>, Error> {
        let mut faults = Vec::new();
        let mut good = Vec::with_capacity(results.len());
        for (wanted, result) in self.config.renditions.iter().zip(results) {
            match result {
                Ok(value) => good.push(value),
                Err(error) => faults.push((&wanted.name, Error::from(error))),
            }
        }
        // What fails in all alike is the picture's fault, and no rendition's.
        let is_shared = good.is_empty() && faults.windows(2).all(|pair| pair[0].1.message == pair[1].1.message);
        faults.sort_by_key(|(_, error)| !error.code.is_rejection());
        match faults.into_iter().next() {
            None => Ok(good),
            Some((_, error)) if is_shared => Err(error),
            Some((name, error)) => Err(Error { message: format!("rendition `{name}`: {}", error.message), ..error }),
        }
    }

    async fn put(&self, image_id: &str, name: &str, version: &str, output: &Output) -> Result<Rendition, Error> {
        let report = &output.report;
        let fingerprint = fingerprint(version, &report.recipe_hash, OUTPUT_REVISION);
        let key = rendition_key(image_id, name, &fingerprint, report.format.extension());
        let options = PutOptions { content_type: Some(report.format.media_type().to_owned()), cache_control: Some(FOR_EVER.to_owned()) };
        // Whatever the output store says, the source is not at fault.
        let etag =
            self.output.put(&key, &output.data, &options).await.map_err(|error| Error { code: Code::StorageUnavailable, ..error })?;
        Ok(Rendition {
            name: name.to_owned(),
            key,
            width: report.width,
            height: report.height,
            format: report.format.name().to_owned(),
            bytes: report.bytes,
            sha256: report.sha256.clone(),
            etag,
            recipe_hash: report.recipe_hash.clone(),
        })
    }
}

fn with_memory(mut limits: Limits, room: u64) -> Limits {
    limits.max_memory_bytes = limits.max_memory_bytes.min(room);
    limits
}

fn describe(record: &mut Record, header: &Header) {
    record.format = Some(header.format.name().to_owned());
    record.content_type.get_or_insert_with(|| header.format.media_type().to_owned());
    (record.width, record.height) = (Some(header.width), Some(header.height));
    (record.stored_width, record.stored_height) = (Some(header.stored_width), Some(header.stored_height));
    record.orientation = Some(header.orientation);
    // EXIF is plain values. What JSON cannot say, and texts longer than a record may be, are left out rather than failing the picture.
    let exif = header.exif.as_ref().and_then(|exif| serde_json::to_value(exif).ok());
    record.exif = exif.filter(|exif| exif.to_string().len() <= MAX_EXIF_BYTES);
}

/// A picture that was got and planned, and holds the memory for its bytes.
struct Seen {
    data: Arc<Vec<u8>>,
    recipes: Vec<Recipe>,
    context: Context,
    peak: u64,
    entering: Entering,
}

/// Measures the steps of a picture.
struct Steps<'a, I, O, R> {
    flow: &'a Flow<I, O, R>,
    last: Timestamp,
}

impl<I, O, R> Steps<'_, I, O, R> {
    fn done(&mut self, record: &mut Record, step: &str) {
        let now = self.flow.clock.now();
        *record.duration_ms.entry(step.to_owned()).or_default() += now.millis_since(self.last);
        self.last = now;
    }
}

/// Runs what may take long on a thread for such work; a panic in it is an `internal` error.
async fn contained<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    let work = move || catch_unwind(AssertUnwindSafe(work)).map_err(|panic| what(&*panic));
    let result = tokio::task::spawn_blocking(work).await;
    let result = result.map_err(|e| Error::caused(Code::Internal, "the converting thread stopped", e))?;
    result.map_err(|what| Error::new(Code::Internal, format!("a panic was contained: {what}")))
}

fn what(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_internal_error_and_no_more() {
        let error = contained(|| -> u8 { panic!("at pixel {}", 7) }).await.unwrap_err();
        assert_eq!((error.code(), error.message.as_str()), ("internal", "a panic was contained: at pixel 7"));
        assert_eq!(contained(|| 3).await.unwrap(), 3);
    }
}
