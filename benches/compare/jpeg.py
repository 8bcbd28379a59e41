#!/usr/bin/env python3
"""Measures how many bytes JPEG encoders need for the same looks, and writes a table.

    python3.11 benches/compare/jpeg.py                        # the photographs of two packages, a quarter of an hour
    python3.11 benches/compare/jpeg.py --also photo.jpg       # others as well

Each encoder writes each picture at the quality that reaches a SSIMULACRA2 of 70, and of 85: the two qualities around it are searched, and bytes
taken between them in proportion. All files are decoded by libjpeg-turbo, as Pillow has it. Time is the CPU time at the quality of 70, beside
sharp's default in the same round, the median over rounds in which the encoders take turns. The peers, the photographs and the judge are those
of compare.py; a photograph's longer side has at most 800 pixels.
"""

import argparse
import math
import os
import statistics
import sys
from pathlib import Path

import compare

TARGETS = (70, 85)
#: Who encodes, and how it is told to.
ENCODERS = {
    "sharp": ("sharp", "default"),
    "sharp, mozjpeg": ("sharp", "mozjpeg"),
    "imgcore": ("imgcore", "balanced"),
    "imgcore, small": ("imgcore", "small"),
}
BASE = "sharp"
FOLDER = compare.WORK / "jpeg"
SIDE = 800


def pictures_in(paths):
    """Names and pictures, no larger than what is put on a page."""
    import pictures
    from PIL import Image, ImageOps

    names = [Path(name).stem for group in pictures.PHOTOS.values() for name in group]
    whole = Image.open(compare.PICTURES / "photo12.jpg")
    found = [*zip(names, pictures.photos(compare.WHEELS)), ("photo12", whole)]
    found += [(Path(path).stem, ImageOps.exif_transpose(Image.open(path)).convert("RGB")) for path in paths]
    for name, picture in found:
        picture = picture.copy()
        picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        yield name, picture


class Subject:
    """A picture, and what became of it."""

    def __init__(self, picture, chroma, contestants):
        import numpy

        self.size, self.chroma, self.contestants = picture.size, chroma, contestants
        self.pixels, self.reference, self.file, self.result = (FOLDER / f"{part}" for part in ("pixels.rgb", "reference", "file.jpg", "result.rgb"))
        self.pixels.write_bytes(picture.tobytes())
        self.reference.write_bytes(numpy.asarray(picture, dtype="<f4").tobytes())
        self.known = {}

    def encode(self, encoder, quality, **more):
        peer, way = ENCODERS[encoder]
        job = {"kind": "encode", "inputs": [str(self.pixels)], "size": self.size, "output": "jpeg", "way": way, "quality": quality,
               "chroma": self.chroma, **more}
        return self.contestants[peer].ask(job)

    def at(self, encoder, quality):
        """The similarity and the bytes at a quality."""
        from PIL import Image

        if (encoder, quality) not in self.known:
            size = self.encode(encoder, quality, keep=str(self.file))["bytes"]
            self.result.write_bytes(Image.open(self.file).convert("RGB").tobytes())
            job = {"kind": "judge", "reference": str(self.reference), "result": str(self.result), "size": self.size}
            self.known[encoder, quality] = self.contestants["judge"].ask(job)["ssimulacra2"], size
        return self.known[encoder, quality]

    def reach(self, encoder, target):
        """The bytes and the quality at a similarity; None where no quality has it."""
        low, high = 5, 100
        if not self.at(encoder, low)[0] < target <= self.at(encoder, high)[0]:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.at(encoder, middle)[0] < target else (low, middle)
        (a, fewer), (b, more) = self.at(encoder, low), self.at(encoder, high)
        part = (target - a) / (b - a)
        return fewer ** (1 - part) * more ** part, low + part


def measure(subject, rounds):
    found = {target: {encoder: subject.reach(encoder, target) for encoder in ENCODERS} for target in TARGETS}
    qualities = {encoder: round(found[TARGETS[0]][encoder][1]) for encoder in ENCODERS if found[TARGETS[0]][encoder]}
    costs = {encoder: [] for encoder in qualities}
    for number in range(rounds):
        order = list(qualities)[number % len(qualities):] + list(qualities)[:number % len(qualities)]
        for encoder in order:
            costs[encoder].append(subject.encode(encoder, qualities[encoder], times=3)["cpu"] / 3)
    return found, costs


def show(rows):
    """The table, as Markdown."""
    others = [encoder for encoder in ENCODERS if encoder != BASE]
    heads = [f"{encoder} at {target}" for target in TARGETS for encoder in (f"{BASE}, bytes", *others)]
    lines = [f"| SSIMULACRA2; {BASE} = 1 | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    ratios = {(target, encoder): [] for target in TARGETS for encoder in others}
    for name, size, found, _ in rows:
        cells = []
        for target in TARGETS:
            base = found[target][BASE]
            cells.append(f"{base[0]:,.0f} (q {base[1]:.0f})" if base else "")
            for encoder in others:
                reached = found[target][encoder]
                if base and reached:
                    ratios[target, encoder].append(reached[0] / base[0])
                    cells.append(f"{reached[0] / base[0]:.3f} (q {reached[1]:.0f})")
                else:
                    cells.append("")
        lines.append(f"| {name}, {size[0]} x {size[1]} | " + " | ".join(cells) + " |")
    cells = []
    for target in TARGETS:
        cells.append("1")
        for encoder in others:
            all_ratios = ratios[target, encoder]
            cells.append(f"**{math.exp(statistics.mean(map(math.log, all_ratios))):.3f}**")
    lines.append("| all, geometric mean | " + " | ".join(cells) + " |")
    times = []
    for encoder in others:
        each = [statistics.median(a / b for a, b in zip(costs[encoder], costs[BASE])) for _, _, _, costs in rows if encoder in costs and BASE in costs]
        times.append(f"{encoder} {statistics.median(each):.1f}")
    milliseconds = statistics.median(1000 * statistics.median(costs[BASE]) for _, _, _, costs in rows if BASE in costs)
    lines += ["", f"CPU time at {TARGETS[0]}, {BASE} = 1 ({milliseconds:.1f} ms): {', '.join(times)}."]
    return "\n".join(lines)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--also", nargs="*", default=[], help="more pictures")
    arguments.add_argument("--chroma", default="4:2:0", choices=["4:2:0", "4:4:4"], help="what is kept of it (default: 4:2:0)")
    arguments.add_argument("--rounds", type=int, default=9, help="how often the time is taken (default: 9)")
    given = arguments.parse_args()
    if Path(sys.prefix).resolve() != compare.VENV.resolve():
        compare.prepare()
        python = str(compare.VENV / "bin/python")
        os.execv(python, [python, *sys.argv])
    FOLDER.mkdir(exist_ok=True)
    about = compare.machine()
    contestants = {peer: compare.Contestant(peer, 1) for peer in ("sharp", "imgcore")}
    contestants["judge"] = compare.Contestant("imgcore", 1)
    rows = []
    for name, picture in pictures_in(given.also):
        print(name, file=sys.stderr, flush=True)
        subject = Subject(picture, given.chroma, contestants)
        rows.append((name, subject.size, *measure(subject, given.rounds)))
    text = f"{show(rows)}\n\n{about}; {given.rounds} rounds, {given.chroma}."
    (compare.WORK / "jpeg.md").write_text(text + "\n")
    print(text)


main()
