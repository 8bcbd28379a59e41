"""Encodes pixels with libjpeg-turbo, by Pillow, and compares the files with ours: byte for byte, or by what libjpeg-turbo reads of the smallest.

The argument names a file of pixels and files one after the other. Reads lines of JSON: {"mode", "width", "height", "quality", "subsampling",
"optimize", "progressive", "small", "at", "file", "end"}; the last three say where the pixels begin, and where our file begins and ends. Prints what is
wrong, a line each, and "judged N" at the end.
"""

import io
import json
import sys

from PIL import Image, ImageChops, ImageFile, ImageStat, JpegImagePlugin, features

# Pillow's own guess is too small for noise; libjpeg then gives up.
ImageFile.MAXBLOCK = 1 << 24


def theirs(case, pixels):
    image = Image.frombytes(case["mode"], (case["width"], case["height"]), pixels)
    file = io.BytesIO()
    image.save(file, "JPEG", **{key: case[key] for key in ("quality", "subsampling", "optimize", "progressive")})
    return file.getvalue()


def error(file, pixels):
    """How far what is read is from what was meant, squared."""
    difference = ImageChops.difference(Image.open(io.BytesIO(file)), pixels)
    return sum(ImageStat.Stat(difference).sum2) / (difference.width * difference.height)


def complaint(case, ours, expected, pixels):
    """What is wrong with a small file; None if nothing is."""
    image = Image.open(io.BytesIO(ours))
    sampling = -1 if case["mode"] == "L" else case["subsampling"]
    if (image.mode, image.size, JpegImagePlugin.get_sampling(image)) != (case["mode"], (case["width"], case["height"]), sampling):
        return f"{image} with sampling {JpegImagePlugin.get_sampling(image)}"
    if case["progressive"] and not image.info.get("progressive"):
        return "not progressive"
    meant = Image.frombytes(case["mode"], image.size, pixels)
    found, usual = error(ours, meant), error(expected, meant)
    # Our tables differ, and so do errors and bytes at one quality: by much in what is drawn, and where there are few blocks.
    is_large = min(image.size) > 100
    errors, more = (3, 0) if is_large else (6, 40)
    if found > errors * usual + 4 * len(image.getbands()):
        return f"an error of {found:.1f} rather than {usual:.1f}"
    if len(ours) > len(expected) + more:
        return f"{len(ours)} bytes rather than {len(expected)}"
    return None


def main():
    if not features.check_feature("libjpeg_turbo"):
        sys.exit("Pillow was built with another libjpeg")
    with open(sys.argv[1], "rb") as file:
        blob = file.read()
    wrong = judged = 0
    for line in sys.stdin:
        case = json.loads(line)
        judged += 1
        pixels, ours = blob[case["at"]:case["file"]], blob[case["file"]:case["end"]]
        expected = theirs(case, pixels)
        if case["small"]:
            wrong_with_it = complaint(case, ours, expected, pixels)
            if wrong_with_it:
                wrong += 1
                print(f"{case}: {wrong_with_it}")
        elif ours != expected:
            wrong += 1
            first = next((at for at, (a, b) in enumerate(zip(ours, expected)) if a != b), min(len(ours), len(expected)))
            print(f"{case}: {len(ours)} bytes rather than {len(expected)}, other from {first} on")
        if wrong == 20:
            break
    print(f"judged {judged}")
    sys.exit(1 if wrong else 0)


main()
