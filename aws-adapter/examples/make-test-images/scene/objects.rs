//! Things on their own: fruit on a table, a leaf, a soap bubble.

use crate::paint::{Light, bell, fractal, gradient, hex, mix, noise, smooth};

type Point = [f64; 3];

fn dot(a: Point, b: Point) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(a: Point) -> Point {
    let length = dot(a, a).sqrt();
    a.map(|v| v / length)
}

fn along(a: Point, way: Point, far: f64) -> Point {
    [a[0] + way[0] * far, a[1] + way[1] * far, a[2] + way[2] * far]
}

fn minus(a: Point, b: Point) -> Point {
    along(a, b, -1.0)
}

/// Middle, radius, color, gloss, roughness of the skin.
const FRUIT: [(Point, f64, u32, f64, f64); 7] = [
    ([-0.62, 0.40, 0.10], 0.40, 0xF28A1E, 0.35, 1.0),
    ([0.18, 0.44, 0.42], 0.44, 0xF09A2A, 0.35, 1.0),
    ([0.92, 0.34, 0.02], 0.34, 0xA8C63A, 0.45, 0.7),
    ([0.16, 0.25, -0.48], 0.25, 0x6B2A50, 0.55, 0.0),
    ([-0.36, 0.20, -0.62], 0.20, 0x4A2C66, 0.55, 0.0),
    ([0.62, 0.16, -0.66], 0.16, 0xC4202C, 0.9, 0.0),
    ([-1.10, 0.165, -0.46], 0.165, 0xB81C2C, 0.9, 0.0),
];

const LAMP: Point = [-0.56, 0.68, -0.47];

/// Oranges, a lime, plums and cherries in the light of a window; 1.5 wide.
pub(crate) fn fruit(x: f64, y: f64) -> Light {
    let eye = [0.0, 1.12, -3.4];
    let way = unit([(x - 0.79) * 0.66, -(y - 0.50) * 0.66 - 0.25, 1.0]);
    match nearest(eye, way) {
        Some((far, Some(which))) => skin(along(eye, way, far), way, which),
        Some((far, None)) => cloth(along(eye, way, far)),
        None => wall(x, y),
    }
}

fn wall(x: f64, y: f64) -> Light {
    let light = mix(hex(0x2E4A50), hex(0x9DB4A8), bell(((x - 0.35).powi(2) + (y - 0.12).powi(2)).sqrt(), 0.62));
    light * (1.0 + 0.10 * fractal(x * 2.4, y * 2.4, 5, 601))
}

/// The distance to the nearest fruit, or to the table.
fn nearest(from: Point, way: Point) -> Option<(f64, Option<usize>)> {
    let table = (way[1] < 0.0).then(|| -from[1] / way[1]);
    // Behind the table's edge stands the wall.
    let table = table.filter(|far| from[2] + way[2] * far < 1.75).map(|far| (far, None));
    let hits = FRUIT.iter().enumerate().filter_map(|(i, &(middle, radius, ..))| {
        let offset = minus(from, middle);
        let b = dot(offset, way);
        let inside = b * b - dot(offset, offset) + radius * radius;
        (inside > 0.0 && -b - inside.sqrt() > 0.001).then(|| (-b - inside.sqrt(), Some(i)))
    });
    hits.chain(table).min_by(|a, b| a.0.total_cmp(&b.0))
}

/// The share of a broad lamp that the fruit leave visible, in closed form, so without noise.
fn visible_lamp(at: Point, skip: Option<usize>) -> f64 {
    let shadow = |(i, &(middle, radius, ..)): (usize, &(Point, f64, u32, f64, f64))| {
        let offset = minus(at, middle);
        let b = dot(offset, LAMP);
        if skip == Some(i) || b > 0.0 {
            return 1.0;
        }
        let miss = (dot(offset, offset) - b * b).max(0.0).sqrt() - radius;
        smooth(-0.24, 0.24, miss / (-b).max(0.1) + 0.03)
    };
    FRUIT.iter().enumerate().map(shadow).product()
}

/// How open a place is to the room, for what the fruit around it hide.
fn openness(at: Point, normal: Point, skip: Option<usize>) -> f64 {
    let hidden = |(i, &(middle, radius, ..)): (usize, &(Point, f64, u32, f64, f64))| {
        let offset = minus(middle, at);
        let far = dot(offset, offset).sqrt();
        let share = (dot(normal, offset) / far * 0.5 + 0.5).max(0.0) * (radius / far).powi(2);
        if skip == Some(i) { 1.0 } else { 1.0 - share.min(0.95) }
    };
    FRUIT.iter().enumerate().map(hidden).product()
}

