//! Two pictures of a fit: what it says of every history, and how amounts spread.
//!
//! In: a fit, a split. Out: [`Heat`] (P(alive) matrix, expected orders by frequency and recency) and
//! [`SpendDensity`]. Cost: a thousand or two predictions a model; distinct x × 320 densities.
//! Source: the maps are those of Fader, Hardie and Lee (2005), *RFM and CLV: Using Iso-Value Curves*, Journal of
//! Marketing Research 42; the density is that of Fader and Hardie (2013), note 025, figure 1.
//!
//! # Formula
//! Density of a mean amount z over x orders: equation (1a) of note 025, mixed over the x of the customers.
//!
//! # Check
//! `tests::the_density_of_gamma_gamma_is_a_density`.

use super::evaluation::{Heat, SpendBin, SpendDensity};
use super::fit::Fitted;
use super::histories::History;
use super::holdout::Split;
use super::model::Setting;
use super::select::Spend;
use super::special::ln_beta;

/// Most repeat purchases of a map, and the share of customers that it should hold.
const MOST_ROWS: u32 = 40;
const SHOWN_SHARE: f64 = 0.99;

/// Columns of a map in time; opportunities have a column each, up to as many.
const COLUMNS: u32 = 40;

/// Bins of amounts, up to the amount that [`SHOWN_SHARE`] of customers do not exceed.
const BINS: usize = 40;

/// What `fitted` says of customers of the greatest age, by x and t_x. `None` where leaving is seen, and without
/// customers.
pub fn heat(name: &str, fitted: &Fitted, split: &Split) -> Option<Heat> {
    if split.setting == Setting::Contractual {
        return None;
    }
    let age = split
        .observed
        .age_days
        .iter()
        .fold(0.0, |longest: f64, age| age.max(longest));
    if age <= 0.0 {
        return None;
    }
    // Ascending, so the quantile is a place.
    let last = (SHOWN_SHARE * (split.observed.x.len() as f64 - 1.0)) as usize;
    let most = (*split.observed.x.get(last)?).clamp(1, MOST_ROWS);
    let steps = match split.setting {
        Setting::Discrete => (age.round() as u32).clamp(1, COLUMNS),
        _ => COLUMNS,
    };
    let column = |k: u32| {
        let t_x = age * f64::from(k) / f64::from(steps);
        if split.setting == Setting::Discrete {
            t_x.round()
        } else {
            t_x
        }
    };
    let x: Vec<u32> = (0..=most).collect();
    let t_x: Vec<f64> = (0..=steps).map(column).collect();
    let finite = |value: f64| value.is_finite().then_some(value);
    let cell = |x: u32, t_x: f64| {
        let h = History { x, t_x, age };
        let impossible = split.setting == Setting::Discrete && t_x < f64::from(x);
        if !h.is_valid() || impossible {
            return (None, None);
        }
        let mut expected = [0.0];
        let params = &fitted.params_days;
        fitted
            .model
            .expected_orders(params, &h, &[split.horizon], &mut expected);
        (finite(fitted.model.alive_prob(params, &h)), finite(expected[0]))
    };
    let (mut alive_prob, mut expected_orders) = (Vec::new(), Vec::new());
    for &x in &x {
        let (alive, orders) = t_x.iter().map(|t_x| cell(x, *t_x)).unzip();
        alive_prob.push(alive);
        expected_orders.push(orders);
    }
    Some(Heat {
        name: name.to_owned(),
        age,
        horizon: split.horizon,
        x,
        t_x,
        alive_prob,
        expected_orders,
    })
}

