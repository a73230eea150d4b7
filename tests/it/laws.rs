//! Laws that every count model of the registry must keep.

use quintile::clv::histories::{Histories, History};
use quintile::clv::model::{CountModel, MODELS, Setting};
use quintile::clv::optimise::Derivatives;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Gaps between orders are taken to be equal, where a model wants to know of them.
fn collapse(histories: &[History]) -> Histories {
    let mut out = Histories::collapse(histories).0;
    let ln_gaps = |(h, count): (&History, &f64)| count * sum_of_equal_ln_gaps(h);
    out.sum_ln_gaps = Some(out.rows.iter().zip(&out.counts).map(ln_gaps).sum());
    out
}

fn sum_of_equal_ln_gaps(h: &History) -> f64 {
    if h.x == 0 {
        0.0
    } else {
        f64::from(h.x) * (h.t_x / f64::from(h.x)).ln()
    }
}

fn log_likelihood(model: &dyn CountModel, params: &[f64], histories: &[History]) -> Derivatives {
    model.log_likelihood(params, &collapse(histories))
}

fn expected(model: &dyn CountModel, params: &[f64], h: &History, horizon: f64) -> f64 {
    let mut out = [f64::NAN];
    model.expected_orders(params, h, &[horizon], &mut out);
    out[0]
}

/// Parameters between e^−5 and e^5, times of the order of `unit`; a whole number that is not found by derivatives
/// (see [`CountModel::shapes`]) is drawn from its values.
fn any_params(rng: &mut impl Rng, model: &dyn CountModel, unit: f64) -> Vec<f64> {
    params_within(rng, model, 5.0, unit)
}

/// The same between e^−`width` and e^`width`.
fn params_within(rng: &mut impl Rng, model: &dyn CountModel, width: f64, unit: f64) -> Vec<f64> {
    let shapes = model.shapes();
    let draw = |(i, power): (usize, &i32)| match shapes {
        [_, ..] if i == 0 => shapes[rng.gen_range(0..shapes.len())],
        _ => rng.gen_range(-width..width).exp() * unit.powi(*power),
    };
    model.time_powers().iter().enumerate().map(draw).collect()
}

/// The first of `values` as the parameters that are found by derivatives; each of [`CountModel::shapes`] before them.
fn given_params(model: &dyn CountModel, values: &[f64]) -> Vec<Vec<f64>> {
    let shapes = model.shapes();
    if shapes.is_empty() {
        return vec![values[..model.letters().len()].to_vec()];
    }
    let rest = &values[..model.letters().len() - 1];
    shapes.iter().map(|k| [&[*k], rest].concat()).collect()
}

/// Stages that an order takes; 1 where orders come at random.
fn stages(model: &dyn CountModel, params: &[f64]) -> f64 {
    if model.shapes().is_empty() { 1.0 } else { params[0] }
}

/// Expected orders within `horizon` if nobody ever dropped out, or somewhat more: k stages make an order, and up to
/// k − 1 stages of the first one may have passed.
fn most_orders(model: &dyn CountModel, params: &[f64], h: &History, horizon: f64) -> f64 {
    let k = stages(model, params);
    let [r, alpha] = params[params.len().min(usize::from(!model.shapes().is_empty()))..][..2] else {
        unreachable!("every model has r and alpha")
    };
    let before = k - 1.0;
    ((r + k * f64::from(h.x) + before) / (alpha + h.age) * horizon + before) / k
}

/// A history that means something in the setting of the model.
fn any_history(rng: &mut impl Rng, model: &dyn CountModel, unit: f64) -> History {
    let whole = |x: u32, t_x: u32, n: u32| History {
        x,
        t_x: f64::from(t_x),
        age: f64::from(n),
    };
    let n = match rng.gen_range(0..4) {
        0 => rng.gen_range(0..3),
        1 => rng.gen_range(0..13),
        2 => rng.gen_range(0..60),
        _ => rng.gen_range(0..400),
    };
    let h = match model.setting() {
        Setting::Noncontractual => any_purchases(rng, unit),
        Setting::Discrete => {
            let t_x = rng.gen_range(0..=n);
            whole(if t_x == 0 { 0 } else { rng.gen_range(1..=t_x) }, t_x, n)
        }
        Setting::Contractual => {
            let made = if rng.gen_bool(0.5) { n } else { rng.gen_range(0..=n) };
            whole(made, made, n)
        }
    };
    assert!(model.setting().admits(&h), "{h:?}");
    h
}

