#!/usr/bin/env python3
"""Measures the function `process` beside handler.py, which does the same job in Python, and prints a table.

Both run as Lambda would start them: a process each, in front of one runtime interface and one emulator of S3 and DynamoDB, in turns.
What is needed is installed under the target folder, and nowhere else.
"""

import argparse
import atexit
import datetime
import hashlib
import io
import json
import os
import platform
import queue
import shlex
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "lambda"
# The emulator and Python's runtime client; and apart from them what a Python function is deployed with.
VENV, PACKAGE = WORK / "venv", WORK / "package"
TOOLS, DEPLOYED = ["ministack==1.5.33", "awslambdaric==4.2.2"], ["boto3==1.44.8", "pillow==13.0.0"]

INPUT, OUTPUT, REGION = "photos", "renditions-of-photos", "eu-central-1"
# The tiny one shows what starts cost apart from pixels, and the small one says that it lies on its side.
PICTURES = {"tiny": (64, 48), "small": (1080, 810), "12 MP": (4000, 3000)}
ON_ITS_SIDE = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"


class Runtime(ThreadingHTTPServer):
    """Lambda's runtime interface: events are handed out one at a time, and answers come back."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Exchange)
        self.events, self.answers, self.asked = queue.Queue(), queue.Queue(), queue.Queue()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_):
        """A process that was killed has left its connection open."""


class Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer leaves as one packet, at once.
    wbufsize, disable_nagle_algorithm = -1, True

    def do_GET(self):
        self.server.asked.put(time.perf_counter())
        event = self.server.events.get()
        deadline = str(int(time.time() * 1000) + 300_000)
        arn = f"arn:aws:lambda:{REGION}:1:function:imgcore"
        names = {"Aws-Request-Id": hashlib.md5(event).hexdigest(), "Deadline-Ms": deadline, "Invoked-Function-Arn": arn}
        self.reply(200, event, {f"Lambda-Runtime-{name}": value for name, value in names.items()})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.answers.put((time.perf_counter(), self.path.endswith("/response"), body))
        self.reply(202, b"{}", {})

    def reply(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass


class Function:
    """A contestant's process."""

    def __init__(self, command, environment, first_event):
        self.runtime = Runtime()
        address = "{}:{}".format(*self.runtime.server_address)
        self.runtime.events.put(first_event)
        self.log = open(WORK / "functions.log", "ab")
        self.begun = time.perf_counter()
        self.process = subprocess.Popen(
            command, env=environment | {"AWS_LAMBDA_RUNTIME_API": address}, stdout=self.log, stderr=self.log, cwd=WORK
        )
        atexit.register(self.process.kill)
        self.cold = self.answered() - self.begun
        self.init = self.runtime.asked.get() - self.begun

    def answered(self):
        while True:
            try:
                moment, is_response, body = self.runtime.answers.get(timeout=1)
            except queue.Empty:
                if self.process.poll() is not None or time.perf_counter() - self.begun > 600:
                    sys.exit(f"{self.process.args[0]} does not answer; see {self.log.name}")
                continue
            images = json.loads(body).get("images", []) if is_response else []
            if [image["status"] for image in images] != ["SUCCEEDED"]:
                sys.exit(f"{self.process.args[0]} answers {body.decode()}")
            return moment

    def invoke(self, event):
        begun = time.perf_counter()
        self.runtime.events.put(event)
        return self.answered() - begun

    def peak(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def stop(self):
        """Ends the process, and says how much CPU time it took, in seconds."""
        self.process.kill()
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.runtime.shutdown()
        self.runtime.server_close()
        self.log.close()
        return used.ru_utime + used.ru_stime


class Cloud:
    """S3 and DynamoDB, gone after use."""

    def __init__(self, scheme):
        self.folder = tempfile.mkdtemp(prefix="imgcore-bench-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url, self.count = f"{scheme}://127.0.0.1:{port}", 0
        said = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "IOT_MTLS_ENABLED": "0", "USE_SSL": str(int(scheme == "https"))}
        own = {"PATH": os.environ["PATH"], "HOME": self.folder, "TMPDIR": self.folder, "LANG": "C.UTF-8"}
        with open(WORK / "emulator.log", "wb") as log:
            self.process = subprocess.Popen([VENV / "bin/ministack"], env=own | said, stdout=log, stderr=log)
        atexit.register(self.process.kill)
        # As many roots as a machine has, and the emulator's own certificate.
        self.roots = Path(self.folder, "roots.pem")
        certificate = Path(self.folder, "ministack-tls/server.crt")
        for _ in range(600):
            time.sleep(0.1)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        else:
            sys.exit(f"the emulator does not start; see {WORK}/emulator.log")
        usual = (PACKAGE / "botocore/cacert.pem").read_text()
        self.roots.write_text(usual + (certificate.read_text() if certificate.exists() else ""))
        import boto3

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        self.s3, self.dynamodb = (
            boto3.client(name, endpoint_url=self.url, verify=str(self.roots), **keys) for name in ("s3", "dynamodb")
        )
        for bucket in (INPUT, OUTPUT):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        for table in ("ImageMetadata", "Python"):
            schema = {"AttributeDefinitions": [{"AttributeName": "imageId", "AttributeType": "S"}]}
            schema |= {"KeySchema": [{"AttributeName": "imageId", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST"}
            self.dynamodb.create_table(TableName=table, **schema)

    def upload(self, data):
        """Puts a picture under a key of its own and gives S3's event."""
        self.count += 1
        key = f"{self.count}.jpg"
        put = self.s3.put_object(Bucket=INPUT, Key=key, Body=data, ContentType="image/jpeg")
        about = {"key": key, "size": len(data), "eTag": put["ETag"].strip('"'), "sequencer": f"{self.count:016X}"}
        s3 = {"s3SchemaVersion": "1.0", "bucket": {"name": INPUT, "arn": f"arn:aws:s3:::{INPUT}"}, "object": about}
        record = {"eventVersion": "2.6", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "awsRegion": REGION}
        record |= {"eventTime": "2026-01-01T00:00:00.000Z", "s3": s3}
        return json.dumps({"Records": [record]}).encode()

    def renditions(self, table):
        """What the only record names: name, size in pixels, bytes, hash of what is stored, key."""
        (item,) = self.dynamodb.scan(TableName=table)["Items"]
        rows = []
        for rendition in (entry["M"] for entry in item["renditions"]["L"]):
            data = self.s3.get_object(Bucket=OUTPUT, Key=rendition["key"]["S"])["Body"].read()
            numbers = [int(rendition[name]["N"]) for name in ("width", "height", "bytes")]
            digest = hashlib.sha256(data).hexdigest()
            if numbers[2] != len(data) or digest != rendition["sha256"]["S"]:
                sys.exit(f"what is stored is not what the record tells: {rendition}")
            rows.append((rendition["name"]["S"], *numbers, digest, rendition["key"]["S"]))
        return item["status"]["S"], rows

    def environment(self):
        named = {"FUNCTION_NAME": "imgcore", "FUNCTION_VERSION": "1", "FUNCTION_MEMORY_SIZE": "1024", "LOG_FORMAT": "JSON"}
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        roots = {"AWS_ENDPOINT_URL": self.url, "SSL_CERT_FILE": str(self.roots), "AWS_CA_BUNDLE": str(self.roots)}
        places = {"IMGCORE_ROLE": "process", "IMGCORE_INPUT_BUCKET": INPUT, "IMGCORE_OUTPUT_BUCKET": OUTPUT}
        python = {"OUTPUT_BUCKET": OUTPUT, "TABLE": "Python", "PYTHONPATH": str(PACKAGE), "LANG": "C.UTF-8"}
        return {f"AWS_LAMBDA_{name}": value for name, value in named.items()} | keys | roots | places | python

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def prepare():
    WORK.mkdir(parents=True, exist_ok=True)
    quiet = ["--quiet", "--disable-pip-version-check"]
    if not (VENV / "bin/pip").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/pip", "install", *quiet, *TOOLS], check=True)
    if not PACKAGE.exists():
        partial = WORK / "package.partial"
        shutil.rmtree(partial, ignore_errors=True)
        subprocess.run([VENV / "bin/pip", "install", *quiet, "--no-warn-conflicts", "--target", partial, *DEPLOYED], check=True)
        partial.rename(PACKAGE)
    shutil.copy(HERE / "handler.py", PACKAGE)
    sys.path.insert(0, str(PACKAGE))


def build(*what):
    subprocess.run(["cargo", "build", "--quiet", "--release", *what], cwd=ROOT, check=True)


def pictures():
    build("--package", "benches", "--bin", "picture")
    made = {}
    for name, (width, height) in PICTURES.items():
        path = WORK / f"{width}x{height}.jpg"
        subprocess.run([TARGET / "release/picture", str(width), str(height), path], check=True)
        made[name] = path.read_bytes()
    segment = b"\xff\xe1" + (len(ON_ITS_SIDE) + 2).to_bytes(2, "big") + ON_ITS_SIDE
    return made | {"small": made["small"][:2] + segment + made["small"][2:]}


def zipped(files):
    """How many bytes a function's package has, of files by their names in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in files.items():
            archive.write(path, name)
    return len(out.getvalue())


def once(command, made):
    """One event for each picture: what the record names afterwards, the same for the same program on every machine."""
    for name, data in made.items():
        with Cloud("http") as cloud:
            Function(command, cloud.environment(), cloud.upload(data)).stop()
            status, rows = cloud.renditions("ImageMetadata")
        print(name, status)
        for row in rows:
            print(" ", *row)


def measure(contestants, scheme, made, cold, warm):
    """Times in milliseconds and peak memory in bytes, by contestant and by what was measured."""
    seen = {name: {} for name in contestants}

    def note(name, what, value):
        seen[name].setdefault(what, []).append(value)

    with Cloud(scheme) as cloud:
        environment = cloud.environment()
        order = list(contestants)
        # The first round fills the system's caches and is not counted.
        for turn in range(cold + 1):
            for picture in ("tiny", "small"):
                for name in order:
                    function = Function(contestants[name], environment, cloud.upload(made[picture]))
                    used = function.stop()
                    if turn > 0:
                        note(name, "init", function.init * 1000)
                        note(name, f"cold {picture}", function.cold * 1000)
                        note(name, f"CPU {picture}", used * 1000)
            order.reverse()
        for name in order:
            function = Function(contestants[name], environment, cloud.upload(made["12 MP"]))
            note(name, "peak of one", function.peak())
            function.stop()
        running = {name: Function(contestants[name], environment, cloud.upload(made["small"])) for name in order}
        for what, data in made.items():
            for _ in range(warm):
                for name in order:
                    event = cloud.upload(data)
                    note(name, what, running[name].invoke(event) * 1000)
                order.reverse()
        for name, function in running.items():
            note(name, "peak of all", function.peak())
            function.stop()
    return seen


def mb(count):
    return f"{count / 1e6:.1f} MB"


def compare(program, contestants, made, cold, warm):
    rows = []
    seen = {scheme: measure(contestants, scheme, made, cold, warm) for scheme in ("http", "https")}

    def row(label, ours, theirs, unit):
        rows.append((label, f"{theirs / ours:.1f}", unit(ours), unit(theirs)))
        return theirs / ours

    def times(scheme, what, label, take):
        return row(label, *(take(values[what]) for values in seen[scheme].values()), lambda value: f"{value:.1f} ms")

    ratios = {}
    for scheme in seen:
        for picture in ("tiny", "small"):
            for word, take in [("least", min), ("median", statistics.median)]:
                ratio = times(scheme, f"cold {picture}", f"cold start to first response, {picture}, {scheme}, {word}", take)
            ratios[f"{picture} {scheme}"] = ratio
            times(scheme, f"CPU {picture}", f"CPU time of it, {picture}, {scheme}, median", statistics.median)
        times(scheme, "init", f"start to first request for an event, {scheme}, median", statistics.median)
        for picture in made:
            times(scheme, picture, f"warm event, {picture}, {scheme}, median", statistics.median)
    for what, label in [("peak of one", "peak memory, one event of 12 MP"), ("peak of all", f"peak memory, {len(made) * warm + 1} events")]:
        row(label, *(max(max(values[name][what]) for values in seen.values()) for name in contestants), mb)
    package = {path.relative_to(PACKAGE): path for path in sorted(PACKAGE.rglob("*")) if path.is_file()}
    sizes = zipped({"bootstrap": program}), zipped(package)
    row("zip", *sizes, mb)
    for picture, data in made.items():
        found = []
        for table, command in zip(("ImageMetadata", "Python"), contestants.values()):
            with Cloud("http") as cloud:
                Function(command, cloud.environment(), cloud.upload(data)).stop()
                found.append(cloud.renditions(table)[1])
        for (name, *ours), (_, *theirs) in zip(*found):
            if ours[:2] != theirs[:2]:
                sys.exit(f"{name} of {picture}: {ours[:2]} here, {theirs[:2]} in Python")
            row(f"{name} of {picture}, {ours[0]} x {ours[1]}", ours[2], theirs[2], lambda count: f"{count} B")

    print("| what | Python / imgcore | imgcore | Python |\n| --- | ---: | ---: | ---: |")
    for cells in rows:
        print("| " + " | ".join(cells) + " |")
    print()
    peak = max(max(values["imgcore"]["peak of one"] + values["imgcore"]["peak of all"]) for values in seen.values())
    for bar, holds, value in [
        ("a cold start ten times faster", min(ratios.values()) >= 10, ", ".join(f"{ratio:.1f} {name}" for name, ratio in ratios.items())),
        ("a zip of at most 6 MB", sizes[0] <= 6e6, mb(sizes[0])),
        ("a peak of at most 80 MB", peak <= 80e6, mb(peak)),
    ]:
        print(f"- {bar}: {value}, {'held' if holds else 'MISSED'}")
    cpu = next((line.split(": ")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    rustc = subprocess.run(["rustc", "--version"], cwd=ROOT, capture_output=True, text=True).stdout.split()[1]
    tools = ", ".join(part.replace("==", " ") for part in DEPLOYED + TOOLS)
    print(f"\n{datetime.date.today()}: {cpu}, {os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}; Linux {platform.release().split('-')[0]}, "
          f"Rust {rustc}, Python {platform.python_version()}, {tools}. Pictures of {', '.join(f'{len(data) // 1000} kB' for data in made.values())}; "
          f"{cold} cold starts, {warm} warm events of each.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", help="the bootstrap, with what runs it, instead of building one")
    parser.add_argument("--once", action="store_true", help="only tell what one event for each picture makes")
    parser.add_argument("--cold", type=int, default=12)
    parser.add_argument("--warm", type=int, default=20)
    asked = parser.parse_args()
    # What was started ends with this program, however it ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    prepare()
    if asked.program is None:
        build("--package", "aws-adapter", "--features", "aws", "--bin", "bootstrap")
    command = shlex.split(asked.program) if asked.program else [str(TARGET / "release/bootstrap")]
    made = pictures()
    if asked.once:
        return once(command, made)
    python = [str(VENV / "bin/python"), "-m", "awslambdaric", "handler.handle"]
    compare(Path(command[-1]), {"imgcore": command, "Python": python}, made, asked.cold, asked.warm)


if __name__ == "__main__":
    main()
