use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Exp, Gamma, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::clv::fit::{self, Data};
use crate::clv::model::{FitStatus, Setting, find};
use crate::clv::nbd::Nbd;
use crate::units::Day;
use chrono::NaiveDate;

/// A customer of an MBG/NBD, and the orders of the 180 days after.
fn customer(rng: &mut impl Rng, [r, alpha, a, b]: [f64; 4]) -> (History, usize) {
    let rate: f64 = Gamma::new(r, 1.0 / alpha).unwrap().sample(rng);
    let drop = Beta::new(a, b).unwrap().sample(rng);
    let gaps = Exp::new(rate.max(1e-12)).unwrap();
    let age = f64::from(rng.gen_range(100..500));
    let (mut h, mut later, mut t) = (History { x: 0, t_x: 0.0, age }, 0, 0.0);
    while !rng.gen_bool(drop) {
        t += gaps.sample(rng);
        if age + AHEAD < t {
            break;
        }
        if t <= age {
            h.x += 1;
            h.t_x = t;
        } else {
            later += 1;
        }
    }
    (h, later)
}

const AHEAD: f64 = 180.0;
const WHOLE: [f64; 4] = [1.1, 45.0, 0.8, 2.2];

struct Sample {
    histories: Vec<History>,
    later: Vec<usize>,
    labels: Vec<String>,
}

impl Sample {
    fn labels(&self) -> Labels {
        Labels::new(self.labels.iter().map(|l| Some(l.as_str())))
    }
}

/// Groups of these sizes whose logarithms of parameters differ by `spreads`.
fn sample(rng: &mut impl Rng, sizes: &[usize], spreads: [f64; 4]) -> Sample {
    let mut out = Sample {
        histories: Vec::new(),
        later: Vec::new(),
        labels: Vec::new(),
    };
    for (g, size) in sizes.iter().enumerate() {
        let mut params = WHOLE;
        for (p, spread) in params.iter_mut().zip(spreads) {
            let away: f64 = rng.sample(StandardNormal);
            *p *= (spread * away).exp();
        }
        for _ in 0..*size {
            let (h, later) = customer(rng, params);
            out.histories.push(h);
            out.later.push(later);
            out.labels.push(format!("group {g:02}"));
        }
    }
    out
}

fn model() -> &'static dyn CountModel {
    find("mbg_nbd").unwrap()
}

/// The maximum of these customers alone; the NBD with next to no dropout where that is the maximum.
fn alone(histories: &[History]) -> (Vec<f64>, FitStatus) {
    let histories = Histories::collapse(histories).0;
    let data = Data::new(&histories, Setting::Noncontractual);
    let nbd = fit::fit(&Nbd, &data, &[], None);
    let fitted = fit::fit(model(), &data, &[nbd], None);
    let mut params = fitted.params_days;
    if fitted.report.status == FitStatus::NoDropoutLimit {
        (params[2], params[3]) = (1e-9, 1.0);
    }
    (params, fitted.report.status)
}

fn values(letters: &Letters) -> Vec<f64> {
    letters.0.iter().map(|(_, v)| v.unwrap()).collect()
}

/// ln P(orders of the next 180 days), of the customers of a sample by the parameters of each one's group.
fn log_score(sample: &Sample, params_of: impl Fn(&str) -> Vec<f64>) -> f64 {
    let mut sum = 0.0;
    let mut last: Option<(&str, Vec<f64>)> = None;
    for ((h, n), label) in sample.histories.iter().zip(&sample.later).zip(&sample.labels) {
        let params = match last.take() {
            Some((known, params)) if known == label.as_str() => params,
            _ => params_of(label),
        };
        let tail = model().order_tail(&params, h, AHEAD, 0.0, n + 1);
        let above = if *n == 0 {
            1.0
        } else {
            tail.get(n - 1).copied().unwrap_or(0.0)
        };
        sum += (above - tail.get(*n).copied().unwrap_or(0.0)).max(1e-12).ln();
        last = Some((label, params));
    }
    sum
}

fn place(labels: &Labels, label: &str) -> usize {
    labels.names().iter().position(|name| name == label).unwrap()
}

