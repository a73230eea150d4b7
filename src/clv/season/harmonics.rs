//! The yearly curve through weekly counts: Fourier harmonics of the logarithm of the intensity.
//!
//! In: weeks with actual purchases and those that a model without season expects. Out: the curve, and whether it
//! repeats. Cost: weeks × (harmonics)² a step, 5 to 10 steps a fit, (cycles + 1) × 13 fits: milliseconds.
//!
//! # Formula
//! A week w with expected purchases b_w per unit of clock time has the mean
//!
//! μ_w = b_w exp(l₀ + l₁ t + l₂ t²) Σ_d exp(η_d),  η_d = Σ_k c_k cos(2πk φ_d) + s_k sin(2πk φ_d),
//!
//! d its seven days, φ_d their place in the year and t the time from −1 to 1. Each weekday stands in each sum once, so
//! that no pattern of weekdays can turn into a season. The trend l takes up what the model has wrong about level and
//! dropout; it is not part of the season. Quasi-likelihood Σ (y ln μ − μ)/dispersion (McCullagh and Nelder 1989,
//! *Generalized Linear Models*, chapter 9) with the dispersion χ²/(n − p) of the richest curve, at least 1, maximised by
//! Fisher scoring. The number of harmonics has the lowest −2Q + p ln n.
//!
//! Each harmonic is then shrunk by (1 − 2/W)₊, W its Wald statistic: two coefficients of pure noise have W = 2 on
//! average (the empirical Bayes rule for a normal prior).
//!
//! # Check
//! `recovers_a_known_curve`, `f_tail_agrees_with_tables`, and the simulations of `clv/season/tests.rs`.

use crate::clv::special::beta_inc_reg;

/// Days in a week.
pub(super) const WEEK: usize = 7;

/// Finest detail of a season: with 12 harmonics a month.
const MOST_HARMONICS: usize = 12;

/// Weeks a harmonic needs to be tried.
const WEEKS_A_HARMONIC: usize = 10;

/// Coefficients of the trend.
const TREND: usize = 3;

/// Coefficients stay within this: exp(5) is a factor of 150.
const BOUND: f64 = 5.0;

/// A week of all customers together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Count {
    pub actual: f64,
    /// Expected purchases per unit of clock time.
    pub base: f64,
    /// Places of the days in the year, 0 to 1.
    pub places: [f64; WEEK],
    /// Which year the week is in, the latest 0.
    pub cycle: usize,
    /// From −1 at the first week to 1 at the last.
    pub time: f64,
}

/// A season: cosines and sines of one, two, … cycles a year in the logarithm of the intensity.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Curve {
    pub cos: Vec<f64>,
    pub sin: Vec<f64>,
}

impl Curve {
    /// Logarithm of the intensity at a place in the year.
    pub(super) fn at(&self, place: f64) -> f64 {
        let term = |(k, (c, s)): (u32, (&f64, &f64))| {
            let angle = angle(k, place);
            c * angle.cos() + s * angle.sin()
        };
        (1..).zip(self.cos.iter().zip(&self.sin)).map(term).sum()
    }

    fn harmonics(&self) -> usize {
        self.cos.len()
    }
}

fn angle(k: u32, place: f64) -> f64 {
    std::f64::consts::TAU * f64::from(k) * place
}

/// A curve and what speaks for it.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Shrunk; without harmonics if none earns its place.
    pub curve: Curve,
    pub overdispersion: f64,
    /// Of the curve against none (of one harmonic against none, if none earns its place).
    pub p_value: f64,
    /// Log-likelihood of each cycle gained by the curve of the other cycles over none, the latest cycle first.
    pub gains: Vec<f64>,
}

