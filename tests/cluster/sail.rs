//! A Sail server on loopback, from the wheel of pysail.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::spark::{free_port, kill_group, wait_for_port};

/// Killed when dropped.
pub struct Sail {
    pub url: String,
    server: Child,
    folder: TempDir,
}

impl Drop for Sail {
    fn drop(&mut self) {
        kill_group(&mut self.server);
    }
}

impl Sail {
    /// `None`, after saying so, where there is nothing to start one from.
    pub fn start() -> Option<Self> {
        let Some(environment) = std::env::var_os("QUINTILE_PYSAIL").map(PathBuf::from) else {
            println!("skipped: QUINTILE_PYSAIL names no virtual environment with pysail");
            return None;
        };
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let log = File::create(folder.path().join("sail.log")).unwrap();
        let server = Command::new(environment.join("bin/sail"))
            .args(["spark", "server", "--port", &port.to_string()])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("QUINTILE_PYSAIL has bin/sail");
        let url = format!("sc://127.0.0.1:{port}");
        let sail = Self { url, server, folder };
        wait_for_port(port, sail.folder.path(), "sail");
        Some(sail)
    }
}
