"""The whole job in quintile and in two Python stacks, on the same Parquet, in turns, in one run.

  python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
  cargo build --release --bin quintile --example floor
  venv/bin/python benches/peers/job.py --lines 1000000 10000000

notebook: pandas, lifetimes, scikit-learn and mlxtend, as a good analyst writes it (`job_notebook.py`).
fast: Polars, NumPy and SciPy, as an engineer in a hurry writes it (`job_fast.py`).
quintile: `quintile run` with its defaults, report included; `quintile, one model` is told to fit BG/NBD alone, as the
two stacks do, instead of having six models compete; `quintile, 400 MB` is told to get by with that much memory.

Transactions become customers with RFM scores, segments, lifetime value, clusters, shares and a next product, and
product pairs; Parquet comes out. What the stacks do less than quintile stands at the top of each file. Every
measurement is a process of its own, from its start to its end; they take turns, --repeats times (the notebook
--notebook-repeats times), and medians count. Seconds are on the wall and on all processors; memory is the peak of the
process and that of what its children hold alone. The file is read once before, so that nobody waits for the disk.
OpenMP's threads are told not to spin while they wait, and OpenBLAS to use one (`ENVIRONMENT`), which on a busy machine
made scikit-learn ten times and the fits three times faster; otherwise a stack decides about its threads itself.

At the end stands what decoding the needed Parquet columns alone takes (the example `floor`), and how many times that
quintile needs for the whole job.

The history has no returns, duplicates or anonymous lines, so that the answers must be the same. Compared are, outside
the measured time: the counts, the net amount, the share of the top fifth, the number of pairs and each pair that
quintile publishes, for every customer days, orders, products, money, scores and segment, all exactly; the parameters of
both models within 0.1 %; and if BG/NBD wins the competition, for every customer P(alive), expected orders, expected
amount and lifetime value, the largest difference within 0.1 %. quintile looks 360 days ahead here, for lifetimes has
months of 30 days. Clusters differ by their random starts. A difference ends the run with exit code 1.
"""

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from reductions import REPOSITORY, generate

STACKS = ["fast", "notebook"]
# What `quintile run` is told beside its input.
RUNS = {
    "quintile": [],
    "quintile, one model": ["--set", "clv.model=bg_nbd"],
    "quintile, 400 MB": ["--memory", "400MB"],
}
NAMES = [*RUNS, *STACKS]
ENVIRONMENT = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_NUM_THREADS": "1"}
# As in default.toml: the scores of recency and frequency.
SEGMENTS = [
    ("Champions", (5, 5), (4, 5)),
    ("Loyal", (3, 4), (4, 5)),
    ("Potential loyalists", (4, 5), (3, 3)),
    ("New customers", (5, 5), (1, 2)),
    ("Promising", (4, 4), (1, 2)),
    ("Need attention", (3, 3), (3, 3)),
    ("About to sleep", (3, 3), (1, 2)),
    ("Cannot lose them", (1, 2), (5, 5)),
    ("At risk", (1, 2), (3, 4)),
    ("Hibernating", (1, 2), (1, 2)),
]
OPTIONS = {
    "horizon_days": 360,
    "months": 12,
    "monthly_rate": 1.1 ** (30 / 365) - 1,
    "min_lift": 2.0,
    "segments": SEGMENTS,
}
COUNTS = ["lines", "orders", "customers", "baskets", "pairs"]
OF_CUSTOMERS = ["first_order_date", "last_order_date", "orders", "products", "r_score", "f_score", "m_score", "segment"]
OF_MODELS = ["alive_prob", "expected_orders", "expected_order_amount", "clv_amount"]
TOLERANCE = 1e-3