/// The curve of all weeks, tested on each of the `cycles`; `None` if there are too few weeks to try one.
pub(super) fn find(weeks: &[Count], cycles: usize) -> Option<Found> {
    let fits = fit_all(weeks, TREND, MOST_HARMONICS)?;
    let richest = fits.last().filter(|fit| 0 < fit.curve.harmonics())?;
    let free = weeks.len().checked_sub(TREND + 2 * richest.curve.harmonics())?;
    let overdispersion = (richest.chi_square / free.max(1) as f64).max(1.0);
    let chosen = lowest_criterion(&fits, overdispersion, weeks.len());
    let tested = if chosen.curve.harmonics() == 0 {
        fits.get(1)?
    } else {
        chosen
    };
    let k = tested.curve.harmonics();
    let gain = 2.0 * (tested.log_likelihood - fits[0].log_likelihood) / overdispersion;
    let p_value = f_tail(gain / (2 * k) as f64, k, free.max(1) as f64);

    // Level and slope are not what is tested, so all cycles share them.
    let level: Vec<Count> = weeks
        .iter()
        .map(|week| Count {
            base: week.base * trend(&chosen.trend, week.time),
            ..*week
        })
        .collect();
    let gains = (0..cycles)
        .map(|c| gain_of_left_out(&level, c, overdispersion))
        .collect();
    Some(Found {
        curve: chosen.shrunk(overdispersion),
        overdispersion,
        p_value,
        gains,
    })
}

/// Log-likelihood of the weeks of one cycle under the curve of the others, less that under none; each has the level
/// that suits it best.
fn gain_of_left_out(weeks: &[Count], cycle: usize, overdispersion: f64) -> f64 {
    let (left_out, others): (Vec<Count>, Vec<Count>) = weeks.iter().partition(|week| week.cycle == cycle);
    let Some(fits) = fit_all(&others, 1, MOST_HARMONICS) else {
        return 0.0;
    };
    let curve = lowest_criterion(&fits, overdispersion, others.len()).shrunk(overdispersion);
    let seasonal = |week: &Count| week.base * week.places.iter().map(|place| curve.at(*place).exp()).sum::<f64>();
    let constant = |week: &Count| week.base * WEEK as f64;
    let ratio = left_out.iter().map(constant).sum::<f64>() / left_out.iter().map(seasonal).sum::<f64>();
    let gain: f64 = left_out
        .iter()
        .filter(|week| 0.0 < week.actual)
        .map(|week| week.actual * (ratio * seasonal(week) / constant(week)).ln())
        .sum();
    if gain.is_finite() { gain / overdispersion } else { 0.0 }
}

/// A maximised quasi-likelihood.
struct Fit {
    trend: Vec<f64>,
    curve: Curve,
    log_likelihood: f64,
    chi_square: f64,
    /// Inverse information of each harmonic's two coefficients, for dispersion 1.
    blocks: Vec<[f64; 3]>,
}

impl Fit {
    fn n_params(&self) -> usize {
        self.trend.len() + 2 * self.curve.harmonics()
    }

    fn shrunk(&self, overdispersion: f64) -> Curve {
        let mut curve = self.curve.clone();
        for ((c, s), [cc, cs, ss]) in curve.cos.iter_mut().zip(&mut curve.sin).zip(&self.blocks) {
            let determinant = cc * ss - cs * cs;
            let wald = (*c * *c * ss - 2.0 * *c * *s * cs + *s * *s * cc) / determinant / overdispersion;
            let factor = if 2.0 < wald { 1.0 - 2.0 / wald } else { 0.0 };
            *c *= factor;
            *s *= factor;
        }
        curve
    }
}

fn lowest_criterion(fits: &[Fit], overdispersion: f64, n: usize) -> &Fit {
    let criterion = |fit: &Fit| -2.0 * fit.log_likelihood / overdispersion + fit.n_params() as f64 * (n as f64).ln();
    let mut best = &fits[0];
    for fit in fits {
        if criterion(fit) < criterion(best) {
            best = fit;
        }
    }
    best
}

/// Fits with 0, 1, … harmonics, as many as the weeks allow; `None` if there is nothing to fit.
fn fit_all(weeks: &[Count], trend: usize, most_harmonics: usize) -> Option<Vec<Fit>> {
    let most = most_harmonics.min(weeks.len() / WEEKS_A_HARMONIC);
    let mut fits = vec![fit(weeks, trend, 0)?];
    for k in 1..=most {
        let Some(fit) = fit(weeks, trend, k) else {
            break;
        };
        fits.push(fit);
    }
    Some(fits)
}

fn trend(coefficients: &[f64], time: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * time + c).exp()
}

/// Means of the weeks, their derivatives, and the quasi-likelihood with dispersion 1.
struct Evaluation {
    log_likelihood: f64,
    chi_square: f64,
    gradient: Vec<f64>,
    information: Vec<Vec<f64>>,
}

