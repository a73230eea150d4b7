//! Code and documents in step: README's generated parts, the direction of imports, the size of files.

use std::fs;
use std::path::{Path, PathBuf};

use quintile::clean::rules_to_markdown;
use quintile::error::EXIT_CODES;
use quintile::pipeline::TABLES;
use regex::Regex;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Vec<PathBuf> {
    fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|e| e == "rs") {
                into.push(path);
            }
        }
    }
    let mut files = Vec::new();
    collect(&root().join("src"), &mut files);
    files.sort();
    assert!(files.len() > 50, "only {} source files were found", files.len());
    files
}

fn between(text: &str, name: &str, content: &str) -> String {
    let (begin, end) = (format!("<!-- {name}:begin -->\n"), format!("<!-- {name}:end -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("README has no {begin}")) + begin.len();
    let stop = text.find(&end).unwrap_or_else(|| panic!("README has no {end}"));
    format!("{}{content}{}", &text[..start], &text[stop..])
}

/// `QUINTILE_BLESS=1 cargo test --test it readme` writes the generated parts anew.
#[test]
fn readme_holds_what_the_code_says() {
    let path = root().join("README.md");
    let text = fs::read_to_string(&path).unwrap();
    let codes: String = EXIT_CODES
        .iter()
        .map(|(code, meaning)| format!("| {code} | {meaning} |\n"))
        .collect();
    let tables: Vec<String> = TABLES.iter().map(|table| table.to_markdown()).collect();
    let mut expected = between(
        &text,
        "exit-codes",
        &format!("\n| code | meaning |\n|---|---|\n{codes}\n"),
    );
    expected = between(&expected, "rules", &format!("\n{}\n", rules_to_markdown()));
    expected = between(&expected, "schema", &format!("\n{}\n", tables.join("\n")));
    if std::env::var_os("QUINTILE_BLESS").is_some() {
        fs::write(&path, &expected).unwrap();
    } else {
        assert!(
            text == expected,
            "README.md is out of date: run `QUINTILE_BLESS=1 cargo test --test it readme`"
        );
    }
}

/// The files in data-flow order; a file imports only from those above it.
const ORDER: [&str; 25] = [
    "units",
    "spill",
    "schema",
    "diagnostics",
    "load",
    "clean",
    "summary",
    "gates",
    "quality",
    "rfm",
    "clv",
    "cluster",
    "contributors",
    "basket",
    "customers",
    "results",
    "output",
    "generate",
    "spark",
    "config",
    "error",
    "pipeline",
    "cli",
    "lib",
    "main",
];

fn room(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

#[test]
fn imports_point_upward_in_data_flow_order() {
    let place = |name: &str| ORDER.iter().position(|other| *other == name);
    let mut wrong = Vec::new();
    for path in sources() {
        let own = room(&path);
        let own_place = place(&own).unwrap_or_else(|| panic!("{own} has no place in the order"));
        let text = fs::read_to_string(&path).unwrap();
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for found in line.split("crate::").skip(1) {
                let name: String = found
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect();
                if place(&name).is_some_and(|at| at > own_place) {
                    wrong.push(format!("{}:{} imports {name}", path.display(), number + 1));
                }
            }
        }
    }
    // `use crate::{a, b}` stands only in the assembly, where everything may be imported.
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_file_reads_in_one_sitting() {
    let long: Vec<String> = sources()
        .iter()
        .map(|path| (fs::read_to_string(path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > 700)
        .map(|(lines, path)| format!("{}: {lines} lines", path.display()))
        .collect();
    assert_eq!(long, Vec::<String>::new());
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        "TO".to_string() + "DO",
        "FIX".to_string() + "ME",
        "unimpl".to_string() + "emented!",
        "to".to_string() + "do!(",
    ];
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap();
        for mark in &marks {
            assert!(!text.contains(mark.as_str()), "{} holds {mark}", path.display());
        }
    }
}

#[test]
fn every_flag_that_readme_names_exists() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let helps: String = ["run", "check", "evaluate", "generate", "config", "schema"]
        .map(|command| {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_quintile"))
                .args([command, "--help"])
                .output();
            String::from_utf8(output.unwrap().stdout).unwrap()
        })
        .concat();
    // Of cargo.
    let cargo = ["--path", "--locked", "--release", "--features", "--no-default-features"];
    let words = readme.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let flags: Vec<&str> = words.filter(|word| word.starts_with("--") && word.len() > 3).collect();
    assert!(flags.len() > 10);
    for flag in flags
        .into_iter()
        .filter(|flag| !cargo.contains(flag) && flag[2..].starts_with(|c: char| c.is_ascii_lowercase()))
    {
        assert!(helps.contains(flag), "README names {flag}, which no command has");
    }
}

/// A file without its comments and without what only its own tests see.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let body = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = body.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn stages_read_no_clock_no_environment_and_no_chance() {
    let forbidden = [
        "SystemTime",
        "Instant::now",
        "Utc::now",
        "Local::now",
        "env::var",
        "from_env",
        "TcpStream",
        "thread_rng",
        "from_entropy",
    ];
    // How long the stages took, for the manifest alone; keys of an object store; whether a cluster listens, and
    // how long it keeps a stream open.
    let allowed = [
        ("src/pipeline.rs", "Instant::now"),
        ("src/load/remote/store.rs", "from_env"),
        ("src/spark/client.rs", "TcpStream"),
        ("src/spark/client.rs", "Instant::now"),
    ];
    for path in sources() {
        let (name, code) = (path.strip_prefix(root()).unwrap().display().to_string(), code(&path));
        for word in forbidden {
            assert!(
                allowed.contains(&(name.as_str(), word)) || !code.contains(word),
                "{name} uses {word}"
            );
        }
    }
}

#[test]
fn lib_names_the_modules_in_the_order_of_imports() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let named: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let mut in_order = ORDER.to_vec();
    in_order.retain(|name| !matches!(*name, "lib" | "main"));
    // The four of the foundation import nothing of ours; among them the order says nothing.
    let mut foundation = named[..4].to_vec();
    foundation.sort_unstable();
    assert_eq!(foundation, ["diagnostics", "schema", "spill", "units"]);
    assert_eq!(named[4..], in_order[4..]);
}

