use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Exp, Gamma, StandardNormal};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::coding::{Attribute, Coded, DropReason};
use super::*;
use crate::clv::histories::{Histories, History};
use crate::clv::model::{CountModel, MODELS};
use design::Design;

/// Customers with the effects of two attributes: `age` (about 40 ± 12) and `club` (no or yes).
struct Truth {
    model: &'static str,
    params: [f64; 4],
    /// Of age and club, for each block of the model.
    gamma: [[f64; 2]; 3],
}

/// An MBG/NBD without any effect.
const PLAIN: Truth = Truth {
    model: "mbg_nbd",
    params: [1.2, 50.0, 0.8, 2.0],
    gamma: [[0.0; 2]; 3],
};

fn customer(rng: &mut impl Rng, model: &str, [r, alpha, third, fourth]: [f64; 4]) -> History {
    let rate: f64 = Gamma::new(r, 1.0 / alpha).unwrap().sample(rng);
    let gaps = Exp::new(rate.max(1e-12)).unwrap();
    let age = f64::from(rng.gen_range(150..600));
    let mut h = History { x: 0, t_x: 0.0, age };
    let (mut end, mut drop) = (age, 0.0);
    if model == "pareto_nbd" {
        let leaving: f64 = Gamma::new(third, 1.0 / fourth).unwrap().sample(rng);
        end = age.min(Exp::new(leaving.max(1e-12)).unwrap().sample(rng));
    } else {
        drop = Beta::new(third, fourth).unwrap().sample(rng);
    }
    let mut alive = model != "mbg_nbd" || !rng.gen_bool(drop);
    while alive {
        let next = h.t_x + gaps.sample(rng);
        if end < next {
            break;
        }
        h.x += 1;
        h.t_x = next;
        alive = !rng.gen_bool(drop);
    }
    h
}

type Texts = Vec<Option<String>>;

impl Truth {
    fn simulate(&self, n: usize, seed: u64) -> (Vec<History>, Texts, Texts) {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let (mut histories, mut ages, mut clubs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..n {
            let noise: f64 = rng.sample(StandardNormal);
            let age = (40.0 + 12.0 * noise).round();
            let club = f64::from(u8::from(rng.gen_bool(0.4)));
            let factor = |[by_age, by_club]: [f64; 2]| (by_age * age + by_club * club).exp();
            let [first, second, third] = self.gamma.map(factor);
            let [r, alpha, a, b] = self.params;
            let dropout = if self.model == "pareto_nbd" {
                [a, b / second]
            } else {
                [a * second, b * third]
            };
            let params = [r, alpha / first, dropout[0], dropout[1]];
            histories.push(customer(&mut rng, self.model, params));
            ages.push(Some(age.to_string()));
            clubs.push(Some(if club == 1.0 { "yes" } else { "no" }.to_owned()));
        }
        (histories, ages, clubs)
    }
}

fn coded(attributes: &[(&str, &Texts)]) -> (Coding, Coded) {
    let n = attributes.first().map_or(0, |(_, values)| values.len());
    let attributes: Vec<Attribute<'_>> = attributes
        .iter()
        .map(|(name, values)| Attribute { name, values })
        .collect();
    let coding = Coding::learn(&attributes);
    let coded = coding.encode(&attributes, n);
    (coding, coded)
}

fn with_covariates() -> impl Iterator<Item = &'static dyn CountModel> {
    MODELS.into_iter().filter(|model| blocks(model.name()).is_some())
}

fn effect<'a>(fit: &'a CovariateFit, covariate: &str, moves: Moves) -> &'a Effect {
    let found = fit
        .effects
        .iter()
        .find(|e| e.covariate == covariate && e.moves == moves);
    found.unwrap()
}

#[test]
fn derivatives_equal_central_differences() {
    let (histories, ages, clubs) = PLAIN.simulate(60, 1);
    let (_, coded) = coded(&[("age", &ages), ("club", &clubs)]);
    let design = Design::new(&histories, &coded);
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(2);
    for model in with_covariates() {
        let (n_params, blocks) = (model.letters().len(), blocks(model.name()).unwrap());
        let at = |theta: &[f64]| design.log_likelihood(model, blocks, &[0, 1], theta);
        for _ in 0..20 {
            let theta: Vec<f64> = (0..n_params + 2 * blocks.len())
                .map(|_| rng.gen_range(-1.0..1.0))
                .collect();
            let here = at(&theta);
            for i in 0..theta.len() {
                let step = 1e-5;
                let moved = |by: f64| {
                    let mut theta = theta.clone();
                    theta[i] += by;
                    at(&theta)
                };
                let (up, down) = (moved(step), moved(-step));
                let slope = (up.value - down.value) / (2.0 * step);
                assert!(
                    (slope - here.gradient[i]).abs() <= 1e-6 * (1.0 + slope.abs()),
                    "{} {i}",
                    model.name()
                );
                for j in 0..theta.len() {
                    let curve = (up.gradient[j] - down.gradient[j]) / (2.0 * step);
                    let close = (curve - here.hessian[i][j]).abs() <= 1e-6 * (1.0 + curve.abs());
                    assert!(close, "{} {i} {j}: {curve} {}", model.name(), here.hessian[i][j]);
                }
            }
            assert!(here.gradient[theta.len()..].iter().all(|g| *g == 0.0));
        }
    }
}