#[test]
fn pooled_groups_predict_better_than_separate_and_than_common_ones() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let (mut against_separate, mut against_common) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let sizes: Vec<usize> = (0..16).map(|g| 40 + 10 * (g % 8)).collect();
        let s = sample(&mut rng, &sizes, [0.0, 0.5, 0.5, 0.0]);
        let labels = s.labels();
        let (whole, _) = alone(&s.histories);
        let grouped = fit_counts(model(), &whole, &s.histories, &labels);
        let separate: Vec<Vec<f64>> = labels.split(&s.histories).iter().map(|part| alone(part).0).collect();
        let pooled = log_score(&s, |label| values(grouped.params_of(Some(label))));
        let common = log_score(&s, |_| whole.clone());
        let own = log_score(&s, |label| separate[place(&labels, label)].clone());
        against_separate.push(pooled - own);
        against_common.push(pooled - common);
    }
    for gains in [against_separate, against_common] {
        let n = gains.len() as f64;
        let mean = gains.iter().sum::<f64>() / n;
        let variance = gains.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let error = (variance / n).sqrt();
        assert!(3.0 * error < mean, "{mean} ± {error}");
    }
}

#[test]
fn equal_groups_end_in_the_whole_and_huge_ones_in_their_own_maximum() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    let (mut lost, mut lost_apart) = (0.0, 0.0);
    for _ in 0..20 {
        let s = sample(&mut rng, &[150; 12], [0.0; 4]);
        let labels = s.labels();
        let (whole, _) = alone(&s.histories);
        let grouped = fit_counts(model(), &whole, &s.histories, &labels);
        assert!(grouped.groups.iter().all(|g| g.status == GroupStatus::Pooled));
        let common = log_score(&s, |_| whole.clone());
        let separate: Vec<Vec<f64>> = labels.split(&s.histories).iter().map(|part| alone(part).0).collect();
        lost += (common - log_score(&s, |label| values(grouped.params_of(Some(label))))) / 20.0;
        lost_apart += (common - log_score(&s, |label| separate[place(&labels, label)].clone())) / 20.0;
    }
    // Estimating differences where there are none costs next to nothing, of the log score of 1,800 customers.
    assert!(lost < 0.4 && 8.0 < lost_apart, "{lost} {lost_apart}");

    // Each customer sixty times: 180,000 a group.
    let mut s = sample(&mut rng, &[3_000; 4], [0.5; 4]);
    s.histories = s.histories.repeat(60);
    s.labels = vec![s.labels; 60].concat();
    let (whole, _) = alone(&s.histories);
    let labels = s.labels();
    let grouped = fit_counts(model(), &whole, &s.histories, &labels);
    for (group, part) in grouped.groups.iter().zip(labels.split(&s.histories)) {
        let (own, status) = alone(&part);
        assert_eq!(status, FitStatus::Ok);
        assert!(0.9 < group.own_weight, "{group:?}");
        for ((p, own), error) in values(&group.params)
            .iter()
            .zip(&own)
            .zip(values(&group.standard_errors))
        {
            assert!((p - own).abs() < 0.2 * error, "{p} {own} ± {error}");
        }
    }
}

/// The spreads that made the groups, over many groups, and standard errors that cover what made them.
#[test]
fn spreads_are_those_that_made_the_groups() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    let s = sample(&mut rng, &[400; 60], [0.0, 0.4, 0.0, 0.0]);
    let grouped = fit_counts(model(), &WHOLE, &s.histories, &s.labels());
    let spreads = values(&grouped.spreads);
    // The standard error of a standard deviation of 60 groups is 9 %.
    assert!((spreads[1] / 0.4).ln().abs() < 0.2, "{spreads:?}");
    assert!(
        spreads.iter().enumerate().all(|(i, s)| i == 1 || *s < 0.1),
        "{spreads:?}"
    );
}

