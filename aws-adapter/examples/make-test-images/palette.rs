//! Pictures in few colors: a palette by median cut, and each pixel's place in it.

use crate::picture::Picture;

/// At most `count` colors that stand for those of all the pictures.
pub(crate) fn choose(pictures: &[Picture], count: usize) -> Vec<[u8; 3]> {
    let mut counts = vec![0_u64; 1 << 15];
    for &[r, g, b, _] in pictures.iter().flat_map(|picture| &picture.pixels) {
        counts[bucket(r, g, b)] += 1;
    }
    let seen = (0..counts.len()).filter(|&i| counts[i] > 0).map(|i| (color_of(i), counts[i]));
    let mut boxes: Vec<Vec<([u8; 3], u64)>> = vec![seen.collect()];
    while boxes.len() < count {
        // The box that spans most, weighted by how many pixels it holds, is cut where half of them lie on each side.
        let weight = |members: &Vec<_>| widest(members).1 as f64 * (total(members) as f64).sqrt();
        let Some(largest) = (0..boxes.len()).max_by(|&a, &b| weight(&boxes[a]).total_cmp(&weight(&boxes[b]))) else {
            break;
        };
        let (axis, width) = widest(&boxes[largest]);
        if width == 0 {
            break;
        }
        let mut members = boxes.swap_remove(largest);
        members.sort_by_key(|(color, _)| color[axis]);
        let (half, mut so_far) = (total(&members) / 2, 0);
        let middle = members.iter().position(|(_, pixels)| {
            so_far += pixels;
            so_far > half
        });
        let rest = members.split_off(middle.unwrap_or(0).clamp(1, members.len() - 1));
        boxes.extend([members, rest]);
    }
    boxes.iter().map(|members| mean(members)).collect()
}

/// The place of each pixel's nearest color; `dither` is the strength of an ordered pattern in levels of 255.
pub(crate) fn indexes(picture: &Picture, colors: &[[u8; 3]], dither: f64) -> Vec<u8> {
    const PATTERN: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
    let mut known = vec![None; 1 << 15];
    let mut nearest = |r: u8, g: u8, b: u8| {
        *known[bucket(r, g, b)].get_or_insert_with(|| {
            let distance = |c: &[u8; 3]| {
                let part = |a: u8, b: u8, weight: i32| (i32::from(a) - i32::from(b)).pow(2) * weight;
                part(r, c[0], 3) + part(g, c[1], 6) + part(b, c[2], 2)
            };
            (0..colors.len()).min_by_key(|&i| distance(&colors[i])).unwrap_or(0) as u8
        })
    };
    let width = picture.width as usize;
    let place = |(i, &[r, g, b, _]): (usize, &[u8; 4])| {
        let push = (f64::from(PATTERN[i / width % 4][i % width % 4]) / 15.0 - 0.5) * dither;
        let pushed = |v: u8| (f64::from(v) + push).clamp(0.0, 255.0) as u8;
        nearest(pushed(r), pushed(g), pushed(b))
    };
    picture.pixels.iter().enumerate().map(place).collect()
}

fn bucket(r: u8, g: u8, b: u8) -> usize {
    usize::from(r >> 3) << 10 | usize::from(g >> 3) << 5 | usize::from(b >> 3)
}

fn color_of(bucket: usize) -> [u8; 3] {
    [bucket >> 10, bucket >> 5, bucket].map(|v| ((v & 31) * 255 / 31) as u8)
}

fn total(members: &[([u8; 3], u64)]) -> u64 {
    members.iter().map(|(_, pixels)| pixels).sum()
}

/// The channel in which the colors differ most, and by how much.
fn widest(members: &[([u8; 3], u64)]) -> (usize, u8) {
    let span = |axis: usize| {
        let values = || members.iter().map(move |(color, _)| color[axis]);
        values().max().unwrap_or(0) - values().min().unwrap_or(0)
    };
    (0..3).map(|axis| (axis, span(axis))).max_by_key(|&(_, span)| span).unwrap_or((0, 0))
}

fn mean(members: &[([u8; 3], u64)]) -> [u8; 3] {
    let all = total(members).max(1);
    [0, 1, 2].map(|axis| {
        let sum: u64 = members.iter().map(|(color, pixels)| u64::from(color[axis]) * pixels).sum();
        ((sum + all / 2) / all) as u8
    })
}
