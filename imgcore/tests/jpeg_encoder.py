"""Encodes pixels with libjpeg-turbo, by Pillow, and compares the files with ours.

The argument names a file of pixels and files one after the other. Reads lines of JSON: {"mode", "width", "height", "quality", "subsampling",
"optimize", "progressive", "at", "file", "end"}; the last three say where the pixels begin, and where our file begins and ends. Prints what is
wrong, a line each, and "judged N" at the end.
"""

import io
import json
import sys

from PIL import Image, ImageFile, features

# Pillow's own guess is too small for noise; libjpeg then gives up.
ImageFile.MAXBLOCK = 1 << 24


def theirs(case, pixels):
    image = Image.frombytes(case["mode"], (case["width"], case["height"]), pixels)
    file = io.BytesIO()
    image.save(file, "JPEG", **{key: case[key] for key in ("quality", "subsampling", "optimize", "progressive")})
    return file.getvalue()


def main():
    if not features.check_feature("libjpeg_turbo"):
        sys.exit("Pillow was built with another libjpeg")
    with open(sys.argv[1], "rb") as file:
        blob = file.read()
    wrong = judged = 0
    for line in sys.stdin:
        case = json.loads(line)
        judged += 1
        ours, expected = blob[case["file"]:case["end"]], theirs(case, blob[case["at"]:case["file"]])
        if ours != expected:
            wrong += 1
            first = next((at for at, (a, b) in enumerate(zip(ours, expected)) if a != b), min(len(ours), len(expected)))
            print(f"{case}: {len(ours)} bytes rather than {len(expected)}, other from {first} on")
        if wrong == 20:
            break
    print(f"judged {judged}")
    sys.exit(1 if wrong else 0)


main()
