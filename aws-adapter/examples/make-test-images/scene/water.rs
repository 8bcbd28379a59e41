//! The sea at sunset, a beach from above, a still lake, and a harbor at dusk.

use crate::paint::{Light, bell, chance, crests, fractal, gradient, hex, mix, noise, smooth};

/// The sun goes down over the sea; 1.5 wide.
pub(crate) fn sunset(x: f64, y: f64) -> Light {
    let horizon = 0.56;
    if y < horizon {
        return evening(x, y, horizon);
    }
    // Each place of the sea mirrors a place of the sky that its waves tilt toward.
    let down = y - horizon;
    let far = 0.05 / (down + 0.006);
    let wave = fractal(x * far * 5.0, far * 26.0, 5, 201);
    let chop = fractal(x * far * 16.0 + 3.0, far * 60.0, 3, 207) * smooth(0.02, 0.16, down);
    let tilt = wave * 0.75 + chop * 0.45;
    let mirrored = horizon - (down * 0.75 + (0.05 + 0.22 * down) * (tilt + 0.35).abs());
    let sky = evening(x + tilt * 0.04, mirrored.max(0.0), horizon);
    let glitter = bell(x - 0.83, 0.020 + 0.16 * down) * smooth(-0.05, 0.35, tilt + 0.25 * noise(x * 30.0, far * 50.0, 211));
    let deep = mix(hex(0x3A2A4A), hex(0x0B1630), smooth(0.0, 0.4, down));
    let sea = mix(deep, sky, 0.72 - 0.55 * smooth(0.0, 0.5, down) + 0.25 * tilt);
    mix(sea, hex(0xF2935C), smooth(0.02, 0.0, down) * 0.5) + hex(0xFFB054) * (glitter * (1.5 - 1.4 * down))
}

fn evening(x: f64, y: f64, horizon: f64) -> Light {
    let up = horizon - y;
    let sun = ((x - 0.83).powi(2) + (up - 0.075).powi(2)).sqrt();
    let stops = [(0.0, 0xFFC25A), (0.07, 0xFB8A3C), (0.19, 0xD9506A), (0.36, 0x6E3F86), (0.56, 0x22306A)];
    let mut light = gradient(&stops, up + 0.10 * (1.0 - bell(x - 0.83, 0.7)));
    light = light + hex(0xFF9A3A) * (bell(sun, 0.20) * 0.5);
    let streaks = fractal(x * 1.6 + 0.6 * noise(x * 2.0, y * 5.0, 4), up * 11.0 + x * 0.5, 6, 221);
    let cover = smooth(0.02, 0.34, streaks + 0.10 * smooth(0.05, 0.3, up)) * smooth(0.01, 0.08, up);
    let below = fractal(x * 1.6 + 0.6 * noise(x * 2.0, y * 5.0, 4), (up - 0.02) * 11.0 + x * 0.5, 5, 221);
    let rim = smooth(0.0, 0.35, streaks - below + 0.1);
    let cloud = mix(hex(0x5A3468), mix(hex(0xFF8A50), hex(0xFF5E74), smooth(0.1, 0.4, up)), rim * 0.9 + 0.4 * bell(sun, 0.3));
    light = mix(light, cloud, cover * 0.85);
    light + hex(0xFFF0C0) * (smooth(0.046, 0.042, sun) * 2.2 * (1.0 - 0.6 * cover)) + hex(0xFFD080) * (bell(sun, 0.07) * 0.5)
}

