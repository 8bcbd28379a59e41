//! Colors into a palette of at most 256, in integers and in one fixed order, so that every machine makes the same one.
//!
//! A picture that has few enough colors keeps them. Any other is cut into boxes: always the box with the largest error, where the cut
//! leaves the least of it; the error of what the palette lacks is spread over the neighbors (Floyd and Steinberg).

/// An entry for each color cube of 6 bits a channel.
const CUBES: usize = 1 << 18;

/// Indices into a palette.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Indexed {
    pub(super) palette: Vec<[u8; 3]>,
    pub(super) transparent: Option<u8>,
    pub(super) indices: Vec<u8>,
}

/// Quantizes pixels of red, green, blue and alpha; what is more transparent than opaque becomes transparent.
pub(super) fn quantize(pixels: &[[u8; 4]], width: usize) -> Indexed {
    let is_clear = |pixel: &[u8; 4]| pixel[3] < 128;
    let has_clear = pixels.iter().any(is_clear);
    let max = if has_clear { 255 } else { 256 };
    let exact = exact_palette(pixels.iter().filter(|p| !is_clear(p)), max);
    let (mut palette, indices) = match exact {
        Some(palette) => {
            let clear = palette.len() as u8;
            let index = |p: &[u8; 4]| if is_clear(p) { clear } else { palette.binary_search(&[p[0], p[1], p[2]]).unwrap_or(0) as u8 };
            let indices = pixels.iter().map(index).collect();
            (palette, indices)
        }
        None => {
            let palette = cut(pixels.iter().filter(|p| !is_clear(p)), max);
            let indices = dither(pixels, width, &palette);
            (palette, indices)
        }
    };
    let transparent = has_clear.then_some(palette.len() as u8);
    if has_clear || palette.is_empty() {
        palette.push([0; 3]);
    }
    Indexed { palette, transparent, indices }
}

/// All colors in order, where there are few enough.
fn exact_palette<'a>(pixels: impl Iterator<Item = &'a [u8; 4]>, max: usize) -> Option<Vec<[u8; 3]>> {
    let mut palette: Vec<[u8; 3]> = Vec::with_capacity(max);
    let mut last = None;
    for &[r, g, b, _] in pixels {
        let color = [r, g, b];
        if last == Some(color) {
            continue;
        }
        last = Some(color);
        if let Err(at) = palette.binary_search(&color) {
            if palette.len() == max {
                return None;
            }
            palette.insert(at, color);
        }
    }
    Some(palette)
}

fn cube([r, g, b]: [u8; 3]) -> usize {
    usize::from(r >> 2) << 12 | usize::from(g >> 2) << 6 | usize::from(b >> 2)
}

/// The pixels of a cube, as one point.
#[derive(Debug, Clone, Copy, Default)]
struct Point {
    color: [u8; 3],
    count: u64,
}

/// Sums over points: how many pixels, and of each channel the sum and the sum of squares.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: u64,
    sum: [u64; 3],
    squares: u64,
}

impl Sums {
    fn of(points: &[Point]) -> Sums {
        points.iter().fold(Sums::default(), |mut sums, point| {
            sums.add(point);
            sums
        })
    }

    fn add(&mut self, point: &Point) {
        self.count += point.count;
        for (sum, v) in self.sum.iter_mut().zip(point.color) {
            *sum += u64::from(v) * point.count;
            self.squares += u64::from(v) * u64::from(v) * point.count;
        }
    }

    fn minus(&self, other: &Sums) -> Sums {
        let sum = [0, 1, 2].map(|c| self.sum[c] - other.sum[c]);
        Sums { count: self.count - other.count, sum, squares: self.squares - other.squares }
    }

    /// The squared distance to the mean, over all pixels.
    fn error(&self) -> u64 {
        let kept: u128 = self.sum.iter().map(|&s| u128::from(s) * u128::from(s)).sum();
        self.squares - (kept / u128::from(self.count.max(1))) as u64
    }

