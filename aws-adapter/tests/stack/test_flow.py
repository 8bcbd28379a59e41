"""The stack, from the template to a picture's last byte: deployed into an emulator, used by boto3, curl and the AWS CLI."""

import hashlib
import json
import os
import tempfile
from pathlib import Path

import pytest

import template
from emulator import Emulator, until
from stack import ORIGIN, Stack, deploy, image_id, package, pause, picture


@pytest.fixture(scope="module")
def emulator():
    with tempfile.TemporaryDirectory(prefix="imgcore-stack-") as folder:
        emulator = Emulator(Path(folder))
        try:
            package(emulator, os.environ["IMGCORE_BOOTSTRAP"])
            yield emulator
        finally:
            emulator.stop()


@pytest.fixture(scope="module")
def stack(emulator):
    return Stack(emulator, "trial", AllowedOrigins=ORIGIN, AlarmEmail="ops@photos.example", MonthlyBudget="5")


@pytest.fixture(scope="module")
def ada(stack):
    return stack.user("ada")


@pytest.fixture(scope="module")
def bob(stack):
    return stack.user("bob")


@pytest.fixture(scope="module")
def root(stack):
    return stack.user("root", "admin")


def offer(stack, token, name="cat.jpg", data=None, content_type="image/jpeg"):
    """Offers an upload; gives the picture's name and where its bytes are to go."""
    status, _, body = stack.api("POST", "/images", token, {"filename": name, "contentType": content_type, "size": len(data)})
    assert status == 201, body
    answer = json.loads(body)
    return answer["imageId"], answer["upload"]


def upload(stack, token, data, name="cat.jpg"):
    """Offers and uploads; gives the picture's name once it is done."""
    image, where = offer(stack, token, name, data)
    # Two headers that a browser may send, and nothing of the function's own.
    assert set(where["headers"]) == {"content-type", "content-length"}, where
    status, _, body = stack.emulator.curl(where["method"], where["url"], None, where["headers"], data)
    assert status == 200, body
    stack.wait(image)
    return image


def test_what_the_emulator_does_not_know_is_listed_and_still_unknown(emulator):
    cloudformation = emulator.client("cloudformation")
    for number, kind in enumerate(template.unknown_types()):
        body = json.dumps({"Resources": {"Only": {"Type": kind, "Properties": {}}}})
        name = f"unknown-{number}"
        try:
            cloudformation.create_stack(StackName=name, TemplateBody=body)
        except cloudformation.exceptions.ClientError:
            continue
        stack = until(name, 20, lambda: (s := cloudformation.describe_stacks(StackName=name)["Stacks"][0]) and "PROGRESS" not in s["StackStatus"] and s)
        assert stack["StackStatus"] != "CREATE_COMPLETE", f"the emulator knows {kind} now: take it from unknown-types.json"


@pytest.mark.parametrize("key", ["plain.jpg", "uploads/two words.jpg", "a+b/c+d.jpg", "café/é ö+1.jpg", "100%25 sure&=?.jpg"])
def test_an_upload_becomes_renditions_a_record_and_an_event(stack, key):
    image = stack.put(key, picture("phone-with-gps.jpg"))
    item = stack.wait(image)
    assert (item["status"], item["key"]) == ("SUCCEEDED", key), item
    event = stack.hear(image, "SUCCEEDED")
    assert {rendition["key"] for rendition in event["renditions"]} == stack.renditions(image)
    assert [rendition["name"] for rendition in event["renditions"]] == ["thumb", "medium", "large"]
    for rendition in event["renditions"]:
        found = stack.s3.get_object(Bucket=stack.output, Key=rendition["key"])
        assert hashlib.sha256(found["Body"].read()).hexdigest() == rendition["sha256"]
        assert (found["ContentType"], found["CacheControl"]) == ("image/jpeg", "public, max-age=31536000, immutable")


