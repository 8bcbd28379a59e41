//! Pictures in few, flat colors, still and moving.

use crate::paint::{Light, bell, gradient, hex, mix, noise, smooth};
use std::f64::consts::TAU;

/// Balloons over hills; 1.5 wide.
pub(crate) fn balloons(x: f64, y: f64) -> Light {
    let mut light = gradient(&[(0.0, 0x6FB7C9), (0.45, 0xCFE3D4), (0.75, 0xFBE9C6)], y);
    let sun = ((x - 0.30).powi(2) + (y - 0.60).powi(2)).sqrt();
    light = mix(light, hex(0xFFF4D2), smooth(0.40, 0.10, sun) * 0.6);
    light = mix(light, hex(0xFFF8E6), smooth(0.094, 0.090, sun));
    for (base, tall, seed, color) in
        [(0.68, 0.10, 701, 0xA9C7B4_u32), (0.74, 0.10, 702, 0x7BA694), (0.82, 0.09, 703, 0x4F8274), (0.92, 0.08, 704, 0x2F5F58)]
    {
        let top = base - tall * (noise(x * 1.5, 0.3, seed) + 0.35 * noise(x * 4.0, 0.3, seed + 20));
        light = mix(light, mix(hex(color), hex(0xE9E3C4), 0.45 * smooth(0.0, 0.18, y - top)), smooth(0.0, 0.003, y - top));
    }
    for (bx, by, r, one, two) in [
        (0.92, 0.31, 0.170, 0xE4572E, 0xF9E0B0),
        (0.44, 0.24, 0.095, 0x2E6F95, 0xF4F1DE),
        (1.28, 0.20, 0.060, 0xF2A33A, 0xD9485F),
        (0.62, 0.52, 0.052, 0x9C4F7C, 0xF3C969),
        (1.27, 0.55, 0.075, 0x3C8D7B, 0xF7EBCB),
        (0.17, 0.40, 0.038, 0xD9485F, 0xFBF3DC),
    ] {
        light = balloon((x - bx) / r, (y - by) / r, (one, two), light);
    }
    light
}

fn balloon(u: f64, v: f64, colors: (u32, u32), behind: Light) -> Light {
    let half = if v < 0.0 { (1.0 - v * v).max(0.0).sqrt() } else { (1.0 - (v / 1.45).powf(1.8)).max(0.0) };
    if u.abs() < half && v < 1.22 {
        let gore = (u / half).clamp(-1.0, 1.0).asin() * 7.0 / std::f64::consts::PI + 0.5;
        let cloth = if gore.floor() as i64 % 2 == 0 { colors.0 } else { colors.1 };
        let belt = (v - 0.28).abs() < 0.13;
        let color = if belt { hex(colors.1) } else { hex(cloth) };
        return color * (0.78 + 0.30 * smooth(0.9, -0.9, u + v * 0.3));
    }
    let rope = (1.22..1.55).contains(&v) && (u.abs() - 0.20 + (v - 1.22) * 0.15).abs() < 0.016;
    let basket = (1.55..1.82).contains(&v) && u.abs() < 0.17;
    if basket {
        hex(0x7A5236)
    } else if rope {
        hex(0x6B5848)
    } else {
        behind
    }
}

/// A canyon of cut paper, each sheet throwing its shadow on the one behind; 2/3 wide.
pub(crate) fn canyon(x: f64, y: f64) -> Light {
    let mut light = gradient(&[(0.0, 0xF7D9A6), (0.5, 0xFBEBCB)], y);
    let sun = ((x - 0.36).powi(2) + (y - 0.26).powi(2)).sqrt();
    light = light * (1.0 - 0.18 * smooth(0.155, 0.09, ((x - 0.352).powi(2) + (y - 0.272).powi(2)).sqrt()));
    light = mix(light, hex(0xF4793B), smooth(0.102, 0.100, sun));
    let sheets = [0xF2B27A, 0xE8935F, 0xD9724C, 0xBF543F, 0x963C3C, 0x6B2B39, 0x43203A];
    for (i, &sheet) in sheets.iter().enumerate() {
        let near = i as f64 / 6.0;
        let paper = |x: f64, y: f64| {
            // Walls stand at both sides, steps worn into them; the floor rises toward the viewer.
            let step = |v: f64| ((v * 7.0 + near * 3.0).floor() + smooth(0.55, 1.0, (v * 7.0 + near * 3.0).fract())) / 7.0;
            let seed = 720 + 5 * i as u32;
            let wave = 0.045 * noise(y * 5.0, near * 9.0, seed) + 0.015 * noise(y * 17.0, near, seed + 1);
            let open = 0.07 + 0.28 * near - 0.10 * step(y) * (1.2 - near) + 0.03 * (1.0 - near);
            let top = 0.40 - 0.09 * near;
            let left = 0.30 - open.max(0.05) * 0.72 + wave - 0.10 * smooth(top + 0.12, top - 0.16, y);
            let right = 0.38 + open.max(0.05) * 0.86 + wave * 0.8 + 0.11 * smooth(top + 0.05, top - 0.22, y);
            let floor = 0.60 + 0.40 * near.powf(0.9) + 0.025 * noise(x * 5.0, near * 5.0, seed + 3);
            (left - x).max(x - right).max(y - floor)
        };
        let shadow = smooth(-0.022, 0.012, paper(x - 0.006, y - 0.012));
        light = light * (1.0 - 0.30 * shadow);
        let inside = paper(x, y);
        let face = hex(sheet) * (0.97 + 0.10 * (0.6 - y));
        light = mix(light, mix(face, hex(0xFFF3E0), 0.22 * bell(inside - 0.0012, 0.0014)), smooth(-0.0008, 0.0008, inside));
    }
    light
}

