//! Paths that are no ordinary files, several inputs of which one is broken, and the tables beside the transactions.

use std::fs;
use std::path::Path;

use super::{Case, Expect, GOOD, HEADER, Put, good, made, table, unreadable, works};

fn put(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder is made");
    fs::write(path, content).expect("a file is written");
}

fn piped(name: &'static str, content: fn() -> Vec<u8>, expect: Expect) -> Case {
    Case {
        name,
        put: Put::Piped(Box::new(content)),
        args: &[],
        expect,
    }
}

fn whole() -> Expect {
    works(&[], GOOD)
}

pub(super) fn cases() -> Vec<Case> {
    #[allow(unused_mut)]
    let mut cases = [names(), folders(), inputs()].into_iter().flatten().collect::<Vec<_>>();
    #[cfg(unix)]
    cases.extend(unix::cases());
    cases
}

fn names() -> Vec<Case> {
    let plain = |name| super::text(name, table, whole());
    let twice = |name| super::text(name, || format!("{HEADER}{}", "\""), unreadable(&[]));
    vec![
        made("missing.csv", |_| (), unreadable(&["check the path"])),
        made("missing/below.csv", |_| (), unreadable(&["check the path"])),
        made("no_match_*.csv", |_| (), unreadable(&["matches no file"])),
        made("bad_pattern_[.csv", |_| (), unreadable(&["matches no file"])),
        made(
            "file_as_a_folder.csv/",
            |folder| put(folder, "file_as_a_folder.csv", table()),
            unreadable(&[]),
        ),
        plain("with blanks  in it.csv"),
        plain("with 'single' quotes.csv"),
        plain("Verkäufe 销售 продажи 🧾.csv"),
        plain("sales (1) [2].csv"),
        plain("50%20off & more; $HOME `x` #1.csv"),
        plain("without_an_extension"),
        plain(".hidden.csv"),
        plain("...csv"),
        twice("broken sales [1] äöü 🧾.csv"),
        #[cfg(unix)]
        plain("with\na line break.csv"),
        #[cfg(unix)]
        plain("with \"double\" quotes.csv"),
        #[cfg(unix)]
        plain("with a star *.csv"),
        #[cfg(unix)]
        plain("back\\slash.csv"),
        made("-dash.csv", |folder| put(folder, "-dash.csv", table()), whole()).with(&["--input", "./-dash.csv"]),
        made(
            "a_name_of_250_letters",
            |folder| put(folder, &("n".repeat(246) + ".csv"), table()),
            whole(),
        )
        .with(&["--input", "."]),
    ]
}