/// Waves run onto the sand, seen from above; 1.5 wide.
pub(crate) fn beach(x: f64, y: f64) -> Light {
    let bend = 0.16 * noise(x * 1.3, y * 0.8, 231) + 0.05 * fractal(x * 3.0, y * 3.0, 3, 232);
    // From the deep at the upper left to the dunes at the lower right.
    let s = y * 0.86 + x * 0.40 + bend - 0.62;
    let ripple = fractal(x * 8.0 + s * 5.0, s * 34.0, 4, 233);
    let net = crests(x * 11.0 + 0.6 * noise(x * 7.0, y * 7.0, 2), y * 11.0, 2, 235).powi(6);
    let stops = [(-0.62, 0x0B4F78), (-0.34, 0x127E9E), (-0.16, 0x2FB0B8), (-0.04, 0x82D6CB), (0.03, 0xC8E6D2)];
    let sea = gradient(&stops, s + 0.02 * ripple) * (1.0 + 0.10 * ripple)
        + hex(0xC8FFF0) * (net * 0.55 * smooth(-0.40, -0.06, s) * smooth(0.03, -0.03, s));
    let edge = 0.035 + 0.020 * noise(x * 5.0, y * 5.0, 237);
    let print = fractal(x * 26.0, y * 26.0, 4, 239);
    let dry = mix(hex(0xE9D0A2), hex(0xF7E6C4), 0.5 + print * 0.9 + 0.6 * noise(x * 2.2, y * 2.2, 240));
    let sand = mix(hex(0xB99B70), dry, smooth(edge + 0.005, edge + 0.10 + 0.03 * noise(x * 3.0, y * 3.0, 241), s));
    let mut light = mix(sea, sand, smooth(edge - 0.012, edge + 0.012, s));
    for (line, width, seed) in [(edge - 0.015, 0.030, 251), (-0.075, 0.022, 252), (-0.19, 0.016, 253)] {
        let at = s - line - 0.018 * noise(x * 4.0, y * 4.0, seed);
        let lace = fractal(x * 20.0, y * 20.0, 5, seed + 20);
        let front = smooth(0.006, -0.004, at) * smooth(-width * 2.2, 0.0, at);
        let broken = smooth(-0.1, 0.25, noise(x * 2.2, y * 2.2, seed + 40) + 0.25);
        light = mix(light, hex(0xFFFFFF), front * smooth(-0.28, 0.18, lace + at * 9.0 + 0.12) * broken * 0.95);
    }
    let spots = [
        (1.16, 0.60, 0.030, 0xE4483C, 0xFFF6E8),
        (1.32, 0.47, 0.030, 0x2F78B7, 0xFFF6E8),
        (0.87, 0.83, 0.030, 0xF2B233, 0xFFF6E8),
        (1.36, 0.83, 0.030, 0x2C9A86, 0xFFF6E8),
        (0.50, 0.93, 0.026, 0xE87898, 0xFFF6E8),
    ];
    for (i, &(px, py, r, one, two)) in spots.iter().enumerate() {
        light = parasol(x - px, y - py, r, (one, two), i as f64, light);
    }
    light
}

fn parasol(x: f64, y: f64, r: f64, colors: (u32, u32), turn: f64, sand: Light) -> Light {
    let mut light = sand;
    // A towel beside it, then the shadow that falls to the lower left, then the parasol.
    let (tx, ty) = (x - r * 1.9, y - r * 0.2);
    let (along, aside) = (tx * 0.8 + ty * 0.6, ty * 0.8 - tx * 0.6);
    if along.abs() < r * 1.1 && aside.abs() < r * 0.48 {
        light = if ((along / r + 9.0) * 2.6) as i64 % 2 == 0 { hex(colors.0) } else { hex(0xFFF6EC) };
    }
    let shadow = ((x + r * 0.75).powi(2) + (y - r * 0.75).powi(2)).sqrt();
    light = mix(light, light * Light(0.50, 0.50, 0.62), smooth(r * 1.08, r * 0.85, shadow));
    let d = (x * x + y * y).sqrt();
    if d < r {
        let wedge = (y.atan2(x) + turn + 4.0) * 8.0 / std::f64::consts::TAU;
        let cloth = if wedge.floor() as i64 % 2 == 0 { colors.0 } else { colors.1 };
        let fold = 0.86 + 0.2 * (wedge.fract() - 0.5).abs() + 0.25 * (x - y) / r * 0.5;
        light = hex(cloth) * if d < r * 0.07 { 0.6 } else { fold };
    }
    light
}

