//! Partial pooling by empirical Bayes: how much groups differ, and then each group's most probable parameters.
//!
//! In: a log-likelihood for each group, and the parameters of the whole. Out: the standard deviation between groups of
//! the logarithm of each parameter, and each group's posterior mode with its spread.
//!
//! # Formula
//! u_g = ln θ_g − ln θ_whole ~ N(0, diag τ²). The mode of ℓ_g(u) − ½ Σ u²/τ² has curvature H_g = −∂²ℓ_g, negative
//! eigenvalues set to 0, and with h_g = ∂ℓ_g + H_g u_g the marginal likelihood of τ is, by Laplace,
//!
//! Σ_g ½ h_g'(H_g + D⁻¹)⁻¹ h_g − ½ ln det(I + D H_g) + const,  D = diag τ².
//!
//! τ and the modes are found in turn until τ stands still. τ lies between [`LEAST_SPREAD`] and [`MOST_SPREAD`], the
//! former standing for 0. The share of its own that a group has of a parameter is 1 − posterior variance / τ², and of
//! all of them 1 − tr(H_g + D⁻¹)⁻¹ / tr D: how much of the variance between groups its own customers have settled.
//!
//! # Domain
//! The whole is taken as known. It contains the groups, so a group that is most of the whole pulls it along, and τ comes
//! out a little small with two or three groups.

use rayon::prelude::*;

use crate::clv::optimise::{self, Derivatives, Limits, MAX_PARAMS, Termination};

/// Groups that differ by less than 0.1 % do not differ.
pub const LEAST_SPREAD: f64 = 1e-3;

/// Groups whose parameters differ by more than a factor of 7 are drawn together as if by that much.
pub const MOST_SPREAD: f64 = 2.0;

const FIRST_SPREAD: f64 = 0.3;

/// Logarithms of parameters stay this near to those of the whole: a factor of 22,000.
const BOUND: f64 = 10.0;

const MAX_STEPS: u32 = 200;
const GAIN_TOLERANCE: f64 = 1e-10;

/// Rounds of spreads and modes in turn.
const MOST_ROUNDS: usize = 20;

/// A relative change of a spread that is not worth another round.
const SPREAD_TOLERANCE: f64 = 0.01;

/// Spreads that are tried for one parameter before the best is refined.
const GRID: usize = 24;

/// A group: its log-likelihood with derivatives by the parameters.
pub struct Member<'a> {
    pub at: &'a (dyn Fn(&[f64]) -> Derivatives + Sync),
    /// Numbers that groups are added up by, so that sums do not depend on labels.
    pub order: Vec<f64>,
}

/// A group's parameters, drawn toward the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Shrunk {
    pub params: Vec<f64>,
    /// Posterior standard deviations of the parameters.
    pub standard_errors: Vec<f64>,
    pub own_weight: f64,
    pub own_weights: Vec<f64>,
    pub converged: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pooled {
    /// Between groups, of the logarithm of each parameter; 0 at [`LEAST_SPREAD`].
    pub spreads: Vec<f64>,
    /// In the order of the members.
    pub members: Vec<Shrunk>,
}

type Matrix = [[f64; MAX_PARAMS]; MAX_PARAMS];

/// A group's mode and the quadratic that its log-likelihood is there.
struct Mode {
    u: Vec<f64>,
    /// −∂²ℓ, not negative.
    curvature: Matrix,
    /// ∂ℓ + `curvature` u: the slope of the quadratic at the whole.
    slope: [f64; MAX_PARAMS],
    converged: bool,
}

