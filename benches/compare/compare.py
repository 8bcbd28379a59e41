#!/usr/bin/env python3
"""Measures imgcore beside sharp, pyvips, Pillow, OpenCV and libjpeg-turbo, and writes a table and a plot.

    python3.11 benches/compare/compare.py                # everything, about half an hour
    python3.11 benches/compare/compare.py --only 800     # jobs with this in their name

Every contestant is a process that lives as long as the run, with one thread. Each round runs each of them once on the same job, in another order
each time; a figure is the median over the rounds of what it cost beside sharp in the same round. The peers come from PyPI and npm, the
photographs from two packages of PyPI, all into a folder under `target/`. Memory is the peak of a process that does the job once and ends, less
that of one that does nothing and the file's bytes, the least of three each. Similarity is SSIMULACRA2 against Lanczos3 in float64 over the full decode (pictures.py).
"""

import argparse
import datetime
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "compare"
VENV, NODE, WHEELS, PICTURES = WORK / "venv", WORK / "node", WORK / "wheels", WORK / "pictures"
PACKAGES = ["numpy==2.4.6", "opencv-python-headless==5.0.0.93", "pillow==13.0.0", "pyvips[binary]==3.2.0", "simplejpeg==1.9.0"]
SHARP = "sharp@0.35.5"
CARRIERS = ["scikit-image==0.26.0", "scikit-learn==1.9.1"]

PEERS = ["imgcore", "sharp", "pyvips", "pillow", "pillow-draft", "cv2", "cv2-reduced", "libjpeg-turbo"]
LABELS = {"pillow": "Pillow", "pillow-draft": "Pillow draft", "cv2": "OpenCV", "cv2-reduced": "OpenCV reduced"}

INSIDE, COVER = ("inside", [800, 800]), ("cover", [200, 200])
THREE = ("three", [[1600, 1600, False], [800, 800, False], [200, 200, True]])


def jobs():
    """Name, files, kind and size, format of the result, how often in a round, whether it is judged."""
    for name in ("photo12", "photo12-444", "photo12-progressive", "photo12-restart", "photo12-side", "photo12-p3", "photo24", "photo24-444", "photo24-progressive"):
        for label, way in (("800", INSIDE), ("200x200", COVER)):
            yield f"{name} -> {label}", [f"{name}.jpg"], way, "jpeg", 1, name not in ("photo12-p3",)
    yield "photo24 -> three", ["photo24.jpg"], THREE, "jpeg", 1, False
    yield "RGBA PNG 4 MP -> 512", ["rgba4.png"], ("inside", [512, 512]), "png", 1, False
    yield "16-bit PNG 4 MP -> 512", ["rgb16.png"], ("inside", [512, 512]), "png", 1, False
    yield "lossy WebP 12 MP -> 800", ["photo12.webp"], INSIDE, "jpeg", 1, True
    yield "lossless WebP 3 MP -> 800", ["photo3-lossless.webp"], INSIDE, "jpeg", 1, True
    yield "GIF, 50 frames -> 200", ["frames50.gif"], ("inside", [200, 200]), "gif", 1, False
    small = [f"small/{number:03}.jpg" for number in range(200)]
    yield "probe of 200 files", small, ("probe", [0, 0]), "json", 2, False
    yield "1,000 small pictures -> 200", small, ("inside", [200, 200]), "jpeg", 5, False
    for name in ("photo12", "photo12-progressive", "photo12-444"):
        yield f"{name}: full decode", [f"{name}.jpg"], ("decode", [0, 0]), "none", 1, False
    yield "encode 800 x 600", ["encode.rgb"], ("encode", [800, 600]), "jpeg", 4, False