fn any_purchases(rng: &mut impl Rng, unit: f64) -> History {
    let age = unit * rng.gen_range(-4.0_f64..1.0).exp();
    let x = match rng.gen_range(0..4) {
        0 => 0,
        1 => rng.gen_range(1..10),
        2 => rng.gen_range(1..300),
        _ => rng.gen_range(1..5_000),
    };
    let t_x = if x == 0 {
        0.0
    } else {
        age * rng.gen_range(1e-3_f64..1.0)
    };
    History { x, t_x, age }
}

const CUSTOMERS: [History; 6] = [
    History {
        x: 0,
        t_x: 0.0,
        age: 39.0,
    },
    History {
        x: 1,
        t_x: 1.7,
        age: 38.9,
    },
    History {
        x: 2,
        t_x: 30.4,
        age: 38.9,
    },
    History {
        x: 26,
        t_x: 30.9,
        age: 31.0,
    },
    History {
        x: 300,
        t_x: 20.0,
        age: 27.0,
    },
    History {
        x: 0,
        t_x: 0.0,
        age: 0.5,
    },
];

/// The same number of customers for the models that count opportunities, and for those that count renewals.
const USERS: [[u32; 3]; 6] = [[0, 0, 6], [1, 1, 6], [2, 5, 6], [6, 6, 6], [40, 90, 100], [0, 0, 0]];
const RENEWALS: [[u32; 3]; 6] = [[0, 0, 6], [1, 1, 6], [3, 3, 6], [6, 6, 6], [40, 40, 100], [0, 0, 0]];

fn customers(model: &dyn CountModel) -> Vec<History> {
    let whole = |[x, t_x, n]: &[u32; 3]| History {
        x: *x,
        t_x: f64::from(*t_x),
        age: f64::from(*n),
    };
    match model.setting() {
        Setting::Noncontractual => CUSTOMERS.to_vec(),
        Setting::Discrete => USERS.iter().map(whole).collect(),
        Setting::Contractual => RENEWALS.iter().map(whole).collect(),
    }
}

/// Models whose histories are times, which have a unit and a density.
fn in_continuous_time() -> impl Iterator<Item = &'static dyn CountModel> {
    MODELS
        .into_iter()
        .filter(|model| model.setting() == Setting::Noncontractual)
}

#[test]
fn derivatives_equal_central_differences() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
    let step = 1e-5;
    for model in MODELS {
        let customers = &customers(model);
        for _ in 0..200 {
            let params = any_params(&mut rng, model, 30.0);
            let at = log_likelihood(model, &params, customers);
            // Derivatives are by the parameters after a whole number.
            let whole = usize::from(!model.shapes().is_empty());
            let params_after = params[whole..].to_vec();
            for i in 0..params_after.len() {
                let moved = |direction: f64| {
                    let mut moved = params.clone();
                    moved[whole + i] *= 1.0 + direction * step;
                    log_likelihood(model, &moved, customers)
                };
                let (up, down) = (moved(1.0), moved(-1.0));
                // By the logarithm of the parameter, so that sizes are comparable.
                let width = 2.0 * step;
                let slope = (up.value - down.value) / width;
                let want = at.gradient[i] * params_after[i];
                // Rounding of a sum of terms near 2,000 for every stage, over the width.
                assert!(
                    (slope - want).abs() <= 2e-7 * stages(model, &params) + 1e-8 * want.abs(),
                    "{} {params:?} {i}: {slope} {want}",
                    model.name()
                );
                for j in 0..params_after.len() {
                    let curve = (up.gradient[j] - down.gradient[j]) * params_after[j] / width;
                    let want = at.hessian[i][j] * params_after[i] * params_after[j];
                    let size = 1.0 + (at.gradient[j] * params_after[j]).abs() + want.abs();
                    assert!(
                        (curve - want).abs() <= 1e-6 * size,
                        "{} {params:?} {i} {j}: {curve} {want}",
                        model.name()
                    );
                }
            }
        }
    }
}

