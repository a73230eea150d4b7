//! Integrals of positive, log-concave functions, to the last digits and with few points.
//!
//! In: ln f through its slope, and a visitor that evaluates f. Out: ∫ f over 0 .. end, which may be infinite. Cost: 4
//! to 16 evaluations where f is mild, about 60 where it falls by forty powers of e, a few hundred at worst.
//!
//! The range is cut into panels on which f changes by a bounded factor, and each gets the smallest Gauss-Legendre
//! rule that suffices. What is left beyond a panel is bounded, as f is log-concave: f(y)/|slope(y)|. Points depend
//! on the arguments alone, never on an error estimate, so that an integral is as smooth as its integrand.
//!
//! # Domain
//! f is analytic within π of the real axis, as functions of e^y with their singularity at e^y < 0 are.
//!
//! # Check
//! `tests` here hold exponentials and Gaussians; `pareto_nbd` and `special` hold what is integrated with it against
//! arbitrary precision.

/// A Gauss-Legendre rule on (0, 1): points and weights.
type Rule = &'static [(f64, f64)];

/// Rules with the largest change of ln f and the longest panel that they serve to 1e-15.
const RULES: [(f64, f64, Rule); 4] = [
    (0.2, 0.3, &POINTS_4),
    (3.2, 1.2, &POINTS_8),
    (8.0, 2.2, &POINTS_12),
    (LARGEST_CHANGE, LONGEST_PANEL, &POINTS_16),
];

/// Largest change of ln f over a panel.
const LARGEST_CHANGE: f64 = 14.5;

const LONGEST_PANEL: f64 = 3.2;

/// What may be left out, as a share of the integral. Far below rounding, since moments of f share the panels.
const NEGLIGIBLE: f64 = 1e-19;

/// Panels beyond any need; the end of a function that is not log-concave.
const MOST_PANELS: u32 = 100_000;

/// ∫ f(y) dy from 0 to `end`. `steepness` is −d ln f/dy, which must not fall. `visit(y, w)` returns w f(y); it may
/// add up other integrals on the way.
pub fn integrate(end: f64, steepness: impl Fn(f64) -> f64, mut visit: impl FnMut(f64, f64) -> f64) -> f64 {
    let mut total = 0.0;
    let mut y = 0.0;
    let mut here = steepness(0.0);
    for _ in 0..MOST_PANELS {
        let panel = Panel::from(y, here, end - y, &steepness);
        let (mut last, mut weight) = (0.0, 1.0);
        for (point, share) in panel.rule {
            weight = share * panel.length;
            last = visit(y + point * panel.length, weight);
            total += last;
        }
        y += panel.length;
        here = panel.steepness_at_end;
        let left = last / weight / here.max(f64::MIN_POSITIVE);
        if end <= y || left <= NEGLIGIBLE * total {
            break;
        }
    }
    total
}

struct Panel {
    length: f64,
    steepness_at_end: f64,
    rule: Rule,
}

impl Panel {
    /// The longest panel from `y` on which ln f changes by at most [`LARGEST_CHANGE`].
    fn from(y: f64, here: f64, left: f64, steepness: &impl Fn(f64) -> f64) -> Self {
        let try_length = |length: f64| {
            let there = steepness(y + length);
            (there, length * here.abs().max(there.abs()))
        };
        let mut length = left.min(LONGEST_PANEL);
        let (mut there, mut change) = try_length(length);
        if LARGEST_CHANGE < change {
            // Steepness rises, so a panel that is short enough for the steepness further on is short enough.
            let mut too_long = length;
            length *= LARGEST_CHANGE / change;
            (there, change) = try_length(length);
            for _ in 0..4 {
                if 0.6 * LARGEST_CHANGE < change {
                    break;
                }
                let middle = (length * too_long).sqrt();
                let (there_middle, change_middle) = try_length(middle);
                if LARGEST_CHANGE < change_middle {
                    too_long = middle;
                } else {
                    (length, there, change) = (middle, there_middle, change_middle);
                }
            }
        }
        let serves = |(most, longest, _): &&(f64, f64, Rule)| change <= *most && length <= *longest;
        let rule = RULES.iter().find(serves).map_or(&POINTS_16[..], |(_, _, rule)| rule);
        Self {
            length,
            steepness_at_end: there,
            rule,
        }
    }
}