/// The likelihood is the product over customers of the model's own, at each one's parameters.
#[test]
fn the_likelihood_is_the_customers_own_and_collapsing_changes_nothing() {
    let (mut histories, mut ages, mut clubs) = PLAIN.simulate(300, 3);
    histories.extend_from_within(..100);
    ages.extend_from_within(..100);
    clubs.extend_from_within(..100);
    let (coding, coded) = coded(&[("age", &ages), ("club", &clubs)]);
    for model in with_covariates() {
        let (fit, saved) = fit(model, &histories, &coding, &coded);
        assert!(fit.n_distinct <= 300 && fit.n_customers == 400);
        let scorer = saved.unwrap().check().unwrap();
        let apart: f64 = (0..400)
            .map(|i| {
                let params = scorer.params_of(coded.row(i));
                let own = Histories::collapse(&histories[i..=i]).0;
                model.log_likelihood(&params[..model.letters().len()], &own).value
            })
            .sum();
        let together = fit.log_likelihood.unwrap();
        assert!(
            (apart - together).abs() < 1e-9 * together.abs(),
            "{}: {apart} {together}",
            model.name()
        );
        assert!(fit.log_likelihood_without.unwrap() <= together + 1e-9);
    }
}

#[test]
fn known_effects_are_recovered_within_their_errors() {
    for model in with_covariates().filter(|model| model.has_dropout()) {
        let name = model.name();
        let (params, names) = match name {
            "pareto_nbd" => ([1.3, 60.0, 0.8, 150.0], vec![Moves::Transactions, Moves::Attrition]),
            _ => (
                [1.3, 60.0, 0.7, 2.2],
                vec![Moves::Transactions, Moves::DropoutA, Moves::DropoutB],
            ),
        };
        let truth = Truth {
            model: name,
            params,
            gamma: [[0.02, -0.5], [-0.015, 0.6], [0.01, 0.4]],
        };
        let (histories, ages, clubs) = truth.simulate(12_000, 4);
        let (coding, coded) = coded(&[("age", &ages), ("club", &clubs)]);
        let (fit, _) = fit(model, &histories, &coding, &coded);
        assert_eq!((fit.status, fit.effects.len()), (FitStatus::Ok, 2 * names.len()));
        for (moves, gamma) in names.iter().zip(truth.gamma) {
            for (covariate, want) in ["age", "club"].into_iter().zip(gamma) {
                let e = effect(&fit, covariate, *moves);
                let error = e.standard_error.unwrap();
                assert!((e.coefficient - want).abs() < 3.0 * error, "{name} {e:?} {want}");
                assert!(error < if covariate == "age" { 0.02 } else { 0.3 }, "{e:?}");
            }
        }
        for (letter, want) in model.letters().iter().zip(truth.params) {
            let (got, error) = (
                fit.params.get(letter).unwrap(),
                fit.standard_errors.get(letter).unwrap(),
            );
            assert!((got - want).abs() < 3.0 * error, "{name} {letter} {got} ± {error}");
        }
        assert!(fit.tests.iter().all(|t| t.p_value < 1e-6), "{:?}", fit.tests);
        let blocks = names.len() as u32;
        let degrees: Vec<u32> = fit.tests.iter().map(|t| t.degrees_of_freedom).collect();
        assert_eq!(degrees, [blocks, blocks, 2 * blocks]);
    }
}

/// Kolmogorov and Smirnov: the largest distance between the distribution of `p` and the uniform one.
fn distance_to_uniform(mut p: Vec<f64>) -> f64 {
    p.sort_unstable_by(f64::total_cmp);
    let n = p.len() as f64;
    let gap = |(i, p): (usize, &f64)| (p - i as f64 / n).abs().max((p - (i as f64 + 1.0) / n).abs());
    p.iter().enumerate().map(gap).fold(0.0, f64::max)
}

