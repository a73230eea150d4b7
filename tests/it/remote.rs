//! Input from `s3://`, against a real server that speaks the protocol, on this machine.

use std::path::Path;
use std::process::Command;

use crate::support::{Bench, Ran};

/// Runs the program with these variables and no others of a store or a proxy.
fn run(bench: &Bench, variables: &[(&str, &str)], input: &str, out: &str, more: &[&str]) -> Ran {
    let out = bench.text(out);
    let mut command = Command::new(env!("CARGO_BIN_EXE_quintile"));
    let foreign = |name: &String| name.starts_with("AWS_") || name.to_ascii_lowercase().ends_with("_proxy");
    for name in std::env::vars().map(|(name, _)| name).filter(foreign) {
        command.env_remove(name);
    }
    let output = command
        .args(["run", "--quiet", "--out", &out, "--input", input])
        .args(more)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .envs(variables.iter().copied())
        .output()
        .expect("the binary under test starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

#[test]
fn what_is_no_place_of_a_store_is_usage() {
    let bench = Bench::new();
    run(&bench, &[], "gs://sales/a.csv", "out", &[]).fails(2, &["gs://sales/a.csv", "s3://BUCKET/KEY"]);
    run(&bench, &[], "s3:///a.csv", "out", &[]).fails(2, &["names no bucket"]);
    assert!(!Path::new(&bench.text("out")).exists());
}

#[cfg(not(feature = "s3"))]
#[test]
fn without_the_feature_the_message_says_how_to_build_it() {
    let bench = Bench::new();
    for input in ["s3://sales/a.csv", "s3a://sales/", "s3://sales/*.parquet"] {
        let says = [
            "cannot read s3://sales/",
            "without the feature s3",
            "cargo build --release --features s3",
        ];
        run(&bench, &[], input, "out", &[]).fails(2, &says);
    }
    let side = ["--customers", "s3://sales/people.csv"];
    run(&bench, &[], "data/transactions.parquet", "out", &side).fails(2, &["--features s3"]);
}

#[cfg(feature = "s3")]
mod server;

#[cfg(feature = "s3")]
mod served {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::PathBuf;
    use std::sync::{Arc, OnceLock};

    use arrow::array::{ArrayRef, Int64Array, StringArray};
    use arrow::record_batch::RecordBatch;
    use parquet::arrow::ArrowWriter;
    use parquet::file::properties::WriterProperties;

    use super::server::Server;
    use super::*;
    use crate::support::{Snapshot, assert_same_results};

    /// Writes lines as Parquet in groups of rows, with a column that nobody wants and that is most of the file.
    fn write_parquet(files: &Files, name: &str, lines: std::ops::Range<i64>) {
        let texts =
            |of: &dyn Fn(i64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(lines.clone().map(of))) };
        let mixed = |i: i64| i.wrapping_mul(0x5851_F42D_4C95_7F2D) >> 20;
        let columns: [(&str, ArrayRef); 6] = [
            ("customer_id", texts(&|i| format!("c{}", mixed(i).rem_euclid(2_000)))),
            ("order_id", texts(&|i| format!("o{}", i / 3))),
            (
                "note",
                texts(&|i| (1..12).map(|n| format!("{:x}", mixed(i * n + n))).collect()),
            ),
            (
                "ordered_at",
                texts(&|i| format!("2024-{:02}-{:02}", 1 + i / 7 % 12, 1 + i / 11 % 28)),
            ),
            ("product_id", texts(&|i| format!("p{}", mixed(i * 3).rem_euclid(90)))),
            (
                "amount",
                Arc::new(Int64Array::from_iter_values(
                    lines.clone().map(|i| 5 + mixed(i).rem_euclid(40)),
                )),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let path = files.write(name, "");
        let settings = WriterProperties::builder()
            .set_max_row_group_row_count(Some(20_000))
            .build();
        let mut writer =
            ArrowWriter::try_new(fs::File::create(&path).unwrap(), batch.schema(), Some(settings)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    fn csv(lines: std::ops::Range<i64>) -> String {
        let mut text = "customer_id,order_id,ordered_at,product_id,amount\n".to_owned();
        for i in lines {
            let (customer, product) = (i * 7 % 1_900, i * i % 83);
            let (month, day) = (1 + i / 900 % 12, 1 + i / 13 % 28);
            text += &format!(
                "c{customer},o{},2024-{month:02}-{day:02},p{product},{}.50\n",
                i / 2,
                3 + i % 50
            );
        }
        text
    }

    fn zipped(text: &str) -> Vec<u8> {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    }

    /// What a server serves, until the tests write it anew.
    struct Files(PathBuf);

    impl Files {
        fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
            let path = self.0.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, bytes).unwrap();
            path
        }

        fn path(&self, name: &str) -> String {
            self.0.join(name).to_str().unwrap().to_owned()
        }
    }

    /// The files and the server, which all tests share; `None` where it cannot be installed.
    fn served(mode: &str) -> Option<&'static (Files, Server)> {
        static OPEN: OnceLock<Option<(Files, Server)>> = OnceLock::new();
        static STRICT: OnceLock<Option<(Files, Server)>> = OnceLock::new();
        let served = if mode == "open" { &OPEN } else { &STRICT };
        served.get_or_init(|| start(mode)).as_ref()
    }

    fn start(mode: &str) -> Option<(Files, Server)> {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("s3-files-{mode}"));
        let _ = fs::remove_dir_all(&place);
        let files = Files(place);
        write_parquet(&files, "parts/region=north/a.parquet", 0..60_000);
        write_parquet(&files, "parts/region=south/b.parquet", 60_000..100_000);
        write_parquet(&files, "parts/_temporary/c.parquet", 0..10);
        write_parquet(&files, "wide/a.parquet", 0..60_000);
        files.write("parts/about.json", "{}");
        // Of more than one part on the way, and small.
        files.write("texts/a.csv", csv(0..150_000));
        files.write("texts/b.csv.gz", zipped(&csv(150_000..170_000)));
        files.write("people.csv", "customer_id,region\nc1,north\nc2,south\n");
        files.write("other/read.me", "nothing");
        files.write("empty.csv", "");
        files.write("changing/after-1-times.csv", csv(0..150_000));
        write_parquet(&files, "changing/after-4-times.parquet", 0..60_000);
        let server = Server::start(&files.0, mode)?;
        Some((files, server))
    }

    #[test]
    fn the_same_files_give_the_same_tables() {
        let Some((files, server)) = served("open") else { return };
        let bench = Bench::new();
        let environment = server.environment(&server.reader);
        let cases = [
            ("parts", "s3://sales/parts", "etag:"),
            ("parts", "s3a://sales/parts/", "etag:"),
            (
                "parts/region=*/*.parquet",
                "s3://sales/parts/region=*/[ab].parquet",
                "etag:",
            ),
            (
                "parts/region=south/b.parquet",
                "s3://sales/parts/region=south/b.parquet",
                "etag:",
            ),
            ("texts", "s3://sales/texts/**/*", "blake3:"),
            ("texts/b.csv.gz", "s3://sales/texts/b.csv.gz", "blake3:"),
        ];
        for (i, (local, remote, hash)) in cases.into_iter().enumerate() {
            let [here, there] = [format!("here{i}"), format!("there{i}")];
            run(&bench, &[], &files.path(local), &here, &[]).ok();
            run(&bench, &environment, remote, &there, &[]).ok();
            let [here, there] = [here, there].map(|out| Snapshot::only_one_in(&bench.path(&out)));
            assert_same_results(&here, &there, remote);
            assert_eq!(here.value("rows"), there.value("rows"), "{remote}");
            let [of_here, of_there] = [&here, &there].map(|snapshot| snapshot.value("inputs").as_array().unwrap());
            assert_eq!(of_here.len(), of_there.len(), "{remote}");
            for (a, b) in of_here.iter().zip(of_there) {
                let inside = a["path"].as_str().unwrap().split_once("s3-files-open/").unwrap().1;
                assert_eq!(b["path"].as_str().unwrap(), format!("s3://sales/{inside}"));
                assert_eq!((&a["bytes"], &a["rows"]), (&b["bytes"], &b["rows"]), "{remote}");
                assert!(b["hash"].as_str().unwrap().starts_with(hash), "{b}");
                assert!(hash == "etag:" || a["hash"] == b["hash"], "{remote}");
            }
        }
    }

    #[test]
    fn tables_beside_the_transactions_may_be_objects() {
        let Some((files, server)) = served("open") else { return };
        let bench = Bench::new();
        let (environment, input) = (server.environment(&server.reader), files.path("texts/b.csv.gz"));
        let local = files.path("people.csv");
        run(&bench, &[], &input, "here", &["--customers", &local]).ok();
        run(
            &bench,
            &environment,
            &input,
            "there",
            &["--customers", "s3://sales/people.csv"],
        )
        .ok();
        let [here, there] = ["here", "there"].map(|out| Snapshot::only_one_in(&bench.path(out)));
        assert_same_results(&here, &there, "customers from a store");
    }

    #[test]
    fn only_the_columns_that_are_needed_are_fetched() {
        let Some((files, server)) = served("open") else { return };
        let bench = Bench::new();
        let size = fs::metadata(files.path("wide/a.parquet")).unwrap().len();
        let environment = server.environment(&server.reader);
        run(
            &bench,
            &environment,
            "s3://sales/wide/a.parquet",
            "out",
            &["--threads", "2"],
        )
        .ok();
        let requests = server.requests("/sales/wide/a.parquet");
        let fetched: u64 = requests.iter().map(|(_, bytes)| bytes).sum();
        // The first MiB tells what it is, a little of every column what stands in it; then the short columns.
        assert!(
            1 << 20 < fetched && fetched < size / 2,
            "{fetched} of {size}: {requests:?}"
        );
        assert!(requests.iter().all(|(range, _)| range != "-"), "{requests:?}");
        // Neighbouring columns come together.
        assert!(requests.len() < 30, "{requests:?}");
    }

    #[test]
    fn an_object_that_is_replaced_is_an_error() {
        let Some((_, server)) = served("open") else { return };
        let bench = Bench::new();
        let environment = server.environment(&server.reader);
        for name in ["after-1-times.csv", "after-4-times.parquet"] {
            let url = format!("s3://sales/changing/{name}");
            let says = [
                &format!("{url} was replaced while it was read"),
                "run again when the export",
            ];
            run(&bench, &environment, &url, "out", &[]).fails(3, &says);
            assert!(server.requests(&format!("/sales/changing/{name}")).len() > 1, "{name}");
        }
        assert!(!bench.path("out/.staging").exists());
    }

    #[test]
    fn refusals_say_what_to_do() {
        let Some((_, server)) = served("strict") else { return };
        let bench = Bench::new();
        let reader = server.environment(&server.reader);
        let fails = |environment: &[(&str, &str)], input: &str, says: &[&str]| {
            run(&bench, environment, input, "out", &[]).fails(3, &[says, &["cannot read s3://"]].concat());
        };
        run(&bench, &reader, "s3://sales/texts/b.csv.gz", "good", &[]).ok();
        fails(&reader, "s3://sales/texts/c.csv", &["no such object", "check the name"]);
        fails(&reader, "s3://sales/nowhere/", &["no such object"]);
        fails(
            &reader,
            "s3://seals/texts/a.csv",
            &["no such bucket", "AWS_ENDPOINT_URL"],
        );
        fails(&reader, "s3://seals/texts/*.csv", &["no such bucket"]);
        let with = |id: &str, value: &str| -> BTreeMap<String, String> {
            let mut changed: BTreeMap<String, String> = reader
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect();
            changed.insert(id.to_owned(), value.to_owned());
            changed
        };
        let with = |id: &str, value: &str, input: &str, says: &[&str]| {
            let changed = with(id, value);
            let environment: Vec<(&str, &str)> = changed.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            fails(&environment, input, says);
        };
        for input in ["s3://sales/people.csv", "s3://sales/texts/*.csv", "s3://sales/texts/"] {
            let says = [
                "credentials are refused (SignatureDoesNotMatch)",
                "AWS_SECRET_ACCESS_KEY",
            ];
            with("AWS_SECRET_ACCESS_KEY", "wrong", input, &says);
            with(
                "AWS_ACCESS_KEY_ID",
                "AKIAWRONG",
                input,
                &["credentials are refused (InvalidAccessKeyId)"],
            );
            fails(
                &server.environment(&server.other),
                input,
                &["may not read it (AccessDenied)", "s3:GetObject"],
            );
        }
        with(
            "AWS_SKIP_SIGNATURE",
            "true",
            "s3://sales/people.csv",
            &["may not read it", "s3:GetObject"],
        );
        run(&bench, &reader, "s3://sales/texts/*.parquet", "out", &[]).fails(3, &["matches no file"]);
        run(&bench, &reader, "s3://sales/other", "out", &[]).fails(3, &["holds no file that quintile can read"]);
        run(&bench, &reader, "s3://sales/marked", "out", &[]).fails(3, &["holds no file that quintile can read"]);
        run(&bench, &reader, "s3://sales/empty.csv", "out", &[]).fails(3, &["s3://sales/empty.csv is empty"]);
        assert!(!bench.path("out/.staging").exists());
    }

    #[test]
    fn public_buckets_need_no_credentials() {
        let Some((_, server)) = served("open") else { return };
        let bench = Bench::new();
        let endpoint = format!("http://127.0.0.1:{}", server.port);
        let environment = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_SKIP_SIGNATURE", "true"),
        ];
        run(&bench, &environment, "s3://public/texts/b.csv.gz", "out", &[]).ok();
    }

    #[test]
    fn what_is_wrong_with_the_settings_is_said() {
        let bench = Bench::new();
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")];
        let fails = |more: &[(&str, &str)], code: i32, says: &[&str]| {
            let environment = [&keys[..], more].concat();
            run(&bench, &environment, "s3://sales/a.csv", "out", &[]).fails(code, says);
        };
        let nobody = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        fails(&[nobody], 2, &["scheme is not allowed", "AWS_ALLOW_HTTP=true"]);
        let says = ["http://127.0.0.1:1 cannot be reached", "AWS_ENDPOINT_URL"];
        fails(&[nobody, ("AWS_ALLOW_HTTP", "true")], 3, &says);
        let only_id = [("AWS_ACCESS_KEY_ID", "a")];
        run(&bench, &only_id, "s3://sales/a.csv", "out", &[]).fails(2, &["settings of the object store", "AWS_"]);
        // Without keys the machine is asked for its own; this one has none.
        let none = [("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")];
        run(&bench, &none, "s3://sales/a.csv", "out", &[]).fails(3, &["no credentials", "AWS_SKIP_SIGNATURE=true"]);
    }
}