fn folders() -> Vec<Case> {
    vec![
        made(
            "folder_of_nothing",
            |folder| fs::create_dir(folder.join("folder_of_nothing")).expect("a folder"),
            unreadable(&["no file", ".csv"]),
        ),
        made(
            "folder_of_other_files",
            |folder| put(folder, "folder_of_other_files/notes.md", "x"),
            unreadable(&["no file", ".csv"]),
        ),
        made(
            "folder_of_hidden_files",
            |folder| put(folder, "folder_of_hidden_files/.sales.csv", table()),
            unreadable(&["no file"]),
        ),
        made(
            "folder_called_like_a_file.csv",
            |folder| put(folder, "folder_called_like_a_file.csv/a.csv", table()),
            whole(),
        ),
        made(
            "folder_with_an_empty_file",
            |folder| {
                put(folder, "folder_with_an_empty_file/a.csv", table());
                put(folder, "folder_with_an_empty_file/b.csv", "");
            },
            unreadable(&["b.csv is empty"]),
        ),
        made(
            "folder_with_a_broken_file",
            |folder| {
                put(folder, "folder_with_a_broken_file/a.csv", table());
                put(folder, "folder_with_a_broken_file/b.parquet", "PAR1PAR1");
            },
            unreadable(&["b.parquet", "Parquet"]),
        ),
        made(
            "folder_with_other_columns",
            |folder| {
                put(folder, "folder_with_other_columns/a.csv", table());
                put(
                    folder,
                    "folder_with_other_columns/b.csv",
                    table().replacen("amount", "freight", 1),
                );
            },
            unreadable(&["b.csv", "amount", "freight"]),
        ),
        made(
            "folder_with_columns_in_another_order",
            |folder| {
                put(folder, "folder_with_columns_in_another_order/a.csv", table());
                let rows: String = (0..30)
                    .map(|i| format!("{i}.50,k{},2024-01-{:02},1,p,{i}\n", i % 6, 1 + i % 28))
                    .collect();
                let header = "amount,customer_id,ordered_at,quantity,product_id,order_id\n";
                put(
                    folder,
                    "folder_with_columns_in_another_order/b.csv",
                    header.to_owned() + &rows,
                );
            },
            works(&[], 60),
        ),
        made(
            "folder_with_a_date_format_of_its_own",
            |folder| {
                put(folder, "folder_with_a_date_format_of_its_own/a.csv", table());
                put(
                    folder,
                    "folder_with_a_date_format_of_its_own/b.csv",
                    format!("{HEADER}k1,1,31.12.2023,p,1,5.50\nk1,2,30.12.2023,p,1,5.50\n"),
                );
            },
            works(&[], 32),
        ),
        made(
            "folder_of_keys",
            |folder| {
                let rows: String = (0..30)
                    .map(|i| format!("{i},2024-01-{:02},{i}.50\n", 1 + i % 28))
                    .collect();
                for key in [
                    "customer_id=k1",
                    "customer_id=k%202",
                    "customer_id=__HIVE_DEFAULT_PARTITION__",
                ] {
                    put(
                        folder,
                        &format!("folder_of_keys/{key}/part.csv"),
                        format!("order_id,ordered_at,amount\n{rows}"),
                    );
                }
            },
            works(&[("missing_customer", 30)], 60),
        ),
        made(
            "folder_within_folders",
            |folder| {
                put(
                    folder,
                    &format!("folder_within_folders/{}a.csv", "d/".repeat(31)),
                    table(),
                )
            },
            whole(),
        ),
    ]
}

fn inputs() -> Vec<Case> {
    fn good_and(folder: &Path, name: &str, content: &str) {
        put(folder, "good.csv", table());
        put(folder, name, content);
    }
    vec![
        made(
            "second_is_missing.csv",
            |folder| put(folder, "good.csv", table()),
            unreadable(&["check the path"]),
        )
        .with(&["--input", "good.csv", "second_is_missing.csv"]),
        made(
            "second_is_empty.csv",
            |folder| good_and(folder, "second_is_empty.csv", ""),
            unreadable(&["is empty"]),
        )
        .with(&["--input", "good.csv", "second_is_empty.csv"]),
        made(
            "second_has_an_open_quote.csv",
            |folder| good_and(folder, "second_has_an_open_quote.csv", &(table() + "k1,\"9\n")),
            unreadable(&[":32: "]),
        )
        .with(&["--input", "good.csv", "second_has_an_open_quote.csv"]),
        made(
            "second_has_no_header.csv",
            |folder| good_and(folder, "second_has_no_header.csv", &good()),
            unreadable(&["--columns"]),
        )
        .with(&["--input", "good.csv", "second_has_no_header.csv"]),
        made(
            "named_twice.csv",
            |folder| put(folder, "named_twice.csv", table()),
            whole(),
        )
        .with(&["--input", "named_twice.csv", "./named_twice.csv"]),
        piped("input_of_nothing", Vec::new, unreadable(&["is empty"])),
        piped("input_that_is_good", || table().into_bytes(), whole()),
        piped("input_of_a_header", || HEADER.into(), unreadable(&["no data"])),
        piped(
            "input_of_broken_parquet",
            || b"PAR1 and no more PAR1".to_vec(),
            unreadable(&["Parquet"]),
        ),
        piped(
            "input_of_cut_gzip",
            || super::packed::gzip(table())[..100].to_vec(),
            unreadable(&["cut short"]),
        ),
        piped("input_of_a_binary_file", || vec![0; 1_000], unreadable(&["binary"])),
    ]
}

#[cfg(unix)]
mod unix {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn link(to: &str, at: &Path) {
        symlink(to, at).expect("a link is made");
    }

