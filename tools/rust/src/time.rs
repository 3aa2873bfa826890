//! How a type of time stands in a log: up to four unsigned words (`SPEC.md` section 3).

use std::time::Duration;

use timely::order::Product;
use timely::progress::Timestamp;

/// A time that a log can hold. For one's own type: words that keep the partial order, so that a is
/// less than or equal to b exactly where each word of a is at most that of b, and zero for the
/// minimum.
///
/// ```
/// use tidemark::LoggedTime;
/// # use timely::order::{PartialOrder, TotalOrder};
/// # use timely::progress::{PathSummary, Timestamp};
/// # #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
/// struct Day(u32);
/// # impl PartialOrder for Day { fn less_equal(&self, other: &Self) -> bool { self.0 <= other.0 } }
/// # impl TotalOrder for Day {}
/// # impl PathSummary<Day> for u32 {
/// #     fn results_in(&self, day: &Day) -> Option<Day> { day.0.checked_add(*self).map(Day) }
/// #     fn followed_by(&self, other: &u32) -> Option<u32> { self.checked_add(*other) }
/// # }
/// # impl Timestamp for Day { type Summary = u32; fn minimum() -> Self { Day(0) } }
///
/// impl LoggedTime for Day {
///     const WORDS: usize = 1;
///     fn name() -> String { "day".into() }
///     fn encode(&self, words: &mut [u64]) -> bool { words[0] = self.0.into(); true }
///     fn decode(words: &[u64]) -> Option<Self> { words[0].try_into().ok().map(Day) }
/// }
/// ```
pub trait LoggedTime: Timestamp {
    /// At most four.
    const WORDS: usize;
    /// Bit i: words i and i+1 are the high and the low half of one coordinate.
    const WIDE: u8 = 0;
    /// Bit i: word i was signed; its sign bit is stored flipped.
    const SIGNED: u8 = 0;
    /// What the stream's headers call it, at most 31 bytes. A stream of times of another name or
    /// shape is refused.
    fn name() -> String;
    /// Writes `WORDS` words; false where the time has no place among them.
    fn encode(&self, words: &mut [u64]) -> bool;
    /// The time of `WORDS` words; none where the type has no value for them.
    fn decode(words: &[u64]) -> Option<Self>;
}

macro_rules! unsigned {
    ($($type:ty => $name:literal),*) => {$(
        impl LoggedTime for $type {
            const WORDS: usize = 1;
            fn name() -> String { $name.into() }
            fn encode(&self, words: &mut [u64]) -> bool { words[0] = *self as u64; true }
            fn decode(words: &[u64]) -> Option<Self> { words[0].try_into().ok() }
        }
    )*};
}
unsigned!(u8 => "u8", u16 => "u16", u32 => "u32", u64 => "u64", usize => "u64");

const SIGN: u64 = 1 << 63;

// The least number of a narrower type stands as the least of all: a stream begins at the minimum,
// whose words are zero.
macro_rules! signed {
    ($($type:ty => $name:literal),*) => {$(
        impl LoggedTime for $type {
            const WORDS: usize = 1;
            const SIGNED: u8 = 1;
            fn name() -> String { $name.into() }
            fn encode(&self, words: &mut [u64]) -> bool {
                words[0] = if *self == Self::MIN { 0 } else { (*self as i64) as u64 ^ SIGN };
                true
            }
            fn decode(words: &[u64]) -> Option<Self> {
                if words[0] == 0 { return Some(Self::MIN); }
                ((words[0] ^ SIGN) as i64).try_into().ok()
            }
        }
    )*};
}
signed!(i8 => "i8", i16 => "i16", i32 => "i32", i64 => "i64", isize => "i64");

impl LoggedTime for u128 {
    const WORDS: usize = 2;
    const WIDE: u8 = 1;
    fn name() -> String {
        "u128".into()
    }
    fn encode(&self, words: &mut [u64]) -> bool {
        words[0] = (*self >> 64) as u64;
        words[1] = *self as u64;
        true
    }
    fn decode(words: &[u64]) -> Option<Self> {
        Some(u128::from(words[0]) << 64 | u128::from(words[1]))
    }
}

impl LoggedTime for () {
    const WORDS: usize = 0;
    fn name() -> String {
        "()".into()
    }
    fn encode(&self, _: &mut [u64]) -> bool {
        true
    }
    fn decode(_: &[u64]) -> Option<Self> {
        Some(())
    }
}

/// Nanoseconds, up to 584 years, so that the command's times in ns are these.
impl LoggedTime for Duration {
    const WORDS: usize = 1;
    fn name() -> String {
        "ns".into()
    }
    fn encode(&self, words: &mut [u64]) -> bool {
        match u64::try_from(self.as_nanos()) {
            Ok(nanoseconds) => words[0] = nanoseconds,
            Err(_) => return false,
        }
        true
    }
    fn decode(words: &[u64]) -> Option<Self> {
        Some(Duration::from_nanos(words[0]))
    }
}

/// The words of the one after those of the other.
impl<A: LoggedTime, B: LoggedTime> LoggedTime for Product<A, B> {
    const WORDS: usize = A::WORDS + B::WORDS;
    const WIDE: u8 = A::WIDE | B::WIDE << A::WORDS;
    const SIGNED: u8 = A::SIGNED | B::SIGNED << A::WORDS;
    fn name() -> String {
        format!("({},{})", A::name(), B::name())
    }
    fn encode(&self, words: &mut [u64]) -> bool {
        let (outer, inner) = words.split_at_mut(A::WORDS);
        self.outer.encode(outer) && self.inner.encode(inner)
    }
    fn decode(words: &[u64]) -> Option<Self> {
        let (outer, inner) = words.split_at(A::WORDS);
        Some(Product::new(A::decode(outer)?, B::decode(inner)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of<T: LoggedTime>(time: &T) -> Vec<u64> {
        let mut words = vec![0; T::WORDS];
        assert!(time.encode(&mut words));
        words
    }
    fn keeps_order<T: LoggedTime>(times: &[T]) {
        assert!(words_of(&T::minimum()).iter().all(|word| *word == 0));
        for a in times {
            assert_eq!(T::decode(&words_of(a)).as_ref(), Some(a));
            for b in times {
                let (a_words, b_words) = (words_of(a), words_of(b));
                let by_words =
                    if T::WIDE != 0 { a_words <= b_words } else { a_words.iter().zip(&b_words).all(|(x, y)| x <= y) };
                assert_eq!(a.less_equal(b), by_words, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn words_keep_the_order_of_times() {
        keeps_order(&[0u64, 1, u64::MAX]);
        keeps_order(&[i64::MIN, -1, 0, 1, i64::MAX]);
        keeps_order(&[i8::MIN, -1, 0, 1, i8::MAX]);
        keeps_order(&[0u128, 1, 1 << 64, u128::MAX]);
        keeps_order(&[()]);
        keeps_order(&[Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(86_400)]);
        keeps_order(&[Product::new(0u64, 3i32), Product::new(1, 2), Product::new(1, 3)]);
    }

    #[test]
    fn times_without_a_place_are_refused() {
        assert!(!Duration::MAX.encode(&mut [0]));
        assert_eq!(u8::decode(&[256]), None);
        assert_eq!(i8::decode(&[(200u64) ^ SIGN]), None);
    }
}