fn cloth(at: Point) -> Light {
    let weave = 0.02 * ((at[0] * 150.0).sin() + (at[2] * 150.0).sin()) * smooth(0.5, -1.2, at[2]);
    let color = hex(0xE6DAC4) * (1.0 + weave + 0.08 * fractal(at[0] * 2.0, at[2] * 2.0, 4, 611));
    let up = [0.0, 1.0, 0.0];
    let sun = hex(0xFFE9C8) * (visible_lamp(at, None) * 0.80);
    let mut tint = Light::default();
    for &(middle, radius, skin, ..) in &FRUIT {
        let away = ((at[0] - middle[0]).powi(2) + (at[2] - middle[2]).powi(2)).sqrt() / radius;
        tint = tint + hex(skin) * (0.16 * bell(away - 0.4, 0.8));
    }
    let falloff = 0.55 + 0.45 * smooth(1.9, -0.6, at[2]) * smooth(2.6, -0.5, at[0]);
    color * (sun + hex(0x9FB4C4) * (0.42 * openness(at, up, None)) + tint * 0.5) * falloff
}

fn skin(at: Point, way: Point, which: usize) -> Light {
    let (middle, radius, color, gloss, rough) = FRUIT[which];
    let smooth_normal = minus(at, middle).map(|v| v / radius);
    let pores =
        |p: Point| rough * 0.0042 * (noise(p[0] * 62.0, p[1] * 62.0 + p[2] * 41.0, 621) + noise(p[2] * 62.0 + 9.0, p[1] * 54.0, 622));
    let e = 0.004;
    let here = pores(at);
    let tilt = [0, 1, 2].map(|axis| {
        let mut there = at;
        there[axis] += e;
        (pores(there) - here) / e
    });
    let normal = unit(minus(smooth_normal, tilt));
    let facing = (dot(normal, LAMP) * 0.85 + 0.15).max(0.0);
    let lamp = facing * visible_lamp(at, Some(which));
    let seen = -dot(normal, way);
    let bloom = fractal(at[0] * 7.0, at[1] * 7.0 + at[2] * 5.0, 4, 631);
    let mut base = hex(color) * (1.0 + 0.22 * bloom);
    let crown = smooth_normal[1] * 0.93 + smooth_normal[0] * 0.28 - smooth_normal[2] * 0.24;
    // A green star where the stalk was; plums are dusty.
    if rough > 0.0 {
        base = mix(base, hex(0x5B6B2A), smooth(0.985, 0.995, crown));
    } else if gloss < 0.8 {
        base = mix(base, hex(0x8E86B0), 0.28 * smooth(-0.2, 0.4, bloom + 0.2));
    }
    let room = openness(at, smooth_normal, Some(which));
    let table = hex(0xE9DFCB) * (0.30 * (0.5 - 0.5 * smooth_normal[1]) * smooth(0.0, 0.3, at[1]));
    let ambient = mix(hex(0x6A7A80), hex(0xB8CCD6), smooth_normal[1] * 0.5 + 0.5) * 0.42;
    let light = base * (hex(0xFFEBCF) * (lamp * 1.15) + (ambient + table) * room);
    let half = unit(minus(LAMP, way));
    let shine = dot(normal, half).max(0.0).powf(18.0 + 160.0 * (gloss - 0.3)) * gloss;
    let rim = (1.0 - seen.max(0.0)).powi(4) * 0.30 * gloss;
    light + hex(0xFFF6E6) * (shine * visible_lamp(at, Some(which)) * 0.85) + hex(0xA9C4CC) * (rim * room)
}

/// An autumn leaf and its soft shadow on nothing; square.
pub(crate) fn leaf(x: f64, y: f64) -> (Light, f64) {
    let shade = blade(x - 0.030, y - 0.045, 0.0);
    let shadow = smooth(-0.055, 0.045, shade.inside) * 0.42;
    let it = blade(x, y, 0.010);
    let cover = smooth(-0.0015, 0.0015, it.inside).max(smooth(0.0015, -0.0015, it.stalk));
    let autumn = gradient(
        &[(0.0, 0x7A8F2E), (0.35, 0xD9A326), (0.65, 0xE3702A), (1.0, 0xB5302A)],
        0.30 + it.along * 0.45 + it.across.abs() * 0.9 + 0.35 * fractal(x * 5.0, y * 5.0, 4, 641),
    );
    let light = 0.92 - 1.1 * it.across + 0.28 * it.quilt + 0.10 * fractal(x * 40.0, y * 40.0, 3, 643);
    let vein = mix(autumn * light, hex(0xF6D88A), it.vein * 0.75);
    let body = if it.inside > 0.0 { vein } else { hex(0x8A5A30) * (0.9 - 20.0 * it.across) };
    let alpha = cover + shadow * (1.0 - cover);
    let color = body * (cover / alpha.max(1e-6)) + Light(0.01, 0.01, 0.02) * ((alpha - cover) / alpha.max(1e-6));
    (color, alpha)
}