/// Fits all `members` around `whole`, whose parameters are positive.
pub fn pool(whole: &[f64], members: &[&Member<'_>]) -> Pooled {
    let k = whole.len();
    let mut sorted: Vec<usize> = (0..members.len()).collect();
    sorted.sort_by(|&a, &b| {
        let pairs = members[a].order.iter().zip(&members[b].order);
        let unequal = pairs.map(|(a, b)| a.total_cmp(b)).find(|o| o.is_ne());
        unequal.unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut spreads = vec![FIRST_SPREAD; k];
    let mut modes: Vec<Mode> = Vec::new();
    for round in 0..=MOST_ROUNDS {
        modes = sorted
            .par_iter()
            .enumerate()
            .map(|(place, &member)| {
                let start = modes.get(place).map_or_else(|| vec![0.0; k], |mode| mode.u.clone());
                find_mode(members[member], whole, &spreads, &start)
            })
            .collect();
        if round == MOST_ROUNDS {
            break;
        }
        let next = most_likely_spreads(&modes, &spreads);
        let moved = |(new, old): (&f64, &f64)| SPREAD_TOLERANCE < (new / old).ln().abs();
        let stands = !next.iter().zip(&spreads).any(moved);
        if stands {
            break;
        }
        spreads = next;
    }
    let mut out = vec![None; members.len()];
    for (&member, mode) in sorted.iter().zip(&modes) {
        out[member] = Some(shrunk(whole, &spreads, mode));
    }
    let shown = |s: &f64| if *s <= LEAST_SPREAD { 0.0 } else { *s };
    Pooled {
        spreads: spreads.iter().map(shown).collect(),
        members: out.into_iter().flatten().collect(),
    }
}

fn find_mode(member: &Member<'_>, whole: &[f64], spreads: &[f64], start: &[f64]) -> Mode {
    let k = whole.len();
    let at = |u: &[f64]| {
        let params: Vec<f64> = u.iter().zip(whole).map(|(u, p)| p * u.exp()).collect();
        let mut at = (member.at)(&params);
        at.by_logarithms(&params);
        at
    };
    let objective = |u: &[f64]| {
        let mut at = at(u);
        at.scale(-1.0);
        for (i, (u, spread)) in u.iter().zip(spreads).enumerate() {
            let precision = spread.powi(-2);
            at.value += 0.5 * precision * u * u;
            at.gradient[i] += precision * u;
            at.hessian[i][i] += precision;
        }
        at
    };
    let limits = Limits {
        max_steps: MAX_STEPS,
        gain_tolerance: GAIN_TOLERANCE,
        bound: BOUND,
        polishing_steps: optimise::POLISHING_STEPS,
    };
    let search = optimise::minimise(objective, start, limits);
    let here = at(&search.at);
    let mut curvature = here.hessian;
    curvature.iter_mut().flatten().for_each(|h| *h = -*h);
    let curvature = optimise::without_negative_curvature(&curvature, k);
    let mut slope = here.gradient;
    for i in 0..k {
        slope[i] += (0..k).map(|j| curvature[i][j] * search.at[j]).sum::<f64>();
    }
    let finite = slope.iter().chain(curvature.iter().flatten()).all(|v| v.is_finite());
    Mode {
        converged: finite && search.termination == Termination::Converged,
        u: search.at,
        curvature,
        slope,
    }
}

/// The lower triangle L of I + T H T = L L', T = diag `spreads`; always positive definite.
fn factor(mode: &Mode, spreads: &[f64]) -> Matrix {
    let k = spreads.len();
    let mut l = [[0.0; MAX_PARAMS]; MAX_PARAMS];
    for i in 0..k {
        for j in 0..=i {
            let known: f64 = (0..j).map(|e| l[i][e] * l[j][e]).sum();
            let entry = spreads[i] * mode.curvature[i][j] * spreads[j] - known;
            l[i][j] = if i == j {
                (1.0 + entry).max(f64::MIN_POSITIVE).sqrt()
            } else {
                entry / l[j][j]
            };
        }
    }
    l
}

/// L⁻¹ v.
fn solve(l: &Matrix, v: &[f64]) -> [f64; MAX_PARAMS] {
    let mut out = [0.0; MAX_PARAMS];
    for i in 0..v.len() {
        let known: f64 = (0..i).map(|j| l[i][j] * out[j]).sum();
        out[i] = (v[i] - known) / l[i][i];
    }
    out
}

/// The logarithm of the marginal likelihood, up to a constant.
fn marginal(modes: &[Mode], spreads: &[f64]) -> f64 {
    let of_group = |mode: &Mode| {
        let l = factor(mode, spreads);
        let scaled: Vec<f64> = mode.slope.iter().zip(spreads).map(|(h, s)| h * s).collect();
        let fit: f64 = solve(&l, &scaled).iter().map(|v| 0.5 * v * v).sum();
        let ln_root: f64 = (0..spreads.len()).map(|i| l[i][i].ln()).sum();
        fit - ln_root
    };
    modes.iter().filter(|mode| mode.converged).map(of_group).sum()
}

/// Maximises the marginal likelihood in one spread after the other.
fn most_likely_spreads(modes: &[Mode], start: &[f64]) -> Vec<f64> {
    let (low, high) = (LEAST_SPREAD.ln(), MOST_SPREAD.ln());
    let width = (high - low) / GRID as f64;
    let mut spreads = start.to_vec();
    for _ in 0..MOST_ROUNDS {
        let before = spreads.clone();
        for i in 0..spreads.len() {
            let mut at = |ln: f64| {
                spreads[i] = ln.clamp(low, high).exp();
                marginal(modes, &spreads)
            };
            let mut best = (low, at(low));
            for step in 1..=GRID {
                let ln = low + width * step as f64;
                let value = at(ln);
                // More likely by more than rounding, so that no difference at all stays at 0.
                if best.1 + 1e-9 < value {
                    best = (ln, value);
                }
            }
            let refined = golden_section(&mut at, best.0 - width, best.0 + width);
            let ln = if at(refined) <= best.1 { best.0 } else { refined };
            spreads[i] = if best.0 == low {
                LEAST_SPREAD
            } else {
                ln.clamp(low, high).exp()
            };
        }
        let moved = |(new, old): (&f64, &f64)| 0.1 * SPREAD_TOLERANCE < (new / old).ln().abs();
        if !spreads.iter().zip(&before).any(moved) {
            break;
        }
    }
    spreads
}

fn golden_section(f: &mut impl FnMut(f64) -> f64, mut low: f64, mut high: f64) -> f64 {
    let ratio = 0.5 * (5_f64.sqrt() - 1.0);
    for _ in 0..16 {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        if f(left) < f(right) {
            low = left;
        } else {
            high = right;
        }
    }
    0.5 * (low + high)
}

/// The posterior of a group. (H + D⁻¹)⁻¹ = T (I + THT)⁻¹ T, so its diagonal over τ² is that of (I + THT)⁻¹.
fn shrunk(whole: &[f64], spreads: &[f64], mode: &Mode) -> Shrunk {
    let k = whole.len();
    let l = factor(mode, spreads);
    let variance_left = |i: usize| {
        let mut unit = vec![0.0; k];
        unit[i] = 1.0;
        solve(&l, &unit).iter().map(|v| v * v).sum::<f64>().clamp(0.0, 1.0)
    };
    let left: Vec<f64> = (0..k).map(variance_left).collect();
    let params: Vec<f64> = mode.u.iter().zip(whole).map(|(u, p)| p * u.exp()).collect();
    let variance = |shares: &[f64]| shares.iter().zip(spreads).map(|(v, s)| v * s * s).sum::<f64>();
    let error = |((p, spread), left): ((&f64, &f64), &f64)| p * spread * left.sqrt();
    Shrunk {
        standard_errors: params.iter().zip(spreads).zip(&left).map(error).collect(),
        own_weight: 1.0 - variance(&left) / variance(&vec![1.0; k]),
        own_weights: left.iter().map(|v| 1.0 - v).collect(),
        converged: mode.converged && params.iter().all(|p| p.is_finite() && 0.0 < *p),
        params,
    }
}
