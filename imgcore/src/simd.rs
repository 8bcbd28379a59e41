//! How arithmetic on vectors is compiled for the CPU at hand.

/// As `fearless_simd::dispatch`, but on x86-64 in two forms: for AVX2, and for SSE2 where there is none. AVX-512 is left alone, since its wide registers
/// slow the clock of some processors down, also for what runs between; SSE4.2 alone is rare. Each form makes the program larger.
macro_rules! dispatch {
    ($level:expr, $simd:pat => $op:expr) => {{
        let level: fearless_simd::Level = $level;
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(avx2) = level.as_avx2() {
                let $simd = avx2;
                fearless_simd::Simd::vectorize(
                    avx2,
                    #[inline(always)]
                    || $op,
                )
            } else {
                let sse2 = level.as_sse2().expect("x86-64 has SSE2");
                let $simd = sse2;
                fearless_simd::Simd::vectorize(
                    sse2,
                    #[inline(always)]
                    || $op,
                )
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        fearless_simd::dispatch!(level, $simd => $op)
    }};
}