#[test]
fn nothing_is_ordered_in_no_time_and_more_in_more() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    for model in MODELS {
        for _ in 0..2_000 {
            let params = any_params(&mut rng, model, 1.0);
            let h = any_history(&mut rng, model, 1.0);
            let mut out = [0.0; 4];
            model.expected_orders(&params, &h, &[0.0, 0.1, 1.0, 10.0], &mut out);
            assert_eq!(out[0], 0.0);
            assert!(
                out.windows(2).all(|w| w[0] <= w[1] * (1.0 + 1e-12)),
                "{} {params:?} {h:?} {out:?}",
                model.name()
            );
            // No more than without any dropout.
            let most = match model.setting() {
                Setting::Noncontractual => most_orders(model, &params, &h, 10.0),
                Setting::Discrete => (params[0] + f64::from(h.x)) / (params[0] + params[1] + h.age) * 10.0,
                Setting::Contractual => 10.0,
            };
            assert!(
                out[3] <= most * (1.0 + 1e-9),
                "{} {params:?} {h:?} {out:?}",
                model.name()
            );
        }
    }
}

#[test]
fn longer_silence_never_raises_the_chance_to_be_alive() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
    for model in MODELS {
        for _ in 0..2_000 {
            let params = any_params(&mut rng, model, 1.0);
            let h = any_history(&mut rng, model, 1.0);
            let mut last = 1.0;
            for silence in [0.0, 0.01, 0.3, 2.0, 50.0] {
                let whole = model.setting() != Setting::Noncontractual;
                let silence = if whole { f64::ceil(silence) } else { silence };
                let alive = model.alive_prob(
                    &params,
                    &History {
                        age: h.t_x + silence,
                        ..h
                    },
                );
                // Up to rounding, which the sums of regular models have.
                assert!(alive <= last * (1.0 + 1e-12), "{} {params:?} {h:?}", model.name());
                last = alive;
            }
        }
    }
}

#[test]
fn a_change_of_the_unit_of_time_changes_only_the_parameters_that_are_times() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
    for model in in_continuous_time() {
        for _ in 0..500 {
            let params = any_params(&mut rng, model, 1.0);
            let h = any_history(&mut rng, model, 1.0);
            let unit = 86_400.0_f64;
            let scaled: Vec<f64> = params
                .iter()
                .zip(model.time_powers())
                .map(|(p, k)| p * unit.powi(*k))
                .collect();
            let same = History {
                x: h.x,
                t_x: h.t_x * unit,
                age: h.age * unit,
            };
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(1e-300);
            assert!(near(model.alive_prob(&params, &h), model.alive_prob(&scaled, &same)));
            assert!(near(
                expected(model, &params, &h, 0.7),
                expected(model, &scaled, &same, 0.7 * unit)
            ));
            let before = log_likelihood(model, &params, &[h]).value;
            let after = log_likelihood(model, &scaled, &[same]).value + f64::from(h.x) * unit.ln();
            assert!(
                (before - after).abs() <= 1e-9 * (1.0 + before.abs()),
                "{before} {after}"
            );
        }
    }
}

#[test]
fn collapsed_and_single_rows_have_the_same_likelihood() {
    for model in MODELS {
        let mut many = Vec::new();
        for (i, h) in customers(model).iter().enumerate() {
            many.extend(std::iter::repeat_n(*h, 1 + 3 * i));
        }
        let mut shuffled = many.clone();
        shuffled.reverse();
        shuffled.swap(0, 7);
        for params in given_params(model, &[0.5, 10.0, 0.8, 2.0]) {
            let together = log_likelihood(model, &params, &many);
            assert_eq!(together, log_likelihood(model, &params, &shuffled));
            let apart: f64 = many.iter().map(|h| log_likelihood(model, &params, &[*h]).value).sum();
            assert!((together.value - apart).abs() < 1e-10 * apart.abs());
        }
    }
}