def test_an_overwritten_picture_leaves_nothing_of_the_old_one(stack):
    image = stack.put("changing.jpg", picture("fruit.jpg"))
    first = stack.wait(image)
    old = stack.renditions(image)
    stack.put("changing.jpg", picture("dunes.jpg"))
    second = until("another version", 30, lambda: (i := stack.item(image)) and i["status"] == "SUCCEEDED" and i["sourceVersion"] != first["sourceVersion"] and i)
    assert second["sourceSha256"] == hashlib.sha256(picture("dunes.jpg")).hexdigest()
    until("the old renditions are gone", 10, lambda: len(stack.renditions(image)) == 3 and not old & stack.renditions(image))


def test_a_deleted_object_leaves_a_tombstone(stack):
    image = stack.put("short-lived.jpg", picture("fruit.jpg"))
    stack.wait(image, "SUCCEEDED")
    stack.s3.delete_object(Bucket=stack.input, Key="short-lived.jpg")
    stack.wait(image, "DELETED")
    stack.hear(image, "DELETED")
    assert stack.renditions(image) == set()


@pytest.mark.parametrize("name, code", [("corrupt.jpg", "truncated"), ("bomb.png", "limit_exceeded")])
def test_a_bad_picture_is_rejected_and_told(stack, name, code):
    image = stack.put(f"bad/{name}", picture(name))
    item = stack.wait(image)
    assert (item["status"], item["error"]["code"]["S"]) == ("REJECTED", code), item
    event = stack.hear(image, "REJECTED")
    assert (event["code"], event["renditions"]) == (code, [])
    assert stack.renditions(image) == set()


def test_poison_ends_among_the_dead_letters_and_hurts_no_neighbour(stack):
    poison = json.dumps({"Records": [{"eventSource": "somebody else's"}]})
    stack.emulator.aws("sqs", "send-message", "--queue-url", stack.jobs, "--message-body", poison)
    image = stack.put("neighbour.jpg", picture("fruit.jpg"))
    assert stack.wait(image)["status"] == "SUCCEEDED"
    dead = until("a dead letter", 40, lambda: stack.take(stack.dead))
    assert [message["Body"] for message in dead] == [poison]


