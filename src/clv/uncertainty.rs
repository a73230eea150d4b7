//! Points that stand for the uncertainty of fitted parameters: a prediction averaged over them is the prediction
//! averaged over the parameters' normal distribution, up to terms of the fourth order.
//!
//! In: estimates and the covariance of their logarithms. Out: 2k sets of parameters. Cost: k³.
//! Source: the spherical-radial rule of degree three, Arasaratnam and Haykin (2009), *Cubature Kalman Filters*, IEEE
//! Transactions on Automatic Control 54(6), equation (31): ln θ ± √k times a column of a root of the covariance, all
//! with the same weight. No weight is negative, so averages of probabilities are probabilities.

/// Logarithms of parameters stay within ± this, as in the fits.
const BOUND: f64 = 40.0;

/// Farthest that a point is moved, in logarithms: a parameter that is uncertain by more than a factor of e³ = 20 is
/// not known at all, and the normal distribution says nothing about it.
const FARTHEST: f64 = 3.0;

/// The points, each as long as `params`; none if nothing is uncertain. `None` if `covariance` is none.
pub fn points(params: &[f64], covariance: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let root = root(covariance, params.len())?;
    let columns: Vec<Vec<f64>> = (0..params.len())
        .map(|j| root.iter().map(|row| row[j]).collect::<Vec<f64>>())
        .filter(|column| column.iter().any(|v| *v != 0.0))
        .collect();
    let radius = (columns.len() as f64).sqrt();
    let mut out = Vec::new();
    for column in &columns {
        let farthest = column.iter().fold(0.0, |m: f64, v| m.max(v.abs())) * radius;
        let length = radius * (FARTHEST / farthest).min(1.0);
        for side in [length, -length] {
            // What is certain stays as it is, to the last bit: a whole number of stages must stay whole.
            let moved = |(p, v): (&f64, &f64)| match *v {
                0.0 => *p,
                v => (p.ln() + side * v).clamp(-BOUND, BOUND).exp(),
            };
            out.push(params.iter().zip(column).map(moved).collect());
        }
    }
    Some(out)
}

/// Sum of the variances.
pub fn trace(covariance: &[Vec<f64>]) -> f64 {
    covariance.iter().enumerate().filter_map(|(i, row)| row.get(i)).sum()
}

/// Lower triangular root (Cholesky) of a k × k covariance, whose rows may be zero; `None` if it is no covariance.
fn root(covariance: &[Vec<f64>], k: usize) -> Option<Vec<Vec<f64>>> {
    if covariance.len() != k || covariance.iter().any(|row| row.len() != k) {
        return None;
    }
    let mut root = vec![vec![0.0; k]; k];
    for i in 0..k {
        for j in 0..=i {
            let value = covariance[i][j];
            let symmetric =
                (value - covariance[j][i]).abs() <= 1e-6 * (covariance[i][i] * covariance[j][j]).abs().sqrt();
            if !(value.is_finite() && symmetric) {
                return None;
            }
            let rest = value - (0..j).map(|m| root[i][m] * root[j][m]).sum::<f64>();
            if i == j {
                if rest < -1e-9 * value.abs() {
                    return None;
                }
                root[i][i] = if rest <= 1e-12 * value { 0.0 } else { rest.sqrt() };
            } else if 0.0 < root[j][j] {
                root[i][j] = rest / root[j][j];
            }
        }
    }
    Some(root)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_have_the_mean_and_covariance_they_stand_for() {
        let params = [2.0, 0.5, 30.0];
        let covariance = vec![vec![0.04, 0.0, 0.03], vec![0.0, 0.0, 0.0], vec![0.03, 0.0, 0.09]];
        let points = points(&params, &covariance).unwrap();
        assert_eq!(points.len(), 4);
        let mean = |f: &dyn Fn(&[f64]) -> f64| points.iter().map(|p| f(p)).sum::<f64>() / 4.0;
        let moved = |p: &[f64], i: usize| (p[i] / params[i]).ln();
        for (i, row) in covariance.iter().enumerate() {
            assert!(mean(&|p| moved(p, i)).abs() < 1e-14);
            for (j, want) in row.iter().enumerate() {
                assert!((mean(&|p| moved(p, i) * moved(p, j)) - want).abs() < 1e-14, "{i} {j}");
            }
        }
    }

    /// exp(ln 3) is not 3, and a model of stages has no answer for 3.0000000000000004 of them.
    #[test]
    fn what_is_certain_is_not_moved() {
        for k in (1_u32..=24).map(f64::from) {
            let points = points(&[k, 2.0], &[vec![0.0, 0.0], vec![0.0, 0.1]]).unwrap();
            assert!(
                points.len() == 2 && points.iter().all(|p| p[0] == k && p[1] != 2.0),
                "{k}"
            );
        }
    }

    #[test]
    fn what_is_no_covariance_is_refused() {
        let not = |rows: &[[f64; 2]; 2]| points(&[1.0, 1.0], &rows.map(|r| r.to_vec())).is_none();
        assert!(not(&[[1.0, 2.0], [2.0, 1.0]]) && not(&[[1.0, 0.5], [0.1, 1.0]]));
        assert!(not(&[[-1.0, 0.0], [0.0, 1.0]]) && not(&[[f64::NAN, 0.0], [0.0, 1.0]]));
        assert!(points(&[1.0], &[vec![1.0, 0.0]]).is_none() && points(&[1.0, 2.0], &[vec![1.0]]).is_none());
        assert_eq!(points(&[1.0], &[vec![0.0]]), Some(vec![]));
        // However uncertain, finite.
        let wild = points(&[1.0], &[vec![1e30]]).unwrap();
        assert!(wild.iter().flatten().all(|p| p.is_finite() && 0.0 < *p));
    }
}
