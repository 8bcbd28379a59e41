"""The picture of the stack is the stack's."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import template

ADAPTER = Path(__file__).parent / "../.."


def program():
    """`architecture.py` as a module."""
    spec = importlib.util.spec_from_file_location("architecture", ADAPTER / "architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(folder):
    return subprocess.run([sys.executable, folder / "architecture.py", "--check"], capture_output=True, text=True, check=False)


def test_the_picture_is_what_the_templates_give():
    checked = check(ADAPTER)
    assert checked.returncode == 0, checked.stderr


def test_another_template_gives_another_picture(tmp_path):
    for name in ["architecture.py", "architecture.svg", "template.yaml", "analysis.yaml"]:
        shutil.copy(ADAPTER / name, tmp_path)
    assert check(tmp_path).returncode == 0
    changed = tmp_path / "template.yaml"
    text = changed.read_text()
    mapping = "EventSourceArn: !GetAtt JobsQueue.Arn"
    assert text.count(mapping) == 1
    changed.write_text(text.replace(mapping, "EventSourceArn: !GetAtt DeadLetterQueue.Arn"))
    checked = check(tmp_path)
    assert checked.returncode == 1 and "architecture.svg is not what template.yaml gives" in checked.stderr


def test_every_part_that_is_worth_a_box_has_one():
    architecture = program()
    drawing = architecture.read(ADAPTER / "template.yaml")
    picture = architecture.draw(drawing)
    for stack in [template.load(), template.load(template.ANALYSIS)]:
        for name, resource in stack["Resources"].items():
            if resource["Type"] in architecture.KINDS:
                assert name in drawing.boxes and f">{name}<" in picture, name
    assert set(architecture.PLACES) <= set(drawing.boxes), "a place without a box"


def test_arrows_are_those_of_events_and_rights():
    arrows = program().read(ADAPTER / "template.yaml").arrows
    flow = {pair for pair, arrow in arrows.items() if arrow["is_flow"]}
    for pair in [
        ("InputBucket", "JobsQueue"),
        ("ExistingInputBucket", "JobsQueue"),
        ("JobsQueue", "ProcessFunction"),
        ("Table", "PublishFunction"),
        ("Api", "ApiFunction"),
        ("EventBus", "AnalysisQueue"),
        ("AnalysisQueue", "AnalyseFunction"),
    ]:
        assert pair in flow, pair
    words = {pair: set(arrow["words"]) for pair, arrow in arrows.items()}
    assert "reads" in words[("ProcessFunction", "InputBucket")] and "writes" not in words[("ProcessFunction", "InputBucket")]
    assert words[("ProcessFunction", "OutputBucket")] == {"writes", "lists"}
    assert words[("PublishFunction", "EventBus")] == {"tells"}
    assert ("PublishFunction", "InputBucket") not in words and ("PublishFunction", "OutputBucket") not in words
    assert not arrows[("AnalyseFunction", "Rekognition")]["is_there"], "what no parameter asks for is dashed"
    assert arrows[("JobsQueue", "ProcessFunction")]["is_there"]
