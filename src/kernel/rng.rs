//! Named random streams and the sampling of distributions.
//!
//! Each stream is a PCG32 whose state comes from the run's seed and whose sequence comes from a name ("which node",
//! "for what"), so that one more node leaves the draws of all others as they were. Distributions are sampled with
//! the software functions of `libm`, called by name, so that the same bits come out natively and in WebAssembly,
//! whatever mathematics other crates switch on.

use rand::{Rng as _, RngExt as _};
use rand_pcg::Pcg32;

use crate::vocabulary::{Distribution, Duration};

/// A random stream.
#[derive(Clone, Debug)]
pub struct Stream {
    generator: Pcg32,
}

/// FNV-1a over the bytes of a name: small, fixed for ever, and good enough to tell names apart before mixing.
fn hash_name(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The finaliser of SplitMix64: spreads every input bit over the word.
pub(crate) fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl Stream {
    /// The stream of `seed` for the part called `name`, used for `purpose`.
    pub fn named(seed: u64, name: &str, purpose: &str) -> Stream {
        let identity = mix(hash_name(name) ^ hash_name(purpose).rotate_left(32));
        Stream { generator: Pcg32::new(mix(seed ^ identity), identity) }
    }

    /// True with this chance, 0 to 1.
    #[inline]
    pub fn chance(&mut self, chance: f64) -> bool {
        chance > 0.0 && self.generator.random::<f64>() < chance
    }

    /// A number from 0 up to but not including `bound`; 0 if the bound is 0.
    #[inline]
    pub fn below(&mut self, bound: u32) -> u32 {
        if bound == 0 {
            return 0;
        }
        // Multiply-shift: the bias is below 2^-32 of the bound, far under what a run can show.
        ((u64::from(self.generator.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// A number in 0..1.
    #[inline]
    pub fn unit(&mut self) -> f64 {
        self.generator.random::<f64>()
    }

    /// An exponentially distributed number with mean 1, by inversion. At most 36.8, since a draw has 53 bits.
    #[inline]
    pub fn exponential(&mut self) -> f64 {
        -libm::log(1.0 - self.unit())
    }

    /// A normally distributed number with mean 0 and standard deviation 1, by Marsaglia's polar method. Its twin is
    /// thrown away, so that the stream keeps no state but the generator's.
    fn normal(&mut self) -> f64 {
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                return x * libm::sqrt(-2.0 * libm::log(square) / square);
            }
        }
    }

    /// A span drawn from the distribution.
    #[inline]
    pub fn sample(&mut self, distribution: &Distribution) -> Duration {
        match *distribution {
            Distribution::Constant(span) => span,
            Distribution::Exponential(mean) => self.memoryless(mean),
            _ => self.draw(distribution),
        }
    }

    /// What is drawn most of all, apart from the rest, which need more registers.
    #[inline(never)]
    fn memoryless(&mut self, mean: Duration) -> Duration {
        Duration((self.exponential() * mean.0 as f64) as u64)
    }

    #[inline(never)]
    fn draw(&mut self, distribution: &Distribution) -> Duration {
        match *distribution {
            Distribution::Constant(span) => span,
            Distribution::Uniform(low, high) => {
                let width = high.0.saturating_sub(low.0) as f64;
                Duration(low.0.saturating_add((self.unit() * width) as u64))
            }
            Distribution::Exponential(mean) => self.memoryless(mean),
            Distribution::LogNormal(median, sigma) => {
                let normal = self.normal();
                Duration((libm::exp(sigma * normal) * median.0 as f64) as u64)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_seed_name_and_purpose_and_repeat() {
        let draw = |seed, name, purpose| Stream::named(seed, name, purpose).below(u32::MAX);
        assert_eq!(draw(1, "a", "x"), draw(1, "a", "x"));
        assert_ne!(draw(1, "a", "x"), draw(2, "a", "x"));
        assert_ne!(draw(1, "a", "x"), draw(1, "b", "x"));
        assert_ne!(draw(1, "a", "x"), draw(1, "a", "y"));
        assert_ne!(draw(1, "ab", "c"), draw(1, "a", "bc"));
    }

    #[test]
    fn samples_have_the_mean_that_the_distribution_says() {
        let mut stream = Stream::named(7, "n", "test");
        let second = Duration::from_secs(1);
        let cases = [
            (Distribution::Constant(second), 1.0),
            (Distribution::Uniform(Duration::ZERO, Duration::from_secs(2)), 1.0),
            (Distribution::Exponential(second), 1.0),
            (Distribution::LogNormal(second, 0.5), libm::exp(0.125)),
        ];
        for (distribution, mean) in cases {
            let count = 200_000;
            let total: f64 = (0..count).map(|_| stream.sample(&distribution).seconds()).sum();
            let measured = total / f64::from(count);
            assert!((measured - mean).abs() < 0.01 * mean, "{distribution}: {measured}, expected {mean}");
        }
    }

    #[test]
    fn samples_have_the_spread_and_the_tails_that_the_distribution_says() {
        let mut stream = Stream::named(7, "n", "test");
        let count = 200_000;
        let exponential: Vec<f64> = (0..count).map(|_| stream.exponential()).collect();
        let normal: Vec<f64> = (0..count).map(|_| stream.normal()).collect();
        let share = |samples: &[f64], above: f64| {
            samples.iter().filter(|sample| **sample > above).count() as f64 / f64::from(count)
        };
        // The chances of an exponential and of a normal number above these bounds.
        for (above, chance) in [(0.0, 1.0), (0.5, 0.60653), (1.0, 0.36788), (3.0, 0.04979), (6.0, 0.00248)] {
            assert!((share(&exponential, above) - chance).abs() < 0.004, "{above}: {}", share(&exponential, above));
        }
        for (above, chance) in [(-2.0, 0.97725), (-1.0, 0.84134), (0.0, 0.5), (1.0, 0.15866), (2.0, 0.02275)] {
            assert!((share(&normal, above) - chance).abs() < 0.004, "{above}: {}", share(&normal, above));
        }
        assert!(exponential.iter().chain(&normal).all(|sample| sample.is_finite()));
    }

    /// The bits of a few draws, worked out once: another compiler, machine or mathematical library must give the same.
    #[test]
    fn draws_are_the_same_bits_everywhere() {
        let mut stream = Stream::named(1, "n", "bits");
        let draws = [stream.exponential(), stream.exponential(), stream.normal(), stream.normal()];
        let bits = [4606096604193095501, 4600033874937386949, 13826720771040039571, 4603414113244344218];
        assert_eq!(draws.map(f64::to_bits), bits, "{draws:?}");
    }
}
