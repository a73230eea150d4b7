//! Tests of how models are fitted.

use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Exp, Gamma};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::clv::histories::History;
use crate::clv::mbg_nbd::MBG_NBD;
use crate::clv::nbd::Nbd;

/// Everybody's gaps are Erlang-k with one rate and end with the last purchase: ln L has a closed maximum,
/// rate = k Σx/Σt_x.
struct ErlangGaps;

impl CountModel for ErlangGaps {
    fn name(&self) -> &'static str {
        "erlang_gaps"
    }
    fn letters(&self) -> &'static [&'static str] {
        &["k", "rate"]
    }
    fn shapes(&self) -> &'static [f64] {
        &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    }
    fn time_powers(&self) -> &'static [i32] {
        &[0, -1]
    }
    fn has_dropout(&self) -> bool {
        false
    }
    fn starts(&self, [r, alpha]: [f64; 2]) -> Vec<Vec<f64>> {
        vec![vec![r / alpha], vec![100.0 * r / alpha]]
    }
    fn log_likelihood(&self, params: &[f64], histories: &Histories) -> Derivatives {
        let (k, rate) = (params[0], params[1]);
        let x = histories.total_x();
        let time: f64 = histories
            .rows
            .iter()
            .zip(&histories.counts)
            .map(|(h, n)| n * h.t_x)
            .sum();
        let mut out = Derivatives {
            value: k * x * rate.ln() - x * libm::lgamma(k) - rate * time
                + (k - 1.0) * histories.sum_ln_gaps.unwrap_or(f64::NAN),
            ..Derivatives::default()
        };
        out.gradient[0] = k * x / rate - time;
        out.hessian[0][0] = -k * x / (rate * rate);
        out
    }
    fn alive_prob(&self, _: &[f64], _: &History) -> f64 {
        1.0
    }
    fn alive_prob_after(&self, _: &[f64], _: &History, _: f64) -> f64 {
        1.0
    }
    fn expected_orders(&self, _: &[f64], _: &History, _: &[f64], _: &mut [f64]) {}
    fn order_tail(&self, _: &[f64], _: &History, _: f64, _: f64, _: usize) -> Vec<f64> {
        Vec::new()
    }
    fn residual_orders(&self, _: &[f64], _: &History, _: f64) -> f64 {
        0.0
    }
    fn limit(&self, _: &[f64]) -> Option<FitStatus> {
        None
    }
}

/// 40 customers whose gaps have the quantiles of an Erlang-3 (by the cube of a normal, Wilson and Hilferty).
fn regular_customers(unit: f64) -> Histories {
    let normal = [-1.5, -0.9, -0.5, -0.15, 0.15, 0.5, 0.9, 1.5];
    let gaps: Vec<f64> = normal
        .iter()
        .map(|z: &f64| unit * (1.0_f64 - 1.0 / 27.0 + z / 27_f64.sqrt()).powi(3))
        .collect();
    let t_x: f64 = gaps.iter().sum();
    let customers = vec![History { x: 8, t_x, age: t_x }; 40];
    let (mut histories, _) = Histories::collapse(&customers);
    histories.sum_ln_gaps = Some(40.0 * gaps.iter().map(|g| g.ln()).sum::<f64>());
    histories
}

#[test]
fn the_shape_is_the_likeliest_and_the_unit_of_time_changes_only_the_rate() {
    let fitted = |unit: f64| {
        let data = Data::new(&regular_customers(unit), Setting::Noncontractual);
        fit(&ErlangGaps, &data, &[], None)
    };
    let (days, seconds) = (fitted(1.0), fitted(86_400.0));
    let rows = regular_customers(1.0);
    let best = (1..=6)
        .map(|k| {
            let k = f64::from(k);
            let rate = k * 8.0 / rows.rows[0].t_x;
            (k, rate, ErlangGaps.log_likelihood(&[k, rate], &rows).value)
        })
        .max_by(|a, b| a.2.total_cmp(&b.2))
        .unwrap();
    assert!(1.0 < best.0 && best.0 < 6.0, "{best:?}");
    assert_eq!(days.params_days[0], best.0);
    assert!((days.params_days[1] / best.1 - 1.0).abs() < 1e-9);
    let log_likelihood = days.report.log_likelihood.unwrap();
    assert!((log_likelihood - best.2).abs() < 1e-9, "{log_likelihood} {best:?}");
    assert!((seconds.params_days[1] * 86_400.0 / best.1 - 1.0).abs() < 1e-9);
    let moved = seconds.report.log_likelihood.unwrap() + 320.0 * 86_400_f64.ln();
    assert!((log_likelihood - moved).abs() < 1e-8);
    // Two parameters, one of them counted: variance of ln rate 1/(k Σx).
    assert_eq!(days.report.bic, Some(bic(log_likelihood, 2, 40.0)));
    let covariance = days.report.covariance.unwrap();
    assert_eq!((covariance[0][0], covariance[0][1], covariance[1][0]), (0.0, 0.0, 0.0));
    assert!((covariance[1][1] * best.0 * 320.0 - 1.0).abs() < 1e-6);
    assert_eq!(days.report.standard_errors.get("k"), None);

    let mut without_gaps = regular_customers(1.0);
    without_gaps.sum_ln_gaps = None;
    let data = Data::new(&without_gaps, Setting::Noncontractual);
    assert_eq!(
        fit(&ErlangGaps, &data, &[], None).report.status,
        FitStatus::NotEnoughHistory
    );
}

