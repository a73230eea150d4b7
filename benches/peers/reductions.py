"""The two reductions in quintile, DuckDB and Polars, on the same Parquet, in one run.

  python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
  cargo build --release --bin quintile --example reductions
  venv/bin/python benches/peers/reductions.py --lines 1000000 10000000

customers: per customer, distinct orders, distinct products, first and last day, lines and spend.
pairs: products that stand in the same order, in at least --min-count orders, with the number of these orders.

Every measurement is a process of its own; the engines take turns, --repeats times, and the median counts. Seconds are
those of the work, from the file to the answer, without starting the process; memory is the most that the process held.
The history has no returns, duplicates or anonymous lines, so that all answers must be the same: the rows of each are
sorted, written as text and compared by CRC-32 outside the measured time, and a difference ends the run with exit code 1.

quintile's seconds for customers are load, clean and summarise; for pairs the counting as well. It does more on the way:
it judges every line by every rule, would match returns, keeps what pairs and offers need, sorts the customers, and
gives each pair all its measures and a p-value. `pairs (kernel)` is the counting alone, on baskets in memory.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from datetime import date
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
COMPARABLE = "--return-share 0 --cancelled-order-share 0 --anonymous-share 0 --duplicate-share 0 --postage-share 0"

# The form that anyone would write.
DUCKDB_CUSTOMERS = """
    select customer_id, count(distinct order_id) as orders, count(distinct product_id) as products,
           min(ordered_at)::date as first_day, max(ordered_at)::date as last_day,
           count(*) as lines, sum(quantity * unit_price) as spend
    from read_parquet('{file}') group by customer_id
"""

# Grouping first by order and by product spares the sets of distinct values.
DUCKDB_CUSTOMERS_TWO_STEPS = """
    with orders as (
        select customer_id, order_id, min(ordered_at) as first, max(ordered_at) as last, count(*) as lines,
               sum(quantity * unit_price) as spend
        from read_parquet('{file}') group by customer_id, order_id
    ), products as (
        select customer_id, count(*) as products
        from (select distinct customer_id, product_id from read_parquet('{file}')) group by customer_id
    )
    select customer_id, count(*) as orders, any_value(products) as products, min(first)::date as first_day,
           max(last)::date as last_day, sum(lines) as lines, sum(spend) as spend
    from orders join products using (customer_id) group by customer_id
"""

DUCKDB_PAIRS = """
    with baskets as (
        select distinct order_id, product_id from read_parquet('{file}')
    ), frequent as (
        select product_id from baskets group by product_id having count(*) >= {min_count}
    ), items as (
        select order_id, product_id from baskets semi join frequent using (product_id)
    )
    select a.product_id as product_a, b.product_id as product_b, count(*) as n_ab
    from items a join items b on a.order_id = b.order_id and a.product_id < b.product_id
    group by all having count(*) >= {min_count}