def quietly(*command, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def prepare():
    """Installs the peers, builds ours and makes the pictures: what is there already stays."""
    if not (VENV / "done").exists():
        print("installing the Python peers", file=sys.stderr)
        quietly(sys.executable, "-m", "venv", "--clear", VENV)
        quietly(VENV / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES)
        quietly(VENV / "bin/pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--dest", WHEELS, *CARRIERS)
        (VENV / "done").touch()
    if not (NODE / "done").exists():
        print("installing sharp", file=sys.stderr)
        NODE.mkdir(parents=True, exist_ok=True)
        quietly("npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", NODE, SHARP)
        (NODE / "done").touch()
    # A module finds its packages beside itself.
    shutil.copy(HERE / "peer.mjs", NODE / "peer.mjs")
    print("building imgcore", file=sys.stderr)
    quietly("cargo", "build", "--release", "--quiet", "--package", "benches", "--bin", "contestant", cwd=ROOT)
    print("making what pictures are missing", file=sys.stderr)
    done = subprocess.run([VENV / "bin/python", HERE / "pictures.py", PICTURES, WHEELS])
    if done.returncode:
        sys.exit("the pictures could not be made")
    if not (PICTURES / "encode.rgb").exists():
        script = "import sys; from PIL import Image; open(sys.argv[2], 'wb').write(Image.open(sys.argv[1]).reduce(5).tobytes())"
        quietly(VENV / "bin/python", "-c", script, PICTURES / "photo12.jpg", PICTURES / "encode.rgb")


def command(name):
    if name == "imgcore":
        return [TARGET / "release/contestant"]
    if name == "sharp":
        return ["node", NODE / "peer.mjs"]
    return [VENV / "bin/python", HERE / "peers.py", name]


class Contestant:
    """A process that takes jobs until the run ends."""

    def __init__(self, name, threads):
        environment = {**os.environ, "COMPARE_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(command(name), env=environment, text=True, bufsize=1, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a contestant ended at {job}")
        return json.loads(line)

    def peak(self, job):
        """Does one job, ends, and tells the most memory it had, in bytes.

        By its own status: what `wait4` tells begins with the memory of the process that it was forked from.
        """
        self.ask(job)
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        self.process.stdin.close()
        self.process.wait()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


def source_size(path):
    script = "import sys; from PIL import Image; Image.MAX_IMAGE_PIXELS = None; i = Image.open(sys.argv[1]); print(*i.size)"
    return [int(side) for side in quietly(VENV / "bin/python", "-c", script, path).split()]


def similarity(job, names, judge):
    """How like the reference each contestant's result is."""
    folder = WORK / "results"
    folder.mkdir(exist_ok=True)
    script = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import numpy, pictures; from PIL import Image\n"
        "first = Image.open(sys.argv[3]); size = first.size\n"
        "for number, pixels in enumerate(pictures.references(sys.argv[2], size, sys.argv[5] == 'cover')):\n"
        "    open(f'{sys.argv[4]}.{number}', 'wb').write(pixels.astype('<f4').tobytes())\n"
        "for path in sys.argv[6:]:\n"
        "    image = Image.open(path).convert('RGB')\n"
        "    ok = image.size == size\n"
        "    open(path + '.rgb', 'wb').write(image.tobytes() if ok else b'')\n"
        "print(json.dumps(size))\n")
    kept = {}
    for name in names:
        path = folder / f"{name}.jpg"
        Contestant(name, 1).ask({**job, "times": 1, "keep": str(path)})
        kept[name] = path
    reference = folder / "reference"
    for path in folder.glob("reference.*"):
        path.unlink()
    size = json.loads(quietly(VENV / "bin/python", "-c", script, HERE, job["inputs"][0], kept["sharp"], reference, job["kind"], *kept.values()))
    found = {}
    for name, path in kept.items():
        pixels = Path(f"{path}.rgb")
        if pixels.stat().st_size:
            scores = [judge.ask({"kind": "judge", "reference": str(path), "result": str(pixels), "size": size})["ssimulacra2"] for path in folder.glob("reference.*")]
            found[name] = max(scores)
    return found


def measure(name, files, way, output, times, is_judged, rounds, contestants, threads, judge):
    inputs = [str(PICTURES / file) for file in files]
    source = source_size(inputs[0]) if inputs[0].endswith(".jpg") else [0, 0]
    job = {"kind": way[0], "size": way[1], "output": output, "inputs": inputs, "times": times, "source": source}
    # A round that does not count: what is loaded late is loaded then.
    able = [peer for peer, contestant in contestants.items() if "unable" not in contestant.ask(job)]
    costs = {peer: [] for peer in able}
    order = random.Random(name)
    for _ in range(rounds):
        order.shuffle(able)
        for peer in able:
            costs[peer].append(contestants[peer].ask(job))
    base = "sharp" if "sharp" in costs else "libjpeg-turbo"
    row = {"job": name, "base": base, "peers": {}}
    for peer in [peer for peer in PEERS if peer in costs]:
        mine, theirs = costs[peer], costs[base]
        ratio = lambda what: statistics.median(m[what] / t[what] for m, t in zip(mine, theirs))
        row["peers"][peer] = {"cpu": ratio("cpu"), "wall": ratio("wall"), "ms": 1000 * statistics.median(c["cpu"] for c in mine), "bytes": mine[0]["bytes"]}
    if threads == 1:
        for peer in row["peers"]:
            bare, peak = (min(Contestant(peer, 1).peak(what) for _ in range(3)) for what in ({"kind": "nothing"}, {**job, "times": 1}))
            held = sum(os.path.getsize(path) for path in inputs)
            row["peers"][peer]["memory"] = (peak - bare - held) / 1e6
        if is_judged:
            for peer, score in similarity(job, list(row["peers"]), judge).items():
                row["peers"][peer]["ssimulacra2"] = score
    return row


