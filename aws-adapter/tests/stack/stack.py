"""A stack that is deployed in the emulator, as `aws cloudformation` deploys it, and what a user of it does."""

import base64
import hashlib
import json
import secrets
import time
import zipfile
from pathlib import Path

import template
from emulator import until

ORIGIN = "https://photos.example"
PICTURES = template.HERE / "../../test-images"
FINAL = ("SUCCEEDED", "REJECTED", "FAILED", "DELETED")


def image_id(bucket, key):
    """As the design says: whoever knows bucket and key knows the name."""
    digest = hashlib.sha256(bucket.encode() + b"\0" + key.encode()).digest()
    return base64.b32encode(digest).decode().lower()[:26]


def picture(name):
    """One of the project's test pictures."""
    return (PICTURES / name).read_bytes()


def redrive(dead_letters, count):
    """A policy that lets a message come so many times."""
    return json.dumps({"deadLetterTargetArn": dead_letters, "maxReceiveCount": count})


class Stack:
    """A deployed stack and its clients."""

    def __init__(self, emulator, name, **parameters):
        self.emulator, self.name = emulator, name
        self.s3, self.sqs, self.dynamodb = (emulator.client(service) for service in ("s3", "sqs", "dynamodb"))
        self.cognito, self.events, self.lambdas = (emulator.client(service) for service in ("cognito-idp", "events", "lambda"))
        self.outputs = self.deploy(parameters)
        self.input, self.output, self.table = (self.outputs[name] for name in ("InputBucket", "OutputBucket", "Table"))
        self.jobs, self.dead = self.outputs["JobsQueueUrl"], self.outputs["DeadLetterQueueUrl"]
        self.hurry(self.jobs, self.outputs["DeadLetterQueueArn"])
        self.told = self.listen()

    def hurry(self, queue, dead_letters):
        """The template's times are for a function that may take minutes: here a returned message comes again after seconds, and twice."""
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "4", "RedrivePolicy": redrive(dead_letters, 2)})

    def deploy(self, parameters):
        """Deploys the template; gives its outputs."""
        done = deploy(self.emulator, self.name, parameters)
        assert done.returncode == 0, done
        stack = self.emulator.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def queue_for(self, service, name):
        """A queue that a service may write into; gives its URL and its ARN."""
        queue = self.sqs.create_queue(QueueName=f"{self.name}-{name}")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sqs:SendMessage", "Resource": arn}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        return queue, arn

    def listen(self):
        """A queue that hears what the stack tells."""
        queue, arn = self.queue_for("events.amazonaws.com", "told")
        pattern = {"source": ["imgcore"], "detail-type": ["ImageProcessed"], "detail": {"bucket": [self.input]}}
        self.events.put_rule(Name=f"{self.name}-told", EventPattern=json.dumps(pattern))
        self.events.put_targets(Rule=f"{self.name}-told", Targets=[{"Id": "told", "Arn": arn}])
        self.heard = []
        return queue

    def hear(self, image, status, seconds=20):
        """Waits for the event that says so."""
        def ask():
            for message in self.take(self.told):
                self.heard.append(json.loads(message["Body"])["detail"])
            return next((detail for detail in self.heard if (detail["imageId"], detail["status"]) == (image, status)), None)
        return until(f"{image} is told to be {status}", seconds, ask)

    def take(self, queue):
        """Receives messages, and deletes them."""
        messages = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return messages

    def put(self, key, data, content_type="image/jpeg"):
        """Uploads as a program with rights does; gives the picture's name."""
        self.s3.put_object(Bucket=self.input, Key=key, Body=data, ContentType=content_type)
        return image_id(self.input, key)

    def item(self, image):
        """The record as it lies in the table."""
        item = self.dynamodb.get_item(TableName=self.table, Key={"imageId": {"S": image}}, ConsistentRead=True).get("Item")
        return item and {name: next(iter(value.values())) for name, value in item.items()}

    def wait(self, image, *states, seconds=30):
        """Waits until the record is in one of these states."""
        seen = lambda: (item := self.item(image)) and item["status"] in (states or FINAL) and item
        return until(f"{image} is {states or 'done'}", seconds, seen)

    def renditions(self, image):
        """The keys of what was made of a picture."""
        listed = self.s3.list_objects_v2(Bucket=self.output, Prefix=f"renditions/{image}/")
        return {found["Key"] for found in listed.get("Contents", [])}

    def user(self, name, *groups):
        """A token of a new user."""
        pool, password = self.outputs["UserPoolId"], secrets.token_urlsafe(20)
        address = f"{name}@{self.name}.example"
        self.cognito.admin_create_user(UserPoolId=pool, Username=address, TemporaryPassword=password, MessageAction="SUPPRESS")
        self.cognito.admin_set_user_password(UserPoolId=pool, Username=address, Password=password, Permanent=True)
        for group in groups:
            self.cognito.admin_add_user_to_group(UserPoolId=pool, Username=address, GroupName=group)
        answer = self.cognito.admin_initiate_auth(
            UserPoolId=pool, ClientId=self.outputs["UserPoolClientId"], AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": address, "PASSWORD": password})
        return answer["AuthenticationResult"]["IdToken"]

    def api(self, method, path, token=None, data=None, headers=()):
        """Asks the API."""
        url = f"{self.emulator.url}/_aws/execute-api/{self.api_id()}/$default{path}"
        headers = {**dict(headers), **({"Content-Type": "application/json"} if data is not None else {})}
        return self.emulator.curl(method, url, token, headers, data)

    def api_id(self):
        """What the API is called, by whatever name it answers."""
        apis = self.emulator.client("apigatewayv2").get_apis()["Items"]
        return next(api["ApiId"] for api in apis if api["Name"] == self.name)

    def logs(self, role):
        """What a function has printed, as lines of JSON."""
        pages = self.emulator.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{self.name}-{role}")
        texts = [event["message"].strip() for page in pages for event in page["events"]]
        return [json.loads(text) for text in texts if text.startswith("{")]


def signed_by(emulator, name):
    """The credentials of a session of a role, which may call any API."""
    iam = emulator.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    call = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    policy = lambda statement: json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    try:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
        iam.put_role_policy(RoleName=name, PolicyName="call", PolicyDocument=policy(call))
    except iam.exceptions.EntityAlreadyExistsException:
        pass
    arn = iam.get_role(RoleName=name)["Role"]["Arn"]
    return emulator.client("sts").assume_role(RoleArn=arn, RoleSessionName="trial")["Credentials"]


def package(emulator, program):
    """Puts the program where the functions find it; the template says so then."""
    emulator.client("s3").create_bucket(Bucket="code", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    code = emulator.folder / "program.zip"
    with zipfile.ZipFile(code, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap", (2026, 1, 1, 0, 0, 0))
        entry.external_attr = 0o100755 << 16
        archive.writestr(entry, Path(program).read_bytes())
    within = emulator.folder / "analysis.json"
    within.write_text(json.dumps(template.analysis_for_emulator(code)))
    (emulator.folder / "template.json").write_text(json.dumps(template.for_emulator(code, within)))
    emulator.aws("cloudformation", "package", "--template-file", str(emulator.folder / "template.json"), "--s3-bucket", "code",
                 "--output-template-file", str(emulator.folder / "packaged.json"), "--use-json")


def deploy(emulator, name, parameters):
    """Deploys the template that was packaged; gives what the AWS CLI said."""
    given = [f"{name}={value}" for name, value in {"Architecture": "x86_64", **parameters}.items()]
    return emulator.aws("cloudformation", "deploy", "--template-file", str(emulator.folder / "packaged.json"), "--stack-name", name,
                        "--s3-bucket", "code", "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", *given, check=False)


def pause(seconds):
    """Gives what must not happen the time to happen."""
    time.sleep(seconds)
