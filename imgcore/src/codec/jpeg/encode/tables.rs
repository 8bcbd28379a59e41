//! Quantization: the example tables of ISO/IEC 10918-1, Annex K.1, scaled by a quality as libjpeg does, and division by them.

/// Steps of luma and chroma, in reading order.
pub(super) fn steps(quality: u8) -> [[u8; 64]; 2] {
    let scale = scale(quality);
    [LUMA, CHROMA].map(|table| table.map(|step| ((u32::from(step) * scale + 50) / 100).clamp(1, 255) as u8))
}

/// The same of a smaller file: a quality looks about as it does with the examples. `span`: the pixels that a chroma sample spans, across and
/// down.
pub(super) fn small_steps(quality: u8, span: (usize, usize)) -> [[u8; 64]; 2] {
    let scale = scale(quality);
    let chroma = match span {
        (2, 2) => SMALL_CHROMA_420,
        (2, _) => SMALL_CHROMA_422,
        _ => SMALL_CHROMA_444,
    };
    [SMALL_LUMA, chroma].map(|table| table.map(|step| ((u32::from(step) * scale + 200) / 400).clamp(1, 255) as u8))
}

/// In percent of the tables.
fn scale(quality: u8) -> u32 {
    let quality = u32::from(quality.clamp(1, 100));
    if quality < 50 { 5000 / quality } else { 200 - 2 * quality }
}

/// A row of a block, twice: for two blocks side by side.
pub(super) type Row = [u16; 16];

/// How coefficients, which come times 8, are divided and rounded: by two multiplications that are exact.
#[derive(Debug, Clone)]
pub(super) struct Divisors {
    /// Added first, so that the quotient is rounded.
    pub(super) half: [Row; 8],
    /// Multiplied by, the upper 16 bits of the product being kept.
    pub(super) reciprocal: [Row; 8],
    /// Multiplied by in the same way: a shift to the right.
    pub(super) scale: [Row; 8],
}

impl Divisors {
    /// Leaves values as they are: each multiplication takes one away.
    pub(super) const NONE: Divisors = Divisors { half: [[2; 16]; 8], reciprocal: [[0xFFFF; 16]; 8], scale: [[0xFFFF; 16]; 8] };

    pub(super) fn new(steps: &[u8; 64]) -> Divisors {
        let mut divisors = Divisors { half: [[0; 16]; 8], reciprocal: [[0; 16]; 8], scale: [[0; 16]; 8] };
        for (at, step) in steps.iter().enumerate() {
            let (half, reciprocal, scale) = reciprocal(u32::from(*step) * 8);
            for x in [at % 8, at % 8 + 8] {
                divisors.half[at / 8][x] = half;
                divisors.reciprocal[at / 8][x] = reciprocal;
                divisors.scale[at / 8][x] = scale;
            }
        }
        divisors
    }

    /// The quotient, rounded half away from zero.
    pub(super) fn divide(&self, value: i32, at: usize) -> i16 {
        let (y, x) = (at / 8, at % 8);
        let high = |a: u32, b: u16| (a * u32::from(b)) >> 16;
        let quotient = high(high(value.unsigned_abs() + u32::from(self.half[y][x]), self.reciprocal[y][x]), self.scale[y][x]) as i16;
        if value < 0 { -quotient } else { quotient }
    }
}

/// After Agner Fog, "Optimizing subroutines in assembly language", as in libjpeg-turbo: exact for sums below 65,536.
fn reciprocal(divisor: u32) -> (u16, u16, u16) {
    let mut bits = divisor.ilog2();
    let (mut whole, rest) = ((1u32 << (16 + bits)) / divisor, (1u32 << (16 + bits)) % divisor);
    let mut half = divisor / 2;
    if rest == 0 {
        // A power of two, whose reciprocal would need a bit more than there is.
        whole >>= 1;
        bits -= 1;
    } else if rest <= divisor / 2 {
        half += 1;
    } else {
        whole += 1;
    }
    (half as u16, whole as u16, 1 << (16 - bits))
}

const LUMA: [u8; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62, 18, 22,
    37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];