/// A lake without wind, an island with a tree, and old posts, for black and white; 1.5 wide.
pub(crate) fn lake(x: f64, y: f64) -> Light {
    let horizon = 0.52;
    let mirror = y > horizon;
    let (sx, sy) = if mirror {
        let down = y - horizon;
        (x + 0.004 * fractal(x * 4.0, y * 60.0, 3, 261) * (0.3 + 3.0 * down), horizon - down * 0.94)
    } else {
        (x, y)
    };
    let up = horizon - sy;
    let mut v = 0.80 - 0.62 * smooth(0.0, 0.6, up) + 0.16 * bell(x - 0.95, 0.5) * smooth(0.5, 0.0, up);
    let cloud = fractal(sx * 1.1, sy * 4.5, 6, 263) + 0.4 * fractal(sx * 3.0, sy * 13.0, 4, 265);
    v += 0.24 * cloud * smooth(0.02, 0.25, up);
    for (tall, tone, seed) in [(0.16, 0.56, 271), (0.11, 0.40, 272), (0.06, 0.24, 273)] {
        let ridge = tall * (0.5 + 1.2 * fractal(sx * 1.4, 0.0, 5, seed));
        let veil = smooth(0.0, ridge.max(0.03), up);
        v += (tone * (0.72 + 0.28 * veil) + 0.35 * (1.0 - veil) - v) * smooth(0.0, 0.004, ridge - up) * 0.9;
    }
    v += (0.05 - v) * island(sx - 0.52, up);
    if mirror {
        v = v * (0.86 - 0.30 * smooth(0.0, 0.5, y - horizon)) + 0.05;
        v += 0.10 * bell(y - horizon, 0.012);
    } else {
        v += 0.15 * bell(up, 0.03);
    }
    for i in 0..9 {
        let near = i as f64 / 8.0;
        let (px, foot) = (1.30 - 0.33 * near + 0.01 * chance(i, 0, 4), 0.60 + 0.26 * near);
        let (tall, half) = (0.045 + 0.10 * near, 0.004 + 0.006 * near);
        let lean = (x - px) + (y - foot) * 0.04 * (chance(i, 1, 4) - 0.5);
        let wave = 0.002 * noise(y * 90.0, 0.0, 5);
        if lean.abs() < half && (foot - tall * (0.8 + 0.4 * chance(i, 2, 4))..foot).contains(&y) {
            v = 0.05 + 0.16 * smooth(-half, half, lean);
        } else if (lean + wave).abs() < half && (foot..foot + tall * 0.9).contains(&y) {
            v *= 0.25 + 0.6 * smooth(foot, foot + tall, y);
        }
    }
    let edge = 1.0 - 0.35 * ((x - 0.75).powi(2) * 0.9 + (y - 0.5).powi(2)).powf(1.2);
    let tone = (v.clamp(0.02, 1.0) * edge).powf(1.9);
    Light(tone, tone, tone)
}

/// How much an island and its tree cover; `x` from its middle, `up` from the water.
fn island(x: f64, up: f64) -> f64 {
    let bank = 0.022 * (1.0 - (x / 0.16).powi(2)) + 0.006 * fractal(x * 40.0, 0.0, 3, 281);
    let trunk = 0.005 + 0.006 * smooth(0.08, 0.0, up);
    let bent = x - 0.02 - 0.03 * smooth(0.0, 0.2, up) * (up * 12.0).sin() * 0.3;
    let mut cover = smooth(-0.002, 0.002, bank - up);
    if up < 0.16 {
        cover = cover.max(smooth(0.002, -0.001, bent.abs() - trunk));
    }
    for (cx, cy, rx, ry) in
        [(0.02, 0.19, 0.085, 0.055), (-0.045, 0.155, 0.06, 0.035), (0.08, 0.155, 0.055, 0.035), (0.03, 0.235, 0.05, 0.035)]
    {
        let d = (((x - cx) / rx).powi(2) + ((up - cy) / ry).powi(2)).sqrt();
        cover = cover.max(smooth(0.06, -0.12, d - 1.0 + 0.55 * fractal(x * 34.0, up * 34.0, 4, 285)));
    }
    for (cx, cy, r) in [(-0.10, 0.018, 0.022), (-0.07, 0.022, 0.018), (0.09, 0.018, 0.02)] {
        let d = ((x - cx).powi(2) + (up - cy).powi(2)).sqrt() / r;
        cover = cover.max(smooth(0.1, -0.1, d - 1.0 + 0.5 * fractal(x * 70.0, up * 70.0, 3, 287)));
    }
    cover
}

