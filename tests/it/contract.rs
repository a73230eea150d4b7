//! The contract: tables, types, order, manifest keys, and counts that add up, on the bundled sample.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};

use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;

use crate::support::{assert_close, both, messy_sample, sample};

const TABLES: [&str; 7] = [
    "customers",
    "segments",
    "clusters",
    "contributors",
    "pairs",
    "offers",
    "rejects",
];

/// Names and types of the columns as the contract states them.
fn columns(table: &str) -> &'static str {
    match table {
        "customers" => {
            "customer_id str, first_order_date date, last_order_date date, orders u32, purchase_days u32, products u32, \
             units f64, gross_amount f64, returned_amount f64, net_amount f64, average_order_amount f64, \
             margin_amount f64, days_since_last f64, age_days f64, t_x_days f64, repeat_days u32, mean_gap_days f64, \
             r_score u8, f_score u8, m_score u8, rfm_score u16, segment str, alive_prob f64, expected_orders f64, \
             order_prob f64, orders_low u32, orders_high u32, expected_order_amount f64, clv_amount f64, \
             clv_low_amount f64, clv_high_amount f64, residual_amount f64, clv_group str, horizon_days u32, clv_status str, \
             cluster u16, cluster_name str, contribution_rank u32, contribution_cum_share f64, \
             contribution_decile u8, is_top_contributor bool, value_rank u32, is_top_value bool, watch str, \
             next_product_id str, next_product_score f64, reason str, data_flag str"
        }
        "pairs" => {
            "product_a str, product_b str, n_a u64, n_b u64, n_ab u64, n_baskets u64, support f64, confidence_ab f64, \
             confidence_ba f64, lift f64, leverage f64, conviction_ab f64, conviction_ba f64, jaccard f64, cosine f64, \
             kulczynski f64, imbalance_ratio f64, zhang_ab f64, zhang_ba f64, chi_square f64, p_value f64, q_value f64"
        }
        "offers" => "customer_id str, rank u32, product_id str, score f64, because_of list[str], expected_amount f64",
        "segments" => {
            "position u16, segment str, customers u64, customer_share f64, net_amount f64, amount_share f64, \
             clv_amount f64, median_days_since_last f64, median_orders f64, median_net_amount f64, mean_alive_prob f64, \
             action str"
        }
        "clusters" => {
            "cluster u16, cluster_name str, customers u64, net_amount f64, mean_net_amount f64, clv_amount f64, \
             median_days_since_last f64, median_orders f64, median_net_amount f64, centroid_days_since_last f64, \
             centroid_orders f64, centroid_net_amount f64"
        }
        "contributors" => {
            "percentile u8, customers u64, net_amount f64, net_share f64, gross_amount f64, gross_share f64"
        }
        "rejects" => "file str, row u64, rule str, amount f64, line str",
        other => panic!("no table {other}"),
    }
}

/// Columns that may be null: everything else never is.
const NULLABLE: [&str; 26] = [
    "clv_group",
    "margin_amount",
    "mean_gap_days",
    "alive_prob",
    "expected_orders",
    "order_prob",
    "orders_low",
    "orders_high",
    "residual_amount",
    "expected_order_amount",
    "clv_amount",
    "clv_low_amount",
    "clv_high_amount",
    "watch",
    "next_product_id",
    "next_product_score",
    "data_flag",
    "conviction_ab",
    "conviction_ba",
    "median_days_since_last",
    "median_orders",
    "median_net_amount",
    "mean_alive_prob",
    "centroid_days_since_last",
    "centroid_orders",
    "centroid_net_amount",
];

#[test]
fn every_table_has_exactly_the_columns_of_the_contract() {
    for snapshot in both() {
        for table in TABLES {
            let layout = snapshot.table(table).layout();
            let found: Vec<String> = layout.iter().map(|(name, ty)| format!("{name} {ty}")).collect();
            assert_eq!(found.join(", "), columns(table), "{table}");
        }
        let mut names: Vec<String> = fs::read_dir(&snapshot.place)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        let mut expected: Vec<String> = TABLES.iter().map(|table| format!("{table}.parquet")).collect();
        expected.extend(["manifest.json", "model.json", "report.html"].map(String::from));
        expected.sort();
        assert_eq!(names, expected);
        let place = snapshot.place.file_name().unwrap().to_str().unwrap();
        assert_eq!(place, format!("as_of={}", snapshot.value("as_of").as_str().unwrap()));
    }
}