#[test]
fn no_path_of_a_machine_is_in_the_files() {
    let forbidden = ["wo|rk", "ro|ot", "ho|me"].map(|name| format!("/{}/", name.replace('|', "")));
    let tests = fs::read_dir(root().join("tests/it")).unwrap();
    let mut files = sources();
    files.extend(tests.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()));
    files.extend(
        ["README.md", "CHANGELOG.md", "Cargo.toml", "src/default.toml", ".ci/run"].map(|name| root().join(name)),
    );
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{} has {word}", path.display());
        }
    }
}

#[test]
fn readme_names_only_files_and_settings_that_exist() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let file =
        Regex::new(r"`((?:src|tests|benches|examples|data)/[A-Za-z0-9_./]*|[A-Z]+\.md)`|\]\(([^)#:]+)\)").unwrap();
    for found in file.captures_iter(&readme) {
        let path = found.get(1).or(found.get(2)).unwrap().as_str();
        assert!(root().join(path).exists(), "README names {path}");
    }
    let config: toml::Table = quintile::config::DEFAULT.parse().unwrap();
    let setting = Regex::new(r"--set '?([a-z_]+)\.([a-z_]+)").unwrap();
    let named: Vec<_> = setting
        .captures_iter(&readme)
        .filter(|found| &found[1] != "section")
        .collect();
    assert!(named.len() >= 3);
    for found in named {
        let section = config.get(&found[1]).and_then(toml::Value::as_table);
        let exists = section.is_some_and(|section| section.contains_key(&found[2]));
        assert!(exists, "README sets {}.{}", &found[1], &found[2]);
    }
    for status in quintile::clv::Status::ALL {
        assert!(
            readme.contains(&format!("| `{}` |", status.as_str())),
            "README lacks {}",
            status.as_str()
        );
    }
}