#[test]
fn opportunities_are_not_rescaled() {
    let data = Data::new(&regular_customers(7.0), Setting::Discrete);
    assert_eq!((data.unit, data.histories.rows), (1.0, regular_customers(7.0).rows));
}

/// MBG/NBD customers with r 0.8, alpha 15, a 0.7, b 1.5.
fn mixed_customers(unit: f64) -> Histories {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(21);
    let (rates, drops) = (Gamma::new(0.8, 1.0 / 15.0).unwrap(), Beta::new(0.7, 1.5).unwrap());
    let customers: Vec<History> = (0..600)
        .map(|_| {
            let (rate, drop): (f64, f64) = (rates.sample(&mut rng), drops.sample(&mut rng));
            let age = f64::from(rng.gen_range(40..120));
            let gaps = Exp::new(rate.max(1e-12)).unwrap();
            let (mut x, mut t_x) = (0, 0.0);
            while !rng.gen_bool(drop) {
                let next = t_x + gaps.sample(&mut rng);
                if age < next {
                    break;
                }
                x += 1;
                t_x = next;
            }
            History {
                x,
                t_x: t_x * unit,
                age: age * unit,
            }
        })
        .collect();
    Histories::collapse(&customers).0
}

#[test]
fn a_ridge_draws_toward_its_centre_whatever_the_unit_and_vanishes_with_its_precision() {
    let with = |unit: f64, precision: f64| {
        let data = Data::new(&mixed_customers(unit), Setting::Noncontractual);
        let nbd = fit(&Nbd, &data, &[], None);
        let penalty = Penalty {
            centre: [0.7, 20.0 * unit, 0.6, 1.9].iter().map(|p: &f64| p.ln()).collect(),
            precision: vec![precision; 4],
        };
        fit(
            &MBG_NBD,
            &data,
            std::slice::from_ref(&nbd),
            (0.0 < precision).then_some(&penalty),
        )
    };
    let free = with(1.0, 0.0);
    assert_eq!(free.report.status, FitStatus::Ok, "{:?}", free.report);
    assert!(0 < free.report.starts_at_best && free.report.starts_at_best <= free.report.n_starts);
    let faint = with(1.0, 1e-7);
    for (a, b) in free.params_days.iter().zip(&faint.params_days) {
        assert!((a / b - 1.0).abs() < 1e-5, "{a} {b}");
    }
    let firm = with(1.0, 1e9);
    for (got, want) in firm.params_days.iter().zip([0.7, 20.0, 0.6, 1.9]) {
        assert!((got / want - 1.0).abs() < 1e-5, "{got} {want}");
    }
    let (some, in_hours) = (with(1.0, 30.0), with(24.0, 30.0));
    for (i, hours) in [1.0, 24.0, 1.0, 1.0].into_iter().enumerate() {
        assert!((some.params_days[i] * hours / in_hours.params_days[i] - 1.0).abs() < 1e-8);
    }
    assert!(some.report.log_likelihood < free.report.log_likelihood);
    // The report's is the likelihood alone.
    let alone = MBG_NBD.log_likelihood(&some.params_days, &mixed_customers(1.0)).value;
    assert!((some.report.log_likelihood.unwrap() - alone).abs() < 1e-8);
    // A firmer prior leaves less doubt.
    assert!(some.report.standard_errors.get("a") < free.report.standard_errors.get("a"));
}
