//! Code, documents and program say the same; and the house stands as it was drawn.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::quintile;

const MAX_LINES: usize = 700;

/// The modules in data-flow order: each imports only from those before it.
const ORDER: [&str; 19] = [
    "units",
    "schema",
    "diagnostics",
    "load",
    "clean",
    "summary",
    "rfm",
    "clv",
    "cluster",
    "contributors",
    "basket",
    "customers",
    "results",
    "output",
    "generate",
    "config",
    "error",
    "pipeline",
    "cli",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a folder of the repository, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let (mut folders, mut files) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(root()).unwrap().to_path_buf(), text));
            }
        }
    }
    files.sort();
    files
}

/// The text without comments, and without what only the tests of the file see.
fn code(text: &str) -> String {
    let body = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = body.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")))
}

#[test]
fn files_can_be_read_in_one_sitting() {
    for (path, text) in sources("src") {
        let n = text.lines().count();
        assert!(n <= MAX_LINES, "{} has {n} lines, more than {MAX_LINES}: split it", path.display());
    }
}

#[test]
fn modules_import_only_from_those_above_them() {
    let place = |module: &str| ORDER.iter().position(|name| *name == module);
    let single = Regex::new(r"\bcrate::([a-z_]+)").unwrap();
    let listed = Regex::new(r"(?s)\bcrate::\{(.*?)\};").unwrap();
    let name = Regex::new(r"(?:^|,)\s*([a-z_]+)").unwrap();
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let module = path.iter().nth(1).unwrap().to_str().unwrap().trim_end_matches(".rs");
        if matches!(module, "lib" | "main") || is_test_file(&path) {
            continue;
        }
        let own = place(module).unwrap_or_else(|| panic!("{} has no place in the order", path.display()));
        let code = code(&text);
        let mut used: BTreeSet<String> = single.captures_iter(&code).map(|found| found[1].to_owned()).collect();
        for list in listed.captures_iter(&code) {
            // Names at the first level of the braces only.
            let mut flat = list[1].to_owned();
            while let Some(open) = flat.rfind('{') {
                let close = flat[open..].find('}').map_or(flat.len(), |at| open + at + 1);
                flat.replace_range(open..close, "");
            }
            used.extend(name.captures_iter(&flat).map(|found| found[1].to_owned()));
        }
        for other in used {
            match place(&other) {
                Some(place) if place > own => wrong.push(format!("{} imports {other}", path.display())),
                Some(_) => {}
                None => wrong.push(format!("{}: {other} has no place in the order", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The order is the one in which lib.rs names the modules.
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let module = Regex::new(r"(?m)^pub mod ([a-z_]+);").unwrap();
    let named: Vec<String> = module.captures_iter(&lib).map(|found| found[1].to_owned()).collect();
    assert_eq!(named.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(ORDER));
    let foundation = |name: &String| place(name).unwrap().max(2);
    assert!(named.iter().map(foundation).is_sorted(), "{named:?}");
}

/// Words are put together here, so that this file does not hold them.
fn word(parts: [&str; 2]) -> String {
    parts.concat()
}

#[test]
fn nothing_is_left_for_later() {
    let words = [["TO", "DO"], ["FIX", "ME"], ["XX", "X"], ["unimple", "mented!"], ["to", "do!("], ["#[ig", "nore"]].map(word);
    for (path, text) in sources("src").into_iter().chain(sources("tests")) {
        for word in &words {
            assert!(!text.contains(word.as_str()), "{} has {word}", path.display());
        }
    }
}

#[test]
fn stages_read_no_clock_no_environment_and_no_network() {
    let allowed = [
        // How long the stages took, for the manifest alone.
        ("src/pipeline.rs", "Instant::now"),
    ];
    let forbidden = ["SystemTime", "Instant::now", "Utc::now", "Local::now", "env::var", "TcpStream", "thread_rng", "from_entropy"];
    for (path, text) in sources("src") {
        let code = code(&text);
        for word in forbidden {
            let name = path.to_str().unwrap();
            let is_allowed = allowed.contains(&(name, word));
            assert!(is_allowed || !code.contains(word), "{name} uses {word}");
        }
    }
}

#[test]
fn no_path_of_a_machine_is_in_the_files() {
    let forbidden = [["/wo", "rk/"], ["/ro", "ot/"], ["/ho", "me/"], ["/tm", "p/"]].map(word);
    let files = sources("src").into_iter().chain(sources("tests"));
    for (path, text) in files.chain([(PathBuf::from("README.md"), readme())]) {
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{} has {word}", path.display());
        }
    }
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// What stands between the markers of a generated part of the README.
fn between(name: &str) -> String {
    let text = readme();
    let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {name}:{side} -->"));
    let after = text.split_once(&begin).unwrap_or_else(|| panic!("README.md has no {begin}")).1;
    let part = after.split_once(&end).unwrap_or_else(|| panic!("README.md has no {end}")).0;
    part.trim().to_owned()
}

/// Puts a generated part in its place, and fails if it was not there: the next run of the tests passes.
fn assert_generated(name: &str, expected: &str) {
    let found = between(name);
    if found == expected.trim() {
        return;
    }
    if std::env::var_os("QUINTILE_UPDATE_README").is_some() {
        let [begin, end] = ["begin", "end"].map(|side| format!("<!-- {name}:{side} -->"));
        let text = readme();
        let (before, rest) = text.split_once(&begin).unwrap();
        let after = rest.split_once(&end).unwrap().1;
        let text = format!("{before}{begin}\n{}\n{end}{after}", expected.trim());
        fs::write(root().join("README.md"), text).unwrap();
        return;
    }
    panic!(
        "the part {name:?} of README.md is not what the program prints. To refresh it:\n  \
         QUINTILE_UPDATE_README=1 cargo test --test it tidy::readme -- --test-threads 1"
    );
}

#[test]
fn readme_has_the_tables_that_schema_prints() {
    assert_generated("schema", &quintile(&["schema"]).ok().stdout);
}

#[test]
fn readme_has_the_rules_that_schema_prints() {
    assert_generated("rules", &quintile(&["schema", "--rules"]).ok().stdout);
}

#[test]
fn readme_has_the_exit_codes() {
    let rows = quintile::error::EXIT_CODES.map(|(code, meaning)| format!("| {code} | {meaning} |\n"));
    assert_generated("exit-codes", &format!("| code | meaning |\n|---|---|\n{}", rows.concat()));
}

#[test]
fn readme_names_only_commands_flags_and_settings_that_exist() {
    let text = readme();
    let help = quintile(&["--help"]).ok().stdout;
    let command = Regex::new(r"(?m)^  ([a-z]+)  +\S").unwrap();
    let commands: BTreeSet<String> = command.captures_iter(&help).map(|found| found[1].to_owned()).collect();
    assert!(commands.len() >= 7, "{commands:?}");
    let mut flags: BTreeSet<String> = ["--help", "--version"].map(String::from).into();
    let flag = Regex::new(r"--[a-z][a-z-]*").unwrap();
    for command in &commands {
        let help = quintile(&[command, "--help"]).stdout;
        flags.extend(flag.find_iter(&help).map(|found| found.as_str().to_owned()));
    }
    // Of other programs.
    flags.extend(["--path", "--locked", "--release"].map(String::from));
    let named: BTreeSet<String> = flag.find_iter(&text).map(|found| found.as_str().to_owned()).collect();
    let unknown: Vec<_> = named.difference(&flags).collect();
    assert!(unknown.is_empty(), "README.md names {unknown:?}");

    let call = Regex::new(r"(?m)(?:^|`|\s)quintile ([a-z]+)").unwrap();
    let code = Regex::new(r"(?s)```sh\n(.*?)```|`([^`\n]+)`").unwrap();
    for part in code.captures_iter(&text) {
        for found in call.captures_iter(&part[0]) {
            assert!(commands.contains(&found[1]), "README.md has quintile {}", &found[1]);
        }
    }

    let config: toml::Table = quintile(&["config"]).ok().stdout.parse().unwrap();
    let setting = Regex::new(r"--set '?([a-z_]+)\.([a-z_.]+)=").unwrap();
    let mut n_settings = 0;
    for found in setting.captures_iter(&text).filter(|found| &found[1] != "section") {
        let section = config.get(&found[1]).unwrap_or_else(|| panic!("no section {}", &found[1]));
        let key = found[2].split('.').next().unwrap();
        assert!(section.get(key).is_some(), "README.md sets {}.{key}", &found[1]);
        n_settings += 1;
    }
    assert!(n_settings > 0);
}

#[test]
fn readme_names_only_files_that_exist() {
    let file = Regex::new(r"`((?:src|tests|benches|examples|data)/[A-Za-z0-9_./]*|[A-Z]+\.md)`|\]\(([^)#:]+)\)").unwrap();
    for found in file.captures_iter(&readme()) {
        let path = found.get(1).or(found.get(2)).unwrap().as_str();
        assert!(root().join(path).exists(), "README.md names {path}");
    }
}

#[test]
fn readme_lists_every_status_of_a_lifetime_value() {
    let text = readme();
    for status in quintile::clv::Status::ALL {
        assert!(text.contains(&format!("| `{}` |", status.as_str())), "{}", status.as_str());
    }
}
