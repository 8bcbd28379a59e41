//! Quantization: the example tables of ISO/IEC 10918-1, Annex K.1, scaled by a quality as libjpeg does, and division by them.

/// Steps of luma and chroma, in reading order.
pub(super) fn steps(quality: u8) -> [[u8; 64]; 2] {
    let quality = u32::from(quality.clamp(1, 100));
    let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
    [LUMA, CHROMA].map(|table| table.map(|step| ((u32::from(step) * scale + 50) / 100).clamp(1, 255) as u8))
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
}