/// A harbor town at dusk and its lights on the water, a balloon on the left; 1.8 wide.
pub(crate) fn harbor(x: f64, y: f64) -> Light {
    let shore = 0.63;
    if y < shore {
        return town(x, y, shore);
    }
    let down = y - shore;
    let far = 0.07 / (down + 0.02);
    let wave = fractal(x * far * 7.0, far * 22.0, 4, 301) + 0.5 * fractal(x * far * 20.0, far * 55.0, 3, 303);
    // What shines is drawn out into long streaks.
    let mut sum = Light::default();
    for i in 0..7 {
        let stretch = f64::from(i) / 6.0 - 0.5;
        let sy = shore - down * (0.78 + 0.55 * stretch) - 0.05 * wave * (0.2 + down * 2.0);
        sum = sum + town(x + 0.018 * wave * (0.15 + down), sy.clamp(0.0, shore - 0.001), shore) * (1.0 / 7.0);
    }
    let deep = hex(0x10243F);
    let boat = boats(x, y);
    let sea = mix(deep, sum, 0.80 - 0.45 * down) * (1.0 + 0.16 * wave);
    mix(sea, boat.0, boat.1)
}

fn town(x: f64, y: f64, shore: f64) -> Light {
    let mut light = gradient(&[(0.0, 0x1F3C72), (0.25, 0x5A6FA6), (0.45, 0xE59A86), (0.62, 0xFFC987)], y);
    let cloud = fractal(x * 1.3, y * 8.0, 6, 311);
    light = mix(light, mix(hex(0xF79B87), hex(0x6F6690), smooth(0.4, 0.05, y)), smooth(0.04, 0.45, cloud) * 0.75);
    light = balloon(x - 0.235, y - 0.20, light);
    let hills = 0.50 - 0.10 * fractal(x * 1.1 + 2.0, 0.0, 5, 313) - 0.07 * bell(x - 1.25, 0.45);
    let far = mix(hex(0x55618F), hex(0xC78C8C), smooth(hills, hills + 0.17, y));
    light = mix(light, far, smooth(0.0, 0.002, y - hills));
    for row in 0..3_i64 {
        let size = 0.042 + 0.016 * row as f64;
        let cell = (x / size + row as f64 * 0.37).floor();
        let c = cell as i64;
        let middle = (cell + 0.5 - row as f64 * 0.37) * size;
        let tall = 0.055 + 0.05 * chance(c, row, 321) + 0.022 * (2 - row) as f64 + 0.05 * bell(middle - 1.1, 0.35);
        let foot = shore - 0.012 * (2 - row) as f64;
        let eaves = foot - tall;
        let aside = (x - middle).abs();
        let roof = eaves - (size * 0.5 - aside).max(0.0) * (0.35 + 0.7 * chance(c, row, 323));
        if y < roof || y > foot {
            continue;
        }
        let walls = [0xD98C6A, 0xE8C79A, 0xB8665A, 0xF0DCC0, 0x8AA0A8, 0xD8A458];
        let wall = hex(walls[(chance(c, row, 325) * 6.0) as usize]) * (0.30 + 0.10 * row as f64);
        light = if y < eaves { hex(0x6B3A38) * (0.55 + 0.2 * row as f64) } else { mix(wall, hex(0x554A72), 0.35) };
        let (wx, wy) = ((x - middle) / size * 4.0 + 8.0, (y - eaves) / 0.019);
        let pane = (wx.fract() - 0.5).abs() < 0.24 && (wy.fract() - 0.52).abs() < 0.30 && aside < size * 0.44;
        if pane && y > eaves + 0.002 && y < foot - 0.008 {
            let lit = chance(c * 16 + wx as i64, row * 64 + wy as i64, 327);
            light = if lit > 0.52 { hex(0xFFC766) * (0.7 + 0.9 * lit) } else { hex(0x2A3350) };
        }
    }
    // A bell tower, and lamps along the quay.
    let (bx, tip) = (1.12, 0.285);
    let width = if y < 0.36 { (y - tip) * 0.30 } else { 0.021 };
    if y > tip && y < shore - 0.03 && (x - bx).abs() < width {
        light = if y < 0.36 { hex(0x4A5A62) } else { hex(0xC99A78) * (0.42 + 0.2 * smooth(-0.02, 0.02, x - bx)) };
        if ((x - bx) / 0.007).powi(2) + ((y - 0.395) / 0.014).powi(2) < 1.0 {
            light = hex(0xFFD080) * 1.3;
        }
    }
    if y > shore - 0.006 {
        light = hex(0x3A3448);
    }
    let lamp = ((x / 0.09).fract() - 0.5) * 0.09;
    let glow = (lamp * lamp + (y - shore + 0.028).powi(2)).sqrt();
    light + hex(0xFFB65A) * (bell(glow, 0.004) * 2.0 + bell(glow, 0.02) * 0.35)
}

