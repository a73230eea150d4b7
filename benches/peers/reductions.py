"""The two reductions in quintile, DuckDB and Polars, on the same Parquet, in one run.

  python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
  cargo build --release --bin quintile --example reductions
  venv/bin/python benches/peers/reductions.py --lines 1000000 10000000

customers: per customer, distinct orders, distinct products, first and last day, lines and spend.
pairs: products that stand in the same order, in at least --min-count orders, with the number of these orders.

Every measurement is a process of its own; the engines take turns, --repeats times, and the median counts. Seconds are
those of the work, from the file to the answer, without starting the process, on the wall and on all processors (which
vary less on a busy machine); memory is the most that the process held. A ratio below 1 is a peer that is faster.

The history has no returns, duplicates or anonymous lines, so that all answers must be the same: the rows of each are
sorted, written as text and compared by CRC-32 outside the measured time; a difference ends the run with exit code 1.

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


def timed(work):
    """Seconds on the wall, seconds of all processors, and the answer as an Arrow table."""
    start, processor = time.perf_counter(), time.process_time()
    table = work()
    return time.perf_counter() - start, time.process_time() - processor, table


def duckdb_customers(file, _, query=DUCKDB_CUSTOMERS):
    import duckdb

    with duckdb.connect() as connection:
        return timed(lambda: connection.sql(query.format(file=file)).to_arrow_table())


def duckdb_customers_two_steps(file, min_count):
    return duckdb_customers(file, min_count, DUCKDB_CUSTOMERS_TWO_STEPS)


def duckdb_pairs(file, min_count):
    import duckdb

    with duckdb.connect() as connection:
        return timed(lambda: connection.sql(DUCKDB_PAIRS.format(file=file, min_count=min_count)).to_arrow_table())


def polars_customers(file, _, engine="in-memory"):
    import polars as pl

    plan = (
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
    )
    return timed(lambda: plan.collect(engine=engine).to_arrow())


def polars_customers_streaming(file, min_count):
    return polars_customers(file, min_count, "streaming")


def polars_pairs(file, min_count, engine="in-memory"):
    import polars as pl

    baskets = pl.scan_parquet(file).select("order_id", "product_id").unique()
    frequent = baskets.group_by("product_id").len().filter(pl.col("len") >= min_count)
    items = baskets.join(frequent, on="product_id", how="semi")
    plan = (
        items.join(items, on="order_id", suffix="_b")
        .filter(pl.col("product_id") < pl.col("product_id_b"))
        .group_by("product_id", "product_id_b")
        .agg(n_ab=pl.len())
        .filter(pl.col("n_ab") >= min_count)
        .rename({"product_id": "product_a", "product_id_b": "product_b"})
    )
    return timed(lambda: plan.collect(engine=engine).to_arrow())


def polars_pairs_streaming(file, min_count):
    return polars_pairs(file, min_count, "streaming")


CUSTOMERS = [duckdb_customers, duckdb_customers_two_steps, polars_customers, polars_customers_streaming]
PAIRS = [duckdb_pairs, polars_pairs, polars_pairs_streaming]


def answer_of_customers(table):
    """As `benches/answer/reductions.rs` has it, so that the checksums can be compared."""
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
    seconds, processor_seconds, table = globals()[name](file, min_count)
    used = {"seconds": seconds, "processor_seconds": processor_seconds, "peak_bytes": peak_memory_bytes()}
    answer = answer_of_customers(table) if "customers" in name else answer_of_pairs(table)
    print(json.dumps({**used, **answer}))


def child(name, file, min_count):
    command = [sys.executable, __file__, "--work", name, file, "--min-count", str(min_count)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def quintile(program, file, min_count):
    command = [program, "--min-count", str(min_count), file]
    found = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    print("    " + json.dumps(found), flush=True)
    clean, summarise, count = found["load_and_clean"], found["summarise"], found["count_pairs"]

    def after(*steps):
        sums = {key: sum(step[key] for step in steps) for key in ["seconds", "processor_seconds"]}
        return {**sums, "peak_bytes": steps[-1]["peak_bytes"]}

    of_customers = {key: found[key] for key in ["customers", "lines", "customers_crc"]}
    of_pairs = {key: found[key] for key in ["pairs", "pairs_crc"]}
    return {
        "quintile load and clean": clean,
        "quintile customers": {**after(clean, summarise), **of_customers},
        "quintile pairs": {**after(clean, summarise, count), **of_pairs},
        "quintile pairs (kernel)": count,
    }


def versions():
    import duckdb
    import polars
    import pyarrow

    modules = ", ".join(f"{module.__name__} {module.__version__}" for module in [duckdb, polars, pyarrow])
    return f"Python {platform.python_version()}, {modules}"


def generate(program, lines, products, seed, folder):
    """The history of that size, made where it is not there yet; its truth is written last."""
    out = folder / f"comparable-lines={lines}-products={products}-seed={seed}"
    if not (out / "truth.json").exists():
        sizes = ["--lines", str(lines), "--products", str(products), "--seed", str(seed)]
        command = [program, "generate", *sizes, *COMPARABLE.split(), "--out", str(out), "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return str(out / "transactions.parquet"), json.loads((out / "truth.json").read_text())["lines"]


ANSWERS = {"customers": ["customers", "lines", "customers_crc"], "pairs": ["pairs", "pairs_crc"]}


def answers_agree(results):
    """Whether every engine gave the same rows every time."""
    agree = True
    for kind, keys in ANSWERS.items():
        found = {}
        for name, runs in results.items():
            for run in (run for run in runs if keys[0] in run):
                found.setdefault(tuple(run[key] for key in keys), set()).add(name)
        agree &= len(found) == 1
        for answer, names in found.items():
            what = ", ".join(f"{key} {value}" for key, value in zip(keys, answer))
            print(f"  {what}: {'every engine, every time' if len(found) == 1 else 'DIFFERS, ' + str(sorted(names))}")
    return agree


def table(results, lines):
    def median(name, key):
        return statistics.median(run[key] for run in results[name])

    heads = ["seconds", "of each run", "processor seconds", "peak MB", "seconds / quintile's", "processor"]
    print(f"\n| {lines:,} lines | {' | '.join(heads)} |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for name, runs in results.items():
        seconds, processor = median(name, "seconds"), median(name, "processor_seconds")
        own = "quintile pairs" if "pairs" in name else "quintile customers"
        ratios = f"{seconds / median(own, 'seconds'):.2f} | {processor / median(own, 'processor_seconds'):.2f}"
        every = " ".join(f"{run['seconds']:.2f}" for run in runs)
        peak = median(name, "peak_bytes") / 1e6
        ratios = " | " if name.startswith("quintile") else ratios
        print(f"| {name} | {seconds:.2f} | {every} | {processor:.2f} | {peak:.0f} | {ratios} |")
    for key in ["seconds", "processor_seconds"]:
        own = median("quintile pairs", key)
        engines = {}
        for name in results:
            engine, kind = name.split()[:2]
            if engine != "quintile":
                best = engines.setdefault(engine, {})
                best[kind] = min(best.get(kind, float("inf")), median(name, key))
        sums = {engine: sum(best.values()) for engine, best in engines.items()}
        others = ", ".join(f"{engine} {both:.2f} ({both / own:.2f})" for engine, both in sums.items())
        print(f"\nBoth answers, {key.replace('_', ' ')}, best form of each: quintile {own:.2f}, {others}", flush=True)


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
    agree = answers_agree(results)
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
    parser.add_argument("--data", type=Path, help="folder that keeps the histories [default: a temporary one]")
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