#[test]
fn order_of_customers_names_of_labels_and_threads_change_nothing() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    let s = sample(&mut rng, &[60, 150, 20, 400, 35, 8], [0.2, 0.4, 0.3, 0.1]);
    let grouped = fit_counts(model(), &WHOLE, &s.histories, &s.labels());
    let mut histories = s.histories.clone();
    histories.reverse();
    // Labels in the opposite order.
    let renamed = |label: &String| format!("{}", 900 - label[6..].parse::<i32>().unwrap());
    let labels: Vec<String> = s.labels.iter().rev().map(renamed).collect();
    let labels = Labels::new(labels.iter().map(|l| Some(l.as_str())));
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut other = one.install(|| fit_counts(model(), &WHOLE, &histories, &labels));
    other.groups.reverse();
    for (group, same) in grouped.groups.iter().zip(&mut other.groups) {
        same.label.clone_from(&group.label);
    }
    assert_eq!(grouped, other);
    let text = serde_json::to_string(&grouped).unwrap();
    assert!(!text.contains("NaN"));
}

#[test]
fn groups_that_are_too_small_take_the_whole() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    let s = sample(&mut rng, &[60, 150, 20, 5], [0.2, 0.4, 0.3, 0.1]);
    let grouped = fit_counts(model(), &WHOLE, &s.histories, &s.labels());
    let statuses: Vec<GroupStatus> = grouped.groups.iter().map(|g| g.status).collect();
    use GroupStatus::{OnlyOne, Pooled, TooSmall};
    assert_eq!(statuses, [Pooled, Pooled, TooSmall, TooSmall]);
    assert_eq!(values(&grouped.groups[2].params), WHOLE);
    assert_eq!(grouped.groups[3].own_weight, 0.0);
    assert_eq!(values(grouped.params_of(None)), WHOLE);
    assert_eq!(values(grouped.params_of(Some("a new one"))), WHOLE);

    let alone = Labels::new(s.labels.iter().map(|l| (l == "group 01").then_some("only")));
    let grouped = fit_counts(model(), &WHOLE, &s.histories, &alone);
    assert_eq!(grouped.groups.len(), 1);
    assert_eq!(
        (grouped.groups[0].status, grouped.groups[0].n_customers),
        (OnlyOne, 150)
    );
    assert_eq!(values(&grouped.groups[0].params), WHOLE);
}

/// Gaps of several stages: k is that of the whole, the rest is the group's own.
#[test]
fn groups_of_regular_customers_have_parameters_of_their_own() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(11);
    let sample = sample(&mut rng, &[800, 800, 800], [0.0, 0.6, 0.0, 0.0]);
    let whole = [3.0, 1.1, 15.0, 0.8, 2.2];
    let regular = find("mbg_cnbd_k").unwrap();
    let fit = fit_counts(regular, &whole, &sample.histories, &sample.labels());
    for group in &fit.groups {
        assert_eq!(group.status, GroupStatus::Pooled, "{group:?}");
        let params = values(&group.params);
        assert_eq!(params[0], 3.0);
        assert!(
            params[1..].iter().zip(&whole[1..]).all(|(own, of_all)| own != of_all),
            "{params:?}"
        );
    }
}

#[test]
fn hard_groups_end_in_parameters_or_a_status() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
    let mut s = sample(&mut rng, &[300, 300], [0.0; 4]);
    let mut add = |label: &str, n: u32, h: &dyn Fn(u32) -> History| {
        for i in 0..n {
            s.histories.push(h(i));
            s.labels.push(label.to_owned());
        }
    };
    add("loyal", 200, &|i| History {
        x: 10 + i % 5,
        t_x: 299.0,
        age: 300.0 + f64::from(i % 3),
    });
    add("identical", 200, &|_| History {
        x: 4,
        t_x: 50.0,
        age: 400.0,
    });
    add("heavy", 100, &|i| History {
        x: 1_000 + 37 * i,
        t_x: 364.0,
        age: 365.0,
    });
    add("silent", 500, &|_| History {
        x: 0,
        t_x: 0.0,
        age: 365.0,
    });
    add("invalid", 500, &|_| History {
        x: 0,
        t_x: 1.0,
        age: f64::NAN,
    });
    for name in ["nbd", "mbg_nbd", "bg_nbd"] {
        let model = find(name).unwrap();
        let whole = &WHOLE[..model.letters().len()];
        let grouped = fit_counts(model, whole, &s.histories, &s.labels());
        assert_eq!(grouped.groups.len(), 7);
        for group in &grouped.groups {
            let params = values(&group.params);
            assert!(params.iter().all(|p| p.is_finite() && 0.0 < *p), "{group:?}");
            assert!((0.0..=1.0).contains(&group.own_weight), "{group:?}");
            let small = ["silent", "invalid"].contains(&group.label.as_str());
            assert_eq!(group.status == GroupStatus::TooSmall, small, "{group:?}");
        }
        let broken = vec![f64::NAN; whole.len()];
        let grouped = fit_counts(model, &broken, &s.histories, &s.labels());
        assert!(grouped.groups.iter().all(|g| g.own_weight == 0.0));
    }
}

