use super::*;

fn points() -> Vec<CurvePoint> {
    (0..=100)
        .map(|i| {
            let x = f64::from(i) / 100.0;
            CurvePoint {
                customer_share: x,
                amount_share: 1.0 - (1.0 - x).powi(5),
            }
        })
        .collect()
}

/// Numbers of the CDNOW sample where they are known, the rest plausible.
fn full() -> Report {
    let pair = |a: &str, b: &str, n_ab, confidence_ab, confidence_ba, lift| Pair {
        product_a: a.to_string(),
        product_b: b.to_string(),
        n_ab,
        support: 0.012,
        confidence_ab,
        confidence_ba,
        lift,
    };
    let segment = |name: &str, customers, net_amount: f64, is_at_risk| Segment {
        name: name.to_string(),
        customers,
        customer_share: customers as f64 / 2_357.0,
        net_amount,
        amount_share: Some(net_amount / 244_091.94),
        clv_amount: Some(net_amount / 5.0),
        median_days_since_last: 31.0,
        median_orders: 6.5,
        what_to_do: format!("treat {name} as {name}"),
        is_at_risk,
    };
    let standing = |name: &str, is_baseline, bic: Option<f64>, rmse, verdict: &str| Standing {
        name: name.to_string(),
        is_baseline,
        bic,
        log_score: bic.map(|_| -0.733_12),
        rmse: Some(rmse),
        bias: Some(-0.021_7),
        verdict: verdict.to_string(),
        ..Standing::default()
    };
    Report {
        title: "Customers of the shop".to_string(),
        as_of: "1998-06-30".to_string(),
        first_date: Some("1997-01-01".to_string()),
        last_date: Some("1998-06-30".to_string()),
        version: "0.1.0".to_string(),
        config_hash: "9f86d081884c7d659a2feaa0c55ad015".to_string(),
        inputs: vec![Input {
            path: "data/cdnow_sample.csv".to_string(),
            rows: 6_919,
        }],
        currency: Some("$".to_string()),
        lines: Lines {
            read: 6_919,
            kept: 6_896,
            rejected: 13,
        },
        customers: 2_357,
        orders: 6_696,
        gross_amount: 250_000.0,
        returned_amount: 5_908.06,
        net_amount: 244_091.94,
        contributors: Part::Ready(Contributors {
            top_20_customers: 472,
            top_20_share: Some(0.67455),
            gini: Some(0.63092),
            customers_for_80: Some(777),
            customers_for_80_share: Some(0.33),
            curve: points(),
        }),
        value: Part::Ready(Value {
            clv_amount: 61_500.0,
            horizon_days: 365,
        }),
        rfm: Part::Ready(
            (1..=5)
                .flat_map(|r| (1..=5).map(move |f| (r, f)))
                .map(|(r_score, f_score)| RfmCell {
                    r_score,
                    f_score,
                    customers: 10 * u64::from(r_score + f_score),
                    net_amount: 100.0 * f64::from(r_score * f_score),
                    mean_m_score: 3.25,
                })
                .collect(),
        ),
        segments: Part::Ready(vec![
            segment("Champions", 300, 140_000.0, false),
            segment("Cannot lose them", 120, 30_000.0, true),
            segment("Hibernating", 1_937, 74_091.94, false),
        ]),
        watch: Part::Ready(vec![
            Watch {
                watch: "loss_maker".to_string(),
                customers: 4,
                net_amount: -812.5,
            },
            Watch {
                watch: "dormant_top".to_string(),
                customers: 61,
                net_amount: 28_400.0,
            },
            Watch {
                watch: "slipping".to_string(),
                customers: 1,
                net_amount: 100.0,
            },
        ]),
        clusters: Part::Ready(vec![
            Cluster {
                cluster: 0,
                name: "frequent, large".to_string(),
                customers: 357,
                net_amount: 150_000.0,
                median_days_since_last: 20.0,
                median_orders: 9.0,
                median_net_amount: 410.0,
                median_clv_amount: Some(95.0),
            },
            Cluster {
                cluster: 1,
                name: "once, small".to_string(),
                customers: 2_000,
                net_amount: 94_091.94,
                median_days_since_last: 470.0,
                median_orders: 1.0,
                median_net_amount: 29.0,
                median_clv_amount: None,
            },
        ]),
        choice: Part::Ready(Choice {
            name: "bg_nbd".to_string(),
            reason: "bg_nbd has the lowest BIC of four, ahead of mbg_nbd; the rate of last_period is worse".to_string(),
            standings: vec![
                standing("last_period", true, None, 1.326, "not clearly better in everything"),
                standing(
                    "mbg_nbd",
                    false,
                    Some(51_180.24),
                    1.044,
                    "about as good, and no reason to prefer it",
                ),
                Standing {
                    is_used: true,
                    ..standing("bg_nbd", false, Some(51_172.41), 1.048, "used")
                },
            ],
            season_state: "none".to_string(),
            season: "no season repeats in 3 years of repeat purchases".to_string(),
            ..Choice::default()
        }),
        count_model: Part::Ready(CountModel {
            name: "bg_nbd".to_string(),
            params: vec![("r".to_string(), 0.242595), ("alpha".to_string(), 4.413602)],
            log_likelihood: Some(-9_582.429_2),
            status: "converged".to_string(),
        }),
        tracking: Part::Ready(
            (0..39)
                .map(|week| TrackingPoint {
                    week_end: format!("1997-{:02}-{:02}", 1 + week / 4, 1 + 7 * (week % 4)),
                    actual: f64::from(week) * 63.0,
                    expected: f64::from(week) * 61.0,
                })
                .collect(),
        ),
        pairs: Part::Ready(vec![
            pair("GREEN TEACUP", "PINK TEACUP", 312, 0.62, 0.71, 15.23),
            pair("LUNCH BAG", "LUNCH BOX", 120, 0.3, 0.2, 4.4),
        ]),
        offers: Part::Ready(Offers {
            customers: 800,
            offers: 2_400,
            expected_amount: Some(5_250.5),
            examples: vec![OfferExample {
                customer_id: "12347".to_string(),
                product: "PINK TEACUP".to_string(),
                because_of: "GREEN TEACUP".to_string(),
                expected_amount: Some(3.2),
            }],
        }),
        cleaning: vec![CleaningRule {
            rule: "missing_customer".to_string(),
            action: "reject".to_string(),
            rows: 13,
            amount: 402.5,
        }],
        warnings: vec![WarningLine {
            message: "currency is not mapped".to_string(),
            hint: "map it with --map currency=HEADER".to_string(),
        }],
    }
}