/// Mean repeat amounts of the calibration, and what Gamma-Gamma expects. `None` without Gamma-Gamma.
pub fn spend_density(spend: &Spend, split: &Split) -> Option<SpendDensity> {
    let &Spend::GammaGamma { p, q, gamma, .. } = spend else {
        return None;
    };
    let pairs = split.observed.x.iter().zip(&split.observed.mean_repeat_amount);
    let spenders: Vec<(u32, f64)> = pairs
        .filter_map(|(x, amount)| Some((*x, (*amount)?)))
        .filter(|(x, amount)| 0 < *x && amount.is_finite() && 0.0 < *amount)
        .collect();
    let n = spenders.len() as f64;
    let mut amounts: Vec<f64> = spenders.iter().map(|(_, amount)| *amount).collect();
    amounts.sort_unstable_by(f64::total_cmp);
    let end = *amounts.get((SHOWN_SHARE * n) as usize).or(amounts.last())?;
    let edge = |k: usize| end * k as f64 / BINS as f64;
    // Customers ascend by x.
    let by_x: Vec<(f64, f64)> = spenders
        .chunk_by(|a, b| a.0 == b.0)
        .map(|group| (f64::from(group[0].0), group.len() as f64 / n))
        .collect();
    let density = |z: f64| -> f64 {
        let of_x = |(x, share): &(f64, f64)| {
            let spent = x * z;
            let ln_spent_share = -(gamma / spent).ln_1p();
            let ln_rest_share = -(spent / gamma).ln_1p();
            let ln = p * x * ln_spent_share + q * ln_rest_share - z.ln() - ln_beta(p * x, q);
            share * ln.exp()
        };
        by_x.iter().map(of_x).sum()
    };
    let bins: Vec<SpendBin> = (0..BINS)
        .map(|k| {
            let (from, to) = (edge(k), edge(k + 1));
            let count = amounts.partition_point(|a| *a < to) - amounts.partition_point(|a| *a < from);
            let expected = if k == 0 {
                // Near 0 the density goes like z^(p−1), steep or infinite; with z = to s^m it vanishes there.
                let m = (2.0 / p).clamp(4.0, 100.0);
                integrate(0.0, 1.0, |s| m * to * s.powf(m - 1.0) * density(to * s.powf(m)))
            } else {
                integrate(from, to, density)
            };
            SpendBin {
                from_amount: from,
                to_amount: to,
                observed_share: count as f64 / n,
                expected_share: if expected.is_finite() {
                    expected.clamp(0.0, 1.0)
                } else {
                    0.0
                },
            }
        })
        .collect();
    let beyond = amounts.len() - amounts.partition_point(|a| *a < end);
    Some(SpendDensity {
        n_customers: amounts.len() as u64,
        beyond_share: beyond as f64 / n,
        bins,
    })
}

/// Gauss and Legendre's rule with eight points.
fn integrate(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    const NODES: [(f64, f64); 4] = [
        (0.183_434_642_495_649_8, 0.362_683_783_378_362),
        (0.525_532_409_916_329, 0.313_706_645_877_887_3),
        (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
        (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
    ];
    let (middle, half) = (0.5 * (from + to), 0.5 * (to - from));
    let pair = |(node, weight): &(f64, f64)| weight * (f(middle - half * node) + f(middle + half * node));
    half * NODES.iter().map(pair).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::super::clock::Clock;
    use super::super::purchases::PurchaseDays;
    use super::*;

    /// A thousand customers with x from 1 to 4 and amounts at the quantiles of a wide distribution.
    fn spenders() -> Split {
        let mut purchases = PurchaseDays::default();
        for i in 0..1000 {
            let amount = 10.0 * f64::from(i + 1) / f64::from(1001 - i);
            purchases.push((0..=1 + i % 4).map(|k| (10 * k, amount)));
        }
        Split::new(&purchases, 50, 60, &Clock::calendar())
    }

    #[test]
    fn the_density_of_gamma_gamma_is_a_density() {
        let split = spenders();
        for (p, q, gamma) in [(0.3, 2.0, 200.0), (6.25, 3.74, 40.0), (40.0, 12.0, 40.0)] {
            let spend = Spend::GammaGamma {
                p,
                q,
                gamma,
                covariance: None,
            };
            let density = spend_density(&spend, &split).unwrap();
            let total: f64 = density.bins.iter().map(|bin| bin.expected_share).sum();
            let observed: f64 = density.bins.iter().map(|bin| bin.observed_share).sum();
            assert!((observed + density.beyond_share - 1.0).abs() < 1e-12);
            let end = density.bins[BINS - 1].to_amount;
            // P(z > end) for x orders is at most E[z]/end.
            let beyond = p * gamma / (q - 1.0) / end;
            assert!(
                (1.0 - beyond - 1e-6..=1.0 + 1e-6).contains(&total),
                "{p} {q} {gamma}: {total}"
            );
        }
    }

    #[test]
    fn eight_points_integrate_a_polynomial_of_degree_fifteen() {
        let got = integrate(0.0, 2.0, |x| x.powi(15));
        assert!((got / 4096.0 - 1.0).abs() < 1e-14, "{got}");
    }
}
