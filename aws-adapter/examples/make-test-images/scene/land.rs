//! Mountains, dunes, woods, fields and a lighthouse.

use crate::paint::{Light, bell, chance, crests, fractal, gradient, hex, mix, noise, smooth};

/// Ridge behind ridge in the haze of a morning; 1.6 wide.
pub(crate) fn mountains(x: f64, y: f64) -> Light {
    let sun = ((x - 1.12).powi(2) + ((y - 0.36) * 1.15).powi(2)).sqrt();
    let haze = mix(hex(0xE9C6A4), hex(0xFFE2B8), bell(x - 1.12, 0.5));
    let mut light = gradient(&[(0.0, 0x5F87B5), (0.22, 0xA3B7C6), (0.42, 0xF0CFA9), (0.6, 0xFCE0B4)], y);
    let wisps = fractal(x * 1.7, y * 9.0, 5, 3) + 0.25 * fractal(x * 6.0, y * 24.0, 3, 9);
    light = mix(light, hex(0xFFE9D2), smooth(0.05, 0.5, wisps) * 0.55 * smooth(0.42, 0.1, y));
    light = light + hex(0xFFC07A) * (bell(sun, 0.28) * 0.45) + hex(0xFFF1D0) * (smooth(0.034, 0.026, sun) * 2.0);

    // Base line, height, width of the shapes, nearness; the nearest hides what is behind it.
    let ridges = [
        (0.47, 0.12, 1.2, 0.06),
        (0.54, 0.17, 1.5, 0.16),
        (0.62, 0.15, 1.3, 0.32),
        (0.71, 0.14, 1.5, 0.52),
        (0.82, 0.13, 1.2, 0.76),
        (0.97, 0.14, 1.0, 1.0),
    ];
    for (i, &(base, tall, scale, near)) in ridges.iter().enumerate().rev() {
        let seed = 40 + 7 * i as u32;
        let outline = |octaves| base + tall * 0.6 - tall * 1.35 * crests(x * scale, 0.3, octaves, seed).powf(1.6);
        let mut top = outline(5);
        if near > 0.7 {
            top += 0.03 - firs(x, 110.0 - 60.0 * near, seed).max(firs(x + 0.3, 150.0 - 70.0 * near, seed)) * 0.055 * near;
        }
        let below = y - top;
        if below < 0.0 {
            continue;
        }
        // The mist fills the valleys, so it keeps to the large shapes.
        let deep = (y - outline(2)).max(0.0);
        // Flanks lean to and fro down the slope; those that face the sun are warmer.
        let flank = crests(x * scale * 2.2 + below * 1.6 + 0.3 * noise(x * 5.0, y * 7.0, seed), below * 2.4, 5, seed + 3);
        let lit = smooth(0.42, 0.86, flank + 0.16 * noise(x * 2.0, below * 2.0, seed + 4));
        let ground = mix(hex(0x12242C), hex(0x6B6152), lit * (1.0 - near * 0.75));
        let mist = (1.0 - near) * 0.80 + smooth(0.0, 0.20, deep) * (0.52 - 0.30 * near);
        let air = mix(hex(0x7F98B4), haze, 0.15 + smooth(0.0, 0.2, deep) * 0.85);
        return mix(ground, air, mist + 0.06 * fractal(x * 2.0, y * 9.0, 3, 5) * (1.0 - near));
    }
    light
}

/// The outline of a row of firs, 0 between them and up to 1 at a tip.
fn firs(x: f64, per_unit: f64, seed: u32) -> f64 {
    let cell = (x * per_unit).floor() as i64;
    let tree = |c: i64| {
        let middle = (c as f64 + 0.2 + 0.6 * chance(c, 1, seed)) / per_unit;
        let tall = 0.35 + 0.65 * chance(c, 2, seed);
        let away = (x - middle).abs() * per_unit / (0.55 + 0.5 * tall);
        tall * (1.0 - away) + 0.06 * noise(x * per_unit * 6.0, tall * 9.0, seed)
    };
    (cell - 1..=cell + 1).map(tree).fold(0.0, f64::max)
}