/// The likelihood of a history is a density over the times of orders: integrated over them, it is a probability
/// distribution of x. The tail formula must agree. Gaps g enter as g^(k−1) each, which over all gaps that add up to
/// t_x integrates to t_x^(kx−1) (k−1)!^x / (kx−1)!.
#[test]
fn order_counts_of_a_new_customer_agree_with_the_likelihood() {
    let age = 3.0;
    for model in in_continuous_time() {
        for params in given_params(model, &[0.9, 2.0, 0.8, 1.7]) {
            let k = stages(model, &params);
            let tail = model.order_tail(&params, &History::NEW, age, 0.0, 6);
            let mut above = 1.0;
            for x in 0..6_u32 {
                let stages = k * f64::from(x);
                let ln_ways = f64::from(x) * libm::lgamma(k) - libm::lgamma(stages);
                let density = |t_x: f64| {
                    let h = History { x, t_x, age };
                    let unequal = (k - 1.0) * sum_of_equal_ln_gaps(&h);
                    (log_likelihood(model, &params, &[h]).value - unequal).exp()
                };
                let probability = if x == 0 {
                    density(0.0)
                } else {
                    // Simpson's rule; the integrand is a smooth function of t_x.
                    let n = 2_000;
                    let width = age / f64::from(n);
                    let at = |i: i32| {
                        let t_x = (f64::from(i) * width).max(1e-30);
                        density(t_x) * ((stages - 1.0) * t_x.ln() + ln_ways).exp()
                    };
                    let sum: f64 = (1..n).map(|i| at(i) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
                    (at(0) + sum + at(n)) * width / 3.0
                };
                let want = above - tail.get(x as usize).copied().unwrap_or(0.0);
                assert!(
                    (probability - want).abs() < 1e-9,
                    "{} {params:?} x {x}: {probability} {want}",
                    model.name()
                );
                above -= want;
            }
        }
    }
}

#[test]
fn a_hundred_thousand_random_draws_are_finite_and_probabilities() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
    for model in MODELS {
        for draw in 0..100_000 {
            // Also far outside what any fit returns.
            let wide: f64 = if draw % 10 == 0 { 14.0 } else { 5.0 };
            let params = params_within(&mut rng, model, wide, 1.0);
            let h = any_history(&mut rng, model, 10.0);
            let alive = model.alive_prob(&params, &h);
            assert!(
                (0.0..=1.0).contains(&alive),
                "{} {params:?} {h:?} {alive}",
                model.name()
            );
            if draw % 8 == 0 {
                let orders = expected(model, &params, &h, 3.0);
                assert!(
                    orders.is_finite() && 0.0 <= orders,
                    "{} {params:?} {h:?} {orders}",
                    model.name()
                );
                let later = model.alive_prob_after(&params, &h, 3.0);
                assert!(
                    later <= alive && 0.0 <= later,
                    "{} {params:?} {h:?} {later}",
                    model.name()
                );
                if draw % 64 == 0 {
                    let residual = model.residual_orders(&params, &h, 0.01);
                    assert!(
                        residual.is_finite() && 0.0 <= residual,
                        "{} {params:?} {h:?} {residual}",
                        model.name()
                    );
                }
                let tail = model.order_tail(&params, &h, 3.0, 0.1, 100);
                assert!(
                    tail.iter().all(|p| (0.0..=1.0).contains(p)) && tail.windows(2).all(|w| w[1] <= w[0]),
                    "{} {params:?} {h:?} {tail:?}",
                    model.name()
                );
                let at = log_likelihood(model, &params, &[h]);
                let all = at.gradient.iter().chain(at.hessian.iter().flatten());
                assert!(
                    at.value.is_finite() && all.into_iter().all(|d| d.is_finite()),
                    "{} {params:?} {h:?}",
                    model.name()
                );
            }
        }
    }
}

