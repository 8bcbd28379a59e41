//! A picture in memory, 8-bit RGBA, and the ways of looking at its pixels that the writers need.

/// Straight-alpha RGBA, row by row.
#[derive(Clone)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<[u8; 4]>,
}

impl Picture {
    pub(crate) fn from_fn(width: u32, height: u32, mut pixel: impl FnMut(u32, u32) -> [u8; 4]) -> Picture {
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Picture { width, height, pixels: places.map(|(x, y)| pixel(x, y)).collect() }
    }

    pub(crate) fn at(&self, x: u32, y: u32) -> [u8; 4] {
        self.pixels[(y * self.width + x) as usize]
    }

    /// What is right of `left`.
    pub(crate) fn right_of(&self, left: u32) -> Picture {
        Picture::from_fn(self.width - left, self.height, |x, y| self.at(x + left, y))
    }

    pub(crate) fn rgb(&self) -> Vec<u8> {
        self.pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect()
    }

    pub(crate) fn rgba(&self) -> Vec<u8> {
        self.pixels.concat()
    }

    /// Luma as in JPEG: Rec. 601 weights.
    pub(crate) fn gray(&self) -> Vec<u8> {
        let luma = |&[r, g, b, _]: &[u8; 4]| (299 * u32::from(r) + 587 * u32::from(g) + 114 * u32::from(b) + 500) / 1000;
        self.pixels.iter().map(|p| luma(p) as u8).collect()
    }

    pub(crate) fn gray_alpha(&self) -> Vec<u8> {
        self.gray().iter().zip(&self.pixels).flat_map(|(&gray, pixel)| [gray, pixel[3]]).collect()
    }

    /// Inks (0 is none) with all the gray that can go into black there.
    pub(crate) fn cmyk(&self) -> Vec<u8> {
        let inks = |&[r, g, b, _]: &[u8; 4]| {
            let light = r.max(g).max(b);
            let ink = |v: u8| {
                if light == 0 { 0 } else { 255 - (u32::from(v) * 255 / u32::from(light)) as u8 }
            };
            [ink(r), ink(g), ink(b), 255 - light]
        };
        self.pixels.iter().flat_map(inks).collect()
    }

    /// The pixels as a camera stores them that writes this EXIF orientation: turning them upright gives `self`.
    pub(crate) fn stored_as(&self, orientation: u8) -> Picture {
        let (right, bottom) = (self.width - 1, self.height - 1);
        let (width, height) = if orientation < 5 { (self.width, self.height) } else { (self.height, self.width) };
        Picture::from_fn(width, height, |x, y| match orientation {
            2 => self.at(right - x, y),
            3 => self.at(right - x, bottom - y),
            4 => self.at(x, bottom - y),
            5 => self.at(y, x),
            6 => self.at(right - y, x),
            7 => self.at(right - y, bottom - x),
            8 => self.at(y, bottom - x),
            _ => self.at(x, y),
        })
    }
}