/// Sand under a low sun; 1.5 wide. A ray walks over the hills until it meets one.
pub(crate) fn dunes(x: f64, y: f64) -> Light {
    let (eye, horizon) = (0.62, 0.36);
    let across = (x - 0.75) * 0.95;
    let down = (y - horizon) * 0.95;
    let sky = gradient(&[(0.0, 0x3F78B8), (0.25, 0x86AFD6), (0.4, 0xE6D9C8)], y);
    // No sand lies higher than 0.53, so nothing is met above the horizon or before the ray has sunk to there.
    let mut far = if down > 0.0 { 0.09 / down } else { 24.0 };
    let mut step = 0.02;
    while far < 24.0 {
        let (px, pz, height) = (across * far, far, eye - down * far);
        let gap = height - sand(px, pz);
        if gap < 0.0006 * far {
            return mix(sand_light(px, pz), hex(0xE9D2B6), smooth(3.0, 22.0, far) * 0.8);
        }
        step = (gap * 0.42).clamp(0.002 * far, 0.4).min(step * 2.0);
        far += step;
    }
    let veil = fractal(x * 1.4, y * 7.0, 5, 12);
    mix(sky, hex(0xFFF4E6), smooth(0.1, 0.6, veil) * 0.35)
}

fn sand(x: f64, z: f64) -> f64 {
    let bend = noise(x * 0.35, z * 0.35, 21) * 0.9;
    let large = 1.0 - noise(x * 0.42 + bend, z * 0.55 - bend * 0.6, 22).abs() * 1.7;
    let small = 1.0 - noise(x * 1.1 + bend, z * 1.3 + 4.0, 24).abs() * 1.6;
    // The nearest sand lies low, so that the eye stands above it.
    (large.max(0.0).powf(1.5) * 0.52 + small.max(0.0) * 0.09) * smooth(-0.4, 3.4, z) - 0.10
}

fn sand_light(x: f64, z: f64) -> Light {
    let e = 0.004;
    let wave = fractal(x * 1.5, z * 1.5, 2, 31) * 5.0;
    let fade = smooth(6.0, 1.0, z);
    let ripple = |x: f64, z: f64| (x * 62.0 + z * 96.0 + wave * 3.0).sin() * 0.0008 * fade;
    let height = |x: f64, z: f64| sand(x, z) + ripple(x, z);
    let (sx, sz) = ((height(x + e, z) - height(x - e, z)) / (2.0 * e), (height(x, z + e) - height(x, z - e)) / (2.0 * e));
    let length = (sx * sx + sz * sz + 1.0).sqrt();
    // From the right, a little behind, low.
    let facing = (sx * -0.80 + 0.46 + sz * -0.38) / length;
    // A crest between here and the sun throws a shadow.
    let mut open = 1.0_f64;
    for i in 1..26 {
        let way = f64::from(i) * 0.05;
        let over = sand(x, z) + way * 0.46 + 0.012 - sand(x + way * 0.80, z + way * 0.38);
        open = open.min(over / way * 9.0 + 0.35);
    }
    let sun = facing.max(0.0) * open.clamp(0.0, 1.0);
    let grain = 1.0 + 0.06 * fractal(x * 40.0, z * 40.0, 3, 33);
    let warm = mix(hex(0xD98A45), hex(0xF0B878), smooth(0.2, 0.9, sun));
    (warm * (sun * 1.45) + hex(0x7C6A86) * (0.46 * (0.7 + 0.3 / length)) * Light(0.9, 0.8, 1.0)) * grain
}

