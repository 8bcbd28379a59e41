//! The memory that all workers share: a picture starts only when its forecast fits what is left.
//!
//! A picture asks twice, for its bytes and then for its plan. Two that each hold the first and wait for the second would wait for ever,
//! so that only one picture at a time stands between the two.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use crate::error::{Code, Error};

/// Memory is given in pieces of this size, since a semaphore counts in 32 bits.
const PIECE: u64 = 4096;

/// The memory that all workers share.
#[derive(Debug, Clone)]
pub struct Budget {
    total: u64,
    pieces: Arc<Semaphore>,
    door: Arc<Mutex<()>>,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: u64) -> Self {
        let pieces = (bytes / PIECE).min(u64::from(u32::MAX >> 4));
        Self { total: pieces * PIECE, pieces: Arc::new(Semaphore::new(pieces as usize)), door: Arc::default() }
    }

    /// All of it, in bytes.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What is left, in bytes.
    pub fn left(&self) -> u64 {
        self.pieces.available_permits() as u64 * PIECE
    }

    /// The next to be let in; in the order of asking.
    pub async fn enter(&self) -> Entering {
        Entering { door: Arc::clone(&self.door).lock_owned().await, share: Share { budget: self.clone(), permit: None } }
    }
}

/// A picture that asks for its memory, while all others wait.
#[derive(Debug)]
pub struct Entering {
    door: OwnedMutexGuard<()>,
    share: Share,
}

impl Entering {
    /// Waits until so many bytes more are left, and takes them.
    ///
    /// # Errors
    /// `limit_exceeded` where that and what was taken before is more than the whole budget.
    pub async fn take(&mut self, bytes: u64) -> Result<(), Error> {
        let budget = &self.share.budget;
        let held = self.share.bytes();
        let pieces = bytes.div_ceil(PIECE);
        let Some(pieces) = u32::try_from(pieces).ok().filter(|p| held + u64::from(*p) * PIECE <= budget.total) else {
            let (value, max) = (held.saturating_add(bytes), budget.total);
            return Err(Error::new(Code::LimitExceeded, format!("limit `memoryBytes`: {value} exceeds {max}")));
        };
        let permit = Arc::clone(&budget.pieces).acquire_many_owned(pieces).await.expect("the semaphore is never closed");
        match &mut self.share.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }

    /// Lets the next one in and keeps the memory until the share is dropped.
    pub fn start(self) -> Share {
        drop(self.door);
        self.share
    }
}

/// Memory that a picture holds until this is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// How much it is, in bytes.
    pub fn bytes(&self) -> u64 {
        self.permit.as_ref().map_or(0, |permit| permit.num_permits() as u64 * PIECE)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MIB: u64 = 1 << 20;

    #[tokio::test]
    async fn a_share_comes_back_when_it_is_dropped() {
        let budget = Budget::new(10 * MIB);
        let mut entering = budget.enter().await;
        entering.take(3 * MIB).await.unwrap();
        entering.take(4 * MIB).await.unwrap();
        let share = entering.start();
        assert_eq!((share.bytes(), budget.left()), (7 * MIB, 3 * MIB));
        drop(share);
        assert_eq!(budget.left(), 10 * MIB);
    }

    #[tokio::test]
    async fn more_than_the_whole_is_refused_and_not_waited_for() {
        let budget = Budget::new(MIB);
        let mut entering = budget.enter().await;
        entering.take(MIB / 2).await.unwrap();
        let refused = entering.take(MIB / 2 + 1).await.unwrap_err();
        assert_eq!(refused.code(), "limit_exceeded");
        entering.take(MIB / 2).await.unwrap();
        assert_eq!(entering.take(u64::MAX).await.unwrap_err().code(), "limit_exceeded");
    }

    #[tokio::test]
    async fn many_pictures_of_two_thirds_of_the_budget_all_get_through_one_by_one() {
        let budget = Budget::new(9 * MIB);
        let work = (0..20).map(|_| {
            let budget = budget.clone();
            tokio::spawn(async move {
                let mut entering = budget.enter().await;
                entering.take(3 * MIB).await.unwrap();
                tokio::task::yield_now().await;
                entering.take(3 * MIB).await.unwrap();
                let share = entering.start();
                assert!(budget.left() <= 3 * MIB);
                tokio::task::yield_now().await;
                drop(share);
            })
        });
        let work: Vec<_> = work.collect();
        tokio::time::timeout(Duration::from_secs(20), async {
            for work in work {
                work.await.unwrap();
            }
        })
        .await
        .expect("nobody waits for ever");
        assert_eq!(budget.left(), 9 * MIB);
    }
}
