use std::fmt;

/// A sampling percentage as a number out of 10,000.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Threshold(u64);

/// A percentage is not a number from 0 to 100.
#[derive(Debug, Clone, PartialEq)]
pub struct PercentageError(f64);

impl Threshold {
    /// `floor(10000 × (percent / 100))` in double precision, as Envoy computes it: 0.29 % is 28.
    pub(crate) fn new(percent: f64) -> Result<Threshold, PercentageError> {
        if percent.is_sign_positive() && percent <= 100.0 {
            Ok(Threshold((10_000.0 * (percent / 100.0)).floor() as u64))
        } else {
            Err(PercentageError(percent))
        }
    }

    pub(crate) fn admits(self, number: u64) -> bool {
        number % 10_000 < self.0
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

impl fmt::Debug for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Percentage({self})")
    }
}

impl fmt::Display for PercentageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not a percentage from 0 to 100", self.0)
    }
}

impl std::error::Error for PercentageError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;

    #[test]
    fn thresholds_are_rounded_down_as_in_envoy() {
        let threshold = |percent| Threshold::new(percent).unwrap().0;
        assert_eq!(threshold(0.0), 0);
        assert_eq!(threshold(0.01), 1);
        assert_eq!(threshold(0.29), 28);
        assert_eq!(threshold(10.0), 1000);
        assert_eq!(threshold(37.25), 3725);
        assert_eq!(threshold(100.0), 10_000);
        let half = Threshold::new(50.0).unwrap();
        assert!(half.admits(4999) && !half.admits(5000) && half.admits(10_000));
    }

    #[test]
    fn a_percentage_outside_of_0_to_100_is_an_error() {
        for percent in [-0.01, -0.0, 100.01, f64::NAN, f64::INFINITY] {
            let error = Threshold::new(percent).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("{percent} is not a percentage from 0 to 100")
            );
        }
    }

    #[test]
    fn ten_percent_admit_a_tenth_of_random_trace_ids() {
        let tenth = Threshold::new(10.0).unwrap();
        let admitted = (0..100_000)
            .filter(|_| tenth.admits(TraceId::random().low()))
            .count();
        // Ten standard deviations are 950.
        assert!((9_050..10_950).contains(&admitted), "{admitted}");
    }
}