const POINTS_4: [(f64, f64); 4] = [
    (0.06943184420297371, 0.17392742256872692),
    (0.33000947820757187, 0.32607257743127305),
    (0.6699905217924281, 0.32607257743127305),
    (0.9305681557970263, 0.17392742256872692),
];

const POINTS_8: [(f64, f64); 8] = [
    (0.019855071751231884, 0.05061426814518813),
    (0.10166676129318664, 0.11119051722668724),
    (0.2372337950418355, 0.15685332293894363),
    (0.4082826787521751, 0.181341891689181),
    (0.591717321247825, 0.181341891689181),
    (0.7627662049581645, 0.15685332293894363),
    (0.8983332387068134, 0.11119051722668724),
    (0.9801449282487681, 0.05061426814518813),
];

const POINTS_12: [(f64, f64); 12] = [
    (0.009219682876640375, 0.023587668193255914),
    (0.04794137181476257, 0.05346966299765921),
    (0.11504866290284765, 0.08003916427167311),
    (0.2063410228566913, 0.10158371336153296),
    (0.3160842505009099, 0.1167462682691774),
    (0.43738329574426554, 0.12457352290670139),
    (0.5626167042557345, 0.12457352290670139),
    (0.6839157494990901, 0.1167462682691774),
    (0.7936589771433087, 0.10158371336153296),
    (0.8849513370971523, 0.08003916427167311),
    (0.9520586281852375, 0.05346966299765921),
    (0.9907803171233597, 0.023587668193255914),
];

pub const POINTS_16: [(f64, f64); 16] = [
    (0.005299532504175033, 0.013576229705877048),
    (0.02771248846338371, 0.031126761969323947),
    (0.06718439880608412, 0.04757925584124639),
    (0.12229779582249849, 0.06231448562776694),
    (0.19106187779867811, 0.07479799440828837),
    (0.2709916111713863, 0.08457825969750127),
    (0.35919822461037054, 0.09130170752246179),
    (0.4524937450811813, 0.09472530522753425),
    (0.5475062549188188, 0.09472530522753425),
    (0.6408017753896295, 0.09130170752246179),
    (0.7290083888286137, 0.08457825969750127),
    (0.8089381222013219, 0.07479799440828837),
    (0.8777022041775016, 0.06231448562776694),
    (0.9328156011939158, 0.04757925584124639),
    (0.9722875115366163, 0.031126761969323947),
    (0.994700467495825, 0.013576229705877048),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_of_every_steepness_over_every_range() {
        let mut worst = 0.0_f64;
        for ln_rate in -40..=40 {
            let rate = (0.5 * f64::from(ln_rate)).exp();
            for end in [0.01, 0.1, 0.5, 1.0, 2.0, 5.0, 30.0] {
                let got = integrate(end, |_| rate, |y, w| w * (-rate * y).exp());
                let want = -(-rate * end).exp_m1() / rate;
                worst = worst.max((got - want).abs() / want);
            }
        }
        println!("{worst:.1e}");
        assert!(worst < 2e-15, "{worst:e}");
    }

    #[test]
    fn humps_of_every_width_and_a_moment() {
        for width in [1e-6_f64, 1e-3, 0.1, 1.0, 10.0] {
            let mut square = 0.0;
            let centre = 9.0 * width;
            let got = integrate(
                f64::INFINITY,
                |y| (y - centre) / (width * width),
                |y, w| {
                    let z = (y - centre) / width;
                    let f = w * (-0.5 * z * z).exp();
                    square += f * z * z;
                    f
                },
            );
            let want = width * std::f64::consts::TAU.sqrt();
            assert!((got - want).abs() < 1e-14 * want, "{width}: {got} {want}");
            assert!((square - want).abs() < 1e-13 * want, "{width}: {square} {want}");
        }
    }

    #[test]
    fn an_empty_range_is_nothing() {
        assert_eq!(integrate(0.0, |_| 1.0, |_, w| w), 0.0);
    }
}