def work(stack, file, out):
    """What a child process does: the whole job, then a line of JSON with the answers and the seconds of each step."""
    steps = {}

    @contextmanager
    def step(name):
        start, processor = time.perf_counter(), time.process_time()
        yield
        steps[name] = [round(time.perf_counter() - start, 3), round(time.process_time() - processor, 3)]

    # As in default.toml: 10 baskets, or more where that is less than one in 100,000.
    options = {**OPTIONS, "min_count": lambda n_baskets: max(10, -(-n_baskets // 100_000))}
    answers = importlib.import_module(f"job_{stack}").run(file, Path(out), step, options)
    print(json.dumps({"answers": answers, "steps": steps}))


def measured(command, environment):
    """Runs it to its end: its output, seconds, processor seconds and peak memory of it and its children."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    own, others, ended, texts = [0], [0], threading.Event(), {}

    def watch():
        while not ended.wait(0.02):
            own[0] = max(own[0], kilobytes(f"/proc/{process.pid}/status", "VmHWM:"))
            # What a child shares with its parent is not counted again.
            rollups = [f"/proc/{child}/smaps_rollup" for child in children(process.pid)]
            others[0] = max(others[0], sum(kilobytes(rollup, "Private_") for rollup in rollups))

    def drain(pipe):
        texts[pipe] = pipe.read().decode()

    threads = [threading.Thread(target=watch)]
    threads += [threading.Thread(target=drain, args=[pipe]) for pipe in [process.stdout, process.stderr]]
    for thread in threads:
        thread.start()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    for thread in threads:
        thread.join()
    if process.returncode:
        sys.exit(f"{' '.join(command)} ended with {process.returncode}:\n{texts[process.stderr]}")
    return texts[process.stdout], {
        "seconds": round(seconds, 3),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 3),
        "peak_bytes": 1024 * (own[0] + others[0]),
    }


def children(pid):
    """What the process has started, and what that has."""
    found = [pid]
    for parent in found:
        try:
            tasks = os.listdir(f"/proc/{parent}/task")
            started = [Path(f"/proc/{parent}/task/{task}/children").read_text().split() for task in tasks]
            found += [int(child) for some in started for child in some]
        except OSError:
            pass  # It has ended since.
    # One with the command line of its parent is about to become another program, and is its parent's memory until then.
    return [child for child in found[1:] if command_line(child) != command_line(pid)]


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def kilobytes(file, key):
    """The sum of the lines that begin so; 0 when the process has ended."""
    try:
        lines = Path(file).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(key))


def run_stack(stack, file, out):
    command = [sys.executable, __file__, "--work", stack, file, str(out)]
    text, used = measured(command, {**os.environ, **ENVIRONMENT})
    return {**used, **json.loads(text.splitlines()[-1])}


def run_quintile(program, file, out, more):
    command = [program, "run", "--quiet", "--input", file, "--out", str(out), "--set", "clv.horizon_days=360", *more]
    _, used = measured(command, dict(os.environ))
    manifest = json.loads(next(out.glob("*/manifest.json")).read_text())
    models, pairs = manifest["models"], manifest["pairs"]
    answers = {
        "lines": manifest["rows"]["kept"],
        "orders": manifest["orders"],
        "customers": manifest["customers"],
        "net_amount": manifest["amounts"]["net"],
        "top_20_share": manifest["contributors"]["top_20_share"],
        "baskets": pairs["n_baskets"],
        "pairs": pairs["n_tested"],
        **{model: models[model]["params"] for model in ["bg_nbd", "gamma_gamma"]},
    }
    steps = {step: [round(seconds, 3)] for step, seconds in manifest["timings_seconds"].items()}
    return {**used, "answers": answers, "steps": steps, "selected_model": manifest["selected_model"]}


def differences(name, own, other, own_out, out):
    """What a stack answers otherwise than quintile, in words."""
    import polars as pl

    (ours,) = own_out.glob("as_of=*")
    own_answers, answers, found = own["answers"], other["answers"], []
    for key in COUNTS:
        if own_answers[key] != answers[key]:
            found.append(f"{key}: {answers[key]}, quintile {own_answers[key]}")
    if round(100 * own_answers["net_amount"]) != round(100 * answers["net_amount"]):
        found.append(f"net_amount: {answers['net_amount']}, quintile {own_answers['net_amount']}")
    if 1e-9 < abs(own_answers["top_20_share"] - answers["top_20_share"]):
        found.append(f"top_20_share: {answers['top_20_share']}, quintile {own_answers['top_20_share']}")
    apart = {}
    for model in ["bg_nbd", "gamma_gamma"]:
        pairs = [(value, answers[model][key]) for key, value in own_answers[model].items()]
        apart[model] = max(abs(theirs / ours_ - 1) for ours_, theirs in pairs)
    days, money = [pl.col(key).cast(pl.Date) for key in OF_CUSTOMERS[:2]], (pl.col("net_amount") * 100).round()
    columns = ["customer_id", *days, *[pl.col(key).cast(pl.String) for key in OF_CUSTOMERS[2:]], money, *OF_MODELS]
    both = pl.read_parquet(ours / "customers.parquet").select(columns)
    both = both.join(
        pl.read_parquet(out / "customers.parquet").select(columns), on="customer_id", how="full", suffix="_of"
    )
    for key in [*OF_CUSTOMERS, "net_amount"]:
        n = both.filter(pl.col(key).ne_missing(pl.col(f"{key}_of"))).height
        if n:
            found.append(f"customers.{key}: {n} customers")
    if own["selected_model"] == "bg_nbd":
        for key in OF_MODELS:
            ratio = both.select((pl.col(f"{key}_of") / pl.col(key) - 1).abs().max()).item()
            apart[key] = float("inf") if ratio is None else ratio
    found += [f"{key}: apart by {value:.1e}" for key, value in apart.items() if not value <= TOLERANCE]
    key = ["product_a", "product_b"]
    published = pl.read_parquet(ours / "pairs.parquet").select(*key, pl.col("n_ab").cast(pl.Int64))
    counted = pl.read_parquet(out / "pairs.parquet").select(*key, pl.col("n_ab").cast(pl.Int64))
    n = published.join(counted, on=[*key, "n_ab"], how="anti").height
    if n:
        found.append(f"pairs.n_ab: {n} of {published.height} pairs")
    largest = ", ".join(f"{key} {value:.1e}" for key, value in apart.items())
    verdict = f"DIFFERS: {'; '.join(found)}" if found else "the same answers"
    print(f"    {name}: {verdict} (apart by at most: {largest})", flush=True)
    return found


def floor(program, file):
    """Seconds and processor seconds of decoding the needed columns and nothing else, on all threads."""
    command = [program, "--only", "decode", file]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()
    needed = [line for line in map(json.loads, found) if line["columns"] == "needed"]
    return [needed[-1][key] for key in ["seconds", "processor_seconds"]]


def table(results, n_lines, size):
    def median(name, key):
        return statistics.median(run[key] for run in results[name])

    heads = ["seconds", "of each run", "lines / second", "processor seconds", "peak MB"]
    heads += ["seconds / quintile's", "processor", "memory"]
    print(f"\n| {n_lines:,} lines, {size:.0f} MB of Parquet | {' | '.join(heads)} |")
    print("|---|---:|---|---:|---:|---:|---:|---:|---:|")
    keys = ["seconds", "processor_seconds", "peak_bytes"]
    for name, runs in results.items():
        values = [median(name, key) for key in keys]
        ratios = [
            "" if "quintile" not in results else f"{median(name, key) / median('quintile', key):.2f}" for key in keys
        ]
        every = " ".join(f"{run['seconds']:.1f}" for run in runs)
        cells = [f"{values[0]:.2f}", every, f"{n_lines / values[0]:,.0f}", f"{values[1]:.2f}", f"{values[2] / 1e6:.0f}", *ratios]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\nSeconds of the steps, first run:")
    for name, runs in results.items():
        steps = ", ".join(f"{step} {used[0]:.2f}" for step, used in runs[0]["steps"].items())
        print(f"- {name}: {steps}", flush=True)


def compare(arguments, lines, folder):
    file, n_lines = generate(arguments.quintile, lines, arguments.products, arguments.seed, folder)
    size = len(Path(file).read_bytes()) / 1e6
    print(f"\n## {n_lines:,} lines, {size:.0f} MB of Parquet, {arguments.products} products\n")
    results, compared, agree = {}, set(), True
    with tempfile.TemporaryDirectory() as temporary:
        for repeat in range(max(arguments.repeats, arguments.notebook_repeats)):
            print(f"  round {repeat + 1}, load average {os.getloadavg()[0]:.1f}", flush=True)
            for name in arguments.only:
                if arguments.repeats <= repeat and name != "notebook":
                    continue
                if arguments.notebook_repeats <= repeat and name == "notebook":
                    continue
                out = Path(temporary) / f"{name}-{repeat}"
                out.mkdir()
                if name in STACKS:
                    run = run_stack(name, file, out)
                else:
                    run = run_quintile(arguments.quintile, file, out, RUNS[name])
                print(f"    {name}: {json.dumps(run)}", flush=True)
                results.setdefault(name, []).append(run)
                # As soon as there is something to compare, for the notebook may take long and be broken off.
                for stack in [stack for stack in STACKS if stack in results and "quintile" in results]:
                    if stack not in compared:
                        compared.add(stack)
                        of = [Path(temporary) / f"{one}-0" for one in ["quintile", stack]]
                        agree &= not differences(stack, results["quintile"][0], results[stack][0], *of)
    table(results, n_lines, size)
    if "quintile" in results and Path(arguments.floor).exists():
        for name, least in zip(["seconds", "processor_seconds"], floor(arguments.floor, file), strict=True):
            own = statistics.median(run[name] for run in results["quintile"])
            ratio = f"{own / least:.1f} times that" if least else "beyond measure"
            what = name.replace("_", " ")
            print(f"\nDecoding the needed columns alone: {least:.2f} {what}; quintile {own:.2f}, {ratio}", flush=True)
    return agree


def versions():
    from importlib.metadata import version

    packages = ["pandas", "lifetimes", "scikit-learn", "mlxtend", "polars", "numpy", "scipy", "pyarrow"]
    return f"Python {platform.python_version()}, " + ", ".join(f"{package} {version(package)}" for package in packages)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    release = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
    parser.add_argument("--lines", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--products", type=int, default=300, help="products of the generated catalogue")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--notebook-repeats", type=int, default=1, help="it takes minutes at ten million lines")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--data", type=Path, help="folder that keeps the histories [default: a temporary one]")
    parser.add_argument("--quintile", default=str(release / "quintile"), help="the program")
    parser.add_argument("--floor", default=str(release / "examples" / "floor"), help="the example, run if it is there")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        return work(*arguments.work)
    print(f"{date.today()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    print(versions())
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.data or Path(temporary)
        agree = [compare(arguments, lines, folder) for lines in arguments.lines]
    sys.exit(0 if all(agree) else 1)


if __name__ == "__main__":
    main()