/// Firs in fog, row behind row; 1.5 wide.
pub(crate) fn forest(x: f64, y: f64) -> Light {
    let glow = bell(((x - 0.55).powi(2) + (y - 0.28).powi(2)).sqrt(), 0.5);
    let fog = mix(hex(0x9DB0AE), hex(0xF3EBD8), glow * 0.9) * (1.0 - 0.15 * smooth(0.5, 1.0, y));
    let mut light = fog;
    for row in 0..7 {
        let near = f64::from(row) / 6.0;
        let seed = 300 + 11 * row;
        let floor = 0.60 + 0.34 * near.powf(1.3) + 0.05 * fractal(x * 1.3, 0.0, 3, seed) + 0.03 * (x - 0.75) * near;
        let spacing = 0.045 + 0.09 * near;
        let cell = (x / spacing).floor() as i64;
        let mut cover: f64 = smooth(-0.004, 0.012, y - floor - 0.012 * fractal(x * 14.0, y * 14.0, 3, seed + 5));
        for c in cell - 2..=cell + 2 {
            if chance(c, 9, seed) < 0.12 + 0.22 * near {
                continue;
            }
            let middle = (c as f64 + chance(c, 1, seed)) * spacing;
            let tall = (0.17 + 0.42 * near) * (0.65 + 0.6 * chance(c, 2, seed));
            cover = cover.max(fir(x - middle, (floor + 0.02 - y) / tall, tall, seed ^ (c as u32 & 255)));
        }
        if cover == 0.0 {
            continue;
        }
        let needles = mix(hex(0x0D1B17), hex(0x22352B), fractal(x * 60.0, y * 45.0, 3, seed) + 0.5);
        let veil = (1.0 - near).powf(0.85) * 0.93 + 0.22 * smooth(floor - 0.3, floor + 0.05, y) * (1.0 - near);
        let drift = 0.10 * fractal(x * 2.0 + near * 7.0, y * 4.0, 4, 61) * (1.0 - near * 0.6);
        light = mix(light, mix(needles, fog, veil + drift), cover);
    }
    light
}

/// How much of a place a fir covers: `away` from its stem, `up` from 0 at the foot to 1 at the tip.
fn fir(away: f64, up: f64, tall: f64, seed: u32) -> f64 {
    if !(0.0..1.0).contains(&up) || away.abs() > tall * 0.24 {
        return 0.0;
    }
    let side = if away < 0.0 { 17 } else { 0 };
    let tier = up * 15.0 + 0.9 * noise(up * 9.0, 0.5, seed + side);
    // Boughs hang: each begins wide below and narrows upward.
    let bough = 1.0 - 0.45 * (tier - tier.floor());
    let fringe = 0.25 * noise(away / tall * 55.0, up * 60.0, seed + 2 + side);
    let half = tall * 0.17 * (1.0 - up).powf(0.9) * (bough + fringe) * smooth(0.02, 0.12, up) + tall * 0.008;
    smooth(0.002, -0.002, away.abs() - half)
}

