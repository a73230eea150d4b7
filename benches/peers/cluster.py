"""What a line costs on a cluster: `quintile run --cluster` on a standalone Spark of this machine, at two sizes or more.

  python -m venv venv && venv/bin/pip install 'pyspark==4.3.0'
  cargo build --release --features spark --bin quintile
  venv/bin/python benches/peers/cluster.py --lines 1000000 5000000

A master, two workers with an executor of one core each, and the Connect server are started on loopback (Java 17), as
tests/cluster does it. One run on the smallest history comes first and is not counted: executors start in it, and the
code of the engine is compiled. The histories have the default mess of `quintile generate`: returns, duplicates,
anonymous lines. They are read once before, so that nobody waits for the disk.

For every run: seconds on the wall; of the executors the processor seconds in tasks (Spark's own count, REST API), those of
their processes (with garbage collection and compilation), and the largest resident size; of the driver and of quintile
their processor seconds; lines read, bytes written to and read from shuffles (compressed), spilled, and sent back; and the
same for each query. Spark's own count of bytes read leaves out most of what it reads of Parquet, so what the processes of
the executors read stands there instead, local shuffles included. The tables are compared with those of a run without
the cluster: a difference ends this with exit code 1. From the largest and the smallest size come the costs of one more
line, without what every run needs once. Clusters are slow beginners: below 100,000 lines most of a run is planning.
"""

import argparse
import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import date
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOST = "127.0.0.1"
# What is added up over the stages of a query, and how it is shown.
COUNTERS = {
    "executorCpuTime": ("processor s", 1e-9),
    "executorRunTime": ("task s", 1e-3),
    "jvmGcTime": ("collection s", 1e-3),
    "inputRecords": ("lines read, M", 1e-6),
    "shuffleWriteRecords": ("rows shuffled, M", 1e-6),
    "shuffleWriteBytes": ("shuffle written MB", 1e-6),
    "shuffleReadBytes": ("shuffle read MB", 1e-6),
    "diskBytesSpilled": ("spilled MB", 1e-6),
    "resultSize": ("sent back MB", 1e-6),
}
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


def java_17():
    homes = [os.environ.get("JAVA_HOME")] + sorted(str(path) for path in Path("/usr/lib/jvm").glob("*"))
    for home in filter(None, homes):
        release = Path(home, "release")
        if release.is_file() and 'JAVA_VERSION="17' in release.read_text():
            return home
    sys.exit("there is no Java 17 in JAVA_HOME or /usr/lib/jvm")


