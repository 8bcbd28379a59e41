"""An AWS of our own for the length of a test: ministack on 127.0.0.1, with TLS, signatures and the roles' policies in force."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

REGION = "eu-central-1"
ROOT = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def until(what, seconds, ask):
    """Asks until there is an answer that counts, and gives it."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}; last seen: {answer!r}")
        time.sleep(0.1)


class Emulator:
    """The emulator, its process and its clients."""

    def __init__(self, folder: Path, **environment):
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self.certificate = folder / "ministack-tls" / "server.crt"
        self.keys = ThreadingHTTPServer(("127.0.0.1", 0), self._keys())
        threading.Thread(target=self.keys.serve_forever, daemon=True).start()
        # A clean environment: the functions inherit it.
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", "TMPDIR": str(folder),
            "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(self.port), "IOT_MTLS_ENABLED": "0", "USE_SSL": "1", "AUTH": "true",
            "MINISTACK_HOST": "127.0.0.1", "MINISTACK_REGION": REGION, "AWS_ENDPOINT_URL": self.url,
            "SSL_CERT_FILE": str(self.certificate), "http_proxy": f"http://127.0.0.1:{self.keys.server_port}", **environment,
        }
        self.log = open(folder / "emulator.log", "wb")
        program = [str(Path(sys.executable).parent / "ministack")]
        self.process = subprocess.Popen(program, env=self.environment, stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            until("the emulator answers", 30, self._answers)
        except BaseException:
            self.stop()
            raise

    def _keys(self):
        """With TLS on, the emulator's API still asks its user pool for the keys of tokens without: this proxy adds it."""
        emulator = self

        class Keys(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path.split(f"127.0.0.1:{emulator.port}", 1)[-1]
                trust = ssl.create_default_context(cafile=str(emulator.certificate))
                with urllib.request.urlopen(emulator.url + path, context=trust) as answer:
                    body = answer.read()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Keys

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the emulator ended: {(self.folder / 'emulator.log').read_text()[-2000:]}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return self.certificate.exists()
        except OSError:
            return False

    def client(self, service):
        """A client of the account's owner."""
        config = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 2}, signature_version=None)
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, verify=str(self.certificate), config=config, **ROOT)

    def aws(self, *arguments, check=True):
        """The AWS CLI."""
        environment = {
            **self.environment, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION,
            "AWS_CA_BUNDLE": str(self.certificate), "AWS_PAGER": "",
        }
        program = [str(Path(sys.executable).parent / "aws"), "--endpoint-url", self.url, *arguments]
        done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False, timeout=120)
        if check and done.returncode:
            raise AssertionError(f"aws {' '.join(arguments)}: {done.stdout}\n{done.stderr}")
        return done

    def curl(self, method, url, token=None, headers=(), data=None):
        """A request by curl, with a token or credentials: its status, its headers and its body."""
        head = self.folder / "head.txt"
        program = ["curl", "--silent", "--show-error", "--max-time", "40", "--cacert", str(self.certificate), "--dump-header", str(head), "-X", method]
        if isinstance(token, str):
            program += ["-H", f"Authorization: Bearer {token}"]
        if data is not None:
            program += ["--data-binary", "@-"]
            data = data if isinstance(data, bytes) else json.dumps(data).encode()
        if isinstance(token, dict):
            request = AWSRequest(method, url, data=data)
            SigV4Auth(Credentials(token["AccessKeyId"], token["SecretAccessKey"], token["SessionToken"]), "execute-api", REGION).add_auth(request)
            headers = {**dict(headers), **dict(request.headers.items())}
        for name, value in dict(headers).items():
            program += ["-H", f"{name}: {value}"]
        done = subprocess.run([*program, url], input=data, capture_output=True, check=True)
        # The last block is the answer's; one before it may say `100 Continue`.
        status, *lines = head.read_text().strip().split("\r\n\r\n")[-1].splitlines()
        fields = dict(line.split(": ", 1) for line in lines if ": " in line)
        return int(status.split()[1]), {name.lower(): value for name, value in fields.items()}, done.stdout

    def stop(self):
        """Ends it and all that it has started."""
        for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, sign)
                self.process.wait(patience)
                break
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                break
        self.keys.shutdown()
        self.keys.server_close()
        self.log.close()
