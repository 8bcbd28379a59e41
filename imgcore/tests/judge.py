"""Judges the files of the golden vectors with software that is not ours: Pillow, libvips and ExifTool.

Reads lines of JSON: {"name", "file", "input", "recipe", "format", "width", "height", "rgba"}; `rgba` holds the pixels as the core itself decodes the
file. Prints what is wrong, a line each, and "judged N" at the end.
"""

import io
import json
import shutil
import subprocess
import sys

import numpy
import pyvips
from PIL import Image, ImageCms, ImageOps

KERNELS = {
    "box": Image.Resampling.BOX, "linear": Image.Resampling.BILINEAR, "hamming": Image.Resampling.HAMMING,
    "cubic": Image.Resampling.BICUBIC, "lanczos3": Image.Resampling.LANCZOS,
}
LEAKS = ("GPS", "Thumbnail", "SerialNumber", "MakerNote", "XMP", "IPTC", "Make", "Model", "Comment")


def visible(pixels):
    """RGBA with the color of invisible pixels taken away."""
    pixels = pixels.astype(int)
    pixels[pixels[..., 3] == 0] = 0
    return pixels


def judge(case):
    with Image.open(case["file"]) as image:
        image.load()
        if image.format.lower() != case["format"]:
            yield f"Pillow takes it for {image.format}"
        if image.size != (case["width"], case["height"]):
            yield f"Pillow sees {image.size}"
        theirs = visible(numpy.asarray(image.convert("RGBA")))
    with open(case["rgba"], "rb") as file:
        ours = numpy.frombuffer(file.read(), numpy.uint8).reshape(case["height"], case["width"], 4)
    # Inverse transforms and chroma upsampling may differ by a few levels between JPEG decoders; all else is exact.
    allowed = 6 if case["format"] == "jpeg" else 0
    worst = int(abs(theirs - visible(ours)).max())
    if worst > allowed:
        yield f"Pillow's pixels differ from ours by {worst}"
    vips = pyvips.Image.new_from_file(case["file"], fail_on="warning", access="sequential")
    vips.avg()
    if (vips.width, vips.height) != (case["width"], case["height"]):
        yield f"libvips sees {vips.width}x{vips.height}"
    yield from judge_resize(case, ours)
    yield from judge_colors(case, ours)
    yield from judge_metadata(case)


def judge_resize(case, ours):
    """A plain resize to a PNG is compared with Pillow's, whose filters are of the same family."""
    recipe = case["recipe"]
    resize = recipe.get("resize", {})
    kernel = KERNELS.get(resize.get("kernel", "lanczos3"))
    if set(recipe) != {"resize", "encode"} or resize.get("fit") != "fill" or case["format"] != "png" or kernel is None:
        return
    with Image.open(case["input"]) as image:
        reference = ImageOps.exif_transpose(image).convert("RGBA").resize((case["width"], case["height"]), kernel)
    # Both cut to 0..255 between their passes, and Pillow's come in the other order, so that what a kernel overshoots may differ by some levels.
    alpha = numpy.asarray(reference)[..., 3:4].astype(int)
    worst = abs(alpha[..., 0] - ours[..., 3].astype(int)).max()
    color = (abs(numpy.asarray(reference).astype(int) - ours.astype(int)) * alpha / 255)[..., :3]
    if worst > 2 or color.max() > 12 or color.mean() > 0.5:
        yield f"Pillow's resize differs by {worst} in alpha, and in color by {color.max():.1f}, {color.mean():.2f} in the mean"


def judge_colors(case, ours):
    """A plain conversion to a PNG is compared with LittleCMS's, without black-point compensation: hence the colorimetric intent."""
    with Image.open(case["input"]) as image:
        profile = image.info.get("icc_profile")
        if set(case["recipe"]) != {"encode"} or case["format"] != "png" or not profile:
            return
        try:
            profile = ImageCms.getOpenProfile(io.BytesIO(profile))
        except ImageCms.PyCMSError:
            return
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        reference = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), intent, "RGB", flags=0)
    # Decoders of JPEG differ by a few levels, and a profile may stretch that.
    difference = abs(numpy.asarray(reference).astype(int) - ours[..., :3].astype(int))
    if difference.mean() > 1 or difference.max() > 12:
        yield f"LittleCMS's colors differ by {difference.max()}, {difference.mean():.2f} in the mean"
    print(f"{case['name']}: {difference.mean():.2f} levels from LittleCMS in the mean, {difference.max()} at most")


def judge_metadata(case):
    if shutil.which("exiftool") is None:
        return
    tags = json.loads(subprocess.run(["exiftool", "-json", "-G0", "-a", case["file"]], capture_output=True, check=True).stdout)[0]
    for tag in tags:
        group, _, name = tag.partition(":")
        if group in ("EXIF", "XMP", "IPTC", "MakerNotes") or any(name.startswith(leak) for leak in LEAKS):
            yield f"ExifTool finds {tag}"
    if any("Trailer" in str(value) for value in tags.values()):
        yield "ExifTool finds a trailer"


def main():
    wrong = judged = 0
    for line in sys.stdin:
        case = json.loads(line)
        judged += 1
        try:
            complaints = list(judge(case))
        except Exception as error:  # A judge that cannot open a file has judged it.
            complaints = [f"{type(error).__name__}: {error}"]
        for complaint in complaints:
            wrong += 1
            print(f"{case['name']}: {complaint}")
    print(f"judged {judged}")
    sys.exit(1 if wrong else 0)


main()