/// Tulips in rows up to the horizon, and a windmill; 1.5 wide.
pub(crate) fn tulips(x: f64, y: f64) -> Light {
    let horizon = 0.42;
    if y < horizon {
        let mut light = gradient(&[(0.0, 0x3E86C9), (0.3, 0x93C4E6), (0.42, 0xE4EEF0)], y);
        let depth = 0.25 / (0.47 - y);
        let cloud = fractal(x * 1.2 * depth + 2.0, depth * 3.0, 6, 71);
        light = mix(light, hex(0xFFFFFF), smooth(0.02, 0.38, cloud) * 0.9);
        light = mix(light, hex(0xAFC0D0), smooth(0.25, 0.6, cloud) * 0.4);
        let hedge = 0.414 - 0.012 * fractal(x * 9.0, 0.0, 5, 72).abs() - 0.006 * smooth(0.3, 0.0, (x - 1.2).abs());
        light = mix(light, hex(0x5C7F6E), smooth(hedge - 0.001, hedge + 0.001, y));
        return windmill(x, y, light);
    }
    let far = 0.10 / (y - horizon + 0.006);
    let along = (x - 0.62) * far * 2.4;
    let row = (along * 1.35).floor();
    let inside = along * 1.35 - row;
    let petals = [0xE8432F, 0xF6C22E, 0xF08BB0, 0xFFF3E2, 0x8C3F9A, 0xF27A2C];
    let petal = petals[(row as i64).rem_euclid(6) as usize];
    // Flowers grow smaller with the distance until they are one color.
    let flower = |scale: f64, seed: u32| fractal(along * scale, far * scale * 0.8, 3, seed) * smooth(5.0, 0.6, far);
    let bloom = smooth(0.07, 0.15, inside) * smooth(0.93, 0.85, inside);
    let speck = flower(26.0, 81);
    let head = hex(petal) * (0.9 + 0.75 * speck + 0.25 * noise(along * 3.0, far * 2.0, 83));
    let green = mix(hex(0x27491F), hex(0x6E9A3C), 0.5 + speck * 0.9);
    let light = mix(green, head, bloom * smooth(-0.42, -0.1, speck + 0.1 * flower(60.0, 85)));
    let edge = 1.0 - 0.45 * smooth(0.2, 0.0, (inside - 0.5).abs() - 0.28).powi(8);
    mix(light * edge * (0.95 + 0.2 * fractal(x * 1.5, y * 3.0, 2, 88)), hex(0xC4D2CC), smooth(0.8, 14.0, far) * 0.8)
}

fn windmill(x: f64, y: f64, behind: Light) -> Light {
    let (mx, foot, hub) = (1.14, 0.418, 0.27);
    let t = ((y - hub + 0.012) / (foot - hub + 0.012)).clamp(0.0, 1.0);
    let half = 0.014 + 0.018 * t;
    let mut light = behind;
    if y > hub - 0.012 && (x - mx).abs() < half {
        let wood = mix(hex(0x6B4A36), hex(0x3E2C26), smooth(-half, half, x - mx));
        light = if t > 0.62 && t < 0.68 { hex(0xE9E2D2) } else { wood };
    }
    if ((x - mx) / 0.017).powi(2) + ((y - hub + 0.012) / 0.015).powi(2) < 1.0 {
        light = hex(0x3A2B28);
    }
    for arm in 0..4 {
        let angle = 0.5 + f64::from(arm) * std::f64::consts::FRAC_PI_2;
        let (dx, dy) = (x - mx, y - hub);
        let along = dx * angle.cos() + dy * angle.sin();
        let aside = dy * angle.cos() - dx * angle.sin();
        if (0.0..0.115).contains(&along) && aside.abs() < 0.0016 {
            light = hex(0x2E2524);
        } else if (0.022..0.112).contains(&along) && (0.0016..0.016).contains(&aside) {
            light = mix(light, hex(0xF4EBD8), 0.85);
        }
    }
    light
}

/// Snow at the blue hour with a lit cabin; 1.5 wide.
pub(crate) fn snow(x: f64, y: f64) -> Light {
    let mut light = gradient(&[(0.0, 0x1F3560), (0.35, 0x5C79A8), (0.56, 0xE3A9A0)], y);
    for (base, tall, seed, color) in [(0.52, 0.15, 5, 0x8794B8_u32), (0.58, 0.09, 6, 0x5F749F)] {
        let top = base + tall * 0.4 - tall * crests(x * 1.6, 0.7, 5, seed).powi(2) * 1.4;
        let lit = fractal(x * 8.0 + y * 6.0, y * 5.0, 4, seed) + 0.35;
        let peak = mix(hex(color), hex(0xE9C9C8), lit * smooth(0.16, 0.0, y - top));
        light = mix(light, mix(peak, hex(0xB9AFC4), smooth(0.0, 0.2, y - top)), smooth(0.0, 0.003, y - top));
    }
    let woods = 0.635 - firs(x, 34.0, 15) * 0.045 + 0.01 * noise(x * 2.0, 0.0, 3);
    light = mix(light, hex(0x2A3D60), smooth(0.0, 0.003, y - woods) * 0.92);
    for (base, seed) in [(0.64, 8), (0.72, 9), (0.86, 10)] {
        let top = base + 0.05 * noise(x * 1.1, 0.0, seed) + 0.02 * noise(x * 3.0, 1.0, seed);
        let roll = noise(x * 1.3 + 3.0, y * 4.0, seed) * 0.35 + 0.5;
        let drift = mix(hex(0x6F8CC0), hex(0xD5DDF0), roll + 0.3 * smooth(0.12, 0.0, y - top));
        light = mix(light, drift, smooth(0.0, 0.003, y - top));
    }
    let warm = bell(((x - 0.47).powi(2) + ((y - 0.75) * 2.2).powi(2)).sqrt(), 0.13);
    light = light + hex(0xFFA245) * (warm * 0.35);
    cabin(x - 0.45, y - 0.735, light)
}

