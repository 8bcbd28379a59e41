//! Northern lights, a clear dusk, the moon and a planet.

use crate::paint::{Light, bell, chance, crests, fractal, gradient, hex, mix, noise, smooth};

/// Northern lights over a lake; 1.5 wide.
pub(crate) fn aurora(x: f64, y: f64) -> Light {
    let shore = 0.74;
    if y < shore {
        return northern(x, y, shore);
    }
    let down = y - shore;
    let wave = fractal(x * 5.0, y * 70.0, 4, 401) * (0.2 + 2.2 * down);
    let mut sum = Light::default();
    for i in 0..5 {
        let blur = (f64::from(i) - 2.0) * 0.012;
        sum = sum + northern(x + 0.02 * wave, (shore - down * 1.25 + blur + 0.05 * wave).min(shore - 0.004), shore) * 0.2;
    }
    let ice = smooth(0.10, 0.5, fractal(x * 2.5, y * 9.0, 5, 403)) * smooth(0.1, 0.26, down);
    mix(sum * 0.62 + hex(0x06121E) * 0.5, hex(0x9DC3C8) * 0.18 + sum * 0.5, ice)
}

fn northern(x: f64, y: f64, shore: f64) -> Light {
    let mut light = gradient(&[(0.0, 0x050A1E), (0.4, 0x0C1F3B), (0.74, 0x1D4A58)], y);
    let milky = bell(x * 0.55 - y - 0.42 + 0.1 * noise(x * 2.0, y * 2.0, 411), 0.16);
    light = light + hex(0x6B7CB0) * (milky * 0.10 * (0.6 + fractal(x * 5.0, y * 5.0, 5, 412)).max(0.0));
    light = light + stars(x, y, 0.010, 0.10 + 0.16 * milky) + stars(x + 5.0, y, 0.034, 0.16) * 1.8;
    // Curtains: a bright lower hem, rays that fade upward from green to violet.
    for (hem, swing, seed, strength) in [(0.50, 0.16, 421, 1.0), (0.40, 0.12, 431, 0.75), (0.58, 0.07, 441, 0.55)] {
        let fold = noise(x * 1.3, 0.2, seed) * swing + 0.03 * noise(x * 5.0, 0.7, seed + 1) - 0.10 * (x - 0.75);
        let above = hem + fold - y;
        let ray = 0.55 + 0.9 * fractal(x * 20.0 + above * 1.5, above * 0.6, 4, seed + 2) + 0.5 * noise(x * 2.4, 0.0, seed + 4);
        let tall = 0.16 + 0.14 * (0.5 + noise(x * 3.0, 0.4, seed + 3));
        let body = smooth(-0.018, 0.012, above) * (-(above.max(0.0)) / tall).exp() * ray.max(0.0);
        let color = gradient(&[(0.0, 0x62F2A0), (0.14, 0x38D28E), (0.30, 0x5A6AD0), (0.5, 0xA04AC0)], above);
        light = light + color * (body * 0.85 * strength);
    }
    let hill = shore - 0.015 - 0.26 * (crests(x * 1.15, 0.4, 6, 451) - 0.42).max(0.0) - 0.04 * bell(x - 0.3, 0.2);
    let rock = fractal(x * 16.0 + y * 9.0, y * 13.0, 5, 453);
    let snow = mix(hex(0x07101A), hex(0x2C4F58), smooth(-0.1, 0.4, rock + 0.12 - (y - hill) * 2.2) * 0.8);
    mix(light, snow, smooth(0.0, 0.0025, y - hill))
}

/// Stars, at most one in each cell of a grid.
fn stars(x: f64, y: f64, cell: f64, share: f64) -> Light {
    let (cx, cy) = ((x / cell).floor() as i64, (y / cell).floor() as i64);
    if chance(cx, cy, 461) > share {
        return Light::default();
    }
    let (sx, sy) = (0.2 + 0.6 * chance(cx, cy, 462), 0.2 + 0.6 * chance(cx, cy, 463));
    let away = ((x - (cx as f64 + sx) * cell).powi(2) + (y - (cy as f64 + sy) * cell).powi(2)).sqrt();
    let bright = chance(cx, cy, 464).powi(3);
    mix(hex(0xBFD2FF), hex(0xFFE6C4), chance(cx, cy, 465)) * (bell(away, 0.0007 + 0.0009 * bright) * (0.25 + 1.2 * bright))
}

/// A thin moon and the evening star in a clear sky; 1.5 wide. Nothing but gradients.
pub(crate) fn dusk(x: f64, y: f64) -> Light {
    let stops = [(0.0, 0x14275A), (0.35, 0x4A5FA0), (0.62, 0xD98FA0), (0.78, 0xFFC48A), (0.9, 0xFFE2A8)];
    let mut light = gradient(&stops, y - 0.06 * bell(x - 0.5, 0.6));
    let (mx, my) = (x - 1.06, y - 0.30);
    let moon = (mx * mx + my * my).sqrt();
    let dark = ((mx + 0.020).powi(2) + (my + 0.016).powi(2)).sqrt();
    light = light + hex(0xFFF2D8) * (bell(moon, 0.16) * 0.10);
    light = light + hex(0x8FA0D8) * (smooth(0.0635, 0.061, moon) * 0.022);
    light = light + hex(0xFFF6E4) * (smooth(0.0635, 0.061, moon) * smooth(0.0625, 0.0655, dark) * 1.5);
    let star = ((x - 0.72).powi(2) + (y - 0.44).powi(2)).sqrt();
    light = light + hex(0xFFFFFF) * (bell(star, 0.0045) * 1.6 + bell(star, 0.02) * 0.14);
    for (base, tall, seed, color) in [(0.86, 0.05, 471, 0x8A5F80_u32), (0.92, 0.07, 472, 0x41345E), (0.99, 0.07, 473, 0x17193A)] {
        let top = base - tall * (noise(x * 1.3, 0.5, seed) + 0.3 * noise(x * 3.1, 0.5, seed + 9));
        light = mix(light, hex(color), smooth(0.0, 0.004, y - top));
    }
    light
}

