"""The stack, from the template to a picture's last byte: deployed into an emulator, used by boto3, curl and the AWS CLI."""

import base64
import hashlib
import json
import time
from urllib.parse import quote_plus

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

import template
from emulator import until
from stack import ORIGIN, Stack, deploy, image_id, pause, picture, signed_by


@pytest.fixture(scope="module")
def stack(emulator):
    return Stack(emulator, "trial", AllowedOrigins=ORIGIN, AlarmEmail="ops@photos.example", MonthlyBudget="5")


@pytest.fixture(scope="module")
def looking(emulator):
    """A stack that asks Rekognition, and whose renditions are public."""
    stack = Stack(emulator, "looking", TableName="Looking", Analyses="faces,text,moderation", Cdn="public", AllowedOrigins=ORIGIN)
    stack.hurry(stack.outputs["AnalysisQueueUrl"], stack.outputs["AnalysisDeadLetterQueueArn"])
    return stack


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def closed(emulator, key):
    """A stack with a name of its own, whose callers sign with AWS credentials, and whose renditions have signed links."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    secret = emulator.client("secretsmanager").create_secret(Name="links", SecretString=pem)["ARN"]
    zone = emulator.client("route53").create_hosted_zone(Name="photos.example", CallerReference="zone")["HostedZone"]["Id"].split("/")[-1]
    certificate = emulator.client("acm").request_certificate(DomainName="api.photos.example")["CertificateArn"]
    return Stack(emulator, "closed", TableName="Closed", Cdn="signed", CdnPublicKey=public, CdnPrivateKeySecret=secret,
                 ApiAuthorizer="AWS_IAM", AdminRole="imgcore-admin",
                 DomainName="api.photos.example", CertificateArn=certificate, HostedZoneId=zone)


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


def executed(stack, machine, wish, seconds=60):
    """Starts an execution of a state machine, and waits for its end."""
    machines = stack.emulator.client("stepfunctions")
    started = machines.start_execution(stateMachineArn=stack.outputs[machine], input=json.dumps(wish))
    ended = lambda: (e := machines.describe_execution(executionArn=started["executionArn"])) and e["status"] != "RUNNING" and e
    return until("the execution ends", seconds, ended)


@pytest.mark.parametrize("key, status, record", [
    ("steps/good.jpg", "SUCCEEDED", "SUCCEEDED"), ("steps/text.jpg", "SUCCEEDED", "REJECTED"), ("steps/nowhere.jpg", "SUCCEEDED", None),
])
def test_the_state_machine_takes_a_picture_through_its_steps(stack, key, status, record):
    image = image_id(stack.input, key)
    if record:
        stack.put(key, b"no picture" if record == "REJECTED" else picture("fruit.jpg"))
    ended = executed(stack, "ImageMachine", {"bucket": stack.input, "key": key})
    assert ended["status"] == status, ended
    item = stack.item(image)
    assert item["status"] == record if record else item is None
    if record == "REJECTED":
        assert json.loads(ended["output"])["error"]["Error"] == "unknown_format"
    # This stack analyses nothing.
    assert "analysed" not in json.loads(ended["output"])


# The backfill.

ODD = ["backfill/two words.jpg", "backfill/a+b.jpg", "backfill/café/é ö+1.jpg", "backfill/100%25 sure&=?.jpg"]


def unheard(stack, keys, data):
    """Puts objects of which the stack hears nothing, as if they had been there before."""
    before = stack.s3.get_bucket_notification_configuration(Bucket=stack.input)
    stack.s3.put_bucket_notification_configuration(Bucket=stack.input, NotificationConfiguration={})
    for key in keys:
        stack.s3.put_object(Bucket=stack.input, Key=key, Body=data)
    stack.s3.put_bucket_notification_configuration(
        Bucket=stack.input, NotificationConfiguration={"QueueConfigurations": before["QueueConfigurations"]})
    pause(1)
    assert all(stack.item(image_id(stack.input, key)) is None for key in keys)


def test_a_backfill_takes_every_object_of_a_prefix_and_counts_them(stack):
    unheard(stack, ODD, picture("fruit.jpg"))
    unheard(stack, ["backfill/folder/", "backfill/empty.jpg"], b"")
    unheard(stack, ["backfill/notes.txt"], b"no picture")
    unheard(stack, ["elsewhere.jpg"], picture("fruit.jpg"))
    ended = executed(stack, "BackfillMachine", {"bucket": stack.input, "prefix": "backfill/", "concurrency": 2}, 120)
    assert ended["status"] == "SUCCEEDED", ended
    counts = json.loads(ended["output"])
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (7, 7, 0), counts
    for key in ODD:
        image = image_id(stack.input, key)
        assert stack.item(image)["status"] == "SUCCEEDED", key
        assert len(stack.renditions(image)) == 3
    assert stack.item(image_id(stack.input, "backfill/notes.txt"))["status"] == "REJECTED"
    for key in ("backfill/folder/", "backfill/empty.jpg", "elsewhere.jpg"):
        assert stack.item(image_id(stack.input, key)) is None, key


def test_a_backfill_says_what_failed_and_a_run_over_the_report_mends_it(stack):
    key = "mended/é + 1.jpg"
    unheard(stack, [key, "mended/fine.jpg"], picture("fruit.jpg"))
    before = json.loads(stack.s3.get_bucket_policy(Bucket=stack.input)["Policy"])
    role = stack.lambdas.get_function(FunctionName=f"{stack.name}-process")["Configuration"]["Role"]
    forbid = {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{stack.input}/mended/é*"}
    stack.s3.put_bucket_policy(Bucket=stack.input, Policy=json.dumps({**before, "Statement": [*before["Statement"], forbid]}))
    try:
        ended = executed(stack, "BackfillMachine", {"bucket": stack.input, "prefix": "mended/"}, 120)
    finally:
        stack.s3.put_bucket_policy(Bucket=stack.input, Policy=json.dumps(before))
    assert (ended["status"], ended["error"]) == ("FAILED", "backfill_incomplete"), ended
    counts = json.loads(ended["cause"])
    assert (counts["total"], counts["succeeded"], counts["failed"]) == (2, 1, 1), counts
    assert stack.item(image_id(stack.input, key))["status"] == "FAILED"
    # The emulator writes no report, but knows what would be in it.
    machines = stack.emulator.client("stepfunctions")
    [child] = [child for child in machines.list_executions(mapRunArn=counts["mapRun"])["executions"] if child["status"] == "FAILED"]
    failed = machines.describe_execution(executionArn=child["executionArn"])
    assert failed["error"] == "source_forbidden"
    # One of a run before, and one that has failed in a run over a report.
    report = [{"ExecutionArn": failed["executionArn"], "Status": "FAILED", "Error": failed["error"], "Input": given}
              for given in (failed["input"], json.dumps({"again": json.loads(failed["input"])}))]
    stack.s3.put_object(Bucket=stack.output, Key="reports/backfill/1/FAILED_0.json", Body=json.dumps(report))
    ended = executed(stack, "BackfillMachine", {"failures": "reports/backfill/1/FAILED"}, 120)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["total"] == 2
    assert stack.item(image_id(stack.input, key))["status"] == "SUCCEEDED"


def test_a_backfill_reads_the_keys_of_an_inventory_as_s3_writes_them(stack):
    keys = [key.replace("backfill/", "listed/") for key in ODD]
    unheard(stack, keys, picture("fruit.jpg"))
    # The emulator follows no manifest, and reads what a manifest would name.
    lines = [(stack.input, quote_plus(key, safe="/"), "100", "true") for key in keys]
    lines += [(stack.input, "listed/folder/", "0", "true"), (stack.input, "listed/empty.jpg", "0", "true"), (stack.input, "listed/old.jpg", "9", "false")]
    rows = "".join(",".join(f'"{field}"' for field in line) + "\n" for line in [("Bucket", "Key", "Size", "IsLatest"), *lines])
    stack.s3.put_object(Bucket=stack.input, Key="inventory.csv", Body=rows)
    machines = stack.emulator.client("stepfunctions")
    machine = machines.describe_state_machine(stateMachineArn=stack.outputs["BackfillMachine"])
    definition = json.loads(machine["definition"])
    reader = definition["States"]["Inventory"]["ItemReader"]
    assert reader["ReaderConfig"] == {"InputType": "MANIFEST"}
    reader["ReaderConfig"] = {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"}
    plain = machines.create_state_machine(name="plain-inventory", definition=json.dumps(definition), roleArn=machine["roleArn"])
    stack.outputs["PlainInventory"] = plain["stateMachineArn"]
    ended = executed(stack, "PlainInventory", {"inventory": {"bucket": stack.input, "key": "inventory.csv"}}, 120)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"])["total"] == len(lines)
    for key in keys:
        assert stack.item(image_id(stack.input, key))["status"] == "SUCCEEDED", key
    for key in ("listed/folder/", "listed/empty.jpg", "listed/old.jpg"):
        assert stack.item(image_id(stack.input, key)) is None, key


def test_a_backfill_of_nothing_in_particular_is_refused(stack):
    ended = executed(stack, "BackfillMachine", {"prefix": "everything/"})
    assert (ended["status"], ended["error"]) == ("FAILED", "invalid_request"), ended


# The analysis.

BOX = {"left": 0.25, "top": 0.125, "width": 0.5, "height": 0.25}
FOUND = {
    "faces": [{"box": BOX, "confidence": 99.5}],
    "text": [{"text": "HARBOUR 7", "box": BOX, "confidence": 98.5}],
    "moderation": [{"name": "Drinking", "parent": "Alcohol", "confidence": 75.5}],
}


def analysis(stack, token, image):
    """What the API says of what a picture shows."""
    return json.loads(stack.api("GET", f"/images/{image}", token)[2]).get("analysis")


def test_a_rendered_picture_is_looked_at_once_and_its_record_says_what_was_found(looking, rekognition):
    rekognition.asked.clear()
    root = looking.user("root", "admin")
    image = looking.put("harbour + é.png", picture("leaf-alpha.png"), "image/png")
    looking.wait(image, "SUCCEEDED")
    found = until("what was found", 30, lambda: analysis(looking, root, image))
    assert found == FOUND
    # To tell of it is no news, which would be looked at again.
    pause(3)
    assert sorted(action for action, _ in rekognition.asked) == ["DetectFaces", "DetectModerationLabels", "DetectText"]
    assert all(data.startswith(b"\xff\xd8\xff") and len(data) < 5 << 20 for _, data in rekognition.asked)
    bad = looking.put("bad.jpg", b"no picture")
    looking.wait(bad, "REJECTED")
    pause(2)
    assert len(rekognition.asked) == 3


def test_the_state_machine_takes_a_picture_through_all_four_steps(looking, rekognition):
    root = looking.user("root-of-steps", "admin")
    unheard(looking, ["steps/whole.jpg"], picture("fruit.jpg"))
    ended = executed(looking, "ImageMachine", {"bucket": looking.input, "key": "steps/whole.jpg"})
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    image = image_id(looking.input, "steps/whole.jpg")
    assert output["validated"]["image"] and output["rendered"]["image"]["status"] == "SUCCEEDED"
    assert (output["analysed"]["found"]["imageId"], output["analysed"]["found"]["analysis"]) == (image, FOUND)
    assert output["recorded"] == {"outcome": "recorded"} and analysis(looking, root, image) == FOUND
    # What cannot be rendered is neither looked at nor recorded.
    looking.put("steps/bad.jpg", b"no picture")
    ended = executed(looking, "ImageMachine", {"bucket": looking.input, "key": "steps/bad.jpg"})
    assert ended["status"] == "SUCCEEDED" and not {"analysed", "recorded"} & set(json.loads(ended["output"])), ended


def test_a_picture_that_cannot_be_analysed_stays_rendered(looking):
    key = "unseen/private.jpg"
    unheard(looking, [key], picture("fruit.jpg"))
    before = json.loads(looking.s3.get_bucket_policy(Bucket=looking.input)["Policy"])
    role = looking.lambdas.get_function(FunctionName=f"{looking.name}-analyse")["Configuration"]["Role"]
    forbid = {"Effect": "Deny", "Principal": {"AWS": role}, "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{looking.input}/unseen/*"}
    looking.s3.put_bucket_policy(Bucket=looking.input, Policy=json.dumps({**before, "Statement": [*before["Statement"], forbid]}))
    image = image_id(looking.input, key)
    try:
        ended = executed(looking, "ImageMachine", {"bucket": looking.input, "key": key})
        # The event of the same picture ends among the analysis's own dead letters.
        dead = until("a dead letter", 60, lambda: looking.take(looking.outputs["AnalysisDeadLetterQueueUrl"]))
    finally:
        looking.s3.put_bucket_policy(Bucket=looking.input, Policy=json.dumps(before))
    # What it said of that is looked for at the end, among what it should not have said.
    looking.forbidden = [line for line in looking.logs("analyse") if line.get("code") == "source_forbidden"]
    assert looking.forbidden and ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert output["error"]["Error"] == "source_forbidden" and "recorded" not in output, output
    assert looking.item(image)["status"] == "SUCCEEDED" and len(looking.renditions(image)) == 3
    events = looking.emulator.client("stepfunctions").get_execution_history(executionArn=ended["executionArn"], maxResults=1000)["events"]
    assert "RenderedOnly" in [event.get("stateEnteredEventDetails", {}).get("name") for event in events]
    [message] = dead
    assert json.loads(message["Body"])["detail"]["imageId"] == image
    # As a redrive does.
    looking.sqs.send_message(QueueUrl=looking.outputs["AnalysisQueueUrl"], MessageBody=message["Body"])
    root = looking.user("root-of-dead", "admin")
    assert until("what was found", 30, lambda: analysis(looking, root, image)) == FOUND


def test_a_service_that_is_busy_is_asked_again(looking, rekognition):
    root = looking.user("root-of-busy", "admin")
    rekognition.asked.clear()
    rekognition.refusal = "ProvisionedThroughputExceededException"
    try:
        image = looking.put("busy.jpg", picture("fruit.jpg"))
        looking.wait(image, "SUCCEEDED")
        until("it was asked", 20, lambda: rekognition.asked)
        pause(2)
        assert analysis(looking, root, image) is None
    finally:
        rekognition.refusal = None
    assert until("what was found", 40, lambda: analysis(looking, root, image)) == FOUND


# The CDN.

def view(stack, path, method="GET", headers=(), scheme="https"):
    """Asks the distribution, as a browser would."""
    fields = {"Host": stack.outputs["CdnDomain"], "X-Forwarded-Proto": scheme, **dict(headers)}
    return stack.emulator.curl(method, f"{stack.emulator.url}{path}", None, fields)


def test_a_public_rendition_comes_by_the_distribution_and_nothing_else_does(looking):
    root = looking.user("root-of-cdn", "admin")
    image = looking.put("seen.jpg", picture("fruit.jpg"))
    looking.wait(image, "SUCCEEDED")
    rendition = json.loads(looking.api("GET", f"/images/{image}", root)[2])["renditions"][0]
    status, headers, _ = looking.api("GET", f"/images/{image}/renditions/{rendition['name']}", root)
    assert (status, headers["location"]) == (302, f"https://{looking.outputs['CdnDomain']}/{rendition['key']}")
    path = f"/{rendition['key']}"
    status, headers, body = view(looking, path, headers={"Origin": ORIGIN})
    assert (status, hashlib.sha256(body).hexdigest(), headers["content-type"]) == (200, rendition["sha256"], "image/jpeg")
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    assert headers["x-content-type-options"] == "nosniff" and headers["strict-transport-security"].startswith("max-age=63072000")
    assert headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-origin" not in view(looking, path, headers={"Origin": "https://elsewhere.example"})[1]
    assert view(looking, path, "PUT")[0] == 403 and view(looking, path, "DELETE")[0] == 403
    assert view(looking, path, scheme="http")[0] == 403
    looking.s3.put_object(Bucket=looking.output, Key="reports/backfill/1/FAILED_0.json", Body=b"[]")
    for other in ("/reports/backfill/1/FAILED_0.json", "/", "/renditions", "/renditions/nothing.jpg"):
        assert view(looking, other)[0] == 403, other
    # Nobody but this distribution reads the bucket.
    assert looking.emulator.curl("GET", f"{looking.emulator.url}/{looking.output}{path}")[0] == 403


def test_a_signed_link_is_verified_by_the_public_key_and_ends_within_ten_minutes(closed, emulator, key):
    root = signed_by(emulator, "imgcore-admin")
    image = closed.put("seen.jpg", picture("fruit.jpg"))
    closed.wait(image, "SUCCEEDED")
    status, headers, body = closed.api("GET", f"/images/{image}/renditions/thumb", root)
    assert status == 302, body
    plain, query = headers["location"].split("?")
    fields = dict(field.split("=", 1) for field in query.split("&"))
    assert plain.startswith(f"https://{closed.outputs['CdnDomain']}/renditions/{image}/thumb.")
    assert set(fields) == {"Expires", "Signature", "Key-Pair-Id", "Hash-Algorithm"} and fields["Hash-Algorithm"] == "SHA256"
    assert 0 < int(fields["Expires"]) - time.time() <= 600
    # The emulator makes no public key: its name stands for its id.
    assert fields["Key-Pair-Id"] == "CdnKey"
    policy = '{"Statement":[{"Resource":"%s","Condition":{"DateLessThan":{"AWS:EpochTime":%s}}}]}' % (plain, fields["Expires"])
    signature = base64.b64decode(fields["Signature"].translate(str.maketrans("-_~", "+=/")))
    key.public_key().verify(signature, policy.encode(), padding.PKCS1v15(), hashes.SHA256())
    status, _, body = view(closed, headers["location"].removeprefix(f"https://{closed.outputs['CdnDomain']}"))
    assert (status, body[:3]) == (200, b"\xff\xd8\xff")


# Callers with AWS credentials, and a name of one's own.

def test_callers_with_aws_credentials_see_their_own_and_the_admin_role_all(closed, emulator):
    anna, otto, root = (signed_by(emulator, name) for name in ("anna", "otto", "imgcore-admin"))
    assert closed.api("GET", "/livez")[0] == 200
    assert closed.api("GET", "/images")[0] == 403
    image = upload(closed, anna, picture("fruit.jpg"))
    for caller, status in ((anna, 200), (otto, 404), (root, 200)):
        assert closed.api("GET", f"/images/{image}", caller)[0] == status
    assert closed.api("DELETE", f"/images/{image}", otto)[0] == 404
    assert closed.api("DELETE", f"/images/{image}", anna)[0] == 204
    cognito = emulator.client("cognito-idp")
    assert "closed" not in [pool["Name"] for pool in cognito.list_user_pools(MaxResults=60)["UserPools"]]


def test_the_api_has_its_own_name(closed, emulator):
    assert closed.outputs["ApiUrl"] == "https://api.photos.example"
    api = emulator.client("apigatewayv2")
    [configuration] = api.get_domain_name(DomainName="api.photos.example")["DomainNameConfigurations"]
    assert (configuration["EndpointType"], configuration["SecurityPolicy"]) == ("REGIONAL", "TLS_1_2")
    [mapping] = api.get_api_mappings(DomainName="api.photos.example")["Items"]
    assert (mapping["ApiId"], mapping["Stage"]) == (closed.api_id(), "$default")
    route53 = emulator.client("route53")
    [zone] = [zone for zone in route53.list_hosted_zones()["HostedZones"] if zone["Name"] == "photos.example."]
    records = route53.list_resource_record_sets(HostedZoneId=zone["Id"])["ResourceRecordSets"]
    targets = {record["Type"]: record["AliasTarget"]["DNSName"] for record in records if record["Name"] == "api.photos.example."}
    assert set(targets) == {"A", "AAAA"} and all(name.rstrip(".") == closed.outputs["ApiAddress"] for name in targets.values())


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


PUBLIC = "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n"
SECRET = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:links-a1b2c3"
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/1"


@pytest.mark.parametrize("given, said", [
    ({"ExistingInputBucket": "photos", "OutputBucketName": "photos"}, "OutputBucketName must not be ExistingInputBucket"),
    ({"Issuer": "https://id.example"}, "Issuer needs Audience"),
    ({"ConfigBucket": "settings", "ConfigKey": "imgcore.json"}, "ConfigBucket needs ConfigKey and ConfigVersion"),
    ({"Cdn": "signed", "CdnPrivateKeySecret": SECRET}, "Cdn signed needs CdnPublicKey and CdnPrivateKeySecret"),
    ({"Cdn": "signed", "CdnPublicKey": PUBLIC}, "Cdn signed needs CdnPublicKey and CdnPrivateKeySecret"),
    ({"Cdn": "public", "CdnPublicKey": PUBLIC, "CdnPrivateKeySecret": SECRET}, "CdnPublicKey and CdnPrivateKeySecret need Cdn signed"),
    ({"CdnPrivateKeySecret": SECRET}, "CdnPublicKey and CdnPrivateKeySecret need Cdn signed"),
    ({"Cdn": "public", "CdnDomainName": "img.photos.example"}, "CdnDomainName and CdnCertificateArn need each other"),
    ({"CdnDomainName": "img.photos.example", "CdnCertificateArn": CERTIFICATE}, "CdnDomainName and CdnCertificateArn need each other"),
    ({"ApiAuthorizer": "AWS_IAM", "Issuer": "https://id.example", "Audience": "photos"}, "ApiAuthorizer AWS_IAM takes no Issuer"),
    ({"AdminRole": "imgcore-admin"}, "AdminRole needs ApiAuthorizer AWS_IAM"),
    ({"DomainName": "api.photos.example"}, "DomainName needs CertificateArn"),
    ({"HostedZoneId": "Z1"}, "DomainName needs CertificateArn"),
])
def test_what_cannot_be_meant_is_refused_before_anything_is_made(emulator, given, said):
    done = deploy(emulator, "refused", {"TableName": "Refused", **given})
    assert done.returncode != 0 and said in done.stdout + done.stderr, done


def test_no_right_was_missing_and_no_line_says_a_filename(stack, looking, closed):
    lines = [line for where in (stack, looking, closed) for role in ("process", "publish", "api") for line in where.logs(role)]
    seen = looking.logs("analyse")
    assert lines and seen
    denied = [line for line in lines + seen if "AccessDenied" in json.dumps(line) or line.get("code") == "source_forbidden"]
    # But for the pictures that a test forbids.
    forbidden = [image_id(stack.input, key) for key in ("forbidden/later.jpg", "mended/é + 1.jpg")]
    assert [line for line in denied if line.get("imageId") not in forbidden and line not in looking.forbidden] == []
    assert not [line for line in lines + seen if ".jpg" in json.dumps(line)]
    queues = (stack.dead, looking.dead, closed.dead, stack.outputs["UntoldQueueUrl"], looking.outputs["AnalysisDeadLetterQueueUrl"])
    assert all(stack.take(queue) == [] for queue in queues)