"""


def duckdb_customers(file, _, query=DUCKDB_CUSTOMERS):
    import duckdb

    with duckdb.connect() as connection:
        start = time.perf_counter()
        table = connection.sql(query.format(file=file)).to_arrow_table()
        return time.perf_counter() - start, table


def duckdb_customers_two_steps(file, min_count):
    return duckdb_customers(file, min_count, DUCKDB_CUSTOMERS_TWO_STEPS)


def duckdb_pairs(file, min_count):
    import duckdb

    with duckdb.connect() as connection:
        start = time.perf_counter()
        table = connection.sql(DUCKDB_PAIRS.format(file=file, min_count=min_count)).to_arrow_table()
        return time.perf_counter() - start, table


def polars_customers(file, _, engine="in-memory"):
    import polars as pl

    start = time.perf_counter()
    frame = (
        pl.scan_parquet(file)
        .group_by("customer_id")
        .agg(
            orders=pl.col("order_id").n_unique(),
            products=pl.col("product_id").n_unique(),
            first_day=pl.col("ordered_at").min().dt.date(),
            last_day=pl.col("ordered_at").max().dt.date(),
            lines=pl.len(),
            spend=(pl.col("quantity") * pl.col("unit_price")).sum(),
        )
        .collect(engine=engine)
    )
    return time.perf_counter() - start, frame.to_arrow()


def polars_customers_streaming(file, min_count):
    return polars_customers(file, min_count, "streaming")


def polars_pairs(file, min_count, engine="in-memory"):
    import polars as pl

    start = time.perf_counter()
    baskets = pl.scan_parquet(file).select("order_id", "product_id").unique()
    frequent = baskets.group_by("product_id").len().filter(pl.col("len") >= min_count)
    items = baskets.join(frequent, on="product_id", how="semi")
    frame = (
        items.join(items, on="order_id", suffix="_b")
        .filter(pl.col("product_id") < pl.col("product_id_b"))
        .group_by("product_id", "product_id_b")
        .agg(n_ab=pl.len())
        .filter(pl.col("n_ab") >= min_count)
        .collect(engine=engine)
    )
    return time.perf_counter() - start, frame.rename({"product_id": "product_a", "product_id_b": "product_b"}).to_arrow()


def polars_pairs_streaming(file, min_count):
    return polars_pairs(file, min_count, "streaming")


CUSTOMERS = [duckdb_customers, duckdb_customers_two_steps, polars_customers, polars_customers_streaming]
PAIRS = [duckdb_pairs, polars_pairs, polars_pairs_streaming]


def answer_of_customers(table):
    """As `benches/answer/mod.rs` has it, so that the checksums can be compared."""
    import pyarrow as pa

    def numbers(name, type):
        return table[name].cast(type).to_pylist()

    names = ["orders", "products", "lines"]
    orders, products, lines = (numbers(name, pa.int64()) for name in names)
    first, last = (numbers(name, pa.int32()) for name in ["first_day", "last_day"])
    cents = [round(spend * 100) for spend in numbers("spend", pa.float64())]
    rows = sorted(zip(table["customer_id"].cast(pa.string()).to_pylist(), orders, products, first, last, cents))
    return {"customers": len(rows), "lines": sum(lines), "spend": sum(cents) / 100, "customers_crc": crc_of(rows)}


def answer_of_pairs(table):
    import pyarrow as pa

    ids = [table[name].cast(pa.string()).to_pylist() for name in ["product_a", "product_b"]]
    rows = sorted(zip(*ids, table["n_ab"].cast(pa.int64()).to_pylist()))
    return {"pairs": len(rows), "pairs_crc": crc_of(rows)}


def crc_of(rows):
    crc = 0
    for row in rows:
        crc = zlib.crc32((",".join(map(str, row)) + "\n").encode(), crc)
    return crc


def peak_memory_bytes():
    """The most memory that this process has held so far. The kernel's counter for the process alone: that of
    getrusage would start with what the parent held."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def work(name, file, min_count):
    """What a child process does: one measurement, as JSON on standard output."""
    seconds, table = globals()[name](file, min_count)
    peak = peak_memory_bytes()
    answer = answer_of_customers(table) if name.find("customers") >= 0 else answer_of_pairs(table)
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, **answer}))