fn balloon(x: f64, y: f64, behind: Light) -> Light {
    let r = 0.085;
    let round = x * x + (y * if y > 0.0 { 0.80 } else { 1.0 }).powi(2);
    if round < r * r {
        let gore = (x / (r * r - y * y * 0.64).max(1e-6).sqrt()).clamp(-1.0, 1.0).asin() * 3.4;
        let cloth = if (gore + 20.5).floor() as i64 % 2 == 0 { hex(0xE2503F) } else { hex(0xFBE3B6) };
        return cloth * (0.75 + 0.3 * smooth(-r, r, x - y));
    }
    let basket = x.abs() < 0.012 && (0.135..0.155).contains(&y);
    let rope = (x.abs() - (0.012 + (0.135 - y) * 0.55)).abs() < 0.0014 && (0.09..0.135).contains(&y);
    if basket || rope { hex(0x4A352C) } else { behind }
}

fn boats(x: f64, y: f64) -> (Light, f64) {
    for (bx, by, size, hull) in
        [(0.86, 0.80, 0.10, 0x2E6E8E), (1.42, 0.74, 0.07, 0xB8483C), (0.52, 0.71, 0.055, 0xE9DEC8), (1.17, 0.90, 0.13, 0x3C7A5A)]
    {
        let (u, v) = ((x - bx) / size, (y - by) / size);
        let sheer = -0.16 - 0.12 * u * u - 0.05 * u;
        if u.abs() < 1.0 - 0.9 * (v + 0.2).max(0.0) && v > sheer && v < 0.14 * (1.0 - (u * u * u * u)) {
            let rim = v < sheer + 0.06;
            return (if rim { hex(0xF3E3C8) * 0.8 } else { hex(hull) * (0.55 - 0.9 * v) }, 1.0);
        }
        if (0.10..0.62).contains(&u) && (-0.50..-0.16).contains(&v) {
            let pane = (u - 0.36).abs() < 0.18 && (v + 0.37).abs() < 0.07;
            return (if pane { hex(0xFFC870) * 1.1 } else { hex(0xEDE3D4) * 0.6 }, 1.0);
        }
        if (u + 0.15).abs() < 0.018 && (-1.25..-0.1).contains(&v) {
            return (hex(0x3A2E2A), 1.0);
        }
        let shade = bell(v - 0.22, 0.12) * smooth(1.0, 0.7, u.abs());
        if v > 0.08 && shade > 0.05 {
            return (hex(0x0C1A2C), shade * 0.75);
        }
    }
    (Light::default(), 0.0)
}
