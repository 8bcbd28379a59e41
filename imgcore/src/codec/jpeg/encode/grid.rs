//! Where the blocks of a picture lie: components, their sampling, and the units that hold a block or more of each.

use crate::recipe::ChromaSubsampling;

/// A component of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    /// Blocks in a unit, across and down.
    pub(super) h: usize,
    pub(super) v: usize,
    /// Samples, before any are added at the edges.
    pub(super) width: usize,
    pub(super) height: usize,
    /// 0 for luma and 1 for chroma: the number of its tables.
    pub(super) table: usize,
}

impl Component {
    /// Blocks that hold samples, across.
    pub(super) fn across(&self) -> usize {
        self.width.div_ceil(8)
    }

    /// Blocks that hold samples, down.
    pub(super) fn down(&self) -> usize {
        self.height.div_ceil(8)
    }
}

/// The components, and how many units there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Pixels in a unit, in blocks, across and down.
    pub(super) h: usize,
    pub(super) v: usize,
    pub(super) components: Vec<Component>,
}

impl Grid {
    /// None: grey.
    pub(super) fn new(width: usize, height: usize, chroma: Option<ChromaSubsampling>) -> Grid {
        let [h, v] = chroma.map_or([1, 1], ChromaSubsampling::span).map(usize::from);
        let mut components = vec![Component { h, v, width, height, table: 0 }];
        if chroma.is_some() {
            components.extend([Component { h: 1, v: 1, width: width.div_ceil(h), height: height.div_ceil(v), table: 1 }; 2]);
        }
        Grid { width, height, h, v, components }
    }

    pub(super) fn units_across(&self) -> usize {
        self.width.div_ceil(8 * self.h)
    }

    pub(super) fn units_down(&self) -> usize {
        self.height.div_ceil(8 * self.v)
    }

    /// Blocks held in a row of a component: those of whole units, and a pair at the least, since two are transformed together.
    pub(super) fn held_across(&self, component: &Component) -> usize {
        (self.units_across() * component.h).next_multiple_of(2)
    }
}