const CHROMA: [u8; 64] = [
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47, 66, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

/// In quarters of a step. Found by search, beginning with the table of N. Robidoux that mozjpeg has: the fewest bytes at SSIMULACRA2 70 and
/// 85 for cuts of eight photographs with halved chroma, the first step and those at six distances from it being free.
const SMALL_LUMA: [u16; 64] = [
    66, 64, 65, 151, 176, 189, 187, 215, 64, 64, 79, 155, 179, 189, 187, 220, 65, 79, 131, 166, 189, 188, 186, 234, 151, 155, 166, 183,
    189, 187, 198, 258, 176, 179, 189, 189, 188, 186, 229, 294, 189, 189, 188, 187, 186, 220, 273, 344, 187, 187, 186, 198, 229, 273, 333,
    412, 215, 220, 234, 258, 294, 344, 412, 503,
];
const SMALL_CHROMA_420: [u16; 64] = [
    22, 54, 66, 83, 125, 182, 254, 396, 54, 71, 85, 108, 161, 230, 319, 502, 66, 85, 97, 130, 186, 253, 346, 564, 83, 108, 130, 169, 222,
    294, 412, 677, 125, 161, 186, 222, 277, 356, 543, 865, 182, 230, 253, 294, 356, 502, 754, 1164, 254, 319, 346, 412, 543, 754, 1091,
    1633, 396, 502, 564, 677, 865, 1164, 1633, 2371,
];

/// Waves of the picture have other places in a block where chroma is not halved, and longer steps, since more samples share an error. Beyond a
/// hundred, steps would leave little of what halving takes away.
const SMALL_CHROMA_422: [u16; 64] = [
    37, 92, 112, 141, 212, 309, 400, 400, 112, 143, 164, 218, 306, 400, 400, 400, 212, 269, 306, 373, 400, 400, 400, 400, 400, 400, 400,
    400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400,
    400, 400, 400, 400, 400, 400, 400, 400, 400, 400,
];
const SMALL_CHROMA_444: [u16; 64] = [
    62, 185, 350, 400, 400, 400, 400, 400, 185, 270, 400, 400, 400, 400, 400, 400, 350, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400,
    400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400, 400,
    400, 400, 400, 400, 400, 400, 400, 400, 400, 400,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiplying_is_dividing() {
        for step in 1..=255 {
            let divisors = Divisors::new(&[step; 64]);
            let divisor = i32::from(step) * 8;
            for value in 0..1 << 15 {
                let quotient = ((value + divisor / 2) / divisor) as i16;
                assert_eq!((divisors.divide(value, 0), divisors.divide(-value, 63)), (quotient, -quotient), "{value} by {divisor}");
            }
        }
    }

    #[test]
    fn quality_scales_the_examples() {
        assert_eq!(steps(50), [LUMA, CHROMA]);
        assert_eq!(steps(100), [[1; 64]; 2]);
        assert_eq!((steps(1)[0][0], steps(25)[0][..3].to_vec(), steps(80)[1][..4].to_vec()), (255, vec![32, 22, 20], vec![7, 7, 10, 19]));
    }

    #[test]
    fn undivided_is_what_it_was() {
        for value in 0..1 << 15 {
            assert_eq!((i32::from(Divisors::NONE.divide(value, 9)), i32::from(Divisors::NONE.divide(-value, 63))), (value, -value));
        }
    }

    #[test]
    fn steps_of_small_files_shrink_with_the_quality() {
        for (span, chroma) in [((2, 2), SMALL_CHROMA_420), ((2, 1), SMALL_CHROMA_422), ((1, 1), SMALL_CHROMA_444)] {
            let all: Vec<[[u8; 64]; 2]> = (1..=100).map(|quality| small_steps(quality, span)).collect();
            assert!(all.windows(2).all(|pair| pair[0].iter().flatten().zip(pair[1].iter().flatten()).all(|(low, high)| low >= high)));
            assert_eq!(all[99], [[1; 64]; 2]);
            let whole = |table: [u16; 64]| table.map(|step| ((step + 2) / 4).min(255) as u8);
            assert_eq!(all[49], [whole(SMALL_LUMA), whole(chroma)]);
        }
    }
}
