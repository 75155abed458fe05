//! Pairs of measurements, taken in turn, so that what disturbs one disturbs the other.

/// The middle of what was measured; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), middle.checked_sub(1).and_then(|below| sorted.get(below))) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => f64::midpoint(*upper, *lower),
        (Some(middle), _) => *middle,
        (None, _) => 0.0,
    }
}

/// What was measured of ours and of the rival, pair by pair.
#[derive(Clone, Debug, Default)]
pub struct Pairs {
    /// Ours.
    pub ours: Vec<f64>,
    /// The rival's, each taken right after ours.
    pub rival: Vec<f64>,
}

impl Pairs {
    /// Adds one pair.
    pub fn push(&mut self, ours: f64, rival: f64) {
        self.ours.push(ours);
        self.rival.push(rival);
    }

    /// The median of ours over the rival's, pair by pair.
    pub fn ratio(&self) -> f64 {
        let ratios: Vec<f64> = self.ours.iter().zip(&self.rival).map(|(ours, rival)| ours / rival).collect();
        median(&ratios)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_and_a_ratio_is_taken_pair_by_pair() {
        assert_eq!((median(&[3.0, 1.0, 2.0]), median(&[4.0, 1.0]), median(&[])), (2.0, 2.5, 0.0));
        let mut pairs = Pairs::default();
        for (ours, rival) in [(2.0, 1.0), (9.0, 3.0), (4.0, 4.0)] {
            pairs.push(ours, rival);
        }
        assert_eq!(pairs.ratio(), 2.0);
    }
}