#[test]
fn what_lies_ahead_is_possible_for_any_parameters() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
    for model in MODELS {
        for draw in 0..500 {
            let wide = if draw % 10 == 0 { 14.0 } else { 5.0 };
            let params = params_within(&mut rng, model, wide, 1.0);
            let h = any_history(&mut rng, model, 10.0);
            let case = || format!("{} {params:?} {h:?}", model.name());
            let alive = model.alive_prob(&params, &h);
            let near = |p: f64, q: f64| p <= q * (1.0 + 1e-9) + 1e-12;
            let mut last = alive;
            for ahead in [0.0, 0.01, 3.0, 900.0] {
                let later = model.alive_prob_after(&params, &h, ahead);
                assert!(
                    (0.0..=1.0).contains(&later) && near(later, last),
                    "{} {ahead} {later}",
                    case()
                );
                assert!(ahead != 0.0 || near(alive, later), "{} {later}", case());
                last = later;
            }
            for least in [0.0, 0.05] {
                let tail = model.order_tail(&params, &h, 3.0, least, 20);
                assert!(tail.iter().all(|p| least < *p && *p <= 1.0), "{} {tail:?}", case());
                assert!(tail.windows(2).all(|w| w[1] <= w[0]), "{} {tail:?}", case());
                assert!(tail.first().is_none_or(|p| near(*p, alive)), "{} {tail:?}", case());
            }
            // Discounting costs something, and no dropout is the best that can happen.
            let (patient, hasty) = (
                model.residual_orders(&params, &h, 3e-4),
                model.residual_orders(&params, &h, 0.3),
            );
            assert!(hasty.is_finite() && patient.is_finite() && 0.0 <= hasty, "{}", case());
            assert!(near(hasty, patient), "{} {hasty} {patient}", case());
            if model.setting() == Setting::Noncontractual {
                let most = most_orders(model, &params, &h, 1.0 / 3e-4);
                assert!(patient <= most * (1.0 + 1e-6), "{} {patient} {most}", case());
            }
        }
    }
}

/// What the holdout is judged by is what the intervals are made of.
#[test]
fn probabilities_of_numbers_of_orders_are_differences_of_tails() {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
    for model in MODELS {
        for draw in 0..300 {
            let wide = if draw % 10 == 0 { 14.0 } else { 4.0 };
            let params = params_within(&mut rng, model, wide, 1.0);
            let h = any_history(&mut rng, model, 10.0);
            let alive = model.alive_prob(&params, &h);
            if alive < 1e-3 {
                continue;
            }
            let mut probs = vec![f64::NAN; 30];
            model.order_probs(&params, &h, 3.0, &mut probs);
            let tail = model.order_tail(&params, &h, 3.0, 0.0, 30);
            let mut above = alive;
            for (i, got) in probs.iter().enumerate() {
                let more = tail.get(i).copied().unwrap_or(0.0);
                let want = (above - more) / alive;
                assert!(
                    (got - want).abs() < 1e-11 && (0.0..=1.0).contains(got),
                    "{} {params:?} {h:?} {i}: {got:e} {want:e}",
                    model.name()
                );
                above = more;
            }
        }
    }
}

/// Histories on which other software returned NaN or a positive log-likelihood.
#[test]
fn histories_that_broke_other_software() {
    let heavy = [
        (221, 103.42857, 103.57143),
        (254, 97.14286, 97.28571),
        (161, 94.71429, 98.0),
        (204, 98.57143, 99.42857),
    ];
    for model in in_continuous_time() {
        for params in given_params(model, &[0.5143, 2.8845, 0.2856, 14.1087]) {
            for (x, t_x, age) in heavy {
                let h = History { x, t_x, age };
                let alive = model.alive_prob(&params, &h);
                assert!((0.0..=1.0).contains(&alive));
                let most = most_orders(model, &params, &h, 52.0);
                assert!(expected(model, &params, &h, 52.0) <= most * (1.0 + 1e-12));
            }
        }
        for params in given_params(model, &[10.465, 0.00798565181, 3.0516, 2.820]) {
            for (x, t_x, age) in [(400, 5.0, 6.0), (500, 1.0, 37.0), (500, 4.0, 37.0)] {
                let h = History { x, t_x, age };
                assert!(log_likelihood(model, &params, &[h]).value.is_finite());
                assert!((0.0..=1.0).contains(&model.alive_prob(&params, &h)));
            }
        }
    }
}
