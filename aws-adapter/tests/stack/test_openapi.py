"""The API against `openapi.yaml`: schemathesis makes up requests from the description, right ones and wrong ones, and judges each answer by it."""

import base64
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
import yaml

import template
from emulator import until
from stack import Stack, picture

DESCRIPTION = template.HERE / "../../openapi.yaml"
CURSOR = base64.urlsafe_b64encode(b"2026-01-01T00:00:00.000Z " + b"a" * 26).decode().rstrip("=")

# Answers that need a foreign bucket's picture, or one that somebody works on for seconds.
UNREACHED = {("DELETE", "/images/{imageId}", 403), ("DELETE", "/images/{imageId}", 409)}

# What is known is asked for often, since a name that was made up is answered by 404 alone; what is deleted is not what is read.
CONFIG = """
hooks = "described"
seed = 1
continue-on-failure = true

[generation]
max-examples = 20
database = "none"

[phases.stateful]
generation.max-examples = 10

[dictionaries]
pictures = {{ values = {pictures} }}
spare = {{ values = {spare} }}
names = {{ values = ["thumb", "medium", "large"] }}
cursors = {{ values = ["{cursor}"] }}
sizes = {{ values = [1, 64000, 1099511627776] }}
tags = {{ values = ['"1"', '"2"', '"3"', "*"] }}

[parameters]
"path.imageId" = {{ dictionary = "pictures", probability = 0.7 }}
"path.name" = {{ dictionary = "names", probability = 0.7 }}
"body.size" = {{ dictionary = "sizes", probability = 0.3 }}
"header.If-None-Match" = {{ dictionary = "tags", probability = 0.5 }}
# No schema says which text is one of ours.
"query.cursor" = {{ dictionary = "cursors", probability = 1.0 }}

[[operations]]
include-operation-id = "deleteImage"
parameters = {{ "path.imageId" = {{ dictionary = "spare", probability = 0.7 }} }}

[checks]
# A deleted picture's record is still answered, as the description says.
use_after_free.enabled = false
# How large an upload may be is a matter of the configuration.
positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "413"]
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "405", "409", "413"]
"""


class Api:
    """An API, and whoever uses it."""

    def __init__(self, url, verify=True, token=None):
        self.url, self.session = url, requests.Session()
        self.session.verify, self.session.trust_env = verify, False
        self.session.headers.update({"Authorization": f"Bearer {token}"} if token else {})

    def offer(self, name):
        """Offers a picture; gives its name and where its bytes go."""
        offer = {"filename": name, "contentType": "image/jpeg", "size": len(picture(name))}
        answer = self.session.post(f"{self.url}/images", json=offer)
        assert answer.status_code == 201, answer.text
        return answer.json()["imageId"], answer.json()["upload"]

    def upload(self, name):
        """Takes a picture to its final record; gives its name."""
        image, where = self.offer(name)
        put = requests.put(urljoin(self.url, where["url"]), picture(name), headers=where["headers"], verify=self.session.verify)
        assert put.ok, put.text
        ended = lambda: self.session.get(f"{self.url}/images/{image}").json()["status"] in ("SUCCEEDED", "REJECTED")
        until(f"{name} is done", 30, ended)
        return image


def pictures(api):
    """Pictures in every state that a caller meets, and some that may be deleted."""
    kept = [api.upload("fruit.jpg"), api.upload("corrupt.jpg"), api.offer("dunes.jpg")[0]]
    return kept, [api.upload("fruit.jpg"), *(api.offer("dunes.jpg")[0] for _ in range(4))]


def hold(folder, api, description, more):
    """Runs schemathesis in a folder; gives how often each method and path was answered by each status."""
    kept, spare = pictures(api)
    config = CONFIG.format(pictures=json.dumps(kept), spare=json.dumps(spare), cursor=CURSOR)
    (folder / "schemathesis.toml").write_text(config + more)
    (folder / "openapi.json").write_text(json.dumps(description))
    report = folder / "report.ndjson"
    program = [str(Path(sys.executable).parent / "schemathesis"), "--no-color", "run", "openapi.json", "--url", api.url,
               "--report", "ndjson", "--report-ndjson-path", str(report)]
    environment = {"HOME": str(folder), "LANG": "C.UTF-8", "PYTHONPATH": str(template.HERE)}
    environment.update((name, os.environ[name]) for name in ("PATH", "PYTHONPYCACHEPREFIX") if name in os.environ)
    done = subprocess.run(program, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    # A check that quietly did not run has proved nothing.
    assert "WARNINGS" not in done.stdout, done.stdout
    answers = Counter()
    for line in report.read_text().splitlines():
        for exchange in template.find(json.loads(line), "interactions"):
            for one in exchange.values():
                if one.get("response"):
                    answers[one["request"]["method"], one["request"]["uri"], one["response"]["status_code"]] += 1
    return answers


def reached(description, url, answers):
    """The documented answers that were given."""
    seen = set()
    for path, operations in description["paths"].items():
        form = re.compile(re.escape(url) + re.sub(r"\\\{.*?\\\}", "[^/?]+", re.escape(path)) + r"(\?.*)?")
        for method, uri, status in answers:
            if form.fullmatch(uri) and method.lower() in operations:
                seen.add((method, path, status))
    return seen


def documented(description):
    """Method, path and status of every documented answer."""
    return {(method.upper(), path, int(status)) for path, operations in description["paths"].items()
            for method, operation in operations.items() if method != "parameters" for status in operation["responses"]}


@pytest.fixture
def description():
    return yaml.safe_load(DESCRIPTION.read_text())


def test_the_deployed_api_is_as_described(emulator, tmp_path, description):
    stack = Stack(emulator, "described", TableName="Described")
    users = {name: stack.user(name) for name in ("ada", "bob")}
    headers = {name: [{"name": "Authorization", "value": f"Bearer {token}"}] for name, token in users.items()}
    (tmp_path / "users.json").write_text(json.dumps({"auth": [{"name": name, "fixedHeaders": header} for name, header in headers.items()]}))
    api = Api(f"{emulator.url}/_aws/execute-api/{stack.api_id()}/$default", str(emulator.certificate), users["ada"])
    # Here a token is no choice.
    description["security"] = [{"bearer": []}]
    answers = hold(tmp_path, api, description, f"""
# API Gateway answers 404, not 405, to what has no route.
unsupported_method.enabled = false

[auth.wfc]
path = "users.json"
peers = ["ada", "bob"]

[[project]]
title = "imgcore"
tls-verify = {json.dumps(str(emulator.certificate))}
""")
    assert documented(description) - reached(description, api.url, answers) == UNREACHED


def test_the_api_on_a_laptop_is_as_described(tmp_path, description):
    program = os.environ.get("IMGCORE_PROGRAM")
    if not program:
        pytest.skip("IMGCORE_PROGRAM is not set")
    with subprocess.Popen([program, "serve", "--port", "0", "--data", str(tmp_path / "data")], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        try:
            url = re.search(r"http://127\.0\.0\.1:\d+", server.stdout.readline())[0]
            answers = hold(tmp_path, Api(url), description, "")
        finally:
            server.terminate()
    missing = documented(description) - reached(description, url, answers)
    assert {answer for answer in missing if answer[2] != 401} == UNREACHED