def child(name, file, min_count):
    command = [sys.executable, __file__, "--work", name, file, "--min-count", str(min_count)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def quintile(program, file, min_count):
    found = json.loads(subprocess.run([program, "--min-count", str(min_count), file], check=True, stdout=subprocess.PIPE).stdout)
    customers = found["load_and_clean_seconds"] + found["summarise_seconds"]
    answer = {"customers": found["customers"], "lines": found["lines_kept"], "spend": found["net_amount"]}
    print("    " + json.dumps(found), flush=True)
    return {
        "quintile load_and_clean": {"seconds": found["load_and_clean_seconds"], "peak_bytes": found["load_and_clean_peak_bytes"]},
        "quintile customers": {
            "seconds": customers,
            "peak_bytes": found["summarise_peak_bytes"],
            "customers_crc": found["customers_crc"],
            **answer,
        },
        "quintile pairs": {
            "seconds": customers + found["pairs_seconds"],
            "peak_bytes": found["pairs_peak_bytes"],
            "pairs": found["pairs"],
            "pairs_crc": found["pairs_crc"],
        },
        "quintile pairs (kernel)": {"seconds": found["pairs_seconds"], "peak_bytes": found["pairs_peak_bytes"]},
    }


def versions():
    import duckdb
    import polars
    import pyarrow

    return f"Python {platform.python_version()}, duckdb {duckdb.__version__}, polars {polars.__version__}, pyarrow {pyarrow.__version__}"


def generate(program, lines, products, seed, folder):
    """The history of that size, made where it is not there yet; its truth is written last."""
    out = folder / f"comparable-lines={lines}-products={products}-seed={seed}"
    if not (out / "truth.json").exists():
        sizes = ["--lines", str(lines), "--products", str(products), "--seed", str(seed)]
        command = [program, "generate", *sizes, *COMPARABLE.split(), "--out", str(out), "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return str(out / "transactions.parquet"), json.loads((out / "truth.json").read_text())["lines"]


def check_answers(results):
    """Every engine gives the same rows every time."""
    differ = False
    for kind in ["customers", "pairs"]:
        keys = ["customers", "lines", "customers_crc"] if kind == "customers" else ["pairs", "pairs_crc"]
        answers = {name: {tuple(run[key] for key in keys) for run in runs if keys[0] in run} for name, runs in results.items()}
        answers = {name: found for name, found in answers.items() if found}
        agreed = set().union(*answers.values())
        if len(agreed) == 1:
            print(f"  {kind}: all agree: {', '.join(f'{key} {value}' for key, value in zip(keys, agreed.pop()))}")
        else:
            differ = True
            print(f"  {kind}: THE ANSWERS DIFFER ({keys}): {answers}")
    return not differ


def table(results, lines):
    medians = {name: statistics.median(run["seconds"] for run in runs) for name, runs in results.items()}
    print(f"\n| {lines:,} lines | seconds (median) | all runs | million lines/s | peak MB | time / quintile's |")
    print("|---|---:|---|---:|---:|---:|")
    for name, runs in results.items():
        seconds = medians[name]
        kind = "quintile pairs" if "pairs" in name else "quintile customers"
        ratio = "" if name.startswith("quintile") else f"{seconds / medians[kind]:.2f}"
        every = " ".join(f"{run['seconds']:.2f}" for run in runs)
        peak = statistics.median(run["peak_bytes"] for run in runs) / 1e6
        print(f"| {name} | {seconds:.2f} | {every} | {lines / seconds / 1e6:.2f} | {peak:.0f} | {ratio} |")
    both = medians["quintile pairs"]
    best = {kind: min(s for name, s in medians.items() if name.startswith(f"duckdb {kind}")) for kind in ["customers", "pairs"]}
    print(f"\nBoth answers: quintile {both:.2f} s in one pass, DuckDB {sum(best.values()):.2f} s "
          f"({sum(best.values()) / both:.2f} of quintile's).", flush=True)


def compare(arguments, lines, folder):
    file, n_lines = generate(arguments.quintile, lines, arguments.products, arguments.seed, folder)
    size = os.path.getsize(file) / 1e6
    print(f"\n## {n_lines:,} lines, {size:.0f} MB of Parquet, pairs in at least {arguments.min_count} orders\n")
    results = {}
    for repeat in range(arguments.repeats):
        print(f"  round {repeat + 1}, load average {os.getloadavg()[0]:.1f}", flush=True)
        for name, run in quintile(arguments.reductions, file, arguments.min_count).items():
            results.setdefault(name, []).append(run)
        for function in CUSTOMERS + PAIRS:
            run = child(function.__name__, file, arguments.min_count)
            print(f"    {function.__name__}: {json.dumps(run)}", flush=True)
            engine, kind, *how = function.__name__.split("_", 2)
            name = f"{engine} {kind}" + "".join(f" ({word.replace('_', ' ')})" for word in how)
            results.setdefault(name, []).append(run)
    agree = check_answers(results)
    table(results, n_lines)
    return agree


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    release = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--products", type=int, default=5_000)
    parser.add_argument("--min-count", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--data", type=Path, help="folder that keeps the generated histories; a temporary one otherwise")
    parser.add_argument("--quintile", default=str(release / "quintile"), help="the program, for generate")
    parser.add_argument("--reductions", default=str(release / "examples" / "reductions"), help="the example")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return work(*arguments.work, arguments.min_count)
    print(f"{date.today()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    print(versions())
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.data or Path(temporary)
        agree = [compare(arguments, lines, folder) for lines in arguments.lines]
    sys.exit(0 if all(agree) else 1)


if __name__ == "__main__":
    main()
