//! Statistics and helpers of the measuring programs.

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Shuffles the order of a round, so that no peer always runs after the same one.
pub fn shuffle(order: &mut [usize]) {
    for at in (1..order.len()).rev() {
        order.swap(at, rand::random_range(0..=at));
    }
}