    /// Whether this user may read everything, so that nothing can be kept from it.
    fn may_read_all() -> bool {
        let bench = tempfile::tempdir().expect("a temporary folder");
        let path = bench.path().join("secret");
        fs::write(&path, "x").expect("a file is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("a file is closed");
        fs::read(&path).is_ok()
    }

    pub fn cases() -> Vec<Case> {
        let mut cases = vec![
            made(
                "link_to_nowhere.csv",
                |folder| link("nowhere.csv", &folder.join("link_to_nowhere.csv")),
                unreadable(&[]),
            ),
            made(
                "link_to_itself.csv",
                |folder| link("link_to_itself.csv", &folder.join("link_to_itself.csv")),
                unreadable(&[]),
            ),
            made(
                "link_that_is_good.csv",
                |folder| {
                    put(folder, "real.csv", table());
                    link("real.csv", &folder.join("link_that_is_good.csv"));
                },
                whole(),
            ),
            made(
                "folder_with_a_link_to_nowhere",
                |folder| {
                    put(folder, "folder_with_a_link_to_nowhere/a.csv", table());
                    link("nowhere.csv", &folder.join("folder_with_a_link_to_nowhere/b.csv"));
                },
                unreadable(&["b.csv"]),
            ),
            made(
                "folder_that_leads_to_itself",
                |folder| {
                    put(folder, "folder_that_leads_to_itself/a.csv", table());
                    link(".", &folder.join("folder_that_leads_to_itself/again"));
                    link("..", &folder.join("folder_that_leads_to_itself/up"));
                },
                whole(),
            ),
            made(
                "folder_with_a_name_that_is_no_text",
                |folder| {
                    let folder = folder.join("folder_with_a_name_that_is_no_text");
                    fs::create_dir(&folder).expect("a folder is made");
                    fs::write(folder.join(std::ffi::OsStr::from_bytes(b"sales\xff.csv")), table())
                        .expect("a file is written");
                },
                whole(),
            ),
            made(
                "folder_with_a_pipe",
                |folder| {
                    put(folder, "folder_with_a_pipe/a.csv", table());
                    make_pipe(&folder.join("folder_with_a_pipe/b.csv"));
                },
                unreadable(&["b.csv"]),
            ),
            made(
                "pipe.csv",
                |folder| make_pipe(&folder.join("pipe.csv")),
                unreadable(&[]),
            ),
            made(
                "socket.csv",
                |folder| {
                    // Bound by a short path: those of sockets may not be long.
                    let at = folder.join("socket.csv");
                    drop(std::os::unix::net::UnixListener::bind(at).expect("a socket"));
                },
                unreadable(&[]),
            ),
            made("/dev/null", |_| (), unreadable(&["is empty"])),
            made("/dev/zero", |_| (), unreadable(&[])),
        ];
        if may_read_all() {
            println!("skipped: this user may read everything");
        } else {
            cases.push(made(
                "closed.csv",
                |folder| {
                    put(folder, "closed.csv", table());
                    fs::set_permissions(folder.join("closed.csv"), fs::Permissions::from_mode(0o000))
                        .expect("a file is closed");
                },
                unreadable(&["make the file readable"]),
            ));
        }
        cases
    }

    fn make_pipe(path: &Path) {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.is_ok_and(|status| status.success()), "a pipe is made");
    }
}

/// Good transactions with this file beside them.
fn map(name: &'static str, content: fn(&Path), expect: Expect) -> Case {
    made(name, content, expect)
}