def test_what_failed_is_told_and_ends_well_after_a_redrive(stack):
    # Somebody forbids the function to read; that may pass.
    before = json.loads(stack.s3.get_bucket_policy(Bucket=stack.input)["Policy"])
    role = stack.lambdas.get_function(FunctionName=f"{stack.name}-process")["Configuration"]["Role"]
    forbid = {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{stack.input}/forbidden/*"}
    after = {**before, "Statement": [*before["Statement"], forbid]}
    stack.s3.put_bucket_policy(Bucket=stack.input, Policy=json.dumps(after))
    image = stack.put("forbidden/later.jpg", picture("fruit.jpg"))
    assert stack.wait(image)["error"]["code"]["S"] == "source_forbidden"
    assert stack.hear(image, "FAILED")["code"] == "source_forbidden"
    dead = until("a dead letter", 40, lambda: stack.take(stack.dead))
    assert stack.item(image)["status"] == "FAILED"
    stack.s3.put_bucket_policy(Bucket=stack.input, Policy=json.dumps(before))
    for message in dead:
        stack.sqs.send_message(QueueUrl=stack.jobs, MessageBody=message["Body"])
    stack.wait(image, "SUCCEEDED")
    stack.hear(image, "SUCCEEDED")
    assert len(stack.renditions(image)) == 3


def test_the_api_refuses_whoever_has_no_token(stack, ada):
    assert stack.api("GET", "/livez")[0] == 200
    forged = ada[:-6] + ("AAAAAA" if ada[-6:] != "AAAAAA" else "BBBBBB")
    for token in (None, "sorry", forged):
        for method, path in (("GET", "/images"), ("POST", "/images"), ("GET", f"/images/{'a' * 26}"), ("DELETE", f"/images/{'a' * 26}")):
            status, _, _ = stack.api(method, path, token, {} if method == "POST" else None)
            assert status == 401, (method, path, token)
    assert stack.api("GET", "/images", ada)[0] == 200


def test_a_picture_goes_through_the_api(stack, ada):
    data = picture("lighthouse-orientation-7.jpg")
    image = upload(stack, ada, data, "my + cät.jpg")
    status, headers, body = stack.api("GET", f"/images/{image}", ada)
    record = json.loads(body)
    assert (status, record["status"], record["filename"]) == (200, "SUCCEEDED", "my + cät.jpg"), body
    assert stack.api("GET", f"/images/{image}", ada, headers={"If-None-Match": headers["etag"]})[0] == 304
    for rendition in record["renditions"]:
        status, headers, _ = stack.api("GET", f"/images/{image}/renditions/{rendition['name']}", ada)
        assert status == 302
        status, found, body = stack.emulator.curl("GET", headers["location"])
        assert (status, hashlib.sha256(body).hexdigest(), found["content-type"]) == (200, rendition["sha256"], "image/jpeg")
    listed = json.loads(stack.api("GET", "/images?status=SUCCEEDED&limit=100", ada)[2])["items"]
    assert image in [item["imageId"] for item in listed]


def test_a_signed_upload_is_for_one_type_one_size_and_one_key(stack, ada):
    data = picture("fruit.jpg")
    image, where = offer(stack, ada, "cat.jpg", data)
    put = lambda url, headers, data: stack.emulator.curl("PUT", url, None, headers, data)[0]
    for kind in ("text/html", "image/png", ""):
        assert put(where["url"], {**where["headers"], "content-type": kind}, data) == 403, kind
    assert put(where["url"].replace("cat.jpg", "dog.jpg"), where["headers"], data) == 403
    assert put(where["url"], {name: value for name, value in where["headers"].items() if name != "content-length"}, data + b"!") == 403
    assert stack.item(image)["status"] == "PENDING"
    assert put(where["url"], where["headers"], data) == 200
    stack.wait(image, "SUCCEEDED")


def test_another_user_sees_nothing_and_an_administrator_all(stack, ada, bob, root):
    image = upload(stack, ada, picture("fruit.jpg"))
    ids = lambda token: [item["imageId"] for item in json.loads(stack.api("GET", "/images?limit=100", token)[2])["items"]]
    assert ids(bob) == []
    for method, path in (("GET", f"/images/{image}"), ("GET", f"/images/{image}/renditions/thumb"), ("DELETE", f"/images/{image}")):
        assert stack.api(method, path, bob)[0] == 404, (method, path)
    assert stack.item(image)["status"] == "SUCCEEDED"
    assert image in ids(ada) and image in ids(root)
    assert stack.api("GET", f"/images/{image}", root)[0] == 200
    # What nobody has offered is an administrator's alone.
    nobodys = image_id(stack.input, "plain.jpg")
    assert nobodys in ids(root) and nobodys not in ids(ada)


def test_a_deletion_erases_every_version(stack, ada):
    image = upload(stack, ada, picture("fruit.jpg"))
    key = stack.item(image)["key"]
    stack.s3.put_object(Bucket=stack.input, Key=key, Body=picture("dunes.jpg"))
    until("the second version", 30, lambda: stack.item(image).get("sourceSha256") == hashlib.sha256(picture("dunes.jpg")).hexdigest())
    stack.wait(image, "SUCCEEDED")
    for _ in range(2):
        assert stack.api("DELETE", f"/images/{image}", ada)[0] == 204
    versions = stack.s3.list_object_versions(Bucket=stack.input, Prefix=key)
    assert not versions.get("Versions") and not versions.get("DeleteMarkers")
    assert stack.renditions(image) == set()
    assert json.loads(stack.api("GET", f"/images/{image}", ada)[2])["status"] == "DELETED"
    assert stack.api("GET", f"/images/{image}/renditions/thumb", ada)[0] == 404
    stack.hear(image, "DELETED")


def test_an_offer_is_withdrawn(stack, ada):
    image, _ = offer(stack, ada, data=b"never sent")
    assert stack.item(image)["expiresAt"]
    assert stack.api("DELETE", f"/images/{image}", ada)[0] == 204
    assert stack.item(image)["status"] == "DELETED"


@pytest.mark.parametrize("key, status, record", [
    ("steps/good.jpg", "SUCCEEDED", "SUCCEEDED"), ("steps/text.jpg", "SUCCEEDED", "REJECTED"), ("steps/nowhere.jpg", "SUCCEEDED", None),
])
def test_the_state_machine_takes_a_picture_through_its_steps(stack, key, status, record):
    machines = stack.emulator.client("stepfunctions")
    image = image_id(stack.input, key)
    if record:
        stack.put(key, b"no picture" if record == "REJECTED" else picture("fruit.jpg"))
    started = machines.start_execution(stateMachineArn=stack.outputs["ImageMachine"], input=json.dumps({"bucket": stack.input, "key": key}))
    ended = until("the execution ends", 60, lambda: (e := machines.describe_execution(executionArn=started["executionArn"])) and e["status"] != "RUNNING" and e)
    assert ended["status"] == status, ended
    item = stack.item(image)
    assert item["status"] == record if record else item is None
    if record == "REJECTED":
        assert json.loads(ended["output"])["error"]["Error"] == "unknown_format"


def test_an_existing_bucket_is_listened_to_and_left_as_it_is(emulator):
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="grown-up", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_notification_configuration(Bucket="grown-up", NotificationConfiguration={"EventBridgeConfiguration": {}})
    seen = lambda: [
        {name: value for name, value in ask(Bucket="grown-up").items() if name != "ResponseMetadata"}
        for ask in (s3.get_bucket_notification_configuration, s3.get_bucket_versioning)
    ]
    before = seen()
    # Two stages live in one account.
    second = Stack(emulator, "second", ExistingInputBucket="grown-up", InputPrefix="photos/", TableName="Second")
    assert (second.input, second.table) == ("grown-up", "Second")
    image = second.put("photos/a + é.jpg", picture("fruit.jpg"))
    other = second.put("papers/scan.jpg", picture("fruit.jpg"))
    assert second.wait(image)["status"] == "SUCCEEDED"
    assert second.hear(image, "SUCCEEDED")
    token = second.user("eve")
    assert second.item(upload(second, token, picture("fruit.jpg")))["status"] == "SUCCEEDED"
    second.s3.delete_object(Bucket="grown-up", Key="photos/a + é.jpg")
    second.wait(image, "DELETED")
    pause(1)
    assert second.item(other) is None
    assert seen() == before
    with pytest.raises(s3.exceptions.ClientError):
        s3.get_bucket_policy(Bucket="grown-up")


@pytest.mark.parametrize("given, said", [
    ({"ExistingInputBucket": "photos", "OutputBucketName": "photos"}, "OutputBucketName must not be ExistingInputBucket"),
    ({"Issuer": "https://id.example"}, "Issuer needs Audience"),
    ({"ConfigBucket": "settings", "ConfigKey": "imgcore.json"}, "ConfigBucket needs ConfigKey and ConfigVersion"),
])
def test_what_cannot_be_meant_is_refused_before_anything_is_made(emulator, given, said):
    done = deploy(emulator, "refused", {"TableName": "Refused", **given})
    assert done.returncode != 0 and said in done.stdout + done.stderr, done


def test_no_right_was_missing_and_no_line_says_a_filename(stack):
    lines = [line for role in ("process", "publish", "api") for line in stack.logs(role)]
    assert lines
    denied = [line for line in lines if "AccessDenied" in json.dumps(line) or line.get("code") == "source_forbidden"]
    # But for the picture that a test forbids.
    allowed = image_id(stack.input, "forbidden/later.jpg")
    assert [line for line in denied if line.get("imageId") != allowed] == []
    assert not [line for line in lines if ".jpg" in json.dumps(line)]
    assert stack.take(stack.dead) == [] and stack.take(stack.outputs["UntoldQueueUrl"]) == []
