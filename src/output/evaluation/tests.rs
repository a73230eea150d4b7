use super::*;
use crate::clv::evaluation::{
    Coverage, Errors, FrequencyBin, Heat, PredictedMean, SpendBin, SpendDensity, TrackSeries,
};
use crate::clv::model::FitStatus;
use crate::clv::tracking::TrackPoint;

/// 1997-09-30.
const CUT: i32 = 10_134;

fn model(name: &str, log_likelihood: f64, total: f64, mae: f64, rmse: f64) -> ModelScore {
    ModelScore {
        name: name.to_string(),
        kind: Kind::Model,
        status: Some(FitStatus::Ok),
        longest_silence_days: None,
        log_likelihood: Some(log_likelihood),
        bic: Some(-2.0 * log_likelihood + 4.0 * 2_357.0_f64.ln()),
        log_score: Some(-2_400.0 - 100.0 * rmse),
        orders: Errors {
            predicted: Some(total),
            mae: Some(mae),
            rmse: Some(rmse),
            bias: Some(total / 1_882.0 - 1.0),
        },
        amount: Errors {
            predicted: Some(total * 36.1),
            mae: Some(mae * 36.0),
            rmse: Some(rmse * 36.0),
            bias: Some(total * 36.1 / 70_123.45 - 1.0),
        },
        top_fifth_share: Some(0.653_21),
        coverage: Some(Coverage {
            nominal: 0.9,
            orders: 0.948_66,
            orders_randomised: 0.901_23,
            amount: Some(0.944_44),
        }),
    }
}

fn baseline(name: &str, total: f64, mae: f64, rmse: f64) -> ModelScore {
    ModelScore {
        kind: Kind::Baseline,
        status: None,
        longest_silence_days: (name == "hiatus").then_some(174.0),
        log_likelihood: None,
        bic: None,
        log_score: None,
        coverage: None,
        ..model(name, 0.0, total, mae, rmse)
    }
}

/// Numbers of the CDNOW sample where they are known, the rest plausible.
pub(super) fn full() -> Evaluation {
    let models = vec![
        model("nbd", -14_544.758_8, 2_929.8, 1.020_45, 2.205_67),
        model("mbg_nbd", -14_363.237, 1_576.728_3, 0.764_78, 1.607_18),
        model("bg_nbd", -14_363.530_4, 1_653.408_7, 0.785_45, 1.607_98),
        model("pareto_nbd", -14_376.077_4, 1_665.513_1, 0.754_52, 1.602_85),
        baseline("last_period", 2_457.0, 0.991_23, 2.011_11),
        baseline("rate", 2_930.101_1, 1.023_67, 2.211_92),
        baseline("hiatus", 1_702.5, 0.744_44, 1.755_55),
    ];
    let predicted = |x: u32| {
        let mean = |m: &ModelScore| PredictedMean {
            name: m.name.clone(),
            mean: 0.2 + f64::from(x) * 0.5 * m.orders.predicted.unwrap() / 1_882.0,
        };
        models.iter().map(mean).collect::<Vec<_>>()
    };
    let tracking = models[..4].iter().map(|m| TrackSeries {
        name: m.name.clone(),
        points: (0..78)
            .map(|week: i32| TrackPoint {
                week_end_day: (9_862 + 7 * week + 6).min(CUT + 273),
                actual: (4_339.0 * (f64::from(week + 1) / 78.0).powf(0.8)) as u64,
                expected: 4_339.0
                    * (f64::from(week + 1) / 78.0).powf(0.8)
                    * (1.0 + (m.orders.bias.unwrap()) * f64::from(week) / 150.0),
            })
            .collect(),
    });
    let heat = models[..4].iter().map(|m| {
        let (x, t_x): (Vec<u32>, Vec<f64>) = ((0..=17).collect(), (0..=40).map(|k| 6.8 * f64::from(k)).collect());
        let cell = |x: u32, t: f64| {
            (
                ((x == 0) == (t == 0.0)).then(|| 1.0 / (1.0 + 0.02 * (1.0 + f64::from(x)) * (272.0 - t) / 20.0)),
                0.35 * f64::from(x) + 0.3,
            )
        };
        let rows =
            |f: &dyn Fn(u32, f64) -> Option<f64>| x.iter().map(|x| t_x.iter().map(|t| f(*x, *t)).collect()).collect();
        Heat {
            name: m.name.clone(),
            age: 272.0,
            horizon: 273.0,
            alive_prob: rows(&|x, t| cell(x, t).0),
            expected_orders: rows(&|x, t| Some(cell(x, t).0? * cell(x, t).1)),
            x: x.clone(),
            t_x: t_x.clone(),
        }
    });
    Evaluation {
        setting: Setting::Noncontractual,
        cut_day: CUT,
        holdout_days: 273,
        n_customers: 2_357,
        of_customers: 2_357,
        actual_orders: 1_882,
        actual_amount: 70_123.45,
        by_frequency: (0..=7)
            .map(|x| FrequencyBin {
                repeat_days: x,
                or_more: x == 7,
                n_customers: [1_411, 439, 214, 100, 62, 38, 29, 64][x as usize],
                actual_mean: 0.236_71 + f64::from(x) * 0.5,
                predicted: predicted(x),
            })
            .collect(),
        tracking: tracking.collect(),
        heat: heat.collect(),
        spend_density: Some(SpendDensity {
            n_customers: 946,
            beyond_share: 0.010_57,
            bins: (0..40)
                .map(|k| SpendBin {
                    from_amount: 4.0 * f64::from(k),
                    to_amount: 4.0 * f64::from(k + 1),
                    observed_share: 0.004 * f64::from(k + k % 3) * (-f64::from(k) / 7.0).exp() * 8.0,
                    expected_share: 0.004 * f64::from(k + 1) * (-f64::from(k) / 7.0).exp() * 8.0,
                })
                .collect(),
        }),
        models,
    }
}