class Cluster:
    """A master, workers and the Connect server; ended with all that they started."""

    def __init__(self, folder, arguments):
        import pyspark

        self.folder, self.processes = folder, {}
        self.home = Path(pyspark.__file__).parent
        self.environment = {
            **os.environ,
            "JAVA_HOME": java_17(),
            "SPARK_HOME": str(self.home),
            "SPARK_LOCAL_IP": HOST,
            "SPARK_LOCAL_DIRS": str(folder / "local"),
        }
        master, connect, pages = free_port(), free_port(), free_port()
        self.url, self.api = f"sc://{HOST}:{connect}", f"http://{HOST}:{pages}/api/v1/applications"
        deploy = "org.apache.spark.deploy"
        place = ["--host", HOST, "--webui-port", "0"]
        self.start("master", ["spark-class", f"{deploy}.master.Master", *place, "--port", str(master)])
        self.wait_for(master, "master")
        address = f"spark://{HOST}:{master}"
        for i in range(arguments.workers):
            sizes = ["--cores", "1", "--memory", arguments.executor_memory, "-d", str(folder / f"worker-{i}")]
            self.start(f"worker-{i}", ["spark-class", f"{deploy}.worker.Worker", *place, *sizes, address])
        settings = {
            "spark.connect.grpc.binding.port": connect,
            "spark.connect.grpc.binding.address": HOST,
            "spark.driver.memory": "2g",
            "spark.executor.memory": arguments.executor_memory,
            "spark.sql.shuffle.partitions": arguments.partitions,
            "spark.ui.port": pages,
            "spark.ui.retainedStages": 100_000,
            "spark.ui.retainedJobs": 100_000,
            "spark.sql.ui.retainedExecutions": 100_000,
            **dict(setting.split("=", 1) for setting in arguments.conf),
        }
        options = [option for key, value in settings.items() for option in ["--conf", f"{key}={value}"]]
        server = "org.apache.spark.sql.connect.service.SparkConnectServer"
        self.start("connect", ["spark-submit", "--class", server, "--master", address, *options, "spark-internal"])
        self.wait_for(connect, "connect")
        self.wait_for(pages, "connect")
        self.application = self.get("")[0]["id"]

    def start(self, name, command):
        with open(self.folder / f"{name}.log", "wb") as log:
            self.processes[name] = subprocess.Popen(
                [self.home / "bin" / command[0], *command[1:]],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_for(self, port, name, patience=180):
        end = time.monotonic() + patience
        while time.monotonic() < end:
            with socket.socket() as client:
                if client.connect_ex((HOST, port)) == 0:
                    return
            time.sleep(0.2)
        sys.exit(f"{name} does not answer:\n{(self.folder / f'{name}.log').read_text()}")

    def stop(self):
        for process in reversed(self.processes.values()):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def get(self, path):
        with urllib.request.urlopen(self.api + path, timeout=60) as answer:
            return json.load(answer)

    def queries(self):
        """The queries that ran jobs, each with the sums over its stages; older ones first."""
        at = f"/{self.application}"
        stages = {}
        for stage in self.get(f"{at}/stages"):
            stages.setdefault(stage["stageId"], []).append(stage)
        jobs = {job["jobId"]: job["stageIds"] for job in self.get(f"{at}/jobs")}
        found = {}
        for query in self.get(f"{at}/sql?details=false&planDescription=false&length=100000"):
            ids = {stage for job in query["successJobIds"] for stage in jobs.get(job, [])}
            ran = [stage for i in ids for stage in stages.get(i, []) if stage["status"] == "COMPLETE"]
            if ran:
                sums = {key: sum(stage.get(key, 0) for stage in ran) for key in COUNTERS}
                found[query["id"]] = {"milliseconds": query["duration"], "stages": len(ran), **sums}
        return found

    def session_members(self):
        """Processes of the workers, among them the executors, and those of the Connect server."""
        leaders = {process.pid: name for name, process in self.processes.items()}
        members = {"executors": [], "driver": []}
        for place in Path("/proc").glob("[0-9]*"):
            try:
                fields = (place / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            name = leaders.get(int(fields[3]), "")
            kind = "executors" if name.startswith("worker") else "driver" if name == "connect" else None
            if kind:
                members[kind].append((place, fields))
        return members

    def processor_seconds(self):
        members = self.session_members().items()
        return {kind: sum(int(n) for _, fields in found for n in fields[11:15]) / TICKS for kind, found in members}

    def bytes_read(self):
        """By the executors, from files and pipes: input, shuffles that are local, programs."""
        texts = [(place / "io").read_text() for place, _ in self.session_members()["executors"]]
        return sum(int(text.split("rchar:")[1].split()[0]) for text in texts)

    def still_kept(self):
        """Bytes of lines that the executors keep for a session: none, once it is over."""
        return sum(table["memoryUsed"] + table["diskUsed"] for table in self.get(f"/{self.application}/storage/rdd"))

    def largest_executor(self):
        sizes = []
        for place, _ in self.session_members()["executors"]:
            lines = (place / "status").read_text().splitlines()
            sizes += [int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmHWM:")]
        return max(sizes)


def generate(program, lines, seed, folder):
    """The history of that size, made where it is not there yet; its truth is written last."""
    out = folder / f"default-lines={lines}-seed={seed}"
    if not (out / "truth.json").exists():
        command = [program, "generate", "--lines", str(lines), "--products", "5000", "--seed", str(seed)]
        subprocess.run([*command, "--out", str(out), "--quiet"], check=True, stdout=subprocess.DEVNULL)
    file = out / "transactions.parquet"
    file.read_bytes()
    return file


def run(program, file, out, more=()):
    """Runs it to its end: the folder of the snapshot, seconds and processor seconds."""
    start = time.perf_counter()
    command = [program, "run", "--quiet", "--input", str(file), "--out", str(out), *more]
    with open(out.with_suffix(".log"), "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)}\n{out.with_suffix('.log').read_text()}")
    seconds = time.perf_counter() - start
    return next(out.glob("as_of=*")), seconds, used.ru_utime + used.ru_stime


def same_tables(here, there):
    names = [sorted(file.name for file in folder.glob("*.parquet")) for folder in (here, there)]
    return names[0] == names[1] and all((here / name).read_bytes() == (there / name).read_bytes() for name in names[0])


def measure(arguments, cluster, file, folder, name):
    """One run on the cluster beside one without it."""
    here, seconds_here, processor_here = run(arguments.quintile, file, folder / f"{name}-here")
    before, used_before, read_before = cluster.queries(), cluster.processor_seconds(), cluster.bytes_read()
    there, seconds, processor = run(arguments.quintile, file, folder / f"{name}-there", ["--cluster", cluster.url])
    # The pages are a moment behind.
    time.sleep(3)
    used = cluster.processor_seconds()
    queries = [figures for key, figures in sorted(cluster.queries().items()) if key not in before]
    manifest = json.loads((there / "manifest.json").read_text())
    return {
        "lines": manifest["rows"]["read"],
        "customers": manifest["customers"],
        "tables equal": same_tables(here, there),
        "seconds here": seconds_here,
        "processor s here": processor_here,
        "seconds": seconds,
        "quintile's processor s": processor,
        "executors' processor s": used["executors"] - used_before["executors"],
        "driver's processor s": used["driver"] - used_before["driver"],
        "executors read MB": (cluster.bytes_read() - read_before) / 1e6,
        "largest executor MB": cluster.largest_executor(),
        "still kept MB": cluster.still_kept() / 1e6,
        "queries": len(queries),
        "scans": sum(query["inputRecords"] > 0 for query in queries),
        **{name: scale * sum(query[key] for query in queries) for key, (name, scale) in COUNTERS.items()},
        "stages of the run, s": manifest["timings_seconds"],
        "each query": queries,
    }


def show(file, figures):
    print(f"\n{figures['lines']:,} lines, {file.stat().st_size / 1e6:.1f} MB of Parquet")
    for key, value in figures.items():
        if key != "each query":
            print(f"  {key}: {json.dumps(round(value, 3) if isinstance(value, float) else value)}")
    heads = ["query", "s", *(name for name, _ in COUNTERS.values())]
    print(f"  {' | '.join(heads)}")
    for i, query in enumerate(figures["each query"], 1):
        cells = [f"{query[key] * scale:.2f}" for key, (_, scale) in COUNTERS.items()]
        print(f"  {i} | {query['milliseconds'] / 1e3:.1f} | {' | '.join(cells)}")
    sys.stdout.flush()


def per_line(results):
    """What one more line costs, between the smallest and the largest size, and what every run needs once."""
    small, large = results[0], results[-1]
    few, many = small["lines"], large["lines"]
    units = {"MB": (1e6, "bytes"), "s": (1e9, "ns"), "M": (1e6, "rows")}
    print(f"\nOne more line, from {few:,} to {many:,} lines; and what every run needs once, by the same straight line")
    names = ["seconds", "quintile's processor s", "executors' processor s", "driver's processor s", "executors read MB"]
    for name in names + [name for name, _ in COUNTERS.values()]:
        slope = (large[name] - small[name]) / (many - few)
        scale, unit = units.get(name.replace(",", " ").split()[-1], units["s"])
        print(f"  {name}: {slope * scale:.1f} {unit} a line; {small[name] - slope * few:.2f} once")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    release = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000, 5_000_000])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--executor-memory", default="3g")
    parser.add_argument("--partitions", type=int, default=8, help="of a shuffle")
    parser.add_argument("--conf", action="append", default=[], metavar="KEY=VALUE", help="a setting of Spark")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder that keeps the histories [default: a temporary one]")
    parser.add_argument("--quintile", default=str(release / "quintile"), help="the program, with the feature spark")
    arguments = parser.parse_args()
    print(f"{date.today()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    print(f"{arguments.workers} executors of 1 core, {arguments.executor_memory}, {arguments.partitions} partitions")
    print(f"load average {os.getloadavg()[0]:.0f} {' '.join(arguments.conf)}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sizes = sorted(arguments.lines)
        files = [generate(arguments.quintile, lines, arguments.seed, arguments.data or folder) for lines in sizes]
        cluster = Cluster(folder, arguments)
        results = []
        try:
            run(arguments.quintile, files[0], folder / "warm", ["--cluster", cluster.url])
            for lines, file in zip(sizes, files):
                for turn in range(arguments.repeats):
                    figures = measure(arguments, cluster, file, folder, f"{lines}-{turn}")
                    show(file, figures)
                    results.append(figures)
        finally:
            cluster.stop()
    if len(set(sizes)) > 1:
        per_line(results)
    sys.exit(0 if all(figures["tables equal"] for figures in results) else 1)


if __name__ == "__main__":
    main()