def show(rows, threads):
    """The table, as Markdown."""
    what = "CPU time" if threads == 1 else "wall time, all threads"
    lines = [f"| {what}; sharp = 1 | " + " | ".join(LABELS.get(peer, peer) for peer in PEERS) + " |", "| --- |" + " ---: |" * len(PEERS)]
    for row in rows:
        cells = []
        for peer in PEERS:
            found = row["peers"].get(peer)
            if not found:
                cells.append("")
                continue
            value = found["cpu" if threads == 1 else "wall"]
            cells.append(f"1 ({found['ms']:.1f} ms)" if peer == row["base"] and threads == 1 else f"{value:.2f}")
        star = "" if row["base"] == "sharp" else ", libjpeg-turbo = 1"
        lines.append(f"| {row['job']}{star} | " + " | ".join(cells) + " |")
    if threads == 1:
        for title, key, form in (("SSIMULACRA2", "ssimulacra2", "{:.1f}"), ("bytes", "bytes", "{:,}"), ("peak memory above input and bare process, MB", "memory", "{:.1f}")):
            lines += ["", f"| {title} | " + " | ".join(LABELS.get(peer, peer) for peer in PEERS) + " |", "| --- |" + " ---: |" * len(PEERS)]
            for row in rows:
                cells = [form.format(row["peers"][peer][key]) if key in row["peers"].get(peer, {}) else "" for peer in PEERS]
                if any(cells):
                    lines.append(f"| {row['job']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


COLORS = {"imgcore": "#d9480f", "sharp": "#495057", "pyvips": "#1971c2", "pillow": "#2f9e44", "pillow-draft": "#8ce99a", "cv2": "#9c36b5", "cv2-reduced": "#e599f7", "libjpeg-turbo": "#f08c00"}


def plot(rows, path, threads):
    """A dot a contestant on one line a job: further left is faster. The scale is logarithmic."""
    from math import log2
    left, top, width, step = 250, 60, 640, 26
    lowest, highest = -5, 3
    what, key = ("CPU time, one thread", "cpu") if threads == 1 else ("wall time, all threads", "wall")
    x = lambda ratio: left + width * (min(max(log2(ratio), lowest), highest) - lowest) / (highest - lowest)
    height = top + step * len(rows) + 30
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + width + 290}" height="{height}" font-family="sans-serif" font-size="12">',
             f'<rect width="100%" height="100%" fill="white"/>', f'<text x="10" y="20" font-size="15">{what}, beside sharp in the same round</text>']
    for number, (peer, color) in enumerate(COLORS.items()):
        parts.append(f'<circle cx="{250 + 115 * number}" cy="36" r="5" fill="{color}"/><text x="{258 + 115 * number}" y="40">{LABELS.get(peer, peer)}</text>')
    for power in range(lowest, highest + 1):
        parts.append(f'<line x1="{x(2 ** power)}" x2="{x(2 ** power)}" y1="{top - 8}" y2="{height - 26}" stroke="{"#868e96" if power == 0 else "#dee2e6"}"/>'
                     f'<text x="{x(2 ** power)}" y="{height - 10}" text-anchor="middle">{2.0 ** power:g}</text>')
    for number, row in enumerate(rows):
        y = top + step * number + 8
        parts.append(f'<text x="{left - 10}" y="{y + 4}" text-anchor="end">{row["job"].replace("->", "→")}</text>')
        for peer in reversed(PEERS):
            if peer in row["peers"]:
                parts.append(f'<circle cx="{x(row["peers"][peer][key]):.1f}" cy="{y}" r="{7 if peer == "imgcore" else 5}" fill="{COLORS[peer]}" fill-opacity="0.85"/>')
    path.write_text("\n".join([*parts, "</svg>\n"]))


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    rust = quietly("rustc", "--version").split()[1]
    commit = quietly("git", "rev-parse", "--short", "HEAD", cwd=ROOT).strip()
    return (f"{cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; {datetime.date.today()}; Linux {platform.release().split('-')[0]}, "
            f"Rust {rust}, imgcore {commit}, {SHARP.replace('@', ' ')}, {', '.join(package.replace('==', ' ') for package in PACKAGES)}")


def keep(rows, about, rounds, threads):
    """Writes what is known so far; gives the table."""
    suffix = "" if threads == 1 else "-threads"
    (WORK / f"results{suffix}.json").write_text(json.dumps({"machine": about, "rounds": rounds, "rows": rows}, indent=1))
    text = f"{show(rows, threads)}\n\n{about}; {rounds} rounds."
    (WORK / f"table{suffix}.md").write_text(text + "\n")
    plot(rows, WORK / f"plot{suffix}.svg", threads)
    return text


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--rounds", type=int, default=15, help="how often each contestant does each job (default: 15)")
    arguments.add_argument("--only", default="", help="only jobs with this in their name")
    arguments.add_argument("--threads", type=int, default=1, help="how many threads each may have (default: 1; 0: as many as there are cores)")
    given = arguments.parse_args()
    prepare()
    threads = given.threads or os.cpu_count()
    about = machine()
    judge = Contestant("imgcore", 1)
    contestants = {peer: Contestant(peer, threads) for peer in PEERS}
    rows = []
    wanted = [job for job in jobs() if given.only in job[0]]
    for number, job in enumerate(wanted, 1):
        print(f"[{number}/{len(wanted)}] {job[0]}", file=sys.stderr, flush=True)
        rows.append(measure(*job, given.rounds, contestants, threads, judge))
        text = keep(rows, about, given.rounds, threads)
    print(text)
    print(f"\nalso in {WORK}, with a plot and all figures", file=sys.stderr)


if __name__ == "__main__":
    main()