fn evaluate(weeks: &[Count], n_trend: usize, theta: &[f64]) -> Evaluation {
    let p = theta.len();
    let mut out = Evaluation {
        log_likelihood: 0.0,
        chi_square: 0.0,
        gradient: vec![0.0; p],
        information: vec![vec![0.0; p]; p],
    };
    let mut slope = vec![0.0; p];
    for week in weeks {
        slope.fill(0.0);
        let level = week.base * trend(&theta[..n_trend], week.time);
        let mut mean = 0.0;
        for place in week.places {
            let waves: Vec<f64> = (1..=(p - n_trend) as u32 / 2)
                .flat_map(|k| [angle(k, place).cos(), angle(k, place).sin()])
                .collect();
            let eta: f64 = theta[n_trend..].iter().zip(&waves).map(|(t, wave)| t * wave).sum();
            let intensity = level * eta.exp();
            mean += intensity;
            for (slope, wave) in slope[n_trend..].iter_mut().zip(&waves) {
                *slope += intensity * wave;
            }
        }
        for (power, slope) in (0..).zip(&mut slope[..n_trend]) {
            *slope = mean * week.time.powi(power);
        }
        out.log_likelihood += week.actual * mean.ln() - mean;
        out.chi_square += (week.actual - mean) * (week.actual - mean) / mean.max(1.0);
        for i in 0..p {
            out.gradient[i] += (week.actual / mean - 1.0) * slope[i];
            for j in 0..=i {
                out.information[i][j] += slope[i] * slope[j] / mean;
            }
        }
    }
    out
}

/// `None` unless a maximum was reached.
fn fit(weeks: &[Count], n_trend: usize, harmonics: usize) -> Option<Fit> {
    const MOST_STEPS: u32 = 60;
    const ENOUGH: f64 = 1e-9;
    let actual: f64 = weeks.iter().map(|week| week.actual).sum();
    let base: f64 = weeks.iter().map(|week| week.base * WEEK as f64).sum();
    if actual <= 0.0 || base <= 0.0 {
        return None;
    }
    let mut theta = vec![0.0; n_trend + 2 * harmonics];
    theta[0] = (actual / base).ln();
    let mut here = evaluate(weeks, n_trend, &theta);
    for _ in 0..MOST_STEPS {
        let factor = cholesky(&here.information)?;
        let step = solve(&factor, &here.gradient);
        let promised: f64 = step.iter().zip(&here.gradient).map(|(s, g)| s * g).sum();
        if !promised.is_finite() {
            return None;
        }
        if promised < ENOUGH {
            return Some(Fit {
                trend: theta[..n_trend].to_vec(),
                curve: Curve {
                    cos: theta[n_trend..].iter().step_by(2).copied().collect(),
                    sin: theta[n_trend..].iter().skip(1).step_by(2).copied().collect(),
                },
                log_likelihood: here.log_likelihood,
                chi_square: here.chi_square,
                blocks: (0..harmonics)
                    .map(|k| inverse_block(&factor, n_trend + 2 * k))
                    .collect(),
            });
        }
        let mut length = 1.0;
        loop {
            let at: Vec<f64> = theta.iter().zip(&step).map(|(t, s)| t + length * s).collect();
            let within = at[n_trend..].iter().all(|t| t.abs() <= BOUND);
            let there = evaluate(weeks, n_trend, &at);
            if within && there.log_likelihood.is_finite() && here.log_likelihood <= there.log_likelihood + ENOUGH {
                (theta, here) = (at, there);
                break;
            }
            length *= 0.5;
            if length < 1e-6 {
                return None;
            }
        }
    }
    None
}

/// Lower triangle L of a positive definite matrix L Lᵀ, given its lower triangle; `None` if it is not.
fn cholesky(matrix: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let n = matrix.len();
    let mut lower = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - known;
            if i == j {
                // Two curves that the weeks cannot tell apart leave nothing but rounding.
                let positive = matrix[i][i] * 1e-11 < rest && rest.is_finite();
                if !positive {
                    return None;
                }
                lower[i][i] = rest.sqrt();
            } else {
                lower[i][j] = rest / lower[j][j];
            }
        }
    }
    Some(lower)
}

