//! Numbers, as Jackson's tree keeps them.
//!
//! A number written without fraction and exponent is an integer, exact at any size; every other number is a
//! double. The two stay apart (`1` is printed `1`, `1.0` is printed `1.0`), because Step Functions hands
//! payloads on that way.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::Text;

/// The most characters a number may be written with. Our choice, and Jackson's own default.
pub const NUMBER_LENGTH_MAX: usize = 1000;

/// One JSON number: an exact integer, or a finite double.
///
/// `==` is structural and keeps `1` and `1.0` apart; [`Number::numeric_cmp`] compares what they are worth.
#[derive(Clone, Debug, PartialEq)]
pub struct Number(Repr);

#[derive(Clone, Debug, PartialEq)]
enum Repr {
    Integer(i64),
    /// Decimal digits with an optional minus and no leading zero. Never a number that fits `Integer`.
    BigInteger(Text),
    /// Always finite.
    Decimal(f64),
}

impl Number {
    /// The number that JSON text like `-12`, `1.5` or `1E3` stands for; `None` when a double cannot hold it.
    ///
    /// The caller has checked the grammar, and knows whether there is a fraction or an exponent.
    pub(super) fn from_json(text: &str, is_integer: bool) -> Option<Number> {
        if !is_integer {
            return text.parse().ok().and_then(Number::from_f64);
        }
        Some(Number(match text.parse() {
            Ok(small) => Repr::Integer(small),
            Err(_) => Repr::BigInteger(Arc::from(text)),
        }))
    }

    /// A double, or `None` where JSON has no word for it: the infinities and NaN.
    pub fn from_f64(value: f64) -> Option<Number> {
        value.is_finite().then_some(Number(Repr::Decimal(value)))
    }

    /// The value of an integer that fits; `None` for a larger one and for every decimal, `1.0` too.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Integer(value) => Some(*value),
            Repr::BigInteger(_) | Repr::Decimal(_) => None,
        }
    }

    /// The nearest double. Infinite for an integer that is beyond every double.
    #[expect(clippy::missing_panics_doc, reason = "digits always parse as a double")]
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
            Repr::Integer(value) => *value as f64,
            Repr::BigInteger(digits) => digits.parse().expect("decimal digits are a double"),
            Repr::Decimal(value) => *value,
        }
    }

    /// How many bytes its text has. Writes none for an integer: arrays of them are measured at every state.
    pub(super) fn text_bytes(&self) -> usize {
        match &self.0 {
            Repr::Integer(value) => {
                let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
                digits + usize::from(*value < 0)
            }
            Repr::BigInteger(digits) => digits.len(),
            Repr::Decimal(_) => self.to_string().len(),
        }
    }

    /// Whether it was written without fraction and exponent.
    pub fn is_integer(&self) -> bool {
        !matches!(self.0, Repr::Decimal(_))
    }

    /// Orders by value, exactly, whatever the two are kept as: `1` equals `1.0`, and 2^53 + 1 is more than 2^53.
    pub fn numeric_cmp(&self, other: &Number) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Integer(a), Repr::Integer(b)) => a.cmp(b),
            (Repr::Decimal(a), Repr::Decimal(b)) => cmp_finite(*a, *b),
            (Repr::Integer(a), Repr::Decimal(b)) => cmp_integer_decimal(*a, *b),
            (Repr::Decimal(a), Repr::Integer(b)) => cmp_integer_decimal(*b, *a).reverse(),
            (Repr::BigInteger(a), Repr::Decimal(b)) => cmp_digits_decimal(a, *b),
            (Repr::Decimal(a), Repr::BigInteger(b)) => cmp_digits_decimal(b, *a).reverse(),
            (Repr::BigInteger(a), Repr::BigInteger(b)) => cmp_digits(a, b),
            // A big integer is outside of every `Integer`, so its sign decides.
            (Repr::BigInteger(a), Repr::Integer(_)) => sign_of(a),
            (Repr::Integer(_), Repr::BigInteger(b)) => sign_of(b).reverse(),
        }
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number(Repr::Integer(value))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Number(match i64::try_from(value) {
            Ok(small) => Repr::Integer(small),
            Err(_) => Repr::BigInteger(value.to_string().into()),
        })
    }
}

/// Integers exactly; decimals as Java's `Double.toString`: `100.0`, `1.0E10`, `1.0E-5`.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Integer(value) => write!(f, "{value}"),
            Repr::BigInteger(digits) => f.write_str(digits),
            Repr::Decimal(value) => write_java_double(f, *value),
        }
    }
}