#[test]
fn p_values_are_uniform_where_nothing_has_an_effect() {
    let (mut all, mut club, mut wald) = (Vec::new(), Vec::new(), Vec::new());
    let n = 200;
    for seed in 0..n {
        let (histories, ages, clubs) = PLAIN.simulate(1_500, 1_000 + seed);
        let (coding, coded) = coded(&[("age", &ages), ("club", &clubs)]);
        let (fit, _) = fit(find("mbg_nbd").unwrap(), &histories, &coding, &coded);
        let p = |name: Option<&str>| {
            fit.tests
                .iter()
                .find(|t| t.covariate.as_deref() == name)
                .unwrap()
                .p_value
        };
        all.push(p(None));
        club.push(p(Some("club")));
        wald.push(effect(&fit, "age", Moves::Transactions).p_value.unwrap());
    }
    // One in a hundred uniform samples is farther away.
    let farthest = 1.63 / (n as f64).sqrt();
    for p in [all, club, wald] {
        let distance = distance_to_uniform(p);
        assert!(distance < farthest, "{distance} {farthest}");
    }
}

#[test]
fn constant_and_collinear_columns_are_dropped_by_name() {
    let truth = Truth {
        gamma: [[0.01, -0.4], [0.0, 0.0], [0.0, 0.0]],
        ..PLAIN
    };
    let (histories, ages, clubs) = truth.simulate(2_000, 5);
    let same: Texts = vec![Some("7".to_owned()); 2_000];
    let months: Texts = ages
        .iter()
        .map(|a| Some((12.0 * a.as_ref().unwrap().parse::<f64>().unwrap()).to_string()))
        .collect();
    let model = find("mbg_nbd").unwrap();
    let plain = coded(&[("age", &ages), ("club", &clubs)]);
    let (plain, _) = fit(model, &histories, &plain.0, &plain.1);
    let (coding, coded) = coded(&[("same", &same), ("age", &ages), ("months", &months), ("club", &clubs)]);
    let (fit, saved) = fit(model, &histories, &coding, &coded);
    let dropped: Vec<(&str, DropReason)> = fit.dropped.iter().map(|d| (d.covariate.as_str(), d.reason)).collect();
    assert_eq!(
        dropped,
        [("same", DropReason::Constant), ("months", DropReason::Collinear)]
    );
    assert_eq!(fit.effects, plain.effects);
    assert_eq!(fit.tests, plain.tests);
    assert_eq!(saved.unwrap().effects[0].coefficients.len(), 4);
}

#[test]
fn order_of_customers_and_threads_change_nothing_and_scale_only_the_coefficient() {
    let truth = Truth {
        gamma: [[0.01, -0.4], [0.0, 0.3], [0.01, 0.0]],
        ..PLAIN
    };
    // Enough rows for the search to begin on a part of them.
    let (mut histories, mut ages, mut clubs) = truth.simulate(9_000, 6);
    let model = find("mbg_nbd").unwrap();
    let run = |histories: &[History], ages: &Texts, clubs: &Texts| {
        let (coding, coded) = coded(&[("age", ages), ("club", clubs)]);
        fit(model, histories, &coding, &coded)
    };
    let forward = run(&histories, &ages, &clubs);
    assert!(8_192 < forward.0.n_distinct);
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| run(&histories, &ages, &clubs)), forward);
    histories.reverse();
    ages.reverse();
    clubs.reverse();
    assert_eq!(run(&histories, &ages, &clubs), forward);
    let centuries: Texts = ages
        .iter()
        .map(|a| Some((a.as_ref().unwrap().parse::<f64>().unwrap() / 100.0).to_string()))
        .collect();
    let (scaled, _) = run(&histories, &centuries, &clubs);
    for (a, b) in forward.0.effects.iter().zip(&scaled.effects) {
        let factor = if a.covariate == "age" { 100.0 } else { 1.0 };
        assert!(
            (factor * a.coefficient - b.coefficient).abs() < 1e-6 * b.coefficient.abs(),
            "{a:?} {b:?}"
        );
        assert!((a.z_value.unwrap() - b.z_value.unwrap()).abs() < 1e-6);
    }
}

