//! What is true of the whole world once the queue is empty.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use aws_adapter::catalog::{ListQuery, Records};
use aws_adapter::config::Config;
use aws_adapter::identity::sha256;
use aws_adapter::reconcile;
use aws_adapter::record::{Record, Status};
use aws_adapter::store::Objects;
use imgcore::{Context, convert};

use super::{LONG, World};

/// After the last message is acknowledged or dead: each key that there ever was has one final record, which describes its newest version
/// and names what is to be made of it; there is no other record; what is named is there, whole; nobody holds anything; reconciliation
/// finds nothing but renditions that no record names, and after one pass none of them is left. While it ran, the world has watched that
/// no output key changed its content, no older event overwrote a newer one, and nothing was visible that was not whole.
pub(crate) async fn assert_holds(world: &World, why: &str) {
    world.watch.assert_kept();
    world.pass(LONG);
    let before = assert_records(world, why).await;
    let findings = reconcile::find(&world.flow).await.unwrap();
    let only_orphans = reconcile::Findings { objects: findings.objects, orphans: findings.orphans.clone(), ..Default::default() };
    assert_eq!(findings, only_orphans, "{why}: no event was lost");
    reconcile::apply(&world.flow, &findings, false, 1, |_| ()).await.unwrap();
    let left = reconcile::find(&world.flow).await.unwrap();
    assert!(left.is_clean(), "{why}: {left:?}");
    let after = assert_records(world, why).await;
    assert!(before == after, "{why}: reconciliation changed a record");
    let named: BTreeSet<_> = after.iter().flat_map(|record| record.renditions.iter().map(|named| named.key.clone())).collect();
    let outputs: BTreeSet<_> = world.outputs().await.into_iter().collect();
    assert!(outputs == named, "{why}: the output is not what the records name");
}

/// All records, each true of its object.
pub(crate) async fn assert_records(world: &World, why: &str) -> Vec<Record> {
    let newest = world.watch.newest();
    assert_eq!(world.watch.finals(), newest.len(), "{why}: each key has a final record, and no other has");
    for status in Status::ALL.into_iter().filter(|status| !status.is_final()) {
        let query = ListQuery { status: Some(status), ..ListQuery::default() };
        let page = world.flow.records.inner.list(&query).await.unwrap();
        assert_eq!(page.items, [], "{why}: a record is not final");
    }
    let mut records = Vec::new();
    for (key, newest) in newest {
        let why = format!("{why}, `{key}`");
        let entry = world.entry(&key).await.unwrap_or_else(|| panic!("{why}: there is no record"));
        assert!(!world.flow.is_held(&entry), "{why}: a claim has not ended");
        let record = entry.record;
        assert_eq!(record.sequencer, Some(newest.sequencer), "{why}");
        let lies_there = world.flow.input.inner.get(&key, None, u64::MAX).await.ok().map(|object| object.data);
        assert_eq!(lies_there, newest.content, "{why}: the input is not the flow's to change");
        match newest.content {
            None => {
                assert_eq!(record.status, Status::Deleted, "{why}");
                assert_eq!(record.renditions, [], "{why}");
            }
            Some(content) => {
                assert_eq!(record.source_version, Some(sha256(&content)), "{why}");
                let made = make(&world.flow.config, &content);
                let found = match &record.error {
                    None => Ok(record.renditions.iter().map(|named| (named.name.clone(), named.sha256.clone())).collect()),
                    Some(failure) => Err(failure.code.clone()),
                };
                assert_eq!(found, made, "{why}");
                assert_eq!(record.status, if made.is_ok() { Status::Succeeded } else { Status::Rejected }, "{why}");
            }
        }
        assert_whole(world, &record, &why).await;
        records.push(record);
    }
    records
}

/// What is to be made of a picture, as name and hash; or the code of why it is rejected.
type Made = Result<Vec<(String, String)>, String>;

/// What the core makes of a picture, without the pipeline.
fn make(config: &Config, content: &[u8]) -> Made {
    static MADE: Mutex<BTreeMap<(String, Vec<u8>), Made>> = Mutex::new(BTreeMap::new());
    let context = Context::with_limits(config.limits.clone());
    let make = || {
        let made = config.renditions.iter().map(|wanted| {
            let output = convert(content, &wanted.recipe, &context).map_err(|error| error.code().to_owned())?;
            Ok((wanted.name.clone(), sha256(&output.data)))
        });
        made.collect()
    };
    MADE.lock().unwrap().entry((config.hash().to_owned(), content.to_vec())).or_insert_with(make).clone()
}

async fn assert_whole(world: &World, record: &Record, why: &str) {
    for named in &record.renditions {
        let object = world.flow.output.inner.get(&named.key, None, u64::MAX).await;
        assert_eq!(sha256(&object.unwrap().data), named.sha256, "{why}: {}", named.key);
    }
}
