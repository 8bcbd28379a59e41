//! A watch on the input folder: looks once a second, takes a file once it has stood still for a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch as signal};

use super::Task;
use crate::local::LocalFlow;
use crate::pipeline;
use crate::store::Listed;
use crate::time::Timestamp;

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Sends a task for each change, until told to stop.
pub(super) async fn watch(flow: Arc<LocalFlow>, tasks: mpsc::UnboundedSender<Task>, mut stopped: signal::Receiver<bool>) {
    let mut folder = Folder::default();
    let mut clock = tokio::time::interval(LOOK_EVERY);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = clock.tick() => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
        // A folder that cannot be read now is looked at again: nothing in it counts as gone.
        let Ok(listing) = pipeline::pictures(&flow.input).await else { continue };
        for task in folder.look(listing.pictures) {
            if tasks.send(task).is_err() {
                return;
            }
        }
    }
}

/// The folder as it was at the last look.
#[derive(Default)]
struct Folder {
    files: BTreeMap<String, File>,
}

#[derive(PartialEq)]
struct File {
    size: u64,
    modified: Timestamp,
    is_taken: bool,
}

impl Folder {
    /// What has changed: a file is taken when it is as it was a look ago, and then once.
    fn look(&mut self, now: Vec<Listed>) -> Vec<Task> {
        let mut before = std::mem::take(&mut self.files);
        let mut tasks = Vec::new();
        for Listed { key, size, modified } in now {
            let known = before.remove(&key);
            let same = known.filter(|file| file.size == size && file.modified == modified);
            if same.as_ref().is_some_and(|file| !file.is_taken) {
                tasks.push(Task::Submit(key.clone()));
            }
            self.files.insert(key, File { size, modified, is_taken: same.is_some() });
        }
        tasks.extend(before.into_keys().map(Task::Remove));
        tasks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(key: &str, size: u64, modified: i64) -> Listed {
        Listed { key: key.to_owned(), size, modified: Timestamp::from_millis(modified) }
    }

    #[test]
    fn a_file_is_taken_once_and_only_when_it_has_stood_still() {
        let mut folder = Folder::default();
        let submit = vec![Task::Submit("a".to_owned())];
        assert_eq!(folder.look(vec![listed("a", 1, 0)]), []);
        assert_eq!(folder.look(vec![listed("a", 2, 1)]), [], "it grows");
        assert_eq!(folder.look(vec![listed("a", 2, 1)]), submit);
        assert_eq!(folder.look(vec![listed("a", 2, 1)]), []);
        assert_eq!(folder.look(vec![listed("a", 2, 9)]), [], "written again");
        assert_eq!(folder.look(vec![listed("a", 2, 9)]), submit);
    }

    #[test]
    fn a_file_that_goes_is_removed_once() {
        let mut folder = Folder::default();
        folder.look(vec![listed("a", 1, 0), listed("b", 1, 0)]);
        assert_eq!(folder.look(vec![listed("b", 1, 0)]), [Task::Submit("b".to_owned()), Task::Remove("a".to_owned())]);
        assert_eq!(folder.look(vec![listed("b", 1, 0)]), []);
    }
}
