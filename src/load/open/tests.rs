//! What the first lines of a text are taken for.

use super::*;

/// What the headers are, or the error.
fn headers(text: &str) -> Result<Vec<String>, String> {
    let auto = || "auto".to_owned();
    let config = crate::load::Config {
        delimiter: auto(),
        encoding: auto(),
        decimal: auto(),
        date_format: auto(),
        cost: auto(),
        discount: auto(),
        columns: Vec::new(),
        sheet: String::new(),
        customers: String::new(),
        customers_id: String::new(),
        customer_map: String::new(),
        map: Default::default(),
    };
    let params = config.check(chrono_tz::UTC, &mut Vec::new()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, text).unwrap();
    let (path, keys) = (file.path().to_path_buf(), Vec::new());
    let opened = Opened::open(
        &params,
        &Found {
            path,
            keys,
            object: None,
        },
    );
    opened.map(|opened| opened.headers).map_err(|error| error.to_string())
}

#[test]
fn first_lines_of_blanks_name_nothing() {
    let rows = "k1 2024-01-05 10.5\nk2 2024-01-06 7\nk3 2024-02-07 8\n";
    for blank in ["", "\t\n", "\n  \n\t \r\n"] {
        let text = format!("{blank}id at amount\n{rows}");
        assert_eq!(headers(&text).unwrap(), ["id", "at", "amount"], "{blank:?}");
    }
    let error = headers(",\n,,x\n,,y\n,,z\n").unwrap_err();
    assert!(error.contains("only one column"), "{error}");
}
