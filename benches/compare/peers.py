"""One contestant that Python knows, in a process of its own: a job a line in, its cost a line out.

Each is called as its own documentation shows it for the job, with one thread unless the environment says otherwise.
"""

import io
import json
import os
import resource
import sys
import time

NAME = sys.argv[1]
THREADS = int(os.environ.get("COMPARE_THREADS", "1"))

if NAME == "pyvips":
    os.environ["VIPS_CONCURRENCY"] = str(THREADS)
    import pyvips

    pyvips.cache_set_max(0)
elif NAME in ("cv2", "cv2-reduced"):
    import cv2
    import numpy

    cv2.setNumThreads(THREADS)
    QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 80]
elif NAME == "libjpeg-turbo":
    import numpy
    import simplejpeg
else:
    from PIL import ExifTags, Image, ImageOps, ImageSequence

SUFFIX = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "gif": ".gif"}


class Unable(Exception):
    """This contestant does not do this job."""


def vips(data, job):
    size = job["size"]
    many = "[n=-1]" if job["output"] == "gif" else ""
    if job["kind"] == "probe":
        image = pyvips.Image.new_from_buffer(data, "")
        return json.dumps({name: str(image.get(name)) for name in image.get_fields() if name.startswith("exif")}).encode()
    crop = {"crop": "centre"} if job["kind"] == "cover" else {}
    options = {"Q": 80} if job["output"] in ("jpeg", "webp") else {}
    if len(size) == 2 and isinstance(size[0], list):
        raise Unable
    image = pyvips.Image.thumbnail_buffer(data, size[0], height=size[1], size="down", option_string=many, **crop)
    return image.write_to_buffer(SUFFIX[job["output"]], keep="none", **options)


def pillow(data, job, draft):
    if job["kind"] == "probe":
        with Image.open(io.BytesIO(data)) as image:
            exif = image.getexif()
            found = {ExifTags.TAGS.get(tag, tag): str(value) for tag, value in {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}.items()}
            return json.dumps({"size": image.size, "format": image.format, "exif": found}).encode()
    size = tuple(job["size"])
    out = io.BytesIO()
    image = Image.open(io.BytesIO(data))
    if job["output"] == "gif":
        frames = [frame.copy().convert("RGBA") for frame in ImageSequence.Iterator(image)]
        for frame in frames:
            frame.thumbnail(size, Image.Resampling.LANCZOS)
        frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=image.info.get("duration"), loop=0)
        return out.getvalue()
    sideways = image.getexif().get(0x0112, 1) >= 5
    if draft and image.format == "JPEG":
        # The least that still leaves something to shrink, before the picture is turned.
        upright = image.size[::-1] if sideways else image.size
        scales = [size[0] / upright[0], size[1] / upright[1]]
        scale = max(scales) if job["kind"] == "cover" else min(scales)
        image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
    image = ImageOps.exif_transpose(image)
    if image.mode not in ("RGB", "RGBA"):
        image = image.convert("RGB")
    if job["kind"] == "cover":
        image = ImageOps.fit(image, size, Image.Resampling.LANCZOS)
    else:
        image.thumbnail(size, Image.Resampling.LANCZOS)
    options = {"JPEG": {"quality": 80}, "WEBP": {"quality": 80}}.get(job["output"].upper(), {})
    image.save(out, job["output"].upper(), **options)
    return out.getvalue()


def opencv(data, job, reduced):
    if job["kind"] == "probe" or job["output"] == "gif":
        raise Unable
    size, raw = job["size"], numpy.frombuffer(data, numpy.uint8)
    flags = cv2.IMREAD_UNCHANGED if job["output"] == "png" else cv2.IMREAD_COLOR
    if reduced:
        if job["output"] != "jpeg" or data[:2] != b"\xff\xd8":
            raise Unable
        # The largest step that leaves no more than is needed; its header is read by somebody else in real life, and for nothing here.
        side = job["source"]
        need = max(size[0] / side[0], size[1] / side[1]) if job["kind"] == "cover" else min(size[0] / side[0], size[1] / side[1])
        step = next((step for step in (8, 4, 2) if 1 / step >= need), 1)
        flags = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2, 1: cv2.IMREAD_COLOR}[step]
    image = cv2.imdecode(raw, flags)
    height, width = image.shape[:2]
    if job["kind"] == "cover":
        scale = max(size[0] / width, size[1] / height)
        part = (round(size[0] / scale), round(size[1] / scale))
        left, top = (width - part[0]) // 2, (height - part[1]) // 2
        image = image[top:top + part[1], left:left + part[0]]
        target = tuple(size)
    else:
        scale = min(size[0] / width, size[1] / height)
        target = (round(width * scale), round(height * scale))
    image = cv2.resize(image, target, interpolation=cv2.INTER_AREA)
    if image.dtype == numpy.uint16 and job["output"] != "png":
        image = (image >> 8).astype(numpy.uint8)
    return cv2.imencode(SUFFIX[job["output"]], image, QUALITY if job["output"] == "jpeg" else [])[1].tobytes()


def turbo(data, job):
    if job["kind"] == "decode":
        return simplejpeg.decode_jpeg(data, "RGB").tobytes()[:64]
    if job["kind"] == "encode":
        return simplejpeg.encode_jpeg(numpy.frombuffer(data, numpy.uint8).reshape(job["size"][1], job["size"][0], 3), 80, "RGB", "420", False)
    raise Unable


def run(data, job):
    if NAME == "libjpeg-turbo":
        return turbo(data, job)
    if job["kind"] in ("decode", "encode"):
        raise Unable
    one = {
        "pyvips": vips,
        "pillow": lambda data, job: pillow(data, job, False),
        "pillow-draft": lambda data, job: pillow(data, job, True),
        "cv2": lambda data, job: opencv(data, job, False),
        "cv2-reduced": lambda data, job: opencv(data, job, True),
    }[NAME]
    if job["kind"] == "three":
        # None of them makes several from one decode by itself, so that each is asked as often as it is needed.
        results = [one(data, {**job, "kind": "cover" if size[2] else "inside", "size": size[:2]}) for size in job["size"]]
        return results[0]
    return one(data, job)


def measured(inputs, job):
    before, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    for _ in range(job.get("times", 1)):
        for data in inputs:
            result = run(data, job)
    wall, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if job.get("keep"):
        with open(job["keep"], "wb") as file:
            file.write(result)
    return {"cpu": cpu, "wall": wall, "bytes": len(result)}


def main():
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = {} if job["kind"] == "nothing" else measured([open(path, "rb").read() for path in job["inputs"]], job)
        except Unable:
            answer = {"unable": True}
        print(json.dumps(answer), flush=True)


main()
