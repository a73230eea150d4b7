"""The fit of purchase counts in quintile and in lifetimes, on the same customers, in one run.

  python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
  cargo build --release --example fits
  venv/bin/python benches/peers/fits.py --customers 1000000

Customers follow a BG/NBD process with whole days (fixed seed). lifetimes fits BG/NBD to every customer, as its
documentation shows, and once more to the distinct histories with weights, which few know it can do; quintile fits
MBG/NBD and BG/NBD, collapsing the customers included. Every measurement is a process of its own; the two take turns,
--repeats times, and medians count. lifetimes' log-likelihood is recomputed at its parameters with quintile's formula
in NumPy, so that a quicker but worse fit would show.

With --score the time to score all customers is printed too: P(alive), expected orders, value and interval.
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
from datetime import date
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
R, ALPHA, A, B = 0.25, 31.0, 0.8, 2.4
P, Q, GAMMA = 6.25, 3.74, 15.44


def simulate(n, seed):
    """x, t_x, T in days and mean repeat amounts; two purchases of one day count once."""
    import numpy as np

    random = np.random.default_rng(seed)
    rate = random.gamma(R, 1 / ALPHA, n)
    dropout = random.beta(A, B, n)
    age = random.integers(90, 731, n).astype(float)
    now, last, x = np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.uint32)
    alive = np.arange(n)
    while len(alive):
        with np.errstate(divide="ignore", over="ignore"):
            now[alive] += random.exponential(1, len(alive)) / rate[alive]
        alive = alive[now[alive] < age[alive]]
        day = np.ceil(now[alive])
        new = last[alive] < day
        x[alive[new]] += 1
        last[alive] = day
        alive = alive[dropout[alive] < random.random(len(alive))]
    mean = GAMMA / random.gamma(Q, 1, n) * P
    amount = np.where(0 < x, mean * random.gamma(P * np.maximum(x, 1)) / (P * np.maximum(x, 1)), 0.0)
    return x, last, age, amount


def log_likelihood(params, x, t_x, age, weights):
    """BG/NBD, Fader, Hardie and Lee (2005), equation (6)."""
    import numpy as np
    from scipy.special import betaln, gammaln

    r, alpha, a, b = params
    common = gammaln(r + x) - gammaln(r) + r * np.log(alpha) - betaln(a, b)
    alive = betaln(a, b + x) - (r + x) * np.log(alpha + age)
    dead = np.where(0 < x, betaln(a + 1, b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + t_x), -np.inf)
    return float(np.sum(weights * (common + np.logaddexp(alive, dead))))


def read(file):
    import numpy as np

    raw = Path(file).read_bytes()
    n = len(raw) // 28
    floats = np.frombuffer(raw, "<f8", offset=4 * n) if 4 * n % 8 == 0 else np.frombuffer(raw[4 * n :], "<f8")
    return np.frombuffer(raw, "<u4", count=n), floats[:n], floats[n : 2 * n]


def lifetimes_plain(file):
    from lifetimes import BetaGeoFitter

    x, t_x, age = read(file)
    return fitted(lambda: BetaGeoFitter().fit(x, t_x, age), x, t_x, age)


def lifetimes_weights(file):
    import numpy as np
    import pandas as pd
    from lifetimes import BetaGeoFitter

    x, t_x, age = read(file)

    def work():
        rows = pd.DataFrame({"x": x, "t_x": t_x, "age": age}).groupby(["x", "t_x", "age"]).size().reset_index()
        return BetaGeoFitter().fit(*(rows[c].to_numpy(float) for c in ["x", "t_x", "age"]), weights=rows[0].to_numpy())

    return fitted(work, x, t_x, age)


def fitted(work, x, t_x, age):
    import numpy as np

    start = time.perf_counter()
    found = work()
    taken = time.perf_counter() - start
    params = [float(found.params_[letter]) for letter in ["r", "alpha", "a", "b"]]
    value = log_likelihood(params, x.astype(float), t_x, age, np.ones(len(x)))
    return {"seconds": taken, "params": params, "log_likelihood": value}


def child(name, file):
    command = [sys.executable, __file__, "--work", name, file]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.splitlines()
    return json.loads(lines[-1])


def quintile(program, file):
    steps = subprocess.run([program, file, "mbg_nbd", "bg_nbd"], check=True, stdout=subprocess.PIPE).stdout
    return {step["step"]: step for step in map(json.loads, steps.splitlines())}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    release = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--score", action="store_true")
    parser.add_argument("--no-peers", action="store_true", help="quintile alone")
    parser.add_argument("--fits", default=str(release / "examples" / "fits"), help="the example")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        name, file = arguments.work
        return print(json.dumps(globals()[name](file)))
    print(f"{date.today()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "histories.bin")
        columns = simulate(arguments.customers, arguments.seed)
        with open(file, "wb") as out:
            for column, kind in zip(columns, ["<u4", "<f8", "<f8", "<f8"]):
                out.write(column.astype(kind).tobytes())
        seconds, values = {}, {}
        for repeat in range(arguments.repeats):
            print(f"round {repeat + 1}, load average {os.getloadavg()[0]:.1f}", flush=True)
            steps = quintile(arguments.fits, file)
            shared = steps["collapse"]["seconds"] + steps["nbd"]["seconds"]
            for step in steps.values():
                print("  " + json.dumps(step), flush=True)
            for name in ["mbg_nbd", "bg_nbd"]:
                seconds.setdefault(f"quintile {name}", []).append(shared + steps[name]["seconds"])
                values[f"quintile {name}"] = steps[name]["log_likelihood"]
            if arguments.score:
                seconds.setdefault("quintile score", []).append(steps["score"]["seconds"])
            for name in [] if arguments.no_peers else ["lifetimes_plain", "lifetimes_weights"]:
                found = child(name, file)
                print(f"  {name}: {json.dumps(found)}", flush=True)
                seconds.setdefault(name, []).append(found["seconds"])
                values[name] = found["log_likelihood"]
    own = statistics.median(seconds["quintile mbg_nbd"])
    print(f"\n| {arguments.customers:,} customers, {steps['collapse']['distinct']:,} distinct histories | seconds | / quintile's MBG/NBD | log-likelihood |")
    print("|---|---:|---:|---:|")
    for name, runs in seconds.items():
        value = f"{values[name]:.6f}" if name in values else ""
        print(f"| {name.replace('_', ' ')} | {statistics.median(runs):.3f} | {statistics.median(runs) / own:.1f} | {value} |")


if __name__ == "__main__":
    main()