/// Nobody bought, nobody predicts.
pub(super) fn nothing() -> Evaluation {
    Evaluation {
        setting: Setting::Contractual,
        cut_day: 0,
        holdout_days: 0,
        n_customers: 0,
        of_customers: 0,
        actual_orders: 0,
        actual_amount: 0.0,
        models: Vec::new(),
        by_frequency: Vec::new(),
        tracking: Vec::new(),
        heat: Vec::new(),
        spend_density: None,
    }
}

/// Every number that is not one.
pub(super) fn awkward() -> Evaluation {
    let mut e = full();
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 1e300];
    e.actual_amount = f64::NAN;
    for (score, value) in e.models.iter_mut().zip(bad.into_iter().cycle()) {
        let errors = Errors {
            predicted: Some(value),
            mae: Some(value),
            rmse: Some(value),
            bias: Some(value),
        };
        (score.orders, score.amount) = (errors, errors);
        score.log_likelihood = Some(value);
        score.bic = Some(value);
        score.log_score = Some(value);
        score.top_fifth_share = Some(value);
        score.longest_silence_days = Some(value);
        score.coverage = Some(Coverage {
            nominal: value,
            orders: value,
            orders_randomised: value,
            amount: Some(value),
        });
    }
    for (bin, value) in e.by_frequency.iter_mut().zip(bad.into_iter().cycle()) {
        bin.actual_mean = value;
        bin.predicted.iter_mut().for_each(|p| p.mean = value);
    }
    for series in &mut e.tracking {
        for (point, value) in series.points.iter_mut().zip(bad.into_iter().cycle()) {
            point.expected = value;
        }
    }
    for heat in &mut e.heat {
        heat.t_x[3] = f64::NAN;
        heat.age = f64::INFINITY;
        for (value, bad) in heat.alive_prob.iter_mut().flatten().zip(bad.into_iter().cycle()) {
            *value = Some(bad);
        }
        for (value, bad) in heat.expected_orders.iter_mut().flatten().zip(bad.into_iter().cycle()) {
            *value = Some(bad);
        }
    }
    if let Some(density) = &mut e.spend_density {
        density.beyond_share = f64::NAN;
        for (bin, value) in density.bins.iter_mut().zip(bad.into_iter().cycle()) {
            bin.to_amount = value;
            bin.observed_share = value;
            bin.expected_share = value;
        }
    }
    e
}

fn facts() -> Facts {
    Facts {
        title: String::new(),
        inputs: vec!["cdnow_sample.csv".to_string()],
        as_of: "1998-06-30".to_string(),
        version: "0.1.0".to_string(),
        config_hash: "9f86d081884c7d659a2feaa0c55ad015".to_string(),
        currency: Some("$".to_string()),
        chosen: Some("mbg_nbd".to_string()),
        reason:
            "mbg_nbd (BIC 28757.5, and 29105.0 without dropout): its log score is within one standard error of the best"
                .to_string(),
        notes: vec!["the holdout holds one Christmas and the calibration none: totals may be too low".to_string()],
    }
}

