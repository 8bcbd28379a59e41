"""Many pictures at once, events twice and late, and functions that are killed at work: in the end every record is true.

Prints what it did. `IMGCORE_LOAD_OBJECTS` says how many objects. Default: 1,000.
"""

import hashlib
import json
import os
import random
import signal
import struct
import threading
import time
import zlib
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from emulator import until
from stack import Stack, image_id, picture, redrive

OBJECTS = int(os.environ.get("IMGCORE_LOAD_OBJECTS", "1000"))
SEED = 20260101
PLACES = ["plain", "two words", "a+b", "100%25", "%", "café", "cafe\u0301", "日本", "🌍", "q?&=#", "quote'\"", "semi;colon,", "~!@$*()", "back\\slash", "..", "a//b"]


def named(data, text):
    """The same picture as other bytes: with a comment."""
    if data.startswith(b"\xff\xd8"):
        return data[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(text)) + text + data[2:]
    chunk = b"tEXtComment\0" + text
    # A PNG's signature and header are 33 bytes.
    return data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]


class Load:
    """A stack under load, and what must have become of each key."""

    def __init__(self, stack):
        self.stack, self.random = stack, random.Random(SEED)
        # What must be in the end, by key: the bytes of the newest version and whether they are a picture; nothing where it was deleted.
        self.wanted = {}
        self.told = defaultdict(list)
        self.numbers = Counter()
        self.is_quiet, self.is_over = threading.Event(), threading.Event()

    def plan(self, pictures):
        """What is done to each key, in order: bytes that are put, or nothing for a deletion."""
        draw = self.random
        bad = [picture("bomb.png"), b"", b"no picture at all"]

        def version(key, number):
            good = named(draw.choice(pictures), f"{key} {number}".encode())
            # One in ten is none.
            return (good, True) if draw.random() < 0.9 else (draw.choice([*bad, good[:len(good) // 2]]), False)

        plans = {}
        for number in range(OBJECTS):
            key = f"load/{draw.choice(PLACES)}/{number} {draw.choice(PLACES)}.jpg"
            fate = draw.choices(["stay", "change", "go", "return"], [70, 16, 10, 4])[0]
            writes = {"stay": 1, "change": draw.randint(2, 3), "go": 1, "return": 2}[fate]
            plans[key] = [version(key, write) for write in range(writes)]
            if fate in ("go", "return"):
                plans[key].insert(1, None)
        return plans

    def upload(self, plans):
        """Does what is planned: each key's in order, all keys' at once."""
        s3, bucket = self.stack.s3, self.stack.input
        # Several rounds, so that what changes does so while its first version is worked on, or waits.
        for turn in range(max(map(len, plans.values()))):
            def one(item):
                key, steps = item
                if turn < len(steps):
                    if steps[turn]:
                        s3.put_object(Bucket=bucket, Key=key, Body=steps[turn][0])
                    else:
                        s3.delete_object(Bucket=bucket, Key=key)
                    self.numbers["changes of objects"] += 1
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(one, plans.items()))
        self.wanted.update((key, steps[-1]) for key, steps in plans.items())

    def repeat(self, tap):
        """Sends what S3 has sent once more: some at once, some when much else has happened."""
        draw, late = random.Random(SEED + 1), []

        def send(body):
            self.stack.sqs.send_message(QueueUrl=self.stack.jobs, MessageBody=body)
            self.numbers["duplicates"] += 1

        while True:
            is_last = self.is_quiet.is_set()
            bodies = [message["Body"] for message in self.stack.take(tap)]
            for body in bodies:
                self.numbers["events of S3"] += 1
                chance = draw.random()
                if chance < 0.15:
                    send(body)
                elif chance < 0.35:
                    late.append(body)
            if not bodies:
                if is_last:
                    break
                time.sleep(0.2)
        draw.shuffle(late)
        self.numbers["of them late"] = len(late)
        for body in late:
            send(body)

    def hear(self):
        """Collects what is told."""
        messages = self.stack.take(self.stack.told)
        for message in messages:
            detail = json.loads(message["Body"])["detail"]
            self.told[detail["imageId"]].append(detail)
        return len(messages)

    def listen(self):
        """Collects what is told until the end."""
        while not self.is_over.is_set():
            if not self.hear():
                time.sleep(0.5)

    def kill(self):
        """Kills functions while they work: at moments and by choices of a seeded chance."""
        draw = random.Random(SEED + 2)
        while not self.is_over.is_set():
            time.sleep(draw.uniform(0.5, 2.5))
            role = draw.choices(["process", "publish"], [5, 1])[0]
            before = workers(self.stack, role)
            time.sleep(0.1)
            busy = [pid for pid, ran in workers(self.stack, role).items() if ran > before.get(pid, ran)]
            if busy:
                with suppress(ProcessLookupError):
                    os.kill(draw.choice(busy), signal.SIGKILL)
                    self.numbers[f"kills of {role}"] += 1

    def rest(self):
        """How many messages wait or are worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        time.sleep(0.5)
        found = self.stack.sqs.get_queue_attributes(QueueUrl=self.stack.jobs, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)


def workers(stack, role):
    """The processes of a function, children of this test's emulator, with the nanoseconds that each has computed."""
    parent, name = str(stack.emulator.process.pid), f"AWS_LAMBDA_FUNCTION_NAME={stack.name}-{role}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "stat").read_text().rsplit(")", 1)[1].split()[1] == parent and name in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = int((folder / "schedstat").read_text().split()[0])
        # It has ended.
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def tapped(stack):
    """A queue that hears from S3 what the stack's own does."""
    queue, arn = stack.queue_for("s3.amazonaws.com", "tap")
    own = stack.s3.get_bucket_notification_configuration(Bucket=stack.input)["QueueConfigurations"]
    tap = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}
    stack.s3.put_bucket_notification_configuration(Bucket=stack.input, NotificationConfiguration={"QueueConfigurations": [*own, tap]})
    return queue


def hasten(stack):
    """Makes the function's time, and with it a dead worker's claim, short enough for a test, and its copies few enough for two cores."""
    function = f"{stack.name}-process"
    stack.lambdas.update_function_configuration(FunctionName=function, Timeout=8)
    version = stack.lambdas.publish_version(FunctionName=function)["Version"]
    stack.lambdas.update_alias(FunctionName=function, Name="live", FunctionVersion=version)
    for mapping in stack.lambdas.list_event_source_mappings()["EventSourceMappings"]:
        if mapping["EventSourceArn"].endswith(f":{stack.name}-jobs"):
            stack.lambdas.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": 4})
    # A message that comes again after seconds meets a dead worker's claim more often than one that waits for minutes.
    stack.sqs.set_queue_attributes(QueueUrl=stack.jobs, Attributes={"VisibilityTimeout": "3", "RedrivePolicy": redrive(stack.outputs["DeadLetterQueueArn"], 100)})


def records(stack):
    """Every record, by `imageId`."""
    pages = stack.dynamodb.get_paginator("scan").paginate(TableName=stack.table, ConsistentRead=True)
    items = [plain({"M": item}) for page in pages for item in page["Items"]]
    return {item["imageId"]: item for item in items}


def listing(stack):
    """Every key in the bucket of renditions, with the MD5 of what lies there."""
    pages = stack.s3.get_paginator("list_objects_v2").paginate(Bucket=stack.output)
    return {found["Key"]: found["ETag"] for page in pages for found in page.get("Contents", [])}


def newest(stack):
    """The newest version of every key that has one."""
    pages = stack.s3.get_paginator("list_object_versions").paginate(Bucket=stack.input)
    return {found["Key"]: found["VersionId"] for page in pages for found in page.get("Versions", []) if found["IsLatest"]}


def plain(item):
    """An attribute of DynamoDB's without its types."""
    kind, value = next(iter(item.items()))
    if kind == "M":
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if kind == "L" else value


def wrong(last, item, version, told):
    """What a record says that is not so; nothing if all is well."""
    status = "DELETED" if not last else "SUCCEEDED" if last[1] else "REJECTED"
    renditions = item["renditions"]
    if item["status"] != status:
        return f"is {item['status']} and not {status}: {item.get('error')}"
    # A worker that died after its last deletion leaves its claim, which is void once its time is over.
    if item.get("leaseUntil", "") > datetime.now(timezone.utc).isoformat():
        return "is still claimed"
    if [rendition["name"] for rendition in renditions] != (["thumb", "medium", "large"] if status == "SUCCEEDED" else []):
        return f"is {status} with {renditions}"
    if last and item["sourceVersion"] != version:
        return "describes an old version"
    if status == "SUCCEEDED" and item["sourceSha256"] != hashlib.sha256(last[0]).hexdigest():
        return "describes other bytes"
    keys = [rendition["key"] for rendition in renditions]
    if not any(detail["status"] == status and [rendition["key"] for rendition in detail["renditions"]] == keys for detail in told):
        return f"is {status}, and nobody was told"
    return None


def faults(stack, wanted, told):
    """What is not as it must be."""
    known, stored, versions = records(stack), listing(stack), newest(stack)
    ids = {image_id(stack.input, key): key for key in wanted}
    found = [f"{image} {'has no record' if image in ids else 'is a record of nothing'}" for image in ids.keys() ^ known.keys()]
    named = {}
    for image in ids.keys() & known.keys():
        key, item = ids[image], known[image]
        assert item["key"] == key, item
        named.update({rendition["key"]: rendition["sha256"] for rendition in item["renditions"]})
        fault = wrong(wanted[key], item, versions.get(key), told[image])
        found += [f"{key} {fault}"] if fault else []
    found += [f"{key} is {'missing' if key in named else 'of nobody'}" for key in named.keys() ^ stored.keys()]
    # Most are made of few pictures: what has the same MD5 is read once.
    digests = {}
    for key in named.keys() & stored.keys():
        if stored[key] not in digests:
            data = stack.s3.get_object(Bucket=stack.output, Key=key)["Body"].read()
            digests[stored[key]] = hashlib.sha256(data).hexdigest()
        if digests[stored[key]] != named[key]:
            found.append(f"{key} is not what its record says")
    return sorted(found)


def spoil(stack, wanted):
    """Does by hand what must never happen; gives what `faults` has to say of it."""
    good = [key for key, last in wanted.items() if last and last[1]][:5]
    lost, changed, lying, stray, silent = ((key, image_id(stack.input, key)) for key in good)
    first = lambda image: min(stack.renditions(image))
    gone, other, extra = first(lost[1]), first(changed[1]), f"renditions/{stray[1]}/thumb.0000000000000000.jpg"
    stack.s3.delete_object(Bucket=stack.output, Key=gone)
    stack.s3.put_object(Bucket=stack.output, Key=other, Body=b"other bytes")
    stack.s3.put_object(Bucket=stack.output, Key=extra, Body=b"nobody's")
    for image, name, value in ((lying[1], "sourceSha256", "0" * 64), (silent[1], "status", "REJECTED")):
        stack.dynamodb.update_item(TableName=stack.table, Key={"imageId": {"S": image}}, UpdateExpression="SET #name = :value",
                                   ExpressionAttributeNames={"#name": name}, ExpressionAttributeValues={":value": {"S": value}})
    said = [f"{gone} is missing", f"{other} is not what its record says", f"{extra} is of nobody", f"{lying[0]} describes other bytes"]
    return sorted([*said, f"{silent[0]} is REJECTED and not SUCCEEDED: None"])


def test_a_load_with_duplicates_and_deaths_leaves_true_records(emulator, capsys):
    stack = Stack(emulator, "load", TableName="Load")
    load = Load(stack)
    # Small pictures are made as the stack makes them.
    seeds = ["fruit.jpg", "lighthouse-orientation-7.jpg", "leaf-alpha.png", "phone-with-gps.jpg", "balloons-palette.png", "lake-gray.jpg"]
    pictures = []
    for name in seeds:
        image = stack.put(f"seeds/{name}", picture(name))
        assert stack.wait(image)["status"] == "SUCCEEDED"
        thumb = next(key for key in stack.renditions(image) if "/thumb." in key)
        pictures.append(stack.s3.get_object(Bucket=stack.output, Key=thumb)["Body"].read())
        load.wanted[f"seeds/{name}"] = (picture(name), True)
    hasten(stack)
    tap = tapped(stack)
    poison = {json.dumps({"Records": [{"eventSource": f"somebody else's, {number}"}]}) for number in range(3)}
    for body in poison:
        stack.sqs.send_message(QueueUrl=stack.jobs, MessageBody=body)
    begun = time.monotonic()
    few = OBJECTS // 10
    with ThreadPoolExecutor(3) as pool:
        repeating, *others = [pool.submit(work) for work in (lambda: load.repeat(tap), load.listen, load.kill)]
        try:
            load.upload(load.plan(pictures))
            uploaded = time.monotonic() - begun
            until("nearly all is done", 300, lambda: load.rest() <= few)
            load.is_quiet.set()
            repeating.result()
            until("nearly all is done again", 300, lambda: load.rest() <= few)
        finally:
            load.is_quiet.set()
            load.is_over.set()
        for thread in others:
            thread.result()
    # What is left for long waits for the claims of the dead.
    until("only poison is left", 120, lambda: load.rest() == load.rest() == len(poison))
    seconds = time.monotonic() - begun
    stack.sqs.set_queue_attributes(QueueUrl=stack.jobs, Attributes={"RedrivePolicy": redrive(stack.outputs["DeadLetterQueueArn"], 5)})
    until("the queue is empty", 60, lambda: load.rest() == load.rest() == 0)
    dead = []
    while letters := stack.take(stack.dead):
        dead += [message["Body"] for message in letters]
    assert set(dead) <= poison and len(dead) == len(poison), dead
    # What is told comes by the table's stream, after the record.
    until("nothing more is told", 30, lambda: not load.hear() and not time.sleep(2) and not load.hear())
    assert faults(stack, load.wanted, load.told) == []
    # And a fault would have been seen.
    assert spoil(stack, load.wanted) == faults(stack, load.wanted, load.told)
    done = [line for line in stack.logs("process") if "outcome" in line]
    outcomes = Counter(line["outcome"] for line in done)
    returned = sum(line["goesBack"] for line in done)
    figures = {**load.numbers, **{f"jobs {outcome}": count for outcome, count in outcomes.items()}, "messages returned": returned}
    with capsys.disabled():
        print(f"\n{OBJECTS} objects in {seconds:.0f} s, {OBJECTS / seconds:.1f} a second, uploaded within {uploaded:.0f} s:", end=" ")
        print(", ".join(f"{count} {what}" for what, count in figures.items()))
    assert load.numbers["kills of process"] and load.numbers["duplicates"] and outcomes["dropped"]
