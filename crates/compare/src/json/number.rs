//! JSON numbers as they are written: exact, of any size, never a float unless nothing else is left.

/// A number taken apart. The value is `0.DIGITS * 10^point`, with no zero at either end of the digits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number<'a> {
    raw: &'a [u8],
    negative: bool,
    /// The digits before and after the point, without the zeros at the ends; either may be empty.
    whole: &'a [u8],
    rest: &'a [u8],
    /// None if the exponent has more digits than fit.
    point: Option<i64>,
    /// Whether it is written with a fraction or an exponent, so that many a client takes it for another type than an integer.
    float: bool,
}

impl<'a> Number<'a> {
    /// Takes a number apart that a [`super::Lexer`] has accepted.
    pub(crate) fn new(raw: &'a [u8]) -> Self {
        let (negative, unsigned) = match raw.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, raw),
        };
        let split = |text: &'a [u8], is: fn(u8) -> bool| match text.iter().position(|&b| is(b)) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let (mantissa, exponent) = split(unsigned, |b| b == b'e' || b == b'E');
        let (whole, fraction) = split(mantissa, |b| b == b'.');
        let float = exponent.is_some() || fraction.is_some();
        let (whole, rest, shift) = trim(whole, fraction.unwrap_or_default());
        let zero = whole.is_empty() && rest.is_empty();
        let exponent = match exponent {
            None => Some(0),
            Some(text) => std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok()),
        };
        let point = if zero {
            Some(0)
        } else {
            exponent.and_then(|exponent| exponent.checked_add(shift))
        };
        Self {
            raw,
            negative: negative && !zero,
            whole,
            rest,
            point,
            float,
        }
    }

    pub(crate) fn is_float(&self) -> bool {
        self.float
    }

    /// The digits, the sign and the magnitude: equal for numbers of the same value, however written.
    pub(crate) fn parts(&self) -> (bool, Option<i64>, impl Iterator<Item = u8> + 'a) {
        (self.negative, self.point, self.whole.iter().chain(self.rest).copied())
    }

    /// Whether both are exactly the same value.
    pub(crate) fn equals(&self, other: &Number<'_>) -> bool {
        if self.point.is_none() || other.point.is_none() {
            return self.raw == other.raw;
        }
        self.negative == other.negative && self.point == other.point && self.parts().2.eq(other.parts().2)
    }

    /// Whether the values are no farther apart than `absolute`, or than `relative` times the larger of the two magnitudes.
    pub(crate) fn is_near(&self, other: &Number<'_>, absolute: Option<Decimal>, relative: Option<Decimal>) -> bool {
        if self.equals(other) {
            return true;
        }
        self.is_near_exactly(other, absolute, relative).unwrap_or_else(|| {
            let (a, b) = (self.float_value(), other.float_value());
            let allowed = absolute.map_or(0.0, Decimal::float_value);
            let share = relative.map_or(0.0, Decimal::float_value) * a.abs().max(b.abs());
            // Two infinities have no distance: the comparison with NaN is false.
            (a - b).abs() <= allowed.max(share)
        })
    }

    /// None if the numbers have too many digits between them for 128 bits.
    fn is_near_exactly(
        &self,
        other: &Number<'_>,
        absolute: Option<Decimal>,
        relative: Option<Decimal>,
    ) -> Option<bool> {
        let (a, b) = (self.decimal()?, other.decimal()?);
        let (x, y, exponent) = Decimal::align(a, b)?;
        let distance = Decimal {
            mantissa: x.checked_sub(y)?.checked_abs()?,
            exponent,
        };
        if let Some(absolute) = absolute {
            let (distance, allowed, _) = Decimal::align(distance, absolute)?;
            if distance <= allowed {
                return Some(true);
            }
        }
        let Some(relative) = relative else { return Some(false) };
        let larger = x.checked_abs()?.max(y.checked_abs()?);
        let share = Decimal {
            mantissa: larger.checked_mul(relative.mantissa)?,
            exponent: exponent.checked_add(relative.exponent)?,
        };
        let (distance, allowed, _) = Decimal::align(distance, share)?;
        Some(distance <= allowed)
    }

    pub(crate) fn float_value(&self) -> f64 {
        std::str::from_utf8(self.raw)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(f64::NAN)
    }

    fn decimal(&self) -> Option<Decimal> {
        let mut mantissa = 0_i128;
        for digit in self.parts().2 {
            mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        let count = (self.whole.len() + self.rest.len()) as i64;
        let exponent = self.point?.checked_sub(count)?;
        Some(Decimal {
            mantissa: if self.negative { -mantissa } else { mantissa },
            exponent,
        })
    }
}

/// Cuts the zeros off both ends of `whole.fraction`; also returns where the point stands, counted from the first digit that is left.
fn trim<'a>(whole: &'a [u8], fraction: &'a [u8]) -> (&'a [u8], &'a [u8], i64) {
    let leading = |text: &[u8]| text.iter().take_while(|&&b| b == b'0').count();
    let trailing = |text: &[u8]| text.iter().rev().take_while(|&&b| b == b'0').count();
    let mut whole = &whole[leading(whole)..];
    let mut point = whole.len() as i64;
    let mut rest = &fraction[..fraction.len() - trailing(fraction)];
    if rest.is_empty() {
        whole = &whole[..whole.len() - trailing(whole)];
    } else if whole.is_empty() {
        let zeros = leading(rest);
        rest = &rest[zeros..];
        point = -(zeros as i64);
    }
    (whole, rest, point)
}

/// `mantissa * 10^exponent`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Decimal {
    mantissa: i128,
    exponent: i64,
}

impl Decimal {
    /// A rule's number, as its user wrote it: 0.01 is a hundredth and not the double next to it. None unless it is finite and not negative.
    pub(crate) fn from_float(value: f64) -> Option<Self> {
        if !value.is_finite() || value < 0.0 {
            return None;
        }
        // The shortest decimal that reads back as this double: at most 17 digits.
        Number::new(value.to_string().as_bytes()).decimal()
    }

    fn float_value(self) -> f64 {
        // Parsing rounds correctly, where a power of ten by multiplication would not.
        format!("{}e{}", self.mantissa, self.exponent)
            .parse()
            .unwrap_or(f64::NAN)
    }

    /// Both mantissas at one exponent. None if they do not fit into 128 bits there.
    fn align(a: Self, b: Self) -> Option<(i128, i128, i64)> {
        if a.mantissa == 0 || b.mantissa == 0 {
            let exponent = if a.mantissa == 0 { b.exponent } else { a.exponent };
            return Some((a.mantissa, b.mantissa, exponent));
        }
        let exponent = a.exponent.min(b.exponent);
        let scale = |d: Self| {
            let shift = u32::try_from(d.exponent.checked_sub(exponent)?).ok()?;
            d.mantissa.checked_mul(10_i128.checked_pow(shift)?)
        };
        Some((scale(a)?, scale(b)?, exponent))
    }
}