/// What a reader sees: no style sheet, no tags; text alternatives and tooltips count.
fn visible(html: &str) -> String {
    let body = html.split_once("<body>").map_or(html, |(_, body)| body);
    let mut out = String::new();
    let mut rest = body;
    while let Some((text, after)) = rest.split_once('<') {
        out.push_str(text);
        out.push(' ');
        let (tag, after) = after.split_once('>').unwrap_or((after, ""));
        for attribute in ["aria-label=\"", "title=\""] {
            if let Some((_, value)) = tag.split_once(attribute) {
                out.push_str(value.split('"').next().unwrap_or_default());
                out.push(' ');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Broken numbers, in the text or in the drawing.
fn assert_clean(html: &str) {
    for text in [visible(html).as_str(), html.split_once("<body>").unwrap().1] {
        for word in text.split(|c: char| !c.is_ascii_alphanumeric()) {
            let word = word.to_ascii_lowercase();
            assert!(
                !["nan", "inf", "null", "none0", "infinity"].contains(&word.as_str()),
                "{word}"
            );
        }
    }
    assert!(!html.contains("−0.0%") && !html.contains("\"-0"), "minus zero");
    assert_tags_balance(html);
}

fn assert_tags_balance(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in html.split('<').skip(1) {
        let tag = piece.split('>').next().unwrap_or_default();
        if tag.starts_with('!') || tag.ends_with('/') || tag.starts_with("meta") {
            continue;
        }
        match tag.strip_prefix('/') {
            Some(closed) => assert_eq!(open.pop(), Some(closed), "after {piece}"),
            None => open.push(tag.split_whitespace().next().unwrap_or_default()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

const SECTIONS: [&str; 12] = [
    "headline",
    "share-curve",
    "rfm",
    "segments",
    "follow-up",
    "clusters",
    "outlook",
    "choice",
    "pairs",
    "offers",
    "quality",
    "warnings",
];

#[test]
fn every_section_stands_on_every_page() {
    for report in [full(), Report::default()] {
        let html = render(&report);
        for id in SECTIONS {
            assert_eq!(html.matches(&format!("<section id=\"{id}\"")).count(), 1, "{id}");
        }
        assert_clean(&html);
    }
}

#[test]
fn the_sentences_carry_the_numbers() {
    let text = visible(&render(&full()));
    for fact in [
        "The best 20% of customers (472) bring 67.5% of net sales; 777 customers (33.0%) bring 80%.",
        "$61,500",
        "net sales so far of 120 customers in segment Cannot lose them",
        "15.2×",
        "61 customers · $28,400",
        "3.2% too few: close",
        "−$813",
        "Of 6,919 lines read, 6,896 (99.7%) were kept and 13 (0.2%) rejected; 10 dropped as exact duplicates.",
    ] {
        let squeeze = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(squeeze(&text).contains(&squeeze(fact)), "{fact}");
    }
    // The direction with the higher confidence is the one to act on.
    let lead = render(&full());
    assert!(lead.contains("71.0% of the orders with <b><bdi>PINK TEACUP</bdi></b>"));
}

#[test]
fn hostile_text_stays_text_wherever_it_comes_in() {
    let hostile = "\"><script src='http://evil.example/x.js'>alert(1)</script><img src=x onerror=alert(1)>";
    let json = serde_json::to_string(&full()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let poisoned = poison(value, hostile);
    let report: Report = serde_json::from_value(poisoned).unwrap();
    let html = render(&report);
    assert!(!html.contains("<script") && !html.contains("<img"));
    assert!(html.contains("&lt;script"));
    assert_clean(&html);
    assert!(render(&full()).len() < 300_000);
}

/// Every string in the report replaced, but for the words that choose between its variants.
fn poison(value: serde_json::Value, with: &str) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(_) => Value::String(with.to_string()),
        Value::Array(items) => items.into_iter().map(|item| poison(item, with)).collect(),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(key, item)| (key, poison(item, with)))
                .collect(),
        ),
        other => other,
    }
}

#[test]
fn nothing_is_loaded_and_nothing_runs() {
    let html = render(&full());
    for needle in [
        "http:",
        "https:",
        "src=",
        "@import",
        "url(",
        "<script",
        "<link",
        "javascript:",
    ] {
        assert!(!html.contains(needle), "{needle}");
    }
    for link in html.split("href=\"").skip(1) {
        let target = link.split('"').next().unwrap();
        let id = target.strip_prefix('#').expect("links stay on the page");
        assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
    }
    for id in html.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert_eq!(html.matches(&format!(" id=\"{id}\"")).count(), 1, "{id} is not unique");
    }
}

#[test]
fn a_report_survives_json_and_gives_the_same_page() {
    let report = full();
    let again: Report = serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
    assert_eq!(again, report);
    assert_eq!(render(&again), render(&report));
}

#[test]
fn the_reason_for_a_missing_part_is_said() {
    let mut report = full();
    report.pairs = Part::missing("no product_id column, so no pairs");
    report.offers = Part::missing("");
    report.count_model = Part::missing("fewer than 10 repeat customers, so no model");
    report.value = Part::missing("");
    report.tracking = Part::missing("");
    report.clusters = Part::Ready(Vec::new());
    let text = visible(&render(&report));
    for fact in [
        "No product_id column, so no pairs.",
        "No product pairs, so no offers.",
        "Fewer than 10 repeat customers, so no model.",
        "Customers were not clustered in this run.",
    ] {
        assert!(text.contains(fact), "{fact}");
    }
    assert_clean(&render(&report));
}

#[test]
fn one_customer_reads_as_one() {
    let mut report = Report {
        customers: 1,
        orders: 1,
        net_amount: 12.5,
        gross_amount: 12.5,
        ..full()
    };
    report.lines = Lines {
        read: 1,
        kept: 1,
        rejected: 0,
    };
    report.contributors = Part::Ready(Contributors {
        top_20_customers: 1,
        top_20_share: Some(1.0),
        gini: Some(0.0),
        customers_for_80: Some(1),
        customers_for_80_share: Some(1.0),
        curve: vec![
            CurvePoint {
                customer_share: 0.0,
                amount_share: 0.0,
            },
            CurvePoint {
                customer_share: 1.0,
                amount_share: 1.0,
            },
        ],
    });
    report.tracking = Part::Ready(vec![TrackingPoint {
        week_end: "1997-01-05".to_string(),
        actual: 0.0,
        expected: 0.0,
    }]);
    let html = render(&report);
    let text = visible(&html);
    for wrong in ["1 customers", "1 orders", "1 lines"] {
        assert!(!text.contains(&format!(" {wrong}")), "{wrong}");
    }
    assert!(text.contains("With so few customers this is a list rather than a pattern"));
    assert!(text.contains("nobody came back a second time"));
    assert!(text.contains("shorter than two weeks"));
    assert_clean(&html);
}

#[test]
fn totals_that_cannot_be_shared_out_are_said_to_be_so() {
    for net_amount in [0.0, -0.0, -1_250.75] {
        let mut report = Report { net_amount, ..full() };
        let contributors = Contributors {
            top_20_customers: 472,
            ..Contributors::default()
        };
        report.contributors = Part::Ready(contributors);
        for part in [&mut report.segments] {
            if let Part::Ready(segments) = part {
                for segment in segments {
                    segment.net_amount = net_amount;
                    segment.amount_share = None;
                }
            }
        }
        let html = render(&report);
        assert!(visible(&html).contains("cannot be shared out among customers"));
        assert_clean(&html);
    }
}

#[test]
fn loss_makers_push_the_curve_above_the_total() {
    let mut report = full();
    let mut curve = points();
    for point in &mut curve[40..] {
        point.amount_share += 0.4;
    }
    curve[100].amount_share = 1.0;
    if let Part::Ready(contributors) = &mut report.contributors {
        contributors.curve = curve;
        contributors.top_20_share = Some(1.08);
    }
    let html = render(&report);
    assert!(visible(&html).contains("the others together cost money"));
    assert_clean(&html);
}

#[test]
fn numbers_that_are_no_numbers_never_show() {
    let mut report = full();
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN];
    for x in bad {
        report.net_amount = x;
        report.gross_amount = x;
        report.returned_amount = x;
        report.value = Part::Ready(Value {
            clv_amount: x,
            horizon_days: 90,
        });
        if let Part::Ready(c) = &mut report.contributors {
            c.top_20_share = Some(x);
            c.gini = Some(x);
            c.customers_for_80_share = Some(x);
            c.curve[50].amount_share = x;
        }
        if let Part::Ready(cells) = &mut report.rfm {
            cells[7].net_amount = x;
            cells[7].mean_m_score = x;
        }
        if let Part::Ready(segments) = &mut report.segments {
            segments[0] = Segment {
                customer_share: x,
                net_amount: x,
                amount_share: Some(x),
                clv_amount: Some(x),
                median_orders: x,
                median_days_since_last: x,
                ..segments[0].clone()
            };
        }
        if let Part::Ready(clusters) = &mut report.clusters {
            clusters[0].net_amount = x;
            clusters[0].median_orders = x;
            clusters[0].median_clv_amount = Some(x);
        }
        if let Part::Ready(points) = &mut report.tracking {
            points[3].actual = x;
            points.last_mut().unwrap().expected = x;
        }
        if let Part::Ready(pairs) = &mut report.pairs {
            pairs[0] = Pair {
                support: x,
                confidence_ab: x,
                confidence_ba: x,
                lift: x,
                ..pairs[0].clone()
            };
        }
        if let Part::Ready(model) = &mut report.count_model {
            model.params[0].1 = x;
            model.log_likelihood = Some(x);
        }
        if let Part::Ready(choice) = &mut report.choice {
            choice.standings[0] = Standing {
                bic: Some(x),
                log_score: Some(x),
                rmse: Some(x),
                bias: Some(x),
                ..choice.standings[0].clone()
            };
        }
        if let Part::Ready(flags) = &mut report.watch {
            flags[0].net_amount = x;
        }
        report.cleaning[0].amount = x;
        let html = render(&report);
        assert_clean(&html);
        assert!(html.len() < 300_000);
    }
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let mut report = full();
    if let Part::Ready(pairs) = &mut report.pairs {
        *pairs = vec![pairs[0].clone(); 4_000];
    }
    report.warnings = vec![report.warnings[0].clone(); 1_000];
    report.inputs = vec![report.inputs[0].clone(); 1_000];
    if let Part::Ready(points) = &mut report.tracking {
        *points = vec![points[5].clone(); 5_000];
    }
    let html = render(&report);
    assert!(html.len() < 400_000, "{}", html.len());
    let text = visible(&html);
    assert!(text.contains("The 15 strongest of 4,000 listed"));
    assert!(text.contains("980 more files"));
    assert!(text.contains("And 950: see"));
}

#[test]
fn who_is_used_stands_first_under_the_name_that_people_know() {
    let html = render(&full());
    let text = visible(&html);
    let place = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("{needle}"));
    let section = place("What the prediction rests on, and why");
    assert!(html.contains(
        "<b><bdi>BG/NBD</bdi></b> has the lowest BIC of four, ahead of MBG/NBD; the rate of Last period again is worse."
    ));
    let after = |needle: &str| section + text[section..].rfind(needle).unwrap_or_else(|| panic!("{needle}"));
    assert!(
        place("51,172.4") < after("51,180.2") && after("51,180.2") < after("1.326"),
        "by error"
    );
    assert!(html.contains("<b>Season none.</b> No season repeats in 3 years of repeat purchases."));
    assert!(!html.contains("bg_nbd") && !html.contains("last_period"));
}

#[test]
fn a_rule_that_wins_is_called_a_rule_and_an_unknown_season_a_risk() {
    let mut report = full();
    if let Part::Ready(choice) = &mut report.choice {
        choice.name = "last_period".to_string();
        choice.standings[0].is_used = true;
        choice.standings[2].is_used = false;
        choice.season_is_risk = true;
        choice.season_hint = "give two years of history".to_string();
    }
    let html = render(&report);
    assert!(html.contains("<b><bdi>Last period again</bdi></b>, a simple rule without a model, is used."));
    assert!(html.contains("<ul class=\"warnings\"><li><b>Season none.</b>"));
    assert!(html.contains("What to do: give two years of history"));
}