fn cabin(x: f64, y: f64, behind: Light) -> Light {
    let roof = -0.085 + 0.55 * x.abs();
    if (-0.12..0.0).contains(&y) && (0.045..0.06).contains(&x) && y < roof {
        return hex(0x3B3136);
    }
    if x.abs() < 0.10 && (roof..roof + 0.018).contains(&y) {
        return hex(0xE3E8F6);
    }
    if x.abs() < 0.08 && y > roof && y < 0.03 {
        let windows = [(-0.04, 0.0), (0.035, 0.0)];
        for (wx, wy) in windows {
            if (x - wx).abs() < 0.015 && (y - wy).abs() < 0.015 {
                let bar = (x - wx).abs() < 0.0014 || (y - wy).abs() < 0.0014;
                return if bar { hex(0x4A2F22) } else { hex(0xFFC25E) * 1.5 };
            }
        }
        return hex(0x4D3A38) * (0.85 + 0.25 * (y * 320.0).sin().signum());
    }
    behind
}

/// A lighthouse on a cliff above the sea; 1.5 wide.
pub(crate) fn lighthouse(x: f64, y: f64) -> Light {
    let horizon = 0.60;
    let mut light = gradient(&[(0.0, 0x2F6FB0), (0.3, 0x7FB2DC), (0.6, 0xF8DDBB)], y);
    let depth = 0.3 / (0.72 - y.min(horizon));
    let cloud = fractal(x * 1.9 * depth, depth * 4.2, 6, 101) + 0.12;
    light = mix(light, hex(0xFFF6EA), smooth(0.05, 0.45, cloud) * 0.9);
    light = mix(light, hex(0xC9B7B8), smooth(0.32, 0.7, cloud) * 0.5);
    if y > horizon {
        let far = 0.12 / (y - horizon + 0.01);
        let swell = fractal(x * far * 3.0, far * 9.0, 4, 105);
        let deep = mix(hex(0x9CC4CE), hex(0x1F5C82), smooth(0.0, 0.16, y - horizon));
        light =
            mix(deep, hex(0xDDF0F2), smooth(0.12, 0.6, swell) * 0.5) + hex(0xFFD9A8) * (0.25 * bell(x - 1.2, 0.2) * bell(y - horizon, 0.2));
    }
    // The cliff falls to the sea on the right of the tower.
    let rim = 0.66 + 0.03 * fractal(x * 4.0, 0.0, 4, 107) + 0.55 * smooth(0.62, 1.02, x);
    if y > rim {
        let below = y - rim;
        let rock = mix(hex(0x574A44), hex(0xB79F86), 0.5 + fractal(x * 9.0 - y * 3.0, y * 22.0, 5, 109));
        let depth = 1.0 / (0.18 + below);
        let meadow = fractal(x * 6.0 * depth, depth * 9.0, 5, 111) + 0.4 * noise(x * 3.0, y * 5.0, 117);
        let flowers = smooth(0.36, 0.5, fractal(x * 22.0 * depth, depth * 34.0, 2, 119)) * 0.7;
        let grass = mix(mix(hex(0x35561F), hex(0xA9BC5C), 0.5 + 0.9 * meadow), hex(0xFFF3D0), flowers);
        let bank = 0.30 - 0.27 * smooth(0.45, 0.85, x) + 0.05 * fractal(x * 7.0, y * 4.0, 3, 113);
        light = mix(grass, rock * 0.85, smooth(bank - 0.02, bank + 0.02, below));
    } else {
        let foam = rim - 0.02 - 0.03 * fractal(x * 18.0, y * 18.0, 3, 115).abs();
        light = mix(light, hex(0xFFFFFF), smooth(foam, rim, y) * smooth(0.9, 0.95, y) * 0.8);
    }
    keepers_house(x, y, tower(x - 0.47, y, light))
}