fn part<'a>(page: &'a str, id: &str) -> &'a str {
    let from = page.split_once(&format!("<section id=\"{id}\"")).unwrap().1;
    from.split_once("</section>").unwrap().0
}

#[test]
fn the_headline_says_who_was_best_by_how_much_and_what_would_have_been_expected() {
    let page = page(&facts(), &full());
    let text = part(&page, "contenders");
    for said in [
        "<b><bdi>Pareto/NBD</bdi></b> predicted best: its root mean square error was 1.603 orders a customer",
        "practically level with <bdi>MBG/NBD</bdi> (1.607)",
        "8.7% less than the best baseline, <bdi>Hiatus rule</bdi> (1.756)",
        "Its total of orders was 11.5% too low.",
        "If you had used <b><bdi>MBG/NBD</bdi></b> on 1997-09-30, you would have expected <b>1,577 orders</b> in the 273 \
         days after; <b>1,882</b> came (−16.2%).",
        "Why <b><bdi>MBG/NBD</bdi></b> is used: MBG/NBD (BIC",
        "silent for more than 174 days",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn the_table_holds_the_numbers_of_every_contender() {
    let evaluation = full();
    let page = page(&facts(), &evaluation);
    let table = part(&page, "contenders").split_once("<tbody>").unwrap().1;
    let rows: Vec<&str> = table.split("</tr>").collect();
    for (score, row) in evaluation.models.iter().zip(&rows) {
        assert!(row.contains(&label(&score.name)), "{row}");
        let value = |label: &str| {
            let cell = row.split_once(&format!("data-label=\"{label}\">")).unwrap().1;
            let cell = cell
                .split_once("</td>")
                .unwrap()
                .0
                .replace("<b>", "")
                .replace("</b>", "");
            cell.replace(',', "")
                .replace('−', "-")
                .replace(['%', '+'], "")
                .parse::<f64>()
                .ok()
        };
        let is = |label: &str, expected: Option<f64>, digits: f64| match (value(label), expected) {
            (Some(shown), Some(expected)) => assert!((shown - expected).abs() <= digits, "{label}: {shown} {expected}"),
            (shown, expected) => assert_eq!(shown, expected, "{label}"),
        };
        is("log-likelihood, calibration", score.log_likelihood, 0.05);
        is("BIC, calibration", score.bic, 0.05);
        is("log score, holdout", score.log_score, 0.05);
        is("mean absolute error", score.orders.mae, 0.000_5);
        is("root mean square error", score.orders.rmse, 0.000_5);
        is("bias of total", score.orders.bias.map(|b| 100.0 * b), 0.05);
        is("bias of revenue", score.amount.bias.map(|b| 100.0 * b), 0.05);
        is(
            "revenue in predicted top fifth",
            score.top_fifth_share.map(|s| 100.0 * s),
            0.05,
        );
        is("interval held, count", score.coverage.map(|c| 100.0 * c.orders), 0.05);
        is(
            "interval held, randomised",
            score.coverage.map(|c| 100.0 * c.orders_randomised),
            0.05,
        );
        is(
            "interval held, revenue",
            score.coverage.and_then(|c| c.amount).map(|a| 100.0 * a),
            0.05,
        );
    }
    assert_eq!(table.matches("class=\"winner\"").count(), 1);
    assert!(rows[3].contains("class=\"tag good\">best") && rows[1].contains("class=\"tag\">used"));
    // The best of a column is bold: the largest log-likelihood, the smallest bias.
    assert!(rows[1].contains("<b>−14,363.2</b>"), "{}", rows[1]);
    assert!(
        rows[6].contains("data-label=\"bias of total\"><b>−9.5%</b>"),
        "{}",
        rows[6]
    );
    assert_eq!(rows[3].matches("<b>").count(), 2 + 3, "{}", rows[3]);
}

#[test]
fn every_chart_has_a_text_alternative_and_its_numbers() {
    let page = page(&facts(), &full());
    for (section, chart) in [
        ("tracking", "chart-cumulative"),
        ("weekly", "chart-weekly"),
        ("frequency", "chart-frequency"),
        ("maps", "map-orders"),
        ("maps", "map-alive"),
        ("spend", "chart-spend"),
    ] {
        let part = part(&page, section);
        let svg = part.split_once(&format!("id=\"{chart}\"")).expect(chart).1;
        assert!(
            svg.split_once('>').unwrap().0.contains("role=\"img\" aria-label=\""),
            "{chart}"
        );
        assert!(
            part.contains("<details>") && part.contains("How to read it:"),
            "{section}"
        );
    }
    let frequency = part(&page, "frequency");
    for number in [
        "<td data-label=\"actual\">0.237</td>",
        "<td data-label=\"Customers\">1,411</td>",
        ">7 or more</th>",
    ] {
        assert!(frequency.contains(number), "{number}");
    }
    assert!(part(&page, "tracking").contains("cut: 1997-09-30"));
    assert!(part(&page, "spend").contains("1.1% of them spend more"));
}

#[test]
fn nothing_that_is_no_number_is_printed() {
    let mut others = full();
    others.setting = Setting::Discrete;
    others.actual_orders = 0;
    for score in &mut others.models {
        score.orders.bias = None;
        score.amount = Errors::default();
        score.top_fifth_share = None;
    }
    for evaluation in [full(), nothing(), awkward(), others] {
        for facts in [facts(), Facts::default()] {
            let page = page(&facts, &evaluation);
            let body = page.split_once("</style>").unwrap().1;
            for word in ["NaN", ">inf", "-inf", " inf ", "\"inf", "infinity"] {
                assert!(
                    !body.contains(word),
                    "{word}: {:?}",
                    body.split_once(word).map(|(b, _)| &b[b.len() - 80..])
                );
            }
            assert!(page.len() < 700_000, "{}", page.len());
        }
    }
}

#[test]
fn what_is_missing_is_a_sentence() {
    let empty = page(&Facts::default(), &nothing());
    for (section, said) in [
        ("contenders", "No contender was tried"),
        ("tracking", "Renewals are counted by period"),
        ("weekly", "Renewals are counted by period"),
        ("frequency", "There are no customers to compare"),
        ("maps", "Leaving is seen in this setting"),
        ("spend", "Amounts of repeat orders are missing"),
        ("notes", "Nothing special"),
    ] {
        assert!(
            part(&empty, section).contains(said),
            "{section}: {}",
            part(&empty, section)
        );
    }
    assert!(!empty.contains("<svg"));

    let mut unfitted = full();
    for score in &mut unfitted.models {
        *score = ModelScore {
            status: Some(FitStatus::NotEnoughHistory),
            log_likelihood: None,
            bic: None,
            log_score: None,
            orders: Errors::default(),
            amount: Errors::default(),
            top_fifth_share: None,
            coverage: None,
            ..score.clone()
        };
    }
    unfitted.tracking.clear();
    unfitted.by_frequency.iter_mut().for_each(|bin| bin.predicted.clear());
    let page = page(&facts(), &unfitted);
    assert!(part(&page, "contenders").contains("No contender could predict"));
    assert!(part(&page, "contenders").contains("model not fitted: too few repeat customers"));
    assert!(part(&page, "frequency").contains("No contender could predict"));
    assert!(part(&page, "tracking").contains("No model could predict"));
}

#[test]
fn names_and_notes_are_text() {
    let hostile = "<script>alert(\"x\")</script>";
    let facts = Facts {
        title: hostile.to_string(),
        inputs: vec![hostile.to_string(), hostile.to_string()],
        as_of: hostile.to_string(),
        version: hostile.to_string(),
        config_hash: format!("é{hostile}"),
        currency: Some("<".to_string()),
        chosen: Some(hostile.to_string()),
        reason: hostile.to_string(),
        notes: (0..30).map(|i| format!("{i} {hostile}")).collect(),
    };
    let mut evaluation = full();
    evaluation.models[0].name = hostile.to_string();
    evaluation.tracking[0].name = hostile.to_string();
    evaluation.heat[0].name = hostile.to_string();
    evaluation
        .by_frequency
        .iter_mut()
        .for_each(|bin| bin.predicted[0].name = hostile.to_string());
    let page = page(&facts, &evaluation);
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;"));
    assert!(page.contains("And 10 more."));
    for attribute in ["aria-label=\"", "data-label=\""] {
        for rest in page.split(attribute).skip(1) {
            let inside = rest.split_once('"').unwrap().0;
            assert!(!inside.contains('<'), "markup in an attribute: {inside}");
            assert!(
                rest[inside.len() + 1..].starts_with(['>', ' ']),
                "an attribute ends early: {inside}"
            );
        }
    }
    // HTML elements are not drawn inside a chart.
    for chart in page.split("<svg").skip(1) {
        assert!(!chart.split_once("</svg>").unwrap().0.contains("<bdi>"));
    }
}

#[test]
fn wide_tables_scroll_in_their_own_box() {
    let mut evaluation = full();
    for i in 0..40 {
        let name = format!("a_model_of_some_length_{i:02}");
        evaluation
            .models
            .push(model(&name, -1e6 - f64::from(i), 1e12, 1e9, 1e9));
        evaluation.by_frequency.iter_mut().for_each(|bin| {
            bin.predicted.push(PredictedMean {
                name: name.clone(),
                mean: 1e9,
            });
        });
    }
    let page = page(&facts(), &evaluation);
    for table in page
        .split("<table class=\"")
        .skip(1)
        .filter(|t| t.starts_with("numbers") || t.contains("contenders"))
    {
        let columns = table.split_once("</thead>").unwrap().0.matches("scope=\"col\"").count();
        let before = page.split_once(table).unwrap().0;
        let is_boxed =
            before.ends_with("\"><table class=\"") && before.rfind("class=\"scroll\"") > before.rfind("</table>");
        assert!(
            columns <= 3 || is_boxed,
            "{columns} columns: {}",
            &before[before.len() - 120..]
        );
    }
    assert!(include_str!("style.css").contains(".scroll { overflow-x: auto; }"));
}

#[test]
fn the_best_has_the_least_squared_error_and_of_equals_the_smaller_bias() {
    let mut evaluation = full();
    assert_eq!(best(&evaluation).unwrap().name, "pareto_nbd");
    evaluation.models[1].orders.rmse = evaluation.models[3].orders.rmse;
    assert_eq!(best(&evaluation).unwrap().name, "pareto_nbd");
    evaluation.models[1].orders.bias = Some(0.01);
    assert_eq!(best(&evaluation).unwrap().name, "mbg_nbd");
    evaluation.models[5].orders.rmse = Some(0.1);
    let won_by_baseline = page(&facts(), &evaluation);
    assert!(part(&won_by_baseline, "contenders").contains("<b><bdi>Own rate</bdi></b> predicted best, a baseline"));
    evaluation
        .models
        .iter_mut()
        .for_each(|m| m.orders.rmse = Some(f64::NAN));
    assert_eq!(best(&evaluation), None);
}

#[test]
fn names_are_written_as_their_authors_do() {
    for (name, text) in [
        ("nbd", "NBD"),
        ("mbg_nbd", "MBG/NBD"),
        ("pareto_nbd", "Pareto/NBD"),
        ("bg_cnbd_k", "BG/CNBD-k"),
        ("mbg_cnbd_k", "MBG/CNBD-k"),
        ("bg_bb", "BG/BB"),
        ("sbg", "sBG"),
        ("hiatus", "Hiatus rule"),
        ("something_else", "something_else"),
        ("", ""),
    ] {
        assert_eq!(label(name), text);
    }
}

#[test]
fn the_page_is_the_same_every_time_and_complete() {
    let one = page(&facts(), &full());
    assert_eq!(one, page(&facts(), &full()));
    for link in ["href=\"http", "src=", "@import", "url(", "<script", "<link"] {
        assert!(!one.contains(link), "{link}");
    }
}

#[test]
fn equals_but_for_rounding_are_equal_and_the_first_wins() {
    let mut evaluation = full();
    let winner = best(&evaluation).unwrap().name.clone();
    let place = evaluation.models.iter().position(|m| m.name == winner).unwrap();
    let mut twin = evaluation.models[place].clone();
    twin.name = "twin".to_string();
    twin.orders.rmse = twin.orders.rmse.map(|e| e * (1.0 - 1e-12));
    twin.orders.bias = twin.orders.bias.map(|b| b * (1.0 - 1e-12));
    evaluation.models.push(twin);
    assert_eq!(best(&evaluation).unwrap().name, winner);
}

#[test]
fn a_note_that_another_continues_is_said_once() {
    let mut facts = facts();
    facts.notes = [
        "no season is known",
        "other",
        "no season is known; give two years",
        "other",
    ]
    .map(String::from)
    .to_vec();
    assert_eq!(told(&facts), ["other", "no season is known; give two years"]);
    assert!(page(&facts, &full()).contains("2 notes about this evaluation"));
}

#[test]
fn folders_of_the_machine_stay_out_of_the_page() {
    for path in ["/srv/somebody/sales.csv", "C:\\Users\\somebody\\sales.csv", "sales.csv"] {
        let facts = Facts {
            inputs: vec![path.to_string()],
            ..facts()
        };
        let page = page(&facts, &full());
        assert!(
            page.contains("<bdi>sales.csv</bdi>") && !page.contains("somebody"),
            "{path}"
        );
    }
    assert_eq!((file("/"), file("")), ("/", ""));
}