/// Java's rules: plain notation for 10^-3 <= |x| < 10^7, else one digit, a point, and an exponent. The
/// shortest digits that give the same double back, but two at least: the smallest double is 4.9E-324, not 5E-324.
fn write_java_double(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return f.write_str(if value.is_sign_negative() { "-0.0" } else { "0.0" });
    }
    if (1e-3..1e7).contains(&magnitude) {
        return write!(f, "{value:?}");
    }
    let shortest = format!("{value:e}");
    if shortest.contains('.') {
        return f.write_str(&shortest.replace('e', "E"));
    }
    write!(f, "{value:.1E}")
}

fn cmp_finite(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).expect("decimals are finite")
}

fn cmp_integer_decimal(integer: i64, decimal: f64) -> Ordering {
    const TWO_POW_63: f64 = 9_223_372_036_854_775_808.0;
    if decimal >= TWO_POW_63 {
        return Ordering::Less;
    }
    if decimal < -TWO_POW_63 {
        return Ordering::Greater;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked above")]
    let whole = decimal.trunc() as i64;
    integer.cmp(&whole).then_with(|| cmp_finite(0.0, decimal.fract()))
}

fn cmp_digits_decimal(digits: &str, decimal: f64) -> Ordering {
    // A big integer only meets doubles of its own size beyond 2^63, where doubles have no fraction.
    cmp_digits(digits, &format!("{:.0}", decimal.trunc()))
}

fn cmp_digits(a: &str, b: &str) -> Ordering {
    let by_magnitude = |a: &str, b: &str| a.len().cmp(&b.len()).then_with(|| a.cmp(b));
    match (a.strip_prefix('-'), b.strip_prefix('-')) {
        (None, None) => by_magnitude(a, b),
        (Some(a), Some(b)) => by_magnitude(b, a),
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
    }
}

fn sign_of(digits: &str) -> Ordering {
    if digits.starts_with('-') { Ordering::Less } else { Ordering::Greater }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::from_json(text, !text.contains(['.', 'e', 'E'])).unwrap()
    }

    #[test]
    fn numbers_print_as_java_prints_them() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.0", "-0.0"),
            ("1", "1"),
            ("1.0", "1.0"),
            ("1.50", "1.5"),
            ("100.0", "100.0"),
            ("1e2", "100.0"),
            ("12345.678", "12345.678"),
            ("9999999.0", "9999999.0"),
            ("1e7", "1.0E7"),
            ("12345678.9", "1.23456789E7"),
            ("1e10", "1.0E10"),
            ("0.001", "0.001"),
            ("0.00099", "9.9E-4"),
            ("1e-5", "1.0E-5"),
            ("90.57000000000001", "90.57000000000001"),
            ("4.9e-324", "4.9E-324"),
            ("1.7976931348623157e308", "1.7976931348623157E308"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "9223372036854775808"),
            ("-123456789012345678901234567890", "-123456789012345678901234567890"),
        ] {
            assert_eq!(number(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn a_number_too_large_for_a_double_is_none() {
        assert_eq!(Number::from_json("1e999", false), None);
        assert_eq!(Number::from_f64(f64::NAN), None);
    }

    #[test]
    fn comparison_is_exact_across_kinds() {
        use Ordering::{Equal, Greater, Less};
        for (a, b, expected) in [
            ("1", "1.0", Equal),
            ("1", "1.5", Less),
            ("-1", "-1.5", Greater),
            ("9007199254740993", "9007199254740992.0", Greater),
            ("9223372036854775807", "9.223372036854775807e18", Less),
            ("-9223372036854775808", "-9.223372036854775808e18", Equal),
            ("9223372036854775808", "9.223372036854775808e18", Equal),
            ("9223372036854775809", "9.223372036854775808e18", Greater),
            ("9223372036854775808", "9223372036854775807", Greater),
            ("-9223372036854775809", "-9223372036854775808", Less),
            ("100000000000000000000", "99999999999999999999", Greater),
            ("-100000000000000000000", "-99999999999999999999", Less),
            ("100000000000000000000", "0.5", Greater),
            ("1e300", "100000000000000000000", Greater),
        ] {
            assert_eq!(number(a).numeric_cmp(&number(b)), expected, "{a} {b}");
            assert_eq!(number(b).numeric_cmp(&number(a)), expected.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn only_integers_that_fit_are_i64() {
        assert_eq!(number("7").as_i64(), Some(7));
        assert_eq!(number("7.0").as_i64(), None);
        assert_eq!(number("9223372036854775808").as_i64(), None);
        assert_eq!(Number::from(u64::MAX).to_string(), "18446744073709551615");
    }
}
