"""k-means in quintile and in scikit-learn, on the same points, in one run.

  python -m venv venv && venv/bin/pip install -r benches/peers/requirements.txt
  cargo build --release --example clusters
  venv/bin/python benches/peers/clusters.py --points 1000000

Four sets of points with four features (fixed seed): far groups, groups that overlap, a cube without any group, and
logarithms of skewed orders, money and days, standardised. Both read them from a file of f64. scikit-learn's KMeans runs
as it comes (one start, tol 1e-4, 300 iterations) and with the 10 starts that quintile has by default; quintile with 10
and with 1. `same centroids` starts both from the first of the points and ends both by scikit-learn's rule, so that no
luck is in it and the inertia must agree: that is the time of passes alone.

Every measurement is a process of its own; the two take turns, --repeats times, and medians count. Seconds are those of
the fit alone, on the wall and on all processors (which vary less on a busy machine). Every inertia is computed anew
from the centroids, by one formula in NumPy. A ratio above 1 is a scikit-learn that is slower; an excess above 0 is a
scikit-learn with the larger inertia.
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
FEATURES = 4


def sets(n, seed):
    import numpy as np

    random = np.random.default_rng(seed)
    for name, groups, apart in [("far groups", 8, 4.0), ("overlapping groups", 12, 1.5)]:
        centres = random.normal(0, apart, (groups, FEATURES))
        yield name, centres[random.integers(0, groups, n)] + random.normal(size=(n, FEATURES))
    yield "cube", random.random((n, FEATURES))
    orders = np.exp(random.normal(0.8, 1.0, n)).round() + 1
    money = orders * np.exp(random.normal(3.5, 0.9, n))
    silent = np.floor(random.exponential(170, n))
    age = silent + random.exponential(200, n) * (1 < orders)
    logs = np.log1p(np.stack([orders, money, silent, age], axis=1))
    yield "customers", (logs - logs.mean(axis=0)) / logs.std(axis=0)


def read(file):
    import numpy as np

    return np.fromfile(file, "<f8").reshape(-1, FEATURES)


def inertia(points, centroids):
    import numpy as np

    nearest = np.full(len(points), np.inf)
    for centroid in np.asarray(centroids):
        np.minimum(nearest, ((points - centroid) ** 2).sum(axis=1), out=nearest)
    return float(nearest.sum())


def scikit_learn(file, k, starts, centroids):
    """`starts` is 0 where the file of centroids is given."""
    from sklearn.cluster import KMeans

    points = read(file)
    how = {"n_init": starts, "random_state": 1} if starts else {"init": read(centroids), "n_init": 1}
    wall, processor = time.perf_counter(), time.process_time()
    found = KMeans(k, **how).fit(points)
    used = {"seconds": time.perf_counter() - wall, "processor_seconds": time.process_time() - processor}
    return used | {"passes": found.n_iter_, "centroids": found.cluster_centers_.tolist()}


def run(command):
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    release = REPOSITORY / os.environ.get("CARGO_TARGET_DIR", "target") / "release"
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="only fits whose name holds this, such as 'same centroids'")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--clusters", default=str(release / "examples" / "clusters"), help="the example")
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        file, k, starts, centroids = arguments.work
        return print(json.dumps(scikit_learn(file, int(k), int(starts), centroids)))

    import sklearn

    print(f"{date.today()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores, scikit-learn {sklearn.__version__}")
    print(f"{arguments.points:,} x {FEATURES}, k = {arguments.k}")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file, centroids = str(Path(folder) / "points.bin"), str(Path(folder) / "centroids.bin")
        for name, points in sets(arguments.points, arguments.seed):
            points.astype("<f8").tofile(file)
            points[: arguments.k].astype("<f8").tofile(centroids)
            own = [arguments.clusters, file, str(FEATURES)]
            theirs = lambda starts: [sys.executable, __file__, "--work", file, str(arguments.k), str(starts), centroids]
            commands = {
                "quintile, 10 starts": own + [str(arguments.k), "10"],
                "scikit-learn, 10 starts": theirs(10),
                "quintile, 1 start": own + [str(arguments.k), "1"],
                "scikit-learn, 1 start": theirs(1),
                "quintile, same centroids": own + ["from", centroids, repr(0.01 * float(points.var(axis=0).mean()) ** 0.5)],
                "scikit-learn, same centroids": theirs(0),
            }
            commands = {label: command for label, command in commands.items() if arguments.only in label}
            results = {}
            for repeat in range(arguments.repeats):
                print(f"{name}, round {repeat + 1}, load average {os.getloadavg()[0]:.1f}", flush=True)
                for label, command in commands.items():
                    found = run(command)
                    found["inertia"] = inertia(points, found.pop("centroids"))
                    results.setdefault(label, []).append(found)
                    print(f"  {label}: {json.dumps(found)}", flush=True)
            for label, found in results.items():
                median = lambda key, of=found: statistics.median(one[key] for one in of)
                rows.append((name, label, median("seconds"), median("processor_seconds"), median("inertia")))
    print("\n| points | fit | seconds | processor seconds | seconds / quintile's | processor | inertia | excess |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for own, theirs in zip(rows[::2], rows[1::2]):
        for row in [own, theirs]:
            name, label, seconds, processor, value = row
            ratios = [seconds / own[2], processor / max(own[3], 0.01), value / own[4] - 1]
            compared = "| | " if row is own else f"| {ratios[0]:.1f} | {ratios[1]:.1f} "
            excess = "" if row is own else f"{ratios[2]:+.1e}"
            print(f"| {name} | {label} | {seconds:.3f} | {processor:.2f} {compared}| {value:.2f} | {excess} |")


if __name__ == "__main__":
    main()
