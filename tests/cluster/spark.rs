//! A standalone Spark cluster on loopback, from the wheel of pyspark.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// One cluster at a time: each takes a gigabyte and more.
static ALONE: Mutex<()> = Mutex::new(());

/// A master, two workers and a Connect server; killed when dropped.
pub struct Spark {
    pub url: String,
    folder: TempDir,
    workers: Vec<Child>,
    others: Vec<Child>,
    _alone: MutexGuard<'static, ()>,
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn java_17() -> Option<PathBuf> {
    let named = std::env::var_os("JAVA_HOME").map(PathBuf::from);
    let installed = fs::read_dir("/usr/lib/jvm")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut homes: Vec<PathBuf> = installed.collect();
    homes.sort();
    named.into_iter().chain(homes).find(|home| {
        let release = fs::read_to_string(home.join("release")).unwrap_or_default();
        home.join("bin/java").is_file() && release.contains("JAVA_VERSION=\"17")
    })
}

/// Ends a process and all that it started.
pub fn kill_group(child: &mut Child) {
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-9", "--", &group]).status();
    let _ = child.wait();
}

impl Drop for Spark {
    fn drop(&mut self) {
        self.others.iter_mut().chain(&mut self.workers).for_each(kill_group);
    }
}

impl Spark {
    /// `None`, after saying so, where there is nothing to start one from.
    pub fn start() -> Option<Self> {
        let Some(environment) = std::env::var_os("QUINTILE_PYSPARK").map(PathBuf::from) else {
            println!("skipped: QUINTILE_PYSPARK names no virtual environment with pyspark");
            return None;
        };
        let Some(java) = java_17() else {
            println!("skipped: there is no Java 17 in JAVA_HOME or /usr/lib/jvm");
            return None;
        };
        let libraries = fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
        let mut homes = libraries.map(|entry| entry.path().join("site-packages/pyspark"));
        let home = homes
            .find(|home| home.is_dir())
            .expect("pyspark is in QUINTILE_PYSPARK");
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = TempDir::new().unwrap();
        let (master, connect) = (free_port(), free_port());
        let start = |name: &str, program: &str, memory: Option<&str>, args: &[&str]| {
            let log = File::create(folder.path().join(format!("{name}.log"))).unwrap();
            let mut command = Command::new(home.join("bin").join(program));
            command
                .args(args)
                .env("JAVA_HOME", &java)
                .env("SPARK_HOME", &home)
                .env("SPARK_LOCAL_IP", "127.0.0.1")
                .current_dir(folder.path())
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log)
                .process_group(0);
            if let Some(memory) = memory {
                command.env("SPARK_DAEMON_MEMORY", memory);
            }
            command.spawn().unwrap()
        };
        let port = master.to_string();
        let class = "org.apache.spark.deploy.master.Master";
        let args = [class, "--host", "127.0.0.1", "--port", &port, "--webui-port", "0"];
        let mut spark = Self {
            url: format!("sc://127.0.0.1:{connect}"),
            others: vec![start("master", "spark-class", Some("256m"), &args)],
            workers: Vec::new(),
            _alone: alone,
            folder: TempDir::new().unwrap(),
        };
        wait_for_port(master, folder.path(), "master");
        let address = format!("spark://127.0.0.1:{master}");
        for name in ["worker-1", "worker-2"] {
            let class = "org.apache.spark.deploy.worker.Worker";
            let place = folder.path().join(name).display().to_string();
            let args = [
                class,
                "--host",
                "127.0.0.1",
                "--cores",
                "1",
                "--memory",
                "1g",
                "--webui-port",
                "0",
                "-d",
                &place,
                &address,
            ];
            spark.workers.push(start(name, "spark-class", Some("256m"), &args));
        }
        let port = format!("spark.connect.grpc.binding.port={connect}");
        let args = [
            "--class",
            "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--master",
            &address,
            "--conf",
            &port,
            "--conf",
            "spark.connect.grpc.binding.address=127.0.0.1",
            "--conf",
            "spark.driver.memory=1g",
            "--conf",
            "spark.executor.memory=900m",
            "--conf",
            "spark.sql.shuffle.partitions=4",
            "--conf",
            "spark.ui.enabled=false",
            "spark-internal",
        ];
        spark.others.push(start("connect", "spark-submit", None, &args));
        wait_for_port(connect, folder.path(), "connect");
        spark.folder = folder;
        Some(spark)
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
    }

    /// Until so many executors have announced themselves.
    pub fn wait_for_executors(&self, n: usize) {
        let start = Instant::now();
        while self.log("connect").matches("Registered executor").count() < n {
            assert!(start.elapsed() < Duration::from_secs(180), "{}", self.log("connect"));
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Kills a worker and the executor that it runs.
    pub fn kill_worker(&mut self) {
        if let Some(mut worker) = self.workers.pop() {
            kill_group(&mut worker);
        }
    }

    /// What the driver said about lost executors and repeated work, without places.
    pub fn losses(&self) -> Vec<String> {
        let log = self.log("connect");
        let lines = log.lines().filter(|line| {
            line.contains("Lost executor") || line.contains("Executor lost") || line.contains("Resubmitted")
        });
        lines.take(12).map(str::to_owned).collect()
    }
}

pub fn wait_for_port(port: u16, folder: &Path, name: &str) {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let log = || fs::read_to_string(folder.join(format!("{name}.log"))).unwrap_or_default();
        assert!(
            start.elapsed() < Duration::from_secs(180),
            "{name} does not answer:\n{}",
            log()
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}