pub(super) fn beside() -> Vec<Case> {
    macro_rules! map {
        ($name:literal, $content:expr, $expect:expr) => {
            map(
                $name,
                |folder| {
                    put(folder, "sales.csv", table());
                    put(folder, $name, $content);
                },
                $expect,
            )
            .with(&["--input", "sales.csv", "--customer-map", $name])
        };
    }
    macro_rules! customers {
        ($name:literal, $content:expr, $expect:expr) => {
            map(
                $name,
                |folder| {
                    put(folder, "sales.csv", table());
                    put(folder, $name, $content);
                },
                $expect,
            )
            .with(&["--input", "sales.csv", "--customers", $name])
        };
    }
    macro_rules! config {
        ($name:literal, $content:expr, $says:expr) => {
            map(
                $name,
                |folder| {
                    put(folder, "sales.csv", table());
                    put(folder, $name, $content);
                },
                Expect::Fails { code: 2, says: $says },
            )
            .with(&["--input", "sales.csv", "--config", $name])
        };
    }
    vec![
        map!("map.csv", "old_id,master_id\nk1,k0\nk2,k1\n", whole()),
        map!("map_onto_itself.csv", "old_id,master_id\nk1,k1\nk2,k2\n", whole()),
        map!(
            "map_with_a_circle.csv",
            "old_id,master_id\nk1,k2\nk2,k3\nk3,k1\n",
            unreadable(&["k1", "every id leads to one person"])
        ),
        map!(
            "map_with_two_masters.csv",
            "old_id,master_id\nk1,k2\nk1,k3\n",
            unreadable(&["k1", "every id leads to one person"])
        ),
        map!("map_with_a_line_twice.csv", "old_id,master_id\nk1,k2\nk1,k2\n", whole()),
        map!(
            "map_with_one_column.csv",
            "old_id\nk1\nk2\n",
            unreadable(&["one column"])
        ),
        map!(
            "map_with_three_columns.csv",
            "a,b,c\nk1,k2,k3\n",
            unreadable(&["a, b, c", "old_id and master_id"])
        ),
        map!("map_with_short_rows.csv", "old_id,master_id\nk1\nk2,k3\n", whole()),
        map!("map_of_nothing.csv", "", unreadable(&["is empty"])),
        map!("map_of_a_header.csv", "old_id,master_id\n", unreadable(&["no data"])),
        map!("map_of_broken_parquet.parquet", "PAR1PAR1", unreadable(&["Parquet"])),
        map!("map_of_a_binary_file.csv", [0; 500], unreadable(&["binary"])),
        map!(
            "map_with_an_open_quote.csv",
            "old_id,master_id\nk1,\"k2\nk3,k4\n",
            unreadable(&[":2: ", "quote"])
        ),
        map!("map_with_broken_text.csv", b"old_id,master_id\nk\xff,k2\n", whole()),
        made(
            "map_that_is_missing.csv",
            |folder| put(folder, "sales.csv", table()),
            unreadable(&["check the path"]),
        )
        .with(&["--input", "sales.csv", "--customer-map", "map_that_is_missing.csv"]),
        customers!("customers.csv", "customer_id,region\nk1,north\nk2,south\n", whole()),
        customers!(
            "customers_without_an_id.csv",
            "region,size\nnorth,7.5\nsouth,8.5\n",
            unreadable(&["region, size", "load.customers_id"])
        ),
        customers!(
            "customers_with_an_id_twice.csv",
            "customer_id,region\nk1,north\nk1,south\n",
            whole()
        ),
        customers!(
            "customers_of_strangers.csv",
            "customer_id,region\nz1,north\nz2,south\n",
            whole()
        ),
        customers!("customers_of_nothing.csv", "", unreadable(&["is empty"])),
        customers!("customers_of_blank_lines.csv", "\n\n \n", unreadable(&["is empty"])),
        customers!(
            "customers_of_a_header.csv",
            "customer_id,region\n",
            unreadable(&["no data"])
        ),
        customers!(
            "customers_cut_short.csv.gz",
            &super::packed::gzip("customer_id,region\nk1,north\n")[..20],
            unreadable(&["cut short"])
        ),
        customers!(
            "customers_with_an_open_quote.csv",
            "customer_id,region\nk1,\"north\nk2,south\n",
            unreadable(&[":2: ", "quote"])
        ),
        made(
            "customers_that_are_missing.csv",
            |folder| put(folder, "sales.csv", table()),
            unreadable(&["check the path"]),
        )
        .with(&["--input", "sales.csv", "--customers", "customers_that_are_missing.csv"]),
        config!("settings_that_are_no_toml.toml", "[run\n", &["TOML"]),
        config!("settings_of_an_unknown_key.toml", "[run]\ncolour = 1\n", &["colour"]),
        config!("settings_of_a_wrong_type.toml", "[run]\nseed = \"x\"\n", &["run.seed"]),
        config!("settings_that_are_no_text.toml", b"\xff\xfe\x00", &["UTF-8"]),
        made(
            "settings_that_are_missing.toml",
            |folder| put(folder, "sales.csv", table()),
            Expect::Fails {
                code: 2,
                says: &["check the path given with --config"],
            },
        )
        .with(&["--input", "sales.csv", "--config", "settings_that_are_missing.toml"]),
    ]
}
