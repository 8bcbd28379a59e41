//! The flow under duplicated, shuffled, concurrent and killed events: one true record at the end, and nothing left over.

#![expect(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

mod world;

use std::sync::Arc;

use aws_adapter::catalog::{Records, Write};
use aws_adapter::config::Config;
use aws_adapter::event::Job;
use aws_adapter::identity::Sequencer;
use aws_adapter::job::Outcome;
use aws_adapter::reconcile;
use aws_adapter::record::{Entry, Record, Status};
use aws_adapter::store::{Objects, PutOptions};

use world::{BUCKET, KEY, LONG, STOPS, Stop, World, png};

fn status(outcome: &Outcome) -> Option<Status> {
    match outcome {
        Outcome::Written(record) => Some(record.status),
        _ => None,
    }
}

fn config(text: &str) -> Config {
    Config::from_json(text).unwrap()
}

// ---- one picture, one event ------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_picture_becomes_renditions_and_a_record() {
    let world = World::new();
    let job = world.put(&png(1), 1).await;
    assert_eq!(status(&world.run(&job).await), Some(Status::Succeeded));
    world.assert_true("first run").await;
    let record = world.record().await;
    let sizes: Vec<_> = record.renditions.iter().map(|r| (r.name.as_str(), r.width, r.height, r.format.as_str())).collect();
    assert_eq!(sizes, [("small", 3, 2, "png"), ("large", 6, 4, "png")]);
    assert_eq!((record.width, record.height, record.orientation), (Some(12), Some(8), Some(1)));
    assert_eq!((record.filename.as_str(), record.size), ("picture.png", Some(png(1).len() as u64)));
    assert_eq!((record.format.as_deref(), record.content_type.as_deref()), (Some("png"), Some("image/png")));
    assert_eq!(record.sequencer, Some(Sequencer::from_counter(1)));
    assert!(record.duration_ms.contains_key("total") && record.error.is_none());
}

#[tokio::test]
async fn a_second_event_for_the_same_version_does_no_work() {
    let world = World::new();
    world.run(&world.put(&png(1), 1).await).await;
    let before = world.record().await;
    let again = world.put(&png(1), 2).await;
    let steps = world.steps.taken();
    let outcome = world.run(&again).await;
    assert!(matches!(outcome, Outcome::Unchanged(_)), "{outcome:?}");
    assert_eq!(world.steps.taken() - steps, 3, "the record is read and written, and the renditions listed");
    let after = world.record().await;
    assert_eq!(after.sequencer, Some(Sequencer::from_counter(2)));
    assert_eq!(Record { sequencer: before.sequencer.clone(), updated_at: before.updated_at, ..after }, before);
}

#[tokio::test]
async fn duplicates_and_older_events_are_dropped() {
    let world = World::new();
    let old = world.put(&png(1), 1).await;
    let new = world.put(&png(2), 2).await;
    world.run(&new).await;
    assert_eq!(world.run(&old).await, Outcome::Dropped);
    assert!(matches!(world.run(&new).await, Outcome::Unchanged(_)));
    let liar = Job { version: old.version.clone(), ..new.clone() };
    assert_eq!(world.run(&liar).await, Outcome::Dropped);
    world.assert_true("after duplicates").await;
}

#[tokio::test]
async fn a_damaged_picture_is_rejected_with_its_code_and_never_tried_again() {
    let whole = png(1);
    for (data, code) in [(&b""[..], "unknown_format"), (b"hello", "unknown_format"), (&whole[..whole.len() / 2], "truncated")] {
        let world = World::new();
        let job = world.put(data, 1).await;
        let outcome = world.run(&job).await;
        assert_eq!(status(&outcome), Some(Status::Rejected));
        assert!(!outcome.is_retryable());
        let record = world.record().await;
        let error = record.error.unwrap();
        assert_eq!(error.code, code);
        assert!(!error.message.contains("rendition"), "the picture is at fault: {}", error.message);
        assert_eq!(record.renditions, []);
        assert!(matches!(world.run(&job).await, Outcome::Unchanged(_)));
        assert_eq!(world.outputs().await, [""; 0]);
    }
}

