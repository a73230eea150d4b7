//! The server, from a package, in an environment that is thrown away with the build folder.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// An access key and its secret.
pub type Keys = (String, String);

pub struct Server {
    /// Ends when the pipe to it closes, so with the tests.
    _child: Child,
    log: PathBuf,
    pub port: u64,
    endpoint: String,
    pub reader: Keys,
    pub other: Keys,
}

impl Server {
    /// Serves the files of a folder.
    pub fn start(files: &Path, mode: &str) -> Option<Self> {
        let log = files.with_extension("log");
        let _ = fs::remove_file(&log);
        let mut child = Command::new(python()?)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/remote/server.py"))
            .args([files, &log])
            .arg(mode)
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let told: Value = serde_json::from_str(&line).expect("the server tells its port");
        let keys = |name: &str| {
            let text = |key: &str| told[name][key].as_str().expect("a key").to_owned();
            (text("id"), text("secret"))
        };
        let port = told["port"].as_u64().expect("a port");
        Some(Self {
            _child: child,
            log,
            port,
            endpoint: format!("http://127.0.0.1:{port}"),
            reader: keys("reader"),
            other: keys("other"),
        })
    }

    /// What a user of these keys sets.
    pub fn environment<'a>(&'a self, keys: &'a Keys) -> [(&'a str, &'a str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", &keys.0),
            ("AWS_SECRET_ACCESS_KEY", &keys.1),
        ]
    }

    /// Range and bytes of every GET of an object.
    pub fn requests(&self, path: &str) -> Vec<(String, u64)> {
        let log = fs::read_to_string(&self.log).expect("the log");
        let of_line = |line: &str| match line.split(' ').collect::<Vec<_>>()[..] {
            ["GET", at, range, bytes] if at == path => Some((range.to_owned(), bytes.parse().expect("a number"))),
            _ => None,
        };
        log.lines().filter_map(of_line).collect()
    }
}

/// The Python that has the server, installed once for all tests; `None`, and said so, where that cannot be.
fn python() -> Option<&'static Path> {
    static PYTHON: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let python = PYTHON.get_or_init(|| {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("s3-server");
        let python = place.join("bin/python");
        let ready = place.join("ready");
        if ready.exists() {
            return Ok(python);
        }
        let requirements = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/remote/requirements.txt");
        call(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
        call(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement", requirements]))?;
        fs::write(&ready, "").map_err(|error| error.to_string())?;
        Ok(python)
    });
    match python {
        Ok(python) => Some(python),
        // Set where the server must be there, so that nothing is skipped.
        Err(why) if std::env::var_os("QUINTILE_SERVERS").is_some() => panic!("no S3 server: {why}"),
        Err(why) => {
            eprintln!("skipped: no S3 server can be installed with python3 -m venv and pip: {why}");
            None
        }
    }
}

fn call(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}