fn solve(lower: &[Vec<f64>], right: &[f64]) -> Vec<f64> {
    let n = right.len();
    let mut x = right.to_vec();
    for i in 0..n {
        let known: f64 = (0..i).map(|k| lower[i][k] * x[k]).sum();
        x[i] = (x[i] - known) / lower[i][i];
    }
    for i in (0..n).rev() {
        let known: f64 = (i + 1..n).map(|k| lower[k][i] * x[k]).sum();
        x[i] = (x[i] - known) / lower[i][i];
    }
    x
}

/// Entries (i, i), (i, i+1) and (i+1, i+1) of the inverse.
fn inverse_block(lower: &[Vec<f64>], i: usize) -> [f64; 3] {
    let column = |j: usize| {
        let mut unit = vec![0.0; lower.len()];
        unit[j] = 1.0;
        solve(lower, &unit)
    };
    let (first, second) = (column(i), column(i + 1));
    [first[i], first[i + 1], second[i + 1]]
}

/// P(F > f) with 2 `k` and `d` degrees of freedom (Abramowitz and Stegun 26.6.2).
fn f_tail(f: f64, k: usize, d: f64) -> f64 {
    let k = k as f64;
    beta_inc_reg(0.5 * d, k, d / (d + 2.0 * k * f.max(0.0))).lower
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (f, k, d, P) from scipy.stats.f.sf.
    const TAILS: [(f64, usize, f64, f64); 5] = [
        (3.0, 1, 80.0, 0.05541935027980499),
        (2.0, 4, 95.0, 0.05457115189521974),
        (0.5, 3, 40.0, 0.8045298445619101),
        (12.0, 12, 77.0, 2.521692739104014e-17),
        (4.5, 2, 7.0, 0.040887991077464894),
    ];

    #[test]
    fn f_tail_agrees_with_tables() {
        for (f, k, d, want) in TAILS {
            let got = f_tail(f, k, d);
            assert!((got - want).abs() <= 1e-11 * want, "{f} {k} {d}: {got:e} {want:e}");
        }
        assert_eq!(f_tail(0.0, 3, 9.0), 1.0);
        assert_eq!(f_tail(-1.0, 3, 9.0), 1.0);
    }

    fn weeks_of(truth: &Curve, base: impl Fn(f64) -> f64, n: usize) -> Vec<Count> {
        (0..n)
            .map(|w| {
                let places = std::array::from_fn(|d| ((7 * w + d) as f64 / 365.0).fract());
                let time = 2.0 * w as f64 / (n - 1) as f64 - 1.0;
                let mean: f64 = places.iter().map(|place| base(time) * truth.at(*place).exp()).sum();
                Count {
                    actual: mean,
                    base: base(0.0),
                    places,
                    cycle: w / 53,
                    time,
                }
            })
            .collect()
    }

    #[test]
    fn recovers_a_known_curve() {
        let truth = Curve {
            cos: vec![0.3, -0.1, 0.05],
            sin: vec![-0.4, 0.2, 0.0],
        };
        let weeks = weeks_of(&truth, |t| 100.0 * (0.3 * t - 0.2 * t * t).exp(), 106);
        let found = fit(&weeks, TREND, 3).unwrap();
        for (got, want) in found
            .curve
            .cos
            .iter()
            .zip(&truth.cos)
            .chain(found.curve.sin.iter().zip(&truth.sin))
        {
            assert!((got - want).abs() < 1e-6, "{got} {want}");
        }
        assert!(
            found
                .trend
                .iter()
                .zip([0.0, 0.3, -0.2])
                .all(|(got, want)| (got - want).abs() < 1e-6)
        );
        let found = find(&weeks, 2).unwrap();
        assert_eq!((found.curve.harmonics(), found.overdispersion), (3, 1.0));
        assert!(found.p_value < 1e-12 && found.gains.iter().all(|gain| 100.0 < *gain));
    }

    #[test]
    fn a_level_line_has_no_curve() {
        let weeks = weeks_of(&Curve::default(), |_| 100.0, 106);
        let found = find(&weeks, 2).unwrap();
        assert_eq!((found.curve.harmonics(), found.gains.as_slice()), (0, &[0.0, 0.0][..]));
        assert!(0.99 < found.p_value);
        let nothing: Vec<Count> = weeks.iter().map(|w| Count { actual: 0.0, ..*w }).collect();
        assert!(find(&nothing, 2).is_none() && find(&[], 2).is_none() && find(&weeks[..9], 1).is_none());
    }
}
