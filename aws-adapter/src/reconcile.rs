//! Finds what events have missed, by looking at everything: objects without a true record, records without an object, renditions that no
//! record names, offers that nobody took up. Looking changes nothing; [`apply`] mends it through the same flow as ever.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::catalog::{ListQuery, Records, Write};
use crate::error::{Code, Error};
use crate::identity::{RENDITIONS, image_id, image_id_of};
use crate::job::Flow;
use crate::pipeline::{self, Finished};
use crate::record::{Entry, Record, Status};
use crate::store::{Listed, Objects, list_all};

/// How long an offered upload may take.
pub const OFFER_MS: i64 = 24 * 60 * 60 * 1000;

/// What does not fit together. A picture that a living worker holds is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many objects were looked at.
    pub objects: usize,
    /// Keys of objects whose version has no final record.
    pub unrecorded: Vec<String>,
    /// Keys of pictures that another configuration or output revision was applied to.
    pub stale: Vec<String>,
    /// Keys of records whose object is gone.
    pub gone: Vec<String>,
    /// Renditions that no record names.
    pub orphans: Vec<Listed>,
    /// `imageId`s of offers that have expired.
    pub expired: Vec<String>,
}

impl Findings {
    /// The size of all orphans in bytes.
    pub fn orphan_bytes(&self) -> u64 {
        self.orphans.iter().map(|orphan| orphan.size).sum()
    }

    /// Whether everything fits together; what is stale does, until it is asked for.
    pub fn is_clean(&self) -> bool {
        self.unrecorded.is_empty() && self.gone.is_empty() && self.orphans.is_empty() && self.expired.is_empty()
    }
}

/// What was mended.
#[derive(Debug, Default)]
pub struct Applied {
    /// The pictures that were looked at again, each with its outcome.
    pub pictures: Vec<Finished>,
    /// How many orphans were deleted.
    pub deleted: usize,
    /// Their size in bytes.
    pub deleted_bytes: u64,
    /// How many expired offers were removed.
    pub expired: usize,
}

/// Looks at every object, record and rendition.
///
/// # Errors
/// Where the records or the storage do not answer.
pub async fn find<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let listing = pipeline::pictures(&flow.input).await?;
    findings.objects = listing.pictures.len();
    for object in &listing.pictures {
        look_at_object(flow, &object.key, &mut findings).await?;
    }
    for record in all_records(flow).await? {
        look_at_record(flow, &record, &mut findings).await?;
    }
    findings.orphans = find_orphans(flow).await?;
    Ok(findings)
}

/// Mends what was found; what is stale only if asked to.
///
/// # Errors
/// Where the records or the storage do not answer. What failed for one picture is in its [`Finished`].
pub async fn apply<I: Objects, O: Objects, R: Records>(
    flow: &Arc<Flow<I, O, R>>,
    findings: &Findings,
    renew_stale: bool,
    workers: usize,
    progress: impl FnMut(&Finished),
) -> Result<Applied, Error> {
    let mut keys = [findings.unrecorded.clone(), findings.gone.clone()].concat();
    if renew_stale {
        keys.extend(findings.stale.iter().cloned());
    }
    let check = |flow: Arc<Flow<I, O, R>>, key: String| async move { pipeline::check(&flow, &key).await };
    let mut applied = Applied { pictures: pipeline::each(flow, keys, workers, check, progress).await, ..Applied::default() };
    for id in &findings.expired {
        let Some(entry) = flow.records.get(id).await? else { continue };
        if is_expired(flow, &entry) && flow.records.remove(id, entry.revision).await? == Write::Done {
            applied.expired += 1;
        }
    }
    // Looked for again: the jobs above have deleted some of them already, and perhaps died before they deleted others.
    let orphans = find_orphans(flow).await?;
    for orphan in &orphans {
        match image_id_of(&orphan.key) {
            Some(id) if flow.records.get(id).await?.is_some() => flow.tidy_image(id).await?,
            // Whoever makes renditions has written a record before.
            _ => flow.output.delete(&orphan.key).await?,
        }
    }
    let sizes = |orphans: &[Listed]| orphans.iter().map(|orphan| (orphan.key.clone(), orphan.size)).collect::<BTreeMap<_, _>>();
    let mut deleted = sizes(&findings.orphans);
    deleted.extend(sizes(&orphans));
    for left in find_orphans(flow).await? {
        deleted.remove(&left.key);
    }
    applied.deleted = deleted.len();
    applied.deleted_bytes = deleted.values().sum();
    Ok(applied)
}