/// The moon, a few days from full; square.
pub(crate) fn moon(x: f64, y: f64) -> Light {
    let (u, v) = ((x - 0.5) / 0.44, (y - 0.5) / 0.44);
    let rim = u * u + v * v;
    if rim >= 1.0 {
        return Light(0.0012, 0.0016, 0.003);
    }
    let w = (1.0 - rim).sqrt();
    // The craters and seas are drawn on a flattened map, the light falls on the ball.
    let (mx, my) = (u / (0.55 + 0.45 * w), v / (0.55 + 0.45 * w));
    let seas = fractal(mx * 1.5 + 3.1, my * 1.5 + 0.4, 4, 481) + 0.15 * fractal(mx * 6.0, my * 6.0, 3, 482);
    let mut albedo = 0.62 - 0.34 * smooth(-0.05, 0.18, seas) + 0.10 * fractal(mx * 9.0, my * 9.0, 3, 483);
    let (mut tx, mut ty) = (0.0, 0.0);
    for (scale, seed, depth) in [(3.0, 491, 0.55), (6.5, 492, 0.45), (13.0, 493, 0.32)] {
        let (px, py) = (mx * scale, my * scale);
        for dx in -1..=1 {
            for dy in -1..=1 {
                let (cx, cy) = (px.floor() as i64 + dx, py.floor() as i64 + dy);
                let radius = 0.12 + 0.30 * chance(cx, cy, seed).powi(2);
                let (ax, ay) = (px - cx as f64 - chance(cx, cy, seed + 50), py - cy as f64 - chance(cx, cy, seed + 90));
                let d = (ax * ax + ay * ay).sqrt() / radius;
                if d < 1.5 && d > 1e-6 && chance(cx, cy, seed + 30) < 0.75 {
                    // Down inside the rim, up outside of it.
                    let slope = depth * (bell(d - 0.82, 0.22) - 0.8 * bell(d - 1.15, 0.2));
                    tx += slope * ax / (d * radius);
                    ty += slope * ay / (d * radius);
                    albedo += 0.05 * bell(d, 0.3) + 0.04 * bell(d - 1.0, 0.15);
                }
            }
        }
    }
    let bright = bell(((mx + 0.12).powi(2) + (my - 0.62).powi(2)).sqrt(), 0.05);
    albedo += 0.25 * bright;
    let facing = ((u - tx * 0.22) * -0.62 + (v - ty * 0.22) * -0.22 + w * 0.74).max(0.0);
    let level = albedo * facing.powf(0.75) * 1.25;
    hex(0xFFF3E2) * level * smooth(1.0, 0.985, rim)
}

/// A banded planet with rings; 1.5 wide.
pub(crate) fn planet(x: f64, y: f64) -> Light {
    let mut light = hex(0x080B18) + hex(0x2A2450) * (0.5 * smooth(0.0, 0.5, fractal(x * 2.0, y * 2.0, 4, 501)));
    light = light + stars(x, y, 0.030, 0.28) * 1.4;
    let (dx, dy) = (x - 0.75, y - 0.50);
    let (u, v) = (dx * 0.94 + dy * 0.34, dy * 0.94 - dx * 0.34);
    let r = 0.27;
    let ring = (u * u + (v / 0.26).powi(2)).sqrt();
    let grooves = 0.55 + 0.45 * noise(ring * 42.0, 0.0, 503);
    let ring_cover =
        smooth(0.345, 0.355, ring) * smooth(0.60, 0.585, ring) * (0.45 + 0.55 * grooves) * (1.0 - 0.9 * bell(ring - 0.505, 0.008));
    let ring_light = mix(hex(0xA88560), hex(0xF2DFBE), grooves)
        * (0.85 - 0.6 * smooth(0.0, 0.1, -u) * smooth(0.27, 0.2, v.abs()) * smooth(0.0, -0.01, v));
    if v < 0.0 {
        light = mix(light, ring_light, ring_cover);
    }
    let d = (u * u + v * v).sqrt();
    if d < r {
        let w = (r * r - d * d).sqrt();
        let band = v / r * 5.5 + 0.35 * noise(u / (w + 0.12) * 1.4, v * 12.0, 505);
        let color = gradient(
            &[(0.0, 0xB77B4E), (0.3, 0xE8C08C), (0.5, 0xF8E6C4), (0.72, 0xD39A63), (1.0, 0xC48A5A)],
            0.5 + 0.55 * fractal(0.0, band, 3, 507) + 0.06 * fractal(u * 8.0, band * 3.0, 3, 509),
        );
        let facing = ((u * 0.62 - v * 0.35 + w * 0.70) / r).max(0.0);
        // The ring throws a soft line of shadow on the ball.
        let shadow = 1.0 - 0.45 * bell(v + 0.045 - 0.10 * (1.0 - (u / r).powi(2)), 0.016);
        light = mix(light, color * (facing * 1.25 * shadow) + hex(0x1A1E3C) * 0.15, smooth(r, r - 0.004, d));
    }
    if v >= 0.0 {
        light = mix(light, ring_light, ring_cover);
    }
    let small = ((x - 0.27).powi(2) + (y - 0.27).powi(2)).sqrt();
    let lit = smooth(-0.03, 0.03, (x - 0.27) * 0.8 - (y - 0.27) * 0.6 + 0.006);
    mix(light, hex(0xB9C4D8) * (lit * 0.9 + 0.02), smooth(0.034, 0.031, small))
}