    fn mean(&self) -> [u8; 3] {
        self.sum.map(|sum| ((sum + self.count / 2) / self.count.max(1)) as u8)
    }
}

/// A palette of boxes, each the mean of its pixels.
fn cut<'a>(pixels: impl Iterator<Item = &'a [u8; 4]>, max: usize) -> Vec<[u8; 3]> {
    // How many pixels, and the sum of what each channel has above the cube's corner.
    let mut cubes = vec![(0_u32, [0_u32; 3]); CUBES];
    for &[r, g, b, _] in pixels {
        let (count, above) = &mut cubes[cube([r, g, b])];
        *count += 1;
        above.iter_mut().zip([r, g, b]).for_each(|(sum, v)| *sum += u32::from(v & 3));
    }
    let points = cubes.iter().enumerate().filter(|(_, (count, _))| *count > 0).map(|(at, (count, above))| {
        let corner = [at >> 12, at >> 6 & 63, at & 63];
        Point { color: [0, 1, 2].map(|c| (corner[c] as u32 * 4 + (above[c] + count / 2) / count) as u8), count: u64::from(*count) }
    });
    let mut points: Vec<Point> = points.collect();
    drop(cubes);

    // Boxes are ranges of points; the first of those with the largest error is cut.
    let mut boxes = vec![(0..points.len(), Sums::of(&points).error())];
    while boxes.len() < max {
        let Some((at, _)) =
            boxes.iter().enumerate().filter(|(_, (_, error))| *error > 0).max_by_key(|(at, (_, error))| (*error, usize::MAX - at))
        else {
            break;
        };
        let (range, _) = boxes[at].clone();
        let middle = range.start + split(&mut points[range.clone()]);
        boxes[at] = (range.start..middle, Sums::of(&points[range.start..middle]).error());
        boxes.push((middle..range.end, Sums::of(&points[middle..range.end]).error()));
    }
    let mut palette: Vec<[u8; 3]> = boxes.into_iter().map(|(range, _)| Sums::of(&points[range]).mean()).collect();
    palette.sort_unstable();
    palette.dedup();
    palette
}

/// Orders points along the channel that varies most, and finds where to cut so that the errors of both parts are the least.
fn split(points: &mut [Point]) -> usize {
    let whole = Sums::of(points);
    let spread = |c: usize| {
        let squares: u64 = points.iter().map(|p| u64::from(p.color[c]) * u64::from(p.color[c]) * p.count).sum();
        squares - (u128::from(whole.sum[c]) * u128::from(whole.sum[c]) / u128::from(whole.count.max(1))) as u64
    };
    let spreads = [spread(0), spread(1), spread(2)];
    let channel = (0..3).max_by_key(|&c| (spreads[c], 3 - c)).unwrap_or(0);
    // No two points have one color cube, so that no two are equal here but by their means; a stable sort keeps even those in order.
    points.sort_by_key(|p| (p.color[channel], p.color));

    let mut before = Sums::default();
    let mut best = (u64::MAX, 1);
    for (i, point) in points.iter().enumerate().take(points.len().saturating_sub(1)) {
        before.add(point);
        best = best.min((before.error() + whole.minus(&before).error(), i + 1));
    }
    best.1
}

/// The nearest of the palette's colors for each pixel, with the error spread over those that come after it.
fn dither(pixels: &[[u8; 4]], width: usize, palette: &[[u8; 3]]) -> Vec<u8> {
    let clear = palette.len() as u8;
    let mut nearest = Nearest { palette, known: vec![u16::MAX; CUBES] };
    let mut indices = Vec::with_capacity(pixels.len());
    // Sixteenths, with a place more on either side of the row.
    let (mut here, mut below) = (vec![[0_i32; 3]; width + 2], vec![[0_i32; 3]; width + 2]);
    for row in pixels.chunks(width.max(1)) {
        for (x, pixel) in row.iter().enumerate() {
            if pixel[3] < 128 {
                indices.push(clear);
                continue;
            }
            let wanted = [0, 1, 2].map(|c| (i32::from(pixel[c]) + (here[x + 1][c] + 8).div_euclid(16)).clamp(0, 255) as u8);
            let index = nearest.of(wanted);
            indices.push(index);
            for c in 0..3 {
                let error = i32::from(wanted[c]) - i32::from(palette[usize::from(index)][c]);
                here[x + 2][c] += error * 7;
                below[x][c] += error * 3;
                below[x + 1][c] += error * 5;
                below[x + 2][c] += error;
            }
        }
        std::mem::swap(&mut here, &mut below);
        below.fill([0; 3]);
    }
    indices
}

