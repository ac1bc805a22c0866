//! What the measuring programs share.

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Puts the order of a round at random, so that no peer always runs after the same one.
pub fn shuffle(order: &mut [usize]) {
    for at in (1..order.len()).rev() {
        order.swap(at, rand::random_range(0..=at));
    }
}
