//! The lowest value of a figure over time.

use model::report::Series;

/// The time and value of the lowest point of a series, across its gaps.
#[must_use]
pub fn lowest(series: &Series) -> Option<(f64, f64)> {
    let known = series.values.iter().enumerate();
    known
        .filter_map(|(at, value)| Some((series.time_s(at), f64::from((*value)?))))
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_point_is_found_across_gaps() {
        let series = Series {
            start_s: 3.0,
            step_s: 1.0,
            values: vec![Some(9.0), None, Some(4.0), Some(6.0)],
        };
        assert_eq!(lowest(&series), Some((5.0, 4.0)));
    }
}