/// The nearest color for each cube, looked for once.
struct Nearest<'a> {
    palette: &'a [[u8; 3]],
    known: Vec<u16>,
}

impl Nearest<'_> {
    fn of(&mut self, color: [u8; 3]) -> u8 {
        let at = cube(color);
        if self.known[at] == u16::MAX {
            let middle = color.map(|v| v & 0xFC | 2);
            let distance = |to: &[u8; 3]| (0..3).map(|c| (i32::from(middle[c]) - i32::from(to[c])).pow(2)).sum::<i32>();
            let index = self.palette.iter().enumerate().min_by_key(|(_, to)| distance(to)).map_or(0, |(index, _)| index);
            self.known[at] = index as u16;
        }
        self.known[at] as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize) -> Vec<[u8; 4]> {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..count).map(|_| [next(), next(), next(), 255]).collect()
    }

    #[test]
    fn few_colors_are_kept_exactly() {
        let mut pixels: Vec<[u8; 4]> = (0..=254).map(|v| [v, 255 - v, 7, 200]).collect();
        pixels.push([9, 9, 9, 127]);
        let indexed = quantize(&pixels, 16);
        assert_eq!((indexed.palette.len(), indexed.transparent), (256, Some(255)));
        for (pixel, &index) in pixels.iter().zip(&indexed.indices) {
            match pixel[3] {
                127 => assert_eq!(index, 255),
                _ => assert_eq!(indexed.palette[usize::from(index)], [pixel[0], pixel[1], pixel[2]]),
            }
        }
    }

    #[test]
    fn all_clear_is_one_clear_entry() {
        let indexed = quantize(&[[1, 2, 3, 0]; 6], 3);
        assert_eq!(indexed, Indexed { palette: vec![[0; 3]], transparent: Some(0), indices: vec![0; 6] });
    }

    #[test]
    fn many_colors_become_256_near_ones() {
        let pixels = noise(64 * 64);
        let indexed = quantize(&pixels, 64);
        assert_eq!((indexed.palette.len(), indexed.transparent, indexed.indices.len()), (256, None, 4096));
        // A cube of all colors in 256 cells: about 40 a channel from side to side. Means over blocks of 8x8 come closer, by dithering.
        for block in 0..64 {
            let at = |i: usize| (block / 8 * 8 + i / 8) * 64 + block % 8 * 8 + i % 8;
            for c in [0, 1, 2] {
                let wanted: i32 = (0..64).map(|i| i32::from(pixels[at(i)][c])).sum();
                let given: i32 = (0..64).map(|i| i32::from(indexed.palette[usize::from(indexed.indices[at(i)])][c])).sum();
                assert!((wanted - given).abs() < 64 * 12, "block {block}: {wanted} became {given}");
            }
        }
        assert_eq!(quantize(&pixels, 64), indexed);
    }

    #[test]
    fn transparency_leaves_room_in_the_palette() {
        let mut pixels = noise(5000);
        pixels[77][3] = 0;
        let indexed = quantize(&pixels, 50);
        assert_eq!((indexed.palette.len(), indexed.transparent, indexed.indices[77]), (256, Some(255), 255));
        assert!(indexed.indices.iter().enumerate().all(|(i, &index)| (index == 255) == (i == 77)));
    }
}
