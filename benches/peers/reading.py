"""Reading one CSV file in quintile, Polars and DuckDB, in one run.

  python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
  cargo build --release --bin quintile --example read_only
  venv/bin/python benches/peers/reading.py --lines 10000000

The same work: the columns that quintile uses (ids, product name, time, quantity, price, cost, currency), ids as
strings, times as timestamps, numbers as numbers; category, business line and channel are passed over. Polars reads
times as text in the forms without `dates`, which is less work. quintile's seconds include looking at the file to find
out how it is written.

Every measurement is a process of its own; the engines take turns, --repeats times, and the median counts. Seconds are
those of the work, without starting the process, on the wall and on all processors. A ratio above 1 is a peer that is
slower than quintile. The rows, the sum of quantities and the last time must be the same everywhere; a difference ends
the run with exit code 1.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timezone
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
IDS = ["customer_id", "order_id", "product_id"]
COLUMNS = [*IDS, "ordered_at", "product_name", "quantity", "unit_price", "cost", "currency"]
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"


def timed(work):
    start, processor = time.perf_counter(), time.process_time()
    frame = work()
    return time.perf_counter() - start, time.process_time() - processor, frame


def polars(file, dates):
    import polars as pl

    strings = {name: pl.String for name in IDS}
    return timed(lambda: pl.read_csv(file, columns=COLUMNS, try_parse_dates=dates, schema_overrides=strings))


def polars_streaming(file, dates):
    import polars as pl

    plan = pl.scan_csv(file, schema_overrides={name: pl.String for name in IDS}).select(COLUMNS)
    if dates:
        # Given the format; left to find it, Polars needs longer.
        plan = plan.with_columns(pl.col("ordered_at").str.to_datetime(TIME_FORMAT))
    return timed(lambda: plan.collect(engine="streaming"))


def duckdb(file, _):
    import duckdb

    strings = ", ".join(f"'{name}': 'VARCHAR'" for name in IDS)
    query = f"select {', '.join(COLUMNS)} from read_csv('{file}', types = {{{strings}, 'ordered_at': 'TIMESTAMP'}})"
    with duckdb.connect() as connection:
        connection.execute(f"set threads = {os.environ['POLARS_MAX_THREADS']}")
        seconds, processor, table = timed(lambda: connection.sql(query).to_arrow_table())
    import polars as pl

    return seconds, processor, pl.from_arrow(table)


PEERS = {
    "Polars read_csv": (polars, False),
    "Polars read_csv, dates": (polars, True),
    "Polars streaming": (polars_streaming, False),
    "Polars streaming, dates": (polars_streaming, True),
    "DuckDB read_csv": (duckdb, True),
}


def work(name, file):
    """What a child process does: one measurement, as JSON on standard output."""
    import polars as pl

    function, dates = PEERS[name]
    seconds, processor_seconds, frame = function(file, dates)
    last = frame["ordered_at"].max()
    last = datetime.strptime(last, TIME_FORMAT) if isinstance(last, str) else last
    answer = {
        "rows": frame.height,
        "quantity": int(frame["quantity"].cast(pl.Int64).sum()),
        "last_second": int(last.replace(tzinfo=timezone.utc).timestamp()),
    }
    print(json.dumps({"seconds": seconds, "processor_seconds": processor_seconds, **answer}))


def child(command, threads):
    environment = {**os.environ, "POLARS_MAX_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment).stdout)


def generate(program, lines, folder):
    """The history of that size, made where it is not there yet; its truth is written last."""
    out = folder / f"reading-lines={lines}"
    if not (out / "truth.json").exists():
        sizes = ["--lines", str(lines), "--products", "5000", "--seed", "7"]
        command = [program, "generate", *sizes, "--format", "csv", "--out", str(out), "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return str(out / "transactions.csv")


def table(results, size, rows):
    def median(name, key):
        return statistics.median(run[key] for run in results[name])

    heads = ["seconds", "of each run", "MB/s", "million rows/s", "processor seconds", "seconds / quintile's", "processor"]
    print(f"\n| {rows:,} lines, {size / 1e6:.0f} MB | {' | '.join(heads)} |")
    print("|---|---:|---|---:|---:|---:|---:|---:|")
    for name, runs in results.items():
        seconds, processor = median(name, "seconds"), median(name, "processor_seconds")
        ratios = [seconds / median("quintile", "seconds"), processor / median("quintile", "processor_seconds")]
        every = " ".join(f"{run['seconds']:.2f}" for run in runs)
        rates = f"{size / seconds / 1e6:.0f} | {rows / seconds / 1e6:.1f}"
        print(f"| {name} | {seconds:.2f} | {every} | {rates} | {processor:.2f} | {ratios[0]:.2f} | {ratios[1]:.2f} |")


def compare(arguments, lines, folder):
    file = generate(arguments.quintile, lines, folder)
    commands = {"quintile": [arguments.read_only, file]}
    for name in PEERS:
        commands[name] = [sys.executable, __file__, "--work", name, file]
    results = {}
    for repeat in range(arguments.repeats):
        print(f"  round {repeat + 1}, load average {os.getloadavg()[0]:.1f}", flush=True)
        for name, command in commands.items():
            results.setdefault(name, []).append(child(command, arguments.threads))
    answers = {}
    for name, runs in results.items():
        for run in runs:
            answers.setdefault(tuple(run[key] for key in ["rows", "quantity", "last_second"]), set()).add(name)
    table(results, os.path.getsize(file), results["quintile"][0]["rows"])
    if len(answers) != 1:
        print(f"\nThe answers (rows, quantity, last second) DIFFER: {answers}")
    return len(answers) == 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    release = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--data", type=Path, help="folder that keeps the files [default: a temporary one]")
    parser.add_argument("--quintile", default=str(release / "quintile"), help="the program, for generate")
    parser.add_argument("--read-only", default=str(release / "examples" / "read_only"), help="the example")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return work(*arguments.work)
    print(f"{date.today()}, {os.cpu_count()} cores, {arguments.threads} threads")
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.data or Path(temporary)
        same = [compare(arguments, lines, folder) for lines in arguments.lines]
    sys.exit(0 if all(same) else 1)


if __name__ == "__main__":
    main()
