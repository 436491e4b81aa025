//! Numbers and chance.

use super::{Arguments, Evaluated, Fault};
use crate::json::Value;

/// The sum, of integers of 32 bits.
///
/// AWS: operands are rounded to the nearest integer, as Java's `Math.round` does: a half goes up.
pub(super) fn add(arguments: &Arguments<'_>) -> Evaluated {
    let operand = |index| {
        let whole = arguments.whole(index, |value| (value + 0.5).floor())?;
        i32::try_from(whole).map_err(|_| Fault::Arguments)
    };
    let sum = operand(0)?.checked_add(operand(1)?).ok_or(Fault::Arguments)?;
    Ok(Value::from(sum))
}

/// An integer from the start to before the end.
///
/// AWS: with a seed it is always the same. That it is the first that `java.util.Random` draws is not verified.
pub(super) fn random(arguments: &Arguments<'_>) -> Evaluated {
    let (start, end) = (arguments.integer(0)?, arguments.integer(1)?);
    if start >= end {
        return Err(Fault::Arguments);
    }
    let span = end.abs_diff(start);
    let offset = if arguments.values.len() == 3 {
        seeded(arguments.integer(2)?, span)
    } else {
        // The high half of the product: evenly spread, to within one part in 2^64 / span.
        u64::try_from((u128::from(arguments.environment.random_u64()) * u128::from(span)) >> 64)
            .expect("below the span")
    };
    Ok(Value::from(start.wrapping_add_unsigned(offset)))
}

/// The first number below `span` that a `java.util.Random` with this seed draws.
fn seeded(seed: i64, span: u64) -> u64 {
    let mut random = JavaRandom::new(seed);
    match i32::try_from(span) {
        Ok(bound) => u64::from(random.next_int(bound).unsigned_abs()),
        Err(_) => random.next_long().cast_unsigned() % span,
    }
}

/// `java.util.Random`: a linear congruence of 48 bits, laid down by Java's documentation.
struct JavaRandom(u64);

impl JavaRandom {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    fn new(seed: i64) -> Self {
        Self((seed.cast_unsigned() ^ Self::MULTIPLIER) & Self::MASK)
    }

    /// The highest `bits` of the next state.
    fn next(&mut self, bits: u32) -> i32 {
        self.0 = (self.0.wrapping_mul(Self::MULTIPLIER).wrapping_add(0xB)) & Self::MASK;
        #[expect(clippy::cast_possible_truncation, reason = "32 bits at most are left")]
        let high = (self.0 >> (48 - bits)) as u32;
        high.cast_signed()
    }

    /// Below `bound`, which is positive. Draws again where the last, incomplete run of bounds was hit.
    fn next_int(&mut self, bound: i32) -> i32 {
        if bound & (bound - 1) == 0 {
            let scaled = (i64::from(bound) * i64::from(self.next(31))) >> 31;
            return i32::try_from(scaled).expect("below the bound");
        }
        loop {
            let bits = self.next(31);
            let value = bits % bound;
            if bits.wrapping_sub(value).wrapping_add(bound - 1) >= 0 {
                return value;
            }
        }
    }

    fn next_long(&mut self) -> i64 {
        (i64::from(self.next(32)) << 32).wrapping_add(i64::from(self.next(32)))
    }
}

/// A random identifier, version 4 of RFC 9562.
#[expect(clippy::unnecessary_wraps, reason = "the table's shape")]
pub(super) fn uuid(arguments: &Arguments<'_>) -> Evaluated {
    let high = arguments.environment.random_u64() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000;
    let low = arguments.environment.random_u64() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000;
    Ok(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFFF,
        low >> 48,
        low & 0xFFFF_FFFF_FFFF
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_numbers_are_javas() {
        // What Java's `Random` is known to draw with these seeds.
        let mut random = JavaRandom::new(42);
        assert_eq!([random.next(32), random.next(32)], [-1_170_105_035, 234_785_527]);
        let mut random = JavaRandom::new(42);
        assert_eq!([random.next_int(10), random.next_int(10)], [0, 3]);
        assert_eq!(JavaRandom::new(0).next_int(100), 60);
        assert_eq!(JavaRandom::new(42).next_int(16), 11);
        assert_eq!(JavaRandom::new(42).next_long(), -5_025_562_857_975_149_833);
    }
}
