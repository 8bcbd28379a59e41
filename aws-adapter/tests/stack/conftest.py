"""One emulator for all tests of a run; each file deploys stacks of its own into it."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from emulator import Emulator
from rekognition import Rekognition
from stack import package

# Whoever ends the tests ends the emulator with them.
signal.signal(signal.SIGTERM, signal.default_int_handler)
MAY_SKIP = Path(__file__).parent / "../../../.ci/may-skip"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """With `CI` set, what is skipped has failed, unless the list names it."""
    report = yield
    if report.skipped and "CI" in os.environ:
        allowed = [line.split("\t")[0] for line in MAY_SKIP.read_text().splitlines()]
        if item.name not in allowed:
            report.outcome, report.longrepr = "failed", f"{item.name} was skipped, and {MAY_SKIP.resolve()} does not name it"
    return report


@pytest.fixture(scope="session")
def rekognition():
    service = Rekognition()
    yield service
    service.stop()


@pytest.fixture(scope="session")
def emulator(rekognition):
    program = os.environ.get("IMGCORE_BOOTSTRAP")
    if not program:
        pytest.skip("IMGCORE_BOOTSTRAP is not set")
    with tempfile.TemporaryDirectory(prefix="imgcore-stack-") as folder:
        emulator = Emulator(Path(folder), AWS_ENDPOINT_URL_REKOGNITION=rekognition.url, no_proxy="127.0.0.2")
        try:
            package(emulator, program)
            yield emulator
        finally:
            emulator.stop()