#[test]
fn without_covariates_the_fit_is_the_plain_one() {
    let (histories, ..) = PLAIN.simulate(2_000, 7);
    let none = Coded {
        n_customers: histories.len(),
        ..Coded::default()
    };
    for model in with_covariates() {
        let (fit, saved) = fit(model, &histories, &Coding::default(), &none);
        assert!((fit.log_likelihood.unwrap() - fit.log_likelihood_without.unwrap()).abs() < 1e-8);
        assert!(fit.effects.is_empty() && fit.tests.is_empty());
        let params = saved.unwrap().check().unwrap().params_of(&[]);
        for (p, letter) in params.iter().zip(model.letters()) {
            assert!((p / fit.params.get(letter).unwrap() - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn hard_data_end_in_a_status_and_never_in_a_number_that_is_none() {
    let loyal: Vec<History> = (0..400)
        .map(|i| History {
            x: 20 + i % 7,
            t_x: 399.0,
            age: 400.0 + f64::from(i % 5),
        })
        .collect();
    let (mut half_silent, ..) = PLAIN.simulate(400, 8);
    let silent = |i: usize| i.is_multiple_of(2);
    for (i, h) in half_silent.iter_mut().enumerate().filter(|(i, _)| silent(*i)) {
        *h = History {
            x: 0,
            t_x: 0.0,
            age: 200.0 + i as f64,
        };
    }
    let groups: Texts = (0..400)
        .map(|i| Some(if silent(i) { "silent" } else { "other" }.to_owned()))
        .collect();
    let huge: Texts = (0..400)
        .map(|i| Some(format!("{}", 1e99 + 1e97 * f64::from(i % 9))))
        .collect();
    let years: Texts = (0..400).map(|i| Some((1_950 + i % 50).to_string())).collect();
    let invalid = vec![
        History {
            x: 1,
            t_x: 0.0,
            age: 5.0
        };
        400
    ];
    for model in with_covariates() {
        for histories in [
            &loyal,
            &half_silent,
            &invalid,
            &loyal[..0].to_vec(),
            &vec![History::NEW; 400],
        ] {
            let (coding, coded) = coded(&[("group", &groups), ("huge", &huge), ("year", &years)]);
            let (fit, saved) = fit(model, histories, &coding, &coded);
            let text = serde_json::to_string(&fit).unwrap();
            let back: CovariateFit = serde_json::from_str(&text).unwrap();
            let finite = |e: &Effect| e.coefficient.is_finite() && e.p_value.is_none_or(|p| (0.0..=1.0).contains(&p));
            assert!(
                back.effects.iter().all(finite) && !text.contains("\"coefficient\":null"),
                "{text}"
            );
            assert!(
                back.tests
                    .iter()
                    .all(|t| t.chi_square.is_finite() && (0.0..=1.0).contains(&t.p_value)),
                "{text}"
            );
            assert_eq!(saved.is_some(), fit.status.is_usable());
            let Some(saved) = saved else { continue };
            let scorer = saved.check().unwrap();
            for z in [
                vec![0.0, f64::NAN, f64::MAX],
                vec![f64::INFINITY; 3],
                vec![-1e300; 3],
                vec![],
                coded.row(0).to_vec(),
            ] {
                let params = scorer.params_of(&z);
                assert!(params.iter().all(|p| p.is_finite() && 0.0 < *p), "{params:?}");
                for h in [History::NEW, loyal[0], half_silent[1]] {
                    let alive = model.alive_prob(&params[..model.letters().len()], &h);
                    assert!((0.0..=1.0).contains(&alive));
                }
            }
        }
    }
    // A group nobody of whom came back is a strong effect, not a failure.
    let (coding, coded) = coded(&[("group", &groups)]);
    let (fit, _) = fit(find("mbg_nbd").unwrap(), &half_silent, &coding, &coded);
    assert!(fit.tests[0].p_value < 1e-10, "{fit:?}");
}

#[test]
fn an_edited_model_is_refused() {
    let (histories, ages, _) = PLAIN.simulate(1_000, 9);
    let (coding, coded) = coded(&[("age", &ages)]);
    let (_, saved) = fit(find("bg_nbd").unwrap(), &histories, &coding, &coded);
    let saved = saved.unwrap();
    let back: CovariateModel = serde_json::from_str(&serde_json::to_string(&saved).unwrap()).unwrap();
    assert_eq!(back, saved);
    let edits: [fn(&mut CovariateModel); 5] = [
        |m| m.name = "nobody".to_owned(),
        |m| m.params[1] = -1.0,
        |m| m.effects[0].coefficients.clear(),
        |m| m.effects[2].range = [1.0, -1.0],
        |m| m.centre[0] = f64::NAN,
    ];
    for edit in edits {
        let mut edited = saved.clone();
        edit(&mut edited);
        assert!(edited.check().is_err());
    }
}