#[test]
fn no_number_is_nan_or_infinite_and_nulls_are_where_they_may_be() {
    for snapshot in both() {
        for table in TABLES {
            let frame = snapshot.table(table);
            assert!(frame.n_rows() > 0, "{table} is empty");
            for (column, ty) in frame.layout() {
                if ty == "f64" {
                    let values = frame.optional_numbers(&column);
                    let bad = values.iter().flatten().find(|value| !value.is_finite());
                    assert_eq!(bad, None, "{table}.{column}");
                }
                let n_null = frame.0.column(&column).unwrap().null_count();
                let may_be_null = NULLABLE.contains(&column.as_str()) || table == "rejects" && ty != "u64";
                assert!(n_null == 0 || may_be_null, "{table}.{column} has {n_null} nulls");
            }
        }
    }
}

#[test]
fn rows_are_sorted_and_keys_unique() {
    for snapshot in both() {
        let ascending = |keys: &[(String, String)]| keys.windows(2).all(|pair| pair[0] < pair[1]);
        let texts = |table: &str, columns: [&str; 2]| -> Vec<(String, String)> {
            let frame = snapshot.table(table);
            let [a, b] = columns.map(|column| match frame.0.column(column).unwrap().str() {
                Ok(_) => frame.texts(column),
                // Equal width, so that the order of the texts is that of the numbers.
                Err(_) => frame.numbers(column).iter().map(|n| format!("{n:020}")).collect(),
            });
            a.into_iter().zip(b).collect()
        };
        assert!(ascending(&texts("customers", ["customer_id", "customer_id"])));
        assert!(ascending(&texts("pairs", ["product_a", "product_b"])));
        assert!(ascending(&texts("offers", ["customer_id", "rank"])));
        assert!(ascending(&texts("segments", ["position", "position"])));
        assert!(ascending(&texts("clusters", ["cluster", "cluster"])));
        assert!(ascending(&texts("contributors", ["percentile", "percentile"])));
        assert!(ascending(&texts("rejects", ["file", "row"])));
        assert!(texts("pairs", ["product_a", "product_b"]).iter().all(|(a, b)| a < b));
    }
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[test]
fn the_manifest_has_the_keys_of_the_contract() {
    let snapshot = sample();
    let listed = |text: &'static str| -> BTreeSet<&'static str> { text.split_whitespace().collect() };
    let top = "version schema_version as_of timezone seed config config_hash inputs columns rows amounts customers orders \
               products models selected_model selection_reason clusters contributors pairs timings_seconds \
               peak_memory_bytes warnings outputs";
    // Beyond the contract: what stands behind the choice of a model, how files were read, and what became of returns.
    let more = "clv input_notes side_inputs spilled_bytes returns_only_customers returns_rule unmatched_returns";
    assert_eq!(
        keys(&snapshot.manifest),
        listed(top).union(&listed(more)).copied().collect()
    );

    let exact = [
        ("rows", "read kept rejected rejected_by_rule flagged_by_rule"),
        ("amounts", "read kept rejected gross returned net"),
        ("clusters", "method k inertia silhouette selection"),
    ];
    for (key, expected) in exact {
        assert_eq!(keys(snapshot.value(key)), listed(expected), "{key}");
    }
    let at_least = [
        ("contributors", "top_20_share gini customers_for_80_share"),
        ("pairs", "n_baskets n_products n_tested n_kept"),
    ];
    for (key, expected) in at_least {
        assert!(keys(snapshot.value(key)).is_superset(&listed(expected)), "{key}");
    }
    let lists = [("inputs", "path bytes hash rows"), ("outputs", "path rows hash")];
    for (key, expected) in lists {
        for entry in snapshot.value(key).as_array().unwrap() {
            assert_eq!(keys(entry), listed(expected), "{key}");
        }
    }
    for warning in messy_sample().value("warnings").as_array().unwrap() {
        assert_eq!(keys(warning), listed("code message hint"));
    }
    for column in snapshot.value("columns").as_object().unwrap().values() {
        assert_eq!(keys(column), listed("header evidence"));
    }
    let model = listed("params time_unit log_likelihood bic n_customers n_distinct standard_errors termination status");
    let letters = [
        ("bg_nbd", "r alpha a b"),
        ("mbg_nbd", "r alpha a b"),
        ("nbd", "r alpha"),
        ("gamma_gamma", "p q gamma"),
    ];
    for (name, expected) in letters {
        let fit = snapshot.value(&format!("models.{name}"));
        assert!(keys(fit).is_superset(&model), "{name}");
        assert_eq!(keys(&fit["params"]), listed(expected), "{name}");
    }
    for rule in ["rows.rejected_by_rule", "rows.flagged_by_rule"] {
        for count in snapshot.value(rule).as_object().unwrap().values() {
            assert_eq!(keys(count), listed("rows amount"));
        }
    }
}

#[test]
fn nothing_is_lost_by_count_or_by_money() {
    for snapshot in both() {
        let rows = |key: &str| snapshot.count(&format!("rows.{key}"));
        let money = |key: &str| snapshot.number(&format!("amounts.{key}"));
        assert_eq!(rows("read"), rows("kept") + rows("rejected"));
        assert_close(
            money("read"),
            money("kept") + money("rejected"),
            1e-12,
            "read = kept + rejected",
        );
        assert_close(money("kept"), money("net"), 1e-12, "kept = net");
        assert_close(
            money("net"),
            money("gross") - money("returned"),
            1e-12,
            "net = gross - returned",
        );

        let rejects = snapshot.table("rejects");
        let mut by_rule: BTreeMap<String, (u64, f64)> = BTreeMap::new();
        for (rule, amount) in rejects
            .texts("rule")
            .into_iter()
            .zip(rejects.optional_numbers("amount"))
        {
            let count = by_rule.entry(rule).or_default();
            *count = (count.0 + 1, count.1 + amount.unwrap_or(0.0));
        }
        let stated = snapshot.value("rows.rejected_by_rule").as_object().unwrap();
        assert_eq!(stated.len(), by_rule.len());
        let mut sum = (0, 0.0);
        for (rule, count) in stated {
            let (rows, amount) = by_rule[rule];
            assert_eq!(count["rows"], rows, "{rule}");
            assert_close(count["amount"].as_f64().unwrap(), amount, 1e-9, rule);
            sum = (sum.0 + rows, sum.1 + amount);
            let flagged = &snapshot.value("rows.flagged_by_rule")[rule]["rows"];
            assert!(
                flagged.as_u64().unwrap() >= rows,
                "{rule} is flagged less than rejected"
            );
        }
        assert_eq!(sum.0, rows("rejected"));
        assert_close(sum.1, money("rejected"), 1e-9, "rejected money");

        let customers = snapshot.table("customers");
        let total = |column: &str| customers.numbers(column).iter().sum::<f64>();
        assert_close(total("net_amount"), money("net"), 1e-9, "net of all customers");
        assert_close(total("gross_amount"), money("gross"), 1e-9, "gross of all customers");
        assert_eq!(customers.n_rows() as u64, snapshot.count("customers"));
        assert_eq!(total("orders"), snapshot.number("orders"));
    }
}

#[test]
fn hashes_and_row_counts_of_inputs_and_outputs_are_true() {
    for snapshot in both() {
        let outputs = snapshot.value("outputs").as_array().unwrap();
        let mut listed = BTreeSet::new();
        for output in outputs {
            let path = output["path"].as_str().unwrap();
            let bytes = snapshot.bytes(path);
            assert_eq!(
                output["hash"],
                format!("blake3:{}", blake3::hash(&bytes).to_hex()),
                "{path}"
            );
            match path.strip_suffix(".parquet") {
                Some(table) => assert_eq!(output["rows"], snapshot.table(table).n_rows(), "{path}"),
                None => assert_eq!(output["rows"], Value::Null, "{path}"),
            }
            listed.insert(path.to_owned());
        }
        let entries = fs::read_dir(&snapshot.place).unwrap();
        let all: BTreeSet<String> = entries
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "manifest.json")
            .collect();
        assert_eq!(listed, all);
        let [input] = &snapshot.value("inputs").as_array().unwrap()[..] else {
            panic!("one input")
        };
        let bytes = fs::read(input["path"].as_str().unwrap()).unwrap();
        assert_eq!(input["hash"], format!("blake3:{}", blake3::hash(&bytes).to_hex()));
        assert_eq!(input["bytes"], bytes.len());
        assert_eq!(input["rows"], snapshot.count("rows.read"));
    }
}

#[test]
fn parquet_metadata_names_the_schema_version_and_the_table() {
    for table in TABLES {
        let file = File::open(sample().place.join(format!("{table}.parquet"))).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let value = |key: &str| {
            pairs
                .iter()
                .find(|pair| pair.key == key)
                .and_then(|pair| pair.value.clone())
        };
        assert_eq!(
            value("quintile.schema_version").as_deref(),
            sample().value("schema_version").as_str()
        );
        assert_eq!(value("quintile.table").as_deref(), Some(table));
    }
}

#[test]
fn the_report_needs_no_network_and_no_script() {
    for snapshot in both() {
        let page = String::from_utf8(snapshot.bytes("report.html")).unwrap().to_lowercase();
        for forbidden in [
            "<script",
            "<link",
            "<iframe",
            "@import",
            "src=",
            "url(",
            "http:",
            "https:",
            "javascript:",
            "//cdn",
        ] {
            // The name space of SVG is a name, not an address that is fetched.
            let without_names = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
            assert!(!without_names.contains(forbidden), "report.html has {forbidden}");
        }
        assert!(page.contains("<svg"), "no picture");
        assert!(!page.contains("nan") || !page.contains(">nan<"), "a NaN is shown");
    }
}
