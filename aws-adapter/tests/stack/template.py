"""The template as data: in the long form of its functions, and as an emulator can read it."""

import copy
import json
from pathlib import Path

import yaml

HERE = Path(__file__).parent
PATH = HERE / "../../template.yaml"
# The stack within the stack.
ANALYSIS = HERE / "../../analysis.yaml"


class Loader(yaml.SafeLoader):
    """Reads `!Sub x` as `{"Fn::Sub": "x"}`."""


def _function(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


Loader.add_multi_constructor("!", _function)


def load(path=PATH):
    """A template."""
    return yaml.load(path.read_text(), Loader)


def unknown_types():
    """The resource types that the emulator refuses, each with what that leaves unproven."""
    return json.loads((HERE / "unknown-types.json").read_text())


def for_emulator(program, analysis):
    """The template without what the emulator does not know, with this file as the functions' code and that one as the template within."""
    template = copy.deepcopy(load())
    unknown = unknown_types()
    resources = template["Resources"]
    removed = [name for name, resource in resources.items() if resource["Type"] in unknown]
    for name in removed:
        del resources[name]
    for resource in resources.values():
        # What it stands for are resources of CodeDeploy.
        if any(name.startswith("AWS::CodeDeploy::") for name in unknown):
            resource.get("Properties", {}).pop("DeploymentPreference", None)
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = str(program)
        if resource["Type"] == "AWS::Serverless::StateMachine":
            resource["Properties"]["DefinitionUri"] = str((PATH.parent / resource["Properties"]["DefinitionUri"]).resolve())
    resources["Analysis"]["Properties"]["TemplateURL"] = str(analysis)
    _plain_concurrency(resources["ProcessMapping"], template["Parameters"]["MaximumConcurrency"]["Default"])
    return _named(template, removed)


def analysis_for_emulator(program):
    """The template within, likewise."""
    template = copy.deepcopy(load(ANALYSIS))
    template["Resources"]["AnalyseFunction"]["Properties"]["Code"] = str(program)
    _plain_concurrency(template["Resources"]["AnalyseMapping"], load()["Parameters"]["AnalysisConcurrency"]["Default"])
    return template


def _plain_concurrency(mapping, default):
    """The emulator takes the text that a parameter is for the number it stands for, and then compares both."""
    mapping["Properties"]["ScalingConfig"] = {"MaximumConcurrency": default}


def _named(value, removed):
    """What was removed is called by its name, where something refers to it."""
    if isinstance(value, dict):
        if set(value) == {"Ref"} and value["Ref"] in removed:
            return value["Ref"]
        return {key: _named(inner, removed) for key, inner in value.items()}
    return [_named(inner, removed) for inner in value] if isinstance(value, list) else value


def find(value, key):
    """Every value of a key, at any depth."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from find(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from find(inner, key)


def sides(value):
    """What a value may come to: both sides of every `Fn::If`, without those that stand for nothing."""
    if isinstance(value, dict) and set(value) == {"Fn::If"}:
        return [found for side in value["Fn::If"][1:] for found in sides(side)]
    return [] if value == {"Ref": "AWS::NoValue"} else [value]
