"""Samples of `perf` by the stage of the run in which they were taken, as folded stacks for a flame graph.

  perf record -F 61 --call-graph dwarf,16384 -- quintile run --quiet --input FOLDER --out OUT
  perf script --no-inline > perf.txt
  python benches/flame.py perf.txt OUT/as_of=*/manifest.json | inferno-flamegraph --hash > flame.svg

The picture in `runs/` is without the script that inferno puts in.

Stages follow one another, so that the time of a sample says in which it was taken, even where the stack of a thread of
the pool does not. Frames of the pool, of the standard library and of generated closures are left out; a kernel that
finds, clears or takes back memory is one frame.
"""

import bisect
import collections
import json
import re
import sys
from pathlib import Path

LEFT_OUT = re.compile(
    r"rayon|^std::|^<?core::|^<?alloc::|^<(F|T|&.*|std.*) as|^\[|^__libc|^start_thread|^clone|^main$|^_start|catch_unwind|"
    r"unknown|FnOnce|thread_start|^entry_SYSCALL|^do_syscall|^asm_|^__?x64_sys|^ksys|^error_entry|irqentry|sysvec|^pipeline::|^cli::"
)
MEMORY = re.compile(r"page_fault|clear_page|folio|mem_?cg|mem_cgroup|do_anonymous|handle_mm|madvise|munmap|mmap")
SAMPLE = re.compile(r".*?\s\d+\s+(\d+\.\d+):\s+\d+")
ADDRESS = re.compile(r"\+0x[0-9a-f]+ \(.*$|\s\([^()]*\)$")


def stages(manifest):
    """Names of the stages, and when each ended, in seconds from the start."""
    timings = json.loads(Path(manifest).read_text())["timings_seconds"]
    ends, at = [], 0.0
    for seconds in timings.values():
        at += seconds
        ends.append(at)
    return [name.replace("_", " ") for name in timings], ends


def readable(frame):
    frame = re.sub(r"\{closure[^}]*\}\}?|\{\{closure\}\}", "", frame.replace("quintile::", ""))
    frame = re.sub(r"<impl ([^>]*)>", r"\1", frame)
    frame = re.sub(r"<(.*?) as .*?>(::\w+)", r"\1\2", frame)
    return frame.strip(": ").replace(";", ":")


def stack(frames):
    """From the outermost to the innermost."""
    kept = []
    for frame in reversed(frames):
        if MEMORY.search(frame):
            return [*kept, "(kernel: memory)"]
        frame = readable(frame)
        if frame and not LEFT_OUT.search(frame) and kept[-1:] != [frame]:
            kept.append(frame)
    if frames and "slice::sort" in frames[0]:
        kept.append("(sort)")
    return kept or ["(loop of the stage)"]


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    names, ends = stages(sys.argv[2])
    counts, start = collections.Counter(), None
    for block in Path(sys.argv[1]).read_text().split("\n\n"):
        head, *lines = block.strip().split("\n")
        found = SAMPLE.match(head)
        if not found:
            continue
        at = float(found.group(1))
        start = at if start is None else start
        stage = names[min(bisect.bisect(ends, at - start), len(names) - 1)]
        frames = [ADDRESS.sub("", line.strip().split(" ", 1)[-1]) for line in lines]
        counts[";".join([stage, *stack(frames)])] += 1
    for folded, n in sorted(counts.items()):
        print(folded, n)


if __name__ == "__main__":
    main()