fn tower(x: f64, y: f64, behind: Light) -> Light {
    let (top, foot) = (0.20, 0.685);
    let t = (y - top) / (foot - top);
    let half = 0.034 + 0.022 * t;
    let round = x / half;
    // Lit from the right.
    let shade = (0.62 + 0.42 * round - 0.25 * round * round).max(0.2);
    if (0.0..1.0).contains(&t) && round.abs() < 1.0 {
        let band = ((t * 5.0).floor() as i64) % 2 == 1;
        let window = (x + 0.004).abs() < 0.006 && [0.1, 0.5, 0.9].iter().any(|w| (t - w).abs() < 0.022);
        let wall = if band { hex(0xD03A30) } else { hex(0xFBF5EA) };
        return if window { hex(0x2B3640) } else { wall * shade * 1.25 };
    }
    if x.abs() < 0.047 && (top - 0.014..top).contains(&y) {
        return hex(0x39414A) * shade * 1.3;
    }
    if x.abs() < 0.047 && (top - 0.032..top - 0.014).contains(&y) {
        let rail = (y - top + 0.031).abs() < 0.0018 || ((x * 110.0).fract().abs() - 0.5).abs() < 0.08;
        if rail {
            return hex(0x39414A);
        }
    }
    if x.abs() < 0.023 && (top - 0.07..top - 0.014).contains(&y) {
        let bar = ((x + 0.023) * 65.0).fract() < 0.14;
        return if bar { hex(0x444C54) } else { mix(hex(0xFFE9A8), hex(0x9CC3D8), (x / 0.023).abs()) * 1.2 };
    }
    let dome = (x / 0.028).powi(2) + ((y - top + 0.07) / 0.03).powi(2);
    if y < top - 0.068 && dome < 1.0 {
        return hex(0xC2352D) * (0.8 + x * 14.0);
    }
    if x.abs() < 0.002 && (top - 0.125..top - 0.09).contains(&y) {
        return hex(0x39414A);
    }
    behind
}

fn keepers_house(x: f64, y: f64, behind: Light) -> Light {
    let (left, right, eaves, foot) = (0.20, 0.40, 0.60, 0.685);
    if (left..right).contains(&x) && (eaves..foot).contains(&y) {
        let window = [0.24, 0.30, 0.36].iter().any(|w| (x - w).abs() < 0.012) && (y - 0.637).abs() < 0.015;
        return if window { hex(0x35516A) } else { hex(0xFAF1E2) * (0.8 + 0.2 * smooth(left, right, x)) };
    }
    let slope = (eaves - y) * 0.55;
    if (left - 0.012 + slope..right + 0.012 - slope).contains(&x) && (eaves - 0.062..eaves + 0.004).contains(&y) {
        return hex(0xB3432F) * (0.9 + 0.12 * (y * 700.0).sin());
    }
    let chimney = (0.33..0.348).contains(&x) && (eaves - 0.085..eaves - 0.05).contains(&y);
    if chimney { hex(0x8C5040) } else { behind }
}