async fn look_at_object<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, key: &str, findings: &mut Findings) -> Result<(), Error> {
    let Some(entry) = flow.records.get(&image_id(flow.input.bucket(), key)).await? else {
        findings.unrecorded.push(key.to_owned());
        return Ok(());
    };
    if flow.is_held(&entry) {
        return Ok(());
    }
    let record = &entry.record;
    let is_true = match flow.input.head(key).await {
        Ok(head) => matches!(record.status, Status::Succeeded | Status::Rejected) && record.source_version.as_ref() == Some(&head.version),
        Err(error) if error.code == Code::SourceMissing => return Ok(()),
        // It cannot be told; the job that looks again records why.
        Err(_) => false,
    };
    if !is_true {
        findings.unrecorded.push(key.to_owned());
    } else if !flow.config.is_current(record) {
        findings.stale.push(key.to_owned());
    }
    Ok(())
}

async fn look_at_record<I: Objects, O: Objects, R: Records>(
    flow: &Flow<I, O, R>,
    record: &Record,
    findings: &mut Findings,
) -> Result<(), Error> {
    if record.bucket != flow.input.bucket() {
        return Ok(());
    }
    match flow.input.head(&record.key).await {
        Err(error) if error.code == Code::SourceMissing => {}
        _ => return Ok(()),
    }
    match flow.records.get(&record.image_id).await? {
        Some(entry) if flow.is_held(&entry) => {}
        Some(entry) if is_expired(flow, &entry) => findings.expired.push(record.image_id.clone()),
        Some(entry) if entry.record.status == Status::Deleted || entry.expires_at.is_some() => {}
        Some(_) => findings.gone.push(record.key.clone()),
        None => {}
    }
    Ok(())
}

/// An upload that was offered, never came, and may no longer come.
fn is_expired<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, entry: &Entry) -> bool {
    entry.record.status == Status::Pending && entry.expires_at.is_some_and(|expires_at| expires_at <= flow.clock.now())
}

async fn all_records<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>) -> Result<Vec<Record>, Error> {
    let mut query = ListQuery { limit: 100, ..ListQuery::default() };
    let mut all = Vec::new();
    loop {
        let page = flow.records.list(&query).await?;
        all.extend(page.items);
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return Ok(all);
        }
    }
}

/// Renditions that no record names. Those of a picture that is not final are left to the job that makes it so.
async fn find_orphans<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>) -> Result<Vec<Listed>, Error> {
    let mut by_image: BTreeMap<String, Vec<Listed>> = BTreeMap::new();
    for object in list_all(&flow.output, RENDITIONS).await?.objects {
        let id = image_id_of(&object.key).unwrap_or_default().to_owned();
        by_image.entry(id).or_default().push(object);
    }
    let mut orphans = Vec::new();
    for (id, objects) in by_image {
        match flow.records.get(&id).await? {
            Some(entry) if flow.is_held(&entry) || !entry.record.status.is_final() => {}
            Some(entry) => {
                let is_named = |object: &Listed| entry.record.renditions.iter().any(|named| named.key == object.key);
                orphans.extend(objects.into_iter().filter(|object| !is_named(object)));
            }
            None => orphans.extend(objects),
        }
    }
    Ok(orphans)
}
