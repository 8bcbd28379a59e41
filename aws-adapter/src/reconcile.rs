//! Finds what events have missed, by looking at everything: objects without a true record, records without an object, renditions that no
//! record names, offers that nobody took up. Looking changes nothing; [`apply`] mends it through the same flow as ever.
//!
//! Repeating it is harmless, so that one that was stopped is simply begun again; [`Look::after`] spares it what it has looked at.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures_util::{StreamExt, stream};

use crate::catalog::{ListQuery, Records, Write};
use crate::error::{Code, Error};
use crate::identity::{RENDITIONS, image_id, image_id_of};
use crate::job::Flow;
use crate::pipeline::{self, Finished};
use crate::record::{Entry, Record, Status};
use crate::store::{Listed, Objects};

/// How long an offered upload may take.
pub const OFFER_MS: i64 = 24 * 60 * 60 * 1000;

/// How many are looked at at once: looking is waiting for answers.
const LOOKS: usize = 32;

/// What does not fit together. A picture that a living worker holds is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// How many objects were looked at.
    pub objects: usize,
    /// Keys of objects whose version has no final record.
    pub unrecorded: Vec<String>,
    /// The size of those objects in bytes.
    pub unrecorded_bytes: u64,
    /// Keys of pictures that another configuration or output revision was applied to.
    pub stale: Vec<String>,
    /// The size of those pictures in bytes.
    pub stale_bytes: u64,
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

/// What is looked at.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The objects, where somebody has listed them already. Default: the bucket is listed.
    pub objects: Option<Vec<Listed>>,
    /// Only objects whose keys come after this one.
    pub after: Option<String>,
}

/// Looks at every object, record and rendition.
///
/// # Errors
/// Where the records or the storage do not answer.
pub async fn find<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>) -> Result<Findings, Error> {
    find_in(flow, Look::default(), |_, _| ()).await
}

/// [`find`] in a part, telling how many of how many objects were looked at, and the last one's key.
///
/// # Errors
/// Those of `find`.
pub async fn find_in<I: Objects, O: Objects, R: Records>(
    flow: &Flow<I, O, R>,
    look: Look,
    mut looked: impl FnMut((usize, usize), &str),
) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let mut objects = match look.objects {
        Some(objects) => objects,
        None => pipeline::pictures(&flow.input).await?.pictures,
    };
    objects.retain(|object| look.after.as_ref().is_none_or(|after| object.key > *after));
    let count = objects.len();
    let looks = stream::iter(objects).map(async |object| {
        let seen = look_at_object(flow, &object.key).await;
        (object, seen)
    });
    let mut looks = pin!(looks.buffered(LOOKS));
    while let Some((object, seen)) = looks.next().await {
        findings.objects += 1;
        match seen? {
            Seen::True => {}
            Seen::Unrecorded => {
                findings.unrecorded_bytes += object.size;
                findings.unrecorded.push(object.key.clone());
            }
            Seen::Stale => {
                findings.stale_bytes += object.size;
                findings.stale.push(object.key.clone());
            }
        }
        looked((findings.objects, count), &object.key);
    }
    look_at_records(flow, &mut findings).await?;
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

/// What an object's record says.
enum Seen {
    True,
    Unrecorded,
    Stale,
}

async fn look_at_object<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, key: &str) -> Result<Seen, Error> {
    let Some(entry) = flow.records.get(&image_id(flow.input.bucket(), key)).await? else {
        return Ok(Seen::Unrecorded);
    };
    if flow.is_held(&entry) {
        return Ok(Seen::True);
    }
    let record = &entry.record;
    let is_true = match flow.input.head(key).await {
        Ok(head) => matches!(record.status, Status::Succeeded | Status::Rejected) && record.source_version.as_ref() == Some(&head.version),
        Err(error) if error.code == Code::SourceMissing => return Ok(Seen::True),
        // It cannot be told; the job that looks again records why.
        Err(_) => false,
    };
    Ok(match is_true {
        false => Seen::Unrecorded,
        true if !flow.config.is_current(record) => Seen::Stale,
        true => Seen::True,
    })
}

/// Looks at all records, a page at a time: there may be more than memory holds.
async fn look_at_records<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, findings: &mut Findings) -> Result<(), Error> {
    let mut query = ListQuery { limit: 100, ..ListQuery::default() };
    loop {
        let page = flow.records.list(&query).await?;
        let looks = stream::iter(page.items).map(async |record| {
            let seen = look_at_record(flow, &record).await;
            (record, seen)
        });
        let mut looks = pin!(looks.buffered(LOOKS));
        while let Some((record, seen)) = looks.next().await {
            match seen? {
                Astray::No => {}
                Astray::Gone => findings.gone.push(record.key),
                Astray::Expired => findings.expired.push(record.image_id),
            }
        }
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            return Ok(());
        }
    }
}

/// Whether a record is of something that is not there.
enum Astray {
    No,
    Gone,
    Expired,
}

async fn look_at_record<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, record: &Record) -> Result<Astray, Error> {
    if record.bucket != flow.input.bucket() {
        return Ok(Astray::No);
    }
    match flow.input.head(&record.key).await {
        Err(error) if error.code == Code::SourceMissing => {}
        _ => return Ok(Astray::No),
    }
    Ok(match flow.records.get(&record.image_id).await? {
        Some(entry) if flow.is_held(&entry) => Astray::No,
        Some(entry) if is_expired(flow, &entry) => Astray::Expired,
        Some(entry) if entry.record.status == Status::Deleted || entry.expires_at.is_some() => Astray::No,
        Some(_) => Astray::Gone,
        None => Astray::No,
    })
}

/// An upload that was offered, never came, and may no longer come.
fn is_expired<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, entry: &Entry) -> bool {
    entry.record.status == Status::Pending && entry.expires_at.is_some_and(|expires_at| expires_at <= flow.clock.now())
}

/// Renditions that no record names. Those of a picture that is not final are left to the job that makes it so.
async fn find_orphans<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>) -> Result<Vec<Listed>, Error> {
    let mut orphans = Vec::new();
    let mut cursor = None;
    // The list is in key order, so that a picture's renditions follow each other, over the end of a page too.
    let mut of_one: Vec<Listed> = Vec::new();
    loop {
        let page = flow.output.list(RENDITIONS, cursor.as_deref()).await?;
        let mut pictures: Vec<Vec<Listed>> = Vec::new();
        for object in page.objects {
            if of_one.first().is_some_and(|first| image_id_of(&first.key) != image_id_of(&object.key)) {
                pictures.push(std::mem::take(&mut of_one));
            }
            of_one.push(object);
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            pictures.push(std::mem::take(&mut of_one));
        }
        let mut looks = pin!(stream::iter(pictures).map(|renditions| unnamed(flow, renditions)).buffered(LOOKS));
        while let Some(unnamed) = looks.next().await {
            orphans.extend(unnamed?);
        }
        if cursor.is_none() {
            return Ok(orphans);
        }
    }
}

/// Those of one picture's renditions that its record does not name.
async fn unnamed<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, mut renditions: Vec<Listed>) -> Result<Vec<Listed>, Error> {
    let Some(first) = renditions.first() else { return Ok(renditions) };
    match flow.records.get(image_id_of(&first.key).unwrap_or_default()).await? {
        Some(entry) if flow.is_held(&entry) || !entry.record.status.is_final() => renditions.clear(),
        Some(entry) => renditions.retain(|object| entry.record.renditions.iter().all(|named| named.key != object.key)),
        None => {}
    }
    Ok(renditions)
}