struct Blade {
    along: f64,
    across: f64,
    inside: f64,
    stalk: f64,
    vein: f64,
    quilt: f64,
}

fn blade(x: f64, y: f64, teeth: f64) -> Blade {
    // From the stalk at the lower left to the tip at the upper right, bent a little.
    let (dx, dy) = (x - 0.20, 0.83 - y);
    let along = (dx * 0.70 + dy * 0.714) / 0.86;
    let bend = 0.055 * (along * 3.0).sin();
    let across = (dx * 0.714 - dy * 0.70) / 0.86 + bend;
    let t = along.clamp(0.0, 1.0);
    let teeth = teeth * ((t * 34.0 - across.abs() * 14.0).rem_euclid(1.0) - 0.5) * smooth(0.0, 0.1, t) * smooth(1.0, 0.9, t);
    let half = 0.60 * t.powf(0.62) * (1.0 - t).powf(0.95) + teeth;
    let end = (-along).max(along - 1.0).max(0.0);
    let inside = half - across.abs() - end * 2.0;
    let stalk = across.abs() - 0.007 - 0.02 * smooth(-0.14, -0.2, along) + if (-0.17..0.03).contains(&along) { 0.0 } else { 1.0 };
    // Side veins leave the middle one and turn toward the tip.
    let side = (along - 0.62 * across.abs() + 1.1 * across * across) * 13.0 + if across > 0.0 { 0.5 } else { 0.0 };
    let nearest = (side - side.round()).abs() / 13.0;
    let thin = 0.0042 * (1.0 - across.abs() / half.max(0.01)).max(0.1);
    let width = 0.0085 * (1.15 - t);
    let middle = smooth(width, width * 0.3, across.abs());
    let vein = middle.max(smooth(thin, thin * 0.3, nearest) * 0.85);
    let quilt = ((side - side.floor() - 0.5).abs() * 2.0 - 0.5) * smooth(0.0, 0.05, across.abs()) * if across > 0.0 { 1.0 } else { -1.0 };
    Blade { along: t, across, inside, stalk, vein, quilt }
}

/// A soap bubble, almost clear in the middle; square.
pub(crate) fn bubble(x: f64, y: f64) -> (Light, f64) {
    let (u, v) = ((x - 0.5) / 0.46, (y - 0.5) / 0.46);
    let d = (u * u + v * v).sqrt();
    if d > 1.0 {
        return (Light::default(), 0.0);
    }
    let w = (1.0 - d * d).sqrt();
    let swirl = 0.9 * noise(u * 1.4 + 0.5 * v, v * 2.1, 651) + 0.4 * noise(u * 3.5, v * 3.5 + u, 652);
    // The colors of a thin film repeat with its thickness.
    let film = 2.6 * (1.0 - w) + 1.3 * v + swirl;
    let hue = |shift: f64| 0.5 + 0.5 * (std::f64::consts::TAU * (film * 0.55 + shift)).cos();
    let film_light = Light(hue(0.0), hue(0.36), hue(0.68)) * 0.85 + Light(0.12, 0.12, 0.16);
    let rim = (1.0 - w).powf(1.7);
    let window = |wx: f64, wy: f64, size: f64, turn: f64| {
        let (a, b) = ((u - wx) + turn * (v - wy), (v - wy) - turn * (u - wx));
        let pane = smooth(size, size * 0.88, a.abs()) * smooth(size, size * 0.88, b.abs());
        pane * (1.0 - 0.9 * smooth(size * 0.10, size * 0.05, a.abs().min(b.abs())))
    };
    let glint = window(-0.46, -0.50, 0.17, 0.5) * 0.9 + window(0.45, 0.53, 0.10, 0.5) * 0.45;
    let alpha = (0.07 + 0.80 * rim + 0.10 * (0.5 + swirl * 0.5) + glint).clamp(0.0, 0.97) * smooth(1.0, 0.992, d);
    (mix(film_light, Light(1.0, 1.0, 1.0), glint), alpha)
}