/// The sun rises behind hills; `time` runs from 0 to 1; 1.5 wide.
pub(crate) fn sunrise(x: f64, y: f64, time: f64) -> Light {
    // Up to the top and down again, so that the last picture leads into the first, which is a fair one.
    let up = 0.5 - 0.5 * (TAU * (time + 0.3)).cos();
    let sy = 0.80 - 0.50 * up;
    let away = ((x - 0.75).powi(2) + (y - sy).powi(2)).sqrt();
    let night = [hex(0x232A5C), hex(0x3A3A78), hex(0x5F4A8C), hex(0x9A5C94)];
    let day = [hex(0x6EC1D6), hex(0x98D3D6), hex(0xC9E4D0), hex(0xFBE8B6)];
    let rings = [0.62, 0.44, 0.28];
    let ring = rings.iter().filter(|&&r| away < r).count();
    let mut light = mix(night[ring], day[ring], smooth(0.1, 0.9, up));
    if away < 0.13 {
        light = mix(hex(0xF2643D), hex(0xFFF3C4), up);
    }
    for (i, (base, tall, dark, bright)) in
        [(0.66, 0.13, 0x4A3C74, 0x8CB89A), (0.77, 0.11, 0x33305F, 0x5E9A80), (0.90, 0.10, 0x1E2145, 0x36705F)].into_iter().enumerate()
    {
        let top = base - tall * noise(x * 1.4, 0.4, 741 + i as u32);
        if y > top {
            light = mix(hex(dark), hex(bright), up);
        }
    }
    light
}

/// A boat on paper waves; `time` runs from 0 to 1 and begins again; 1.5 wide.
pub(crate) fn boat(x: f64, y: f64, time: f64) -> (Light, f64) {
    let mut light = hex(0xF6E7C8);
    let sun = ((x - 1.1).powi(2) + (y - 0.27).powi(2)).sqrt();
    if sun < 0.12 {
        light = hex(0xF2A65A);
    }
    let swell = |x: f64, row: f64| {
        0.60 + 0.105 * row + 0.030 * (x * 7.0 + row * 1.9 + TAU * time * if row as i64 % 2 == 0 { 1.0 } else { -1.0 }).sin()
    };
    let rows = [0x8CC5C0, 0x57A3AB, 0x2F7F93, 0x1D5B78];
    for (row, &color) in rows.iter().enumerate() {
        if row == 1 {
            let middle = 0.66;
            let (level, slope) = (swell(middle, 0.4), (swell(middle + 0.05, 0.4) - swell(middle - 0.05, 0.4)) * 10.0 * 0.6);
            light = sailing(x - middle, y - level, slope, light);
        }
        if y > swell(x, row as f64) {
            light = hex(color);
        }
    }
    // The corners are round and clear.
    let (cx, cy) = ((x - 0.75).abs() - 0.68, (y - 0.5).abs() - 0.43);
    let corner = cx.max(0.0).powi(2) + cy.max(0.0).powi(2);
    (light, if corner < 0.07 * 0.07 { 1.0 } else { 0.0 })
}

fn sailing(x: f64, y: f64, slope: f64, behind: Light) -> Light {
    let (u, v) = (x + y * slope, y - x * slope);
    if v > -0.03 && v < 0.07 && u.abs() < 0.17 - (v + 0.03) * 0.8 {
        return if v < -0.012 { hex(0xFBF3E2) } else { hex(0xB5403A) };
    }
    if u.abs() < 0.005 && v < 0.0 && v > -0.40 {
        return hex(0x5B4038);
    }
    if v < -0.05 && u > 0.012 && u < (v + 0.39) * 0.46 {
        return hex(0xFFFBEF);
    }
    if v < -0.05 && u < -0.012 && -u < (v + 0.33) * 0.36 {
        return hex(0xF3D9B0);
    }
    behind
}
