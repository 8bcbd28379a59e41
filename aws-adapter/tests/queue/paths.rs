//! All ways through a row of choices, one after the other, depth first: the last choice that has another way left takes it next.

/// The way that is gone now.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// What was chosen, of how many.
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Paths {
    /// Chooses one of so many.
    pub(crate) fn choose(&mut self, of: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, of));
        }
        let (chosen, before) = self.taken[self.at];
        assert_eq!(of, before, "the same choices lead to the same state");
        self.at += 1;
        chosen
    }

    /// Goes back to the start, for the next way; not if there is none.
    pub(crate) fn next(&mut self) -> bool {
        assert_eq!(self.at, self.taken.len(), "the same choices lead to the same end");
        self.at = 0;
        while let Some((chosen, of)) = self.taken.pop() {
            if chosen + 1 < of {
                self.taken.push((chosen + 1, of));
                return true;
            }
        }
        false
    }

    /// How many choices this way has had.
    pub(crate) fn len(&self) -> usize {
        self.at
    }
}

#[test]
fn all_ways_are_gone_once() {
    // Two choices of two, and a third of three after the second way of the first.
    let mut paths = Paths::default();
    let mut ways = Vec::new();
    loop {
        let mut way = vec![paths.choose(2), paths.choose(2)];
        if way[0] == 1 {
            way.push(paths.choose(3));
        }
        ways.push(way);
        if !paths.next() {
            break;
        }
    }
    let expected: [&[usize]; 8] = [&[0, 0], &[0, 1], &[1, 0, 0], &[1, 0, 1], &[1, 0, 2], &[1, 1, 0], &[1, 1, 1], &[1, 1, 2]];
    assert_eq!(ways, expected);
}