#[tokio::test]
async fn one_rendition_that_cannot_be_made_rejects_the_picture_and_is_named() {
    let renditions = r#"{"renditions":[{"name":"good","recipe":{"resize":{"width":3}}},
        {"name":"beyond","recipe":{"extract":{"left":100,"top":0,"width":5,"height":5}}}]}"#;
    let world = World::with(config(renditions));
    world.run(&world.put(&png(1), 1).await).await;
    let record = world.record().await;
    assert_eq!(record.status, Status::Rejected);
    let error = record.error.unwrap();
    assert_eq!(error.code, "invalid_recipe");
    assert!(error.message.starts_with("rendition `beyond`: "), "{}", error.message);
    assert_eq!(record.width, Some(12), "what was found stays");
    assert_eq!(world.outputs().await, [""; 0]);
}

#[tokio::test]
async fn what_is_too_large_is_rejected_before_it_is_read() {
    let world = World::with(config(r#"{"limits":{"maxInputBytes":20}}"#));
    world.run(&world.put(&png(1), 1).await).await;
    let record = world.record().await;
    assert_eq!((record.status, record.error.unwrap().code.as_str()), (Status::Rejected, "source_too_large"));
    let world = World::with(config(r#"{"memoryBytes":8192}"#));
    world.run(&world.put(&png(1), 1).await).await;
    let record = world.record().await;
    assert_eq!((record.status, record.error.unwrap().code.as_str()), (Status::Rejected, "limit_exceeded"));
    assert_eq!(world.flow.budget.left(), world.flow.budget.total());
}

#[tokio::test]
async fn what_the_operator_can_mend_fails_and_may_pass_later() {
    use aws_adapter::error::Code;
    for (code, goes_back) in [
        (Code::SourceForbidden, true),
        (Code::SourceArchived, false),
        (Code::StorageUnavailable, true),
        (Code::Internal, true),
        (Code::Cancelled, true),
    ] {
        let mut record = Record::new(BUCKET, KEY, aws_adapter::time::Timestamp::from_millis(0));
        record.error = Some((&aws_adapter::error::Error::new(code, "x")).into());
        assert_eq!(Outcome::Written(Box::new(record)).is_retryable(), goes_back, "{code}");
    }
    // In the flow: the storage fails at the get, the record says so, and the next delivery succeeds.
    let world = World::new();
    let job = world.put(&png(1), 1).await;
    world.steps.stop_at(2, Stop::FailBefore);
    let outcome = world.run(&job).await;
    assert_eq!(status(&outcome), Some(Status::Failed));
    assert!(outcome.is_retryable());
    assert_eq!(world.record().await.error.unwrap().code, "storage_unavailable");
    assert_eq!(status(&world.run(&job).await), Some(Status::Succeeded));
    world.assert_true("after the failure").await;
}

#[tokio::test]
async fn a_deadline_ends_the_work_and_the_job_goes_back() {
    let world = World::new();
    let mut flow = aws_adapter::job::Flow::new(
        world.flow.input.clone(),
        world.flow.output.clone(),
        world.flow.records.clone(),
        world.flow.config.clone(),
    );
    flow.deadline_ms = 0;
    let outcome = flow.run(&world.put(&png(1), 1).await).await.unwrap();
    assert_eq!(status(&outcome), Some(Status::Failed));
    assert_eq!(outcome.record().unwrap().error.as_ref().unwrap().code, "cancelled");
    assert!(outcome.is_retryable());
}

#[tokio::test]
async fn another_bucket_is_refused() {
    let world = World::new();
    let job = Job { bucket: "/etc".into(), ..world.put(&png(1), 1).await };
    assert_eq!(world.flow.run(&job).await.unwrap_err().code(), "invalid_request");
}

#[tokio::test]
async fn an_offer_is_kept_through_the_work_and_its_expiry_is_not() {
    let world = World::new();
    let mut offer = Entry::new(Record::new(BUCKET, KEY, aws_adapter::time::Timestamp::from_millis(0)));
    offer.record.owner = Some("ada".into());
    offer.record.content_type = Some("image/x-declared".into());
    offer.expires_at = Some(aws_adapter::time::Timestamp::from_millis(9_000_000_000_000));
    assert_eq!(world.flow.records.inner.write(&mut offer).await.unwrap(), Write::Done);
    // Looking before the upload changes nothing.
    assert_eq!(world.run(&Job::check(BUCKET, KEY)).await, Outcome::Dropped);
    assert_eq!(world.entry(KEY).await, Some(offer));
    world.run(&world.put(&png(1), 1).await).await;
    let entry = world.entry(KEY).await.unwrap();
    assert_eq!(entry.expires_at, None);
    assert_eq!((entry.record.owner.as_deref(), entry.record.content_type.as_deref()), (Some("ada"), Some("image/x-declared")));
}

#[tokio::test]
async fn another_configuration_renders_anew_and_removes_what_was() {
    let world = World::new();
    world.run(&world.put(&png(1), 1).await).await;
    let other = world.reconfigured(config(r#"{"renditions":[{"name":"small","recipe":{"resize":{"width":4}}}]}"#));
    let job = other.put(&png(1), 2).await;
    assert_eq!(status(&other.run(&job).await), Some(Status::Succeeded));
    other.assert_true("reconfigured").await;
    assert_eq!(other.record().await.renditions[0].width, 4);
}

#[tokio::test]
async fn a_live_lease_sends_the_job_back_and_an_ended_one_does_not() {
    let world = World::new();
    let job = world.put(&png(1), 1).await;
    world.steps.stop_at(2, Stop::DieBefore);
    assert!(world.run_or_die(&job).await.is_none());
    world.steps.go_on();
    assert_eq!(world.record().await.status, Status::Running);
    assert_eq!(world.run(&job).await, Outcome::Busy);
    world.pass(LONG);
    assert_eq!(status(&world.run(&job).await), Some(Status::Succeeded));
}

#[tokio::test]
async fn a_worker_whose_lease_was_taken_over_writes_no_outcome() {
    let (world, job) = prepare(0).await;
    world.run(&job).await;
    let steps = world.steps.taken();
    // Asleep at each step after its claim; meanwhile the picture is replaced, and others work on it.
    for step in 2..steps {
        let (world, job) = prepare(0).await;
        world.steps.stop_at(step, Stop::Sleep);
        let flow = Arc::clone(&world.flow);
        let sleeper = tokio::spawn(async move { flow.run(&job).await.unwrap() });
        world.steps.died.notified().await;
        world.steps.go_on();
        world.pass(LONG);
        let newer = world.put(&png(2), 2).await;
        let other = world.reconfigured(world.flow.config.clone());
        assert_eq!(status(&other.run(&newer).await), Some(Status::Succeeded));
        world.steps.wake.notify_one();
        assert_eq!(sleeper.await.unwrap(), Outcome::Busy, "step {step}");
        // It may have left renditions of the old version behind, and nothing else.
        reconcile_twice(&world, &format!("step {step}")).await;
        world.assert_true(&format!("step {step}")).await;
    }
}

// ---- orders ----------------------------------------------------------------------------------------------------------------------------

#[derive(Clone, Copy)]
enum Act {
    Put(u8),
    Delete,
}

/// Every way in which a history's events can arrive, twice each and after what they tell of: nothing is an act, a number a delivery.
fn schedules(acts: usize) -> Vec<Vec<Option<usize>>> {
    fn go(acts: usize, done: usize, left: &mut Vec<usize>, path: &mut Vec<Option<usize>>, all: &mut Vec<Vec<Option<usize>>>) {
        if done == acts && left.iter().all(|n| *n == 0) {
            all.push(path.clone());
            return;
        }
        if done < acts {
            path.push(None);
            go(acts, done + 1, left, path, all);
            path.pop();
        }
        for event in 0..done {
            if left[event] > 0 {
                left[event] -= 1;
                path.push(Some(event));
                go(acts, done, left, path, all);
                path.pop();
                left[event] += 1;
            }
        }
    }
    let mut all = Vec::new();
    go(acts, 0, &mut vec![2; acts], &mut Vec::new(), &mut all);
    all
}

#[tokio::test]
async fn every_order_of_put_put_and_delete_ends_in_one_true_record() {
    let one = || config(r#"{"renditions":[{"name":"one","recipe":{"resize":{"width":3}}}]}"#);
    let pictures = [png(0), png(1), png(2)];
    let histories = [
        [Act::Put(0), Act::Put(1), Act::Delete],
        [Act::Put(0), Act::Delete, Act::Put(1)],
        [Act::Put(0), Act::Delete, Act::Put(0)],
        [Act::Put(0), Act::Put(1), Act::Put(0)],
        [Act::Put(0), Act::Put(1), Act::Put(2)],
        [Act::Delete, Act::Put(0), Act::Put(1)],
    ];
    let schedules = schedules(3);
    assert_eq!(schedules.len(), 280);
    for (number, history) in histories.iter().enumerate() {
        for schedule in &schedules {
            let world = World::with(one());
            let mut jobs = Vec::new();
            for step in schedule {
                match step {
                    None => {
                        let sequencer = jobs.len() as u64 + 1;
                        let job = match history[jobs.len()] {
                            Act::Put(picture) => world.put(&pictures[usize::from(picture)], sequencer).await,
                            Act::Delete => world.delete(sequencer).await,
                        };
                        jobs.push(job);
                    }
                    Some(event) => {
                        world.deliver(&jobs[*event]).await;
                    }
                }
            }
            world.assert_true(&format!("history {number}, schedule {schedule:?}")).await;
        }
    }
}

#[tokio::test]
async fn a_replaced_picture_is_pending_until_its_own_event_comes() {
    let world = World::new();
    let old = world.put(&png(1), 1).await;
    let new = world.put(&png(2), 2).await;
    let outcome = world.run(&old).await;
    assert_eq!(status(&outcome), Some(Status::Pending));
    assert!(!outcome.is_retryable());
    world.run(&new).await;
    world.assert_true("the newer event").await;
}

#[tokio::test]
async fn a_deletion_removes_the_renditions_and_leaves_a_tombstone() {
    let world = World::new();
    world.run(&world.put(&png(1), 1).await).await;
    let job = world.delete(2).await;
    assert_eq!(status(&world.run(&job).await), Some(Status::Deleted));
    world.assert_true("deleted").await;
    assert!(matches!(world.run(&job).await, Outcome::Unchanged(_)));
    let back = world.put(&png(1), 3).await;
    assert_eq!(status(&world.run(&back).await), Some(Status::Succeeded));
    world.assert_true("put back").await;
}

#[tokio::test]
async fn a_deletion_that_was_overtaken_is_a_job_for_what_is_there_now() {
    let world = World::new();
    world.run(&world.put(&png(1), 1).await).await;
    let deletion = world.delete(2).await;
    let replacement = world.put(&png(2), 3).await;
    assert_eq!(status(&world.run(&deletion).await), Some(Status::Succeeded));
    world.assert_true("worked on by the deletion").await;
    assert!(matches!(world.run(&replacement).await, Outcome::Unchanged(_)));
    assert_eq!(world.record().await.sequencer, Some(Sequencer::from_counter(3)));
}

#[tokio::test]
async fn a_job_without_a_sequencer_leaves_the_stored_one_as_it_is() {
    let world = World::new();
    world.run(&world.put(&png(1), 7).await).await;
    world.put(&png(2), 8).await;
    assert_eq!(status(&world.run(&Job::check(BUCKET, KEY)).await), Some(Status::Succeeded));
    assert_eq!(world.record().await.sequencer, Some(Sequencer::from_counter(7)));
    world.assert_true("checked").await;
    assert!(matches!(world.run(&Job::check(BUCKET, KEY)).await, Outcome::Unchanged(_)));
}

// ---- deaths and failures at every step -------------------------------------------------------------------------------------------------

/// The stages before the event whose work is stopped at every step.
async fn prepare(scenario: usize) -> (World, Job) {
    let world = World::new();
    let first = world.put(&png(1), 1).await;
    if scenario == 0 {
        return (world, first);
    }
    world.run(&first).await;
    let job = match scenario {
        1 => world.put(&png(2), 2).await,
        2 => world.delete(2).await,
        _ => world.put(&png(1), 2).await,
    };
    (world, job)
}

#[tokio::test]
async fn a_stop_before_or_after_any_step_ends_in_the_same_state() {
    for scenario in 0..4 {
        let (world, job) = prepare(scenario).await;
        let before = world.steps.taken();
        world.run(&job).await;
        let steps = world.steps.taken() - before;
        world.assert_true("undisturbed").await;
        let undisturbed = world.record().await;
        assert!(steps >= 3, "scenario {scenario} takes {steps} steps");
        for step in 0..steps {
            for stop in STOPS {
                let why = format!("scenario {scenario}, step {step} of {steps}, {stop:?}");
                let (world, job) = prepare(scenario).await;
                world.steps.stop_at(step, stop);
                let _ = world.run_or_die(&job).await;
                world.steps.go_on();
                assert_visible_is_whole(&world, &why).await;
                world.pass(LONG);
                world.deliver(&job).await;
                reconcile_twice(&world, &why).await;
                world.assert_true(&why).await;
                let record = world.record().await;
                assert_eq!(record.renditions, undisturbed.renditions, "{why}");
                assert_eq!(record.sequencer, undisturbed.sequencer, "{why}");
            }
        }
    }
}

/// Whoever reads a record as it is, mid-way, finds all that it names.
async fn assert_visible_is_whole(world: &World, why: &str) {
    let Some(entry) = world.entry(KEY).await else { return };
    if entry.record.status == Status::Succeeded {
        assert_eq!(entry.record.renditions.len(), 2, "{why}");
    }
    for rendition in &entry.record.renditions {
        let object = world.flow.output.inner.get(&rendition.key, None, 1 << 20).await;
        assert_eq!(aws_adapter::identity::sha256(&object.unwrap().data), rendition.sha256, "{why}");
    }
}

/// After the first pass there is nothing left for a second one.
async fn reconcile_twice(world: &World, why: &str) {
    let findings = reconcile::find(&world.flow).await.unwrap();
    reconcile::apply(&world.flow, &findings, false, 1, |_| ()).await.unwrap();
    let left = reconcile::find(&world.flow).await.unwrap();
    assert!(left.is_clean() && left.stale.is_empty(), "{why}: {left:?}");
}

#[tokio::test]
async fn a_lost_event_is_made_up_for_by_reconciliation() {
    let world = World::new();
    for (i, key) in ["a.png", "b.png", "c.png"].into_iter().enumerate() {
        world.put_at(key, &png(i as u8), i as u64).await;
    }
    world.run(&world.put_at("seen.png", &png(9), 9).await).await;
    let seen = world.entry("seen.png").await.unwrap();
    let findings = reconcile::find(&world.flow).await.unwrap();
    assert_eq!(findings.unrecorded, ["a.png", "b.png", "c.png"]);
    let applied = reconcile::apply(&world.flow, &findings, false, 2, |_| ()).await.unwrap();
    assert_eq!(applied.pictures.len(), 3);
    assert!(applied.pictures.iter().all(|p| !p.is_failure()));
    assert_eq!(world.entry("seen.png").await.unwrap(), seen, "what was seen is not worked on again");
    assert!(reconcile::find(&world.flow).await.unwrap().is_clean());
}

#[tokio::test]
async fn reconciliation_finds_what_is_gone_stale_expired_and_orphaned() {
    let world = World::new();
    world.run(&world.put(&png(1), 1).await).await;
    world.run(&world.put_at("gone.png", &png(2), 1).await).await;
    world.flow.input.inner.delete("gone.png").await.unwrap();
    let orphan = "renditions/aaaaaaaaaaaaaaaaaaaaaaaaaa/x.0000000000000000.png";
    world.flow.output.inner.put(orphan, b"12345", &PutOptions::default()).await.unwrap();
    let named = world.record().await.renditions[0].key.clone();
    let beside = named.replace("small", "old");
    world.flow.output.inner.put(&beside, b"123", &PutOptions::default()).await.unwrap();
    let mut offer = Entry::new(Record::new(BUCKET, "uploads/1/never.png", world.record().await.timestamp));
    offer.expires_at = Some(world.flow.clock.now().plus_millis(reconcile::OFFER_MS));
    assert_eq!(world.flow.records.inner.write(&mut offer).await.unwrap(), Write::Done);

    let findings = reconcile::find(&world.flow).await.unwrap();
    assert_eq!((findings.objects, findings.gone.as_slice()), (1, &["gone.png".to_owned()][..]));
    assert_eq!((findings.orphans.len(), findings.orphan_bytes()), (2, 8));
    assert_eq!((findings.expired.len(), findings.stale.len(), findings.unrecorded.len()), (0, 0, 0));
    world.pass(reconcile::OFFER_MS);
    let findings = reconcile::find(&world.flow).await.unwrap();
    assert_eq!(findings.expired, [offer.record.image_id]);

    let applied = reconcile::apply(&world.flow, &findings, false, 1, |_| ()).await.unwrap();
    assert_eq!((applied.pictures.len(), applied.deleted, applied.deleted_bytes, applied.expired), (1, 2, 8, 1));
    assert_eq!(world.entry("gone.png").await.unwrap().record.status, Status::Deleted);
    assert_eq!(world.entry("uploads/1/never.png").await, None);
    world.assert_true("reconciled").await;

    let other = world.reconfigured(config(r#"{"renditions":[{"name":"new","recipe":{"resize":{"width":2}}}]}"#));
    let findings = reconcile::find(&other.flow).await.unwrap();
    assert_eq!(findings.stale, [KEY]);
    assert!(findings.is_clean());
    reconcile::apply(&other.flow, &findings, false, 1, |_| ()).await.unwrap();
    assert_eq!(other.record().await.renditions.len(), 2, "what is stale stays until it is asked for");
    reconcile::apply(&other.flow, &findings, true, 1, |_| ()).await.unwrap();
    other.assert_true("renewed").await;
}

// ---- two workers -----------------------------------------------------------------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_workers_with_the_same_event_make_one_record() {
    for round in 0..30 {
        let world = World::new();
        let job = world.put(&png(1), 1).await;
        let work = |flow: Arc<world::TestFlow>, job: Job| tokio::spawn(async move { flow.run(&job).await.unwrap() });
        let workers = [work(Arc::clone(&world.flow), job.clone()), work(Arc::clone(&world.flow), job.clone())];
        let mut written = 0;
        for worker in workers {
            written += usize::from(matches!(worker.await.unwrap(), Outcome::Written(_)));
        }
        assert_eq!(written, 1, "round {round}");
        world.assert_true(&format!("round {round}")).await;
    }
}

#[tokio::test]
async fn concurrent_deliveries_in_any_order_end_in_one_true_record() {
    for seed in 1..=150_u64 {
        let world = World::with(config(r#"{"renditions":[{"name":"one","recipe":{"resize":{"width":3}}}]}"#));
        let mut jobs = vec![world.put(&png(1), 1).await, world.put(&png(2), 2).await];
        if seed % 2 == 0 {
            jobs.push(world.delete(3).await);
        }
        jobs.push(jobs[(seed % 3 % 2) as usize].clone());
        jobs.sort_by_key(|job| aws_adapter::identity::sha256(format!("{seed} {:?}", job.sequencer).as_bytes()));
        world.shuffle(seed);
        let workers: Vec<_> = (0..2)
            .map(|half| {
                let flow = Arc::clone(&world.flow);
                let own: Vec<_> = jobs.iter().skip(half).step_by(2).cloned().collect();
                tokio::spawn(async move {
                    let mut back = Vec::new();
                    for job in own {
                        if flow.run(&job).await.unwrap().is_retryable() {
                            back.push(job);
                        }
                    }
                    back
                })
            })
            .collect();
        let mut back = Vec::new();
        for worker in workers {
            back.extend(worker.await.unwrap());
        }
        for job in back {
            world.deliver(&job).await;
        }
        world.assert_true(&format!("seed {seed}")).await;
    }
}