/// (x, mean amount) of customers of a Gamma-Gamma.
fn spenders(rng: &mut impl Rng, n: usize, GammaGamma { p, q, gamma }: GammaGamma) -> Vec<(u32, f64)> {
    (0..n)
        .map(|_| {
            let x = rng.gen_range(0..8_u32);
            let nu = Gamma::new(q, 1.0 / gamma).unwrap().sample(rng);
            let total: f64 = Gamma::new(p * f64::from(x.max(1)), 1.0 / nu).unwrap().sample(rng);
            (x, total / f64::from(x.max(1)))
        })
        .collect()
}

#[test]
fn spend_is_pooled_too() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    let whole = GammaGamma {
        p: 6.0,
        q: 3.8,
        gamma: 15.0,
    };
    let (mut pairs, mut labels, mut truths) = (Vec::new(), Vec::new(), Vec::new());
    for (g, n) in [8, 25, 25, 60, 60, 200, 200, 6_000].into_iter().enumerate() {
        let away: f64 = rng.sample(StandardNormal);
        let truth = GammaGamma {
            gamma: whole.gamma * (0.4 * away).exp(),
            ..whole
        };
        pairs.extend(spenders(&mut rng, n, truth));
        labels.extend(vec![format!("g{g}"); n]);
        truths.push(truth);
    }
    let labels = Labels::new(labels.iter().map(|l| Some(l.as_str())));
    let grouped = fit_spend(&whole, &pairs, &labels);
    assert_eq!(grouped.groups[0].status, GroupStatus::TooSmall);
    let weights: Vec<f64> = grouped
        .groups
        .iter()
        .map(|g| g.own_weights.get("gamma").unwrap())
        .collect();
    assert!(
        weights[1] < weights[3] && weights[3] < weights[5] && weights[5] < weights[7],
        "{weights:?}"
    );
    assert!(0.9 < weights[7] && 0.9 < grouped.groups[7].own_weight);
    let mut nearer = 0.0;
    for (group, truth) in grouped.groups.iter().zip(&truths).skip(1) {
        let params = values(&group.params);
        let mean = GammaGamma {
            p: params[0],
            q: params[1],
            gamma: params[2],
        }
        .population_mean();
        let error = |mean: f64| (mean / truth.population_mean()).ln().powi(2);
        nearer += error(whole.population_mean()) - error(mean);
    }
    assert!(0.0 < nearer, "{nearer}");
}

#[test]
fn cohorts_are_named_by_calendar() {
    let day = |y, m, d| Day::from_date(NaiveDate::from_ymd_opt(y, m, d).unwrap());
    let by = |text: &str, day| cohort(&GroupBy::parse(text), day);
    assert_eq!(by("cohort_year", day(2011, 3, 31)).as_deref(), Some("2011"));
    assert_eq!(by("cohort_quarter", day(2011, 3, 31)).as_deref(), Some("2011-Q1"));
    assert_eq!(by("cohort_quarter", day(2011, 4, 1)).as_deref(), Some("2011-Q2"));
    assert_eq!(by("cohort_quarter", day(1999, 12, 31)).as_deref(), Some("1999-Q4"));
    assert_eq!(by("cohort_month", day(2011, 3, 31)).as_deref(), Some("2011-03"));
    assert_eq!(by("", day(2011, 3, 31)), None);
    assert_eq!(
        GroupBy::parse(" business_line "),
        GroupBy::Column("business_line".to_owned())
    );
    let labels = Labels::new([Some("b"), None, Some(" a "), Some(""), Some("b")]);
    assert_eq!(labels.names(), ["a", "b"]);
    assert_eq!(labels.of_customers(), [1, NO_GROUP, 0, NO_GROUP, 1]);
    assert_eq!(labels.split(&[1, 2, 3, 4, 5]), [vec![3], vec![1, 5]]);
}
