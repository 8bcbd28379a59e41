#!/usr/bin/env python3
"""Draws `template.yaml` as `architecture.svg`: what there is, what calls what, and who may read and write what.

    python3 architecture.py            # writes the picture
    python3 architecture.py --check    # fails if the picture is not what the templates give

Boxes and arrows are found in the templates: in notifications, rules, mappings, redrives, integrations, origins and in the statements of roles.
What a condition leaves out of a stack without parameters is dashed. Only where a box stands is said here; one that this file does not know
is put below all others, so that nothing is left out. Needs PyYAML.
"""

import argparse
import re
import sys
import textwrap
from html import escape
from pathlib import Path

import yaml

HERE = Path(__file__).parent
PICTURE = HERE / "architecture.svg"

# Column and row of each box.
PLACES = {
    "(upload)": (0, 1), "InputBucket": (1, 1), "JobsQueue": (2, 1), "ProcessFunction": (3, 1), "OutputBucket": (4, 1), "Distribution": (5, 1),
    "(reader)": (6, 1),
    "ExistingInputBucket": (1, 0), "ImageMachine": (3, 0), "BackfillMachine": (4, 0),
    "Table": (4, 2), "PublishFunction": (5, 2), "EventBus": (6, 2),
    "(caller)": (0, 3), "Api": (1, 3), "ApiFunction": (3, 3), "UserPool": (1, 4), "AlarmTopic": (3, 4), "(alarms)": (2, 4),
    "AnalyseFunction": (5, 4), "AnalysisQueue": (6, 3), "Rekognition": (4, 4),
}

# What is drawn, each with its service, its color, and what it is for those who see it for the first time.
KINDS = {
    "AWS::S3::Bucket": ("S3 bucket", "#3f8624"),
    "AWS::SQS::Queue": ("SQS queue", "#b0387f"),
    "AWS::DynamoDB::Table": ("DynamoDB table", "#3b5bdb"),
    "AWS::Serverless::Function": ("Lambda", "#c85a12"),
    "AWS::Lambda::Function": ("Lambda", "#c85a12"),
    "AWS::Serverless::StateMachine": ("Step Functions", "#b0387f"),
    "AWS::ApiGatewayV2::Api": ("API Gateway", "#7b3fc4"),
    "AWS::Cognito::UserPool": ("Cognito", "#c02b3c"),
    "AWS::CloudFront::Distribution": ("CloudFront", "#7b3fc4"),
    "AWS::SNS::Topic": ("SNS topic", "#b0387f"),
    "bus": ("EventBridge", "#b0387f"),
    "service": ("Service", "#0b7285"),
    "alarms": ("CloudWatch", "#b0387f"),
    "parameter": ("S3 bucket", "#3f8624"),
    "outside": ("", "#57606a"),
}

# What an action's first word comes to.
VERBS = {"Put": "writes", "Send": "writes", "Delete": "writes", "Update": "writes", "Invoke": "calls", "Detect": "calls", "List": "lists"}


# ---- reading ---------------------------------------------------------------------------------------------------------------------------


class Loader(yaml.SafeLoader):
    """Reads `!Sub x` as `{"Sub": "x"}`."""


def _function(loader, name, node):
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


Loader.add_multi_constructor("!", _function)


class Stack:
    """A template whose parameters have values. A resource in a resolved text is `<name>`."""

    def __init__(self, path, given=None):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader)
        self.resources = document["Resources"]
        self.outputs = document.get("Outputs", {})
        self.conditions = document.get("Conditions", {})
        self.values = {name: str(of.get("Default", "")) for name, of in document.get("Parameters", {}).items()}
        self.values.update(given or {})
        self.within = {}
        self.names = {}
        for name, resource in self.resources.items():
            if resource["Type"] == "AWS::CloudFormation::Stack":
                handed = {key: self.text(value) for key, value in resource["Properties"]["Parameters"].items()}
                self.within[name] = Stack(path.parent / resource["Properties"]["TemplateURL"], handed)
            for key in ("BucketName", "QueueName", "TableName"):
                own = self.text(resource.get("Properties", {}).get(key, ""))
                if own and resource["Type"] in KINDS:
                    self.names[own] = name

    def holds(self, condition):
        """Whether a condition, by its name or as an expression, is true."""
        if isinstance(condition, str):
            return self.holds(self.conditions[condition])
        ((function, of),) = condition.items()
        if function == "Condition":
            return self.holds(of)
        if function == "Equals":
            return self.text(of[0]) == self.text(of[1])
        if function == "Not":
            return not self.holds(of[0])
        return (all if function == "And" else any)(self.holds(one) for one in of)

    def is_there(self, resource):
        return "Condition" not in resource or self.holds(resource["Condition"])

    def text(self, value):
        """A value as text, by the values of the parameters."""
        if isinstance(value, list):
            return " ".join(self.text(one) for one in value)
        if not isinstance(value, dict):
            return str(value)
        if len(value) == 1:
            ((function, of),) = value.items()
            if function == "Ref":
                return self.reference(of)
            if function == "GetAtt":
                return self.attribute(of if isinstance(of, str) else ".".join(of))
            if function == "Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda match: self.variable(match[1]), of)
            if function == "If":
                return self.text(of[1] if self.holds(of[0]) else of[2])
            if function == "Join":
                return str(of[0]).join(self.text(one) for one in of[1])
        return " ".join(self.text(one) for one in value.values())

    def variable(self, name):
        return self.attribute(name) if "." in name else self.reference(name)

    def reference(self, name):
        if name.split(".")[0] in self.resources:
            return f"<{name.split('.')[0]}>"
        return self.values.get(name, "" if name == "AWS::NoValue" else f"${{{name}}}")

    def attribute(self, path):
        name, _, rest = path.partition(".")
        if name in self.within:
            return self.within[name].text(self.within[name].outputs[rest.removeprefix("Outputs.")]["Value"])
        return f"<{name}>"

    def found(self, value):
        """The resources that a value names, also by the names that they are given."""
        text = self.text(value)
        for own in sorted(self.names, key=len, reverse=True):
            text = text.replace(own, f"<{self.names[own]}>")
        return list(dict.fromkeys(re.findall(r"<(\w+)>", text)))

    def ways(self, value):
        """Every element of a list, and whether it is there: both sides of an `!If` that chooses one."""
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and list(one) == ["If"]:
                condition, *sides = one["If"]
                for side, is_taken in zip(sides, (self.holds(condition), not self.holds(condition))):
                    if side != {"Ref": "AWS::NoValue"}:
                        for inner in self.ways([side]) if isinstance(side, dict) else [(side, True)]:
                            yield inner[0], is_taken and inner[1]
            else:
                yield one, True


class Drawing:
    """Boxes and arrows."""

    def __init__(self):
        self.boxes = {}
        self.arrows = {}
        self.hung = {}

    def box(self, name, kind, note="", is_there=True, title=None):
        self.boxes.setdefault(name, dict(kind=kind, note=note, is_there=is_there, title=title or name, also=[]))

    def arrow(self, start, end, word, is_there=True, is_flow=False):
        if start != end:
            known = self.arrows.setdefault((start, end), dict(words=[], is_there=False, is_flow=False))
            known["is_flow"] |= is_flow
            known["is_there"] |= is_there
            if word not in known["words"]:
                known["words"].append(word)


def read(path):
    """What a template makes."""
    drawing = Drawing()
    top = Stack(path)
    stacks = [(top, True)]
    stacks += [(stack, top.is_there(top.resources[name])) for name, stack in top.within.items()]
    for stack, is_whole in stacks:
        read_boxes(drawing, stack, is_whole)
    for stack, is_whole in stacks:
        read_flow(drawing, stack, is_whole)
    for stack, is_whole in stacks:
        read_rights(drawing, stack, is_whole)
    outside(drawing)
    return drawing


def read_boxes(drawing, stack, is_whole):
    alarms = 0
    for name, resource in stack.resources.items():
        kind, of = resource["Type"], resource.get("Properties", {})
        is_there = is_whole and stack.is_there(resource)
        if kind in KINDS:
            drawing.box(name, kind, note(stack, kind, of), is_there)
        alarms += kind == "AWS::CloudWatch::Alarm"
    if alarms and is_whole:
        drawing.box("(alarms)", "alarms", "and a dashboard", True, f"{alarms} alarms")


def note(stack, kind, of):
    """What is worth knowing about a box in a few words."""
    if kind == "AWS::S3::Bucket":
        return "every version is kept" if "VersioningConfiguration" in of else "renditions never change"
    if kind == "AWS::DynamoDB::Table":
        return "one record a picture"
    if kind == "AWS::SQS::Queue" and "RedrivePolicy" in of:
        return f"{of['RedrivePolicy']['maxReceiveCount']} tries"
    if kind == "AWS::ApiGatewayV2::Api":
        routes = [one for one in stack.resources.values() if one["Type"] == "AWS::ApiGatewayV2::Route"]
        return f"{len(routes)} routes"
    if kind == "AWS::Cognito::UserPool":
        return "who may ask"
    if kind == "AWS::CloudFront::Distribution":
        return "renditions, near readers"
    if kind == "AWS::SNS::Topic":
        return "whoever is on call"
    return of.get("Description", "").split(". ")[0].rstrip(".") if isinstance(of.get("Description"), str) else ""


def read_flow(drawing, stack, is_whole):
    """What calls what."""
    for name, resource in stack.resources.items():
        kind, of = resource["Type"], resource.get("Properties", {})
        is_there = is_whole and stack.is_there(resource)
        flow = lambda starts, ends, word: [drawing.arrow(a, b, word, is_there, True) for a in starts for b in ends]
        if kind == "AWS::S3::Bucket":
            for wanted in of.get("NotificationConfiguration", {}).get("QueueConfigurations", []):
                flow([name], stack.found(wanted["Queue"]), "changes")
        elif kind == "AWS::Events::Rule":
            sources = of["EventPattern"].get("source", [])
            if "aws.s3" in sources:
                drawing.box("ExistingInputBucket", "parameter", "your own, by EventBridge", is_there)
                source = "ExistingInputBucket"
            else:
                source = bus(drawing)
            for target in of["Targets"]:
                flow([source], stack.found(target["Arn"]), "rule")
        elif kind == "AWS::SQS::Queue" and "RedrivePolicy" in of:
            (dead,) = stack.found(of["RedrivePolicy"]["deadLetterTargetArn"])
            drawing.hung[dead] = name
        elif kind == "AWS::Lambda::EventSourceMapping":
            ends = stack.found(of["FunctionName"])
            flow(stack.found(of["EventSourceArn"]), ends, "stream" if "StartingPosition" in of else f"batch of {of['BatchSize']}")
            for (aside,) in [stack.found(to["Destination"]) for to in of.get("DestinationConfig", {}).values()]:
                drawing.hung[aside] = ends[0]
        elif kind == "AWS::ApiGatewayV2::Integration":
            flow(stack.found(of["ApiId"]), stack.found(of["IntegrationUri"]), "every request")
        elif kind == "AWS::ApiGatewayV2::Authorizer":
            flow([one for one in stack.found(of["JwtConfiguration"]) if one == "UserPool"], stack.found(of["ApiId"]), "tokens")
        elif kind == "AWS::CloudFront::Distribution":
            flow(stack.found([origin["DomainName"] for origin in of["DistributionConfig"]["Origins"]]), [name], "serves")
        elif kind == "AWS::CloudWatch::Alarm":
            flow(["(alarms)"], stack.found(of["AlarmActions"]), "tell")


def bus(drawing):
    drawing.box("EventBus", "bus", "ImageProcessed", True, "event bus")
    return "EventBus"


def read_rights(drawing, stack, is_whole):
    """Who may read and write what, by the roles of functions and state machines."""
    for name, resource in stack.resources.items():
        of = resource.get("Properties", {})
        if resource["Type"] not in KINDS or "Role" not in of:
            continue
        for role in stack.found(of["Role"]):
            policies = stack.resources[role]["Properties"]["Policies"]
            statements = [one for policy in policies for one in stack.ways(policy["PolicyDocument"]["Statement"])]
            for statement, is_taken in statements:
                for resource_text, is_named in stack.ways(statement["Resource"]):
                    allow(drawing, stack, name, statement, resource_text, is_whole and is_taken and is_named)


def allow(drawing, stack, name, statement, resource, is_there):
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    for service, verb in (action.split(":") for action in actions):
        word = next((word for first, word in VERBS.items() if verb.startswith(first)), "reads")
        if service == "rekognition":
            drawing.box("Rekognition", "service", "faces, text, moderation", is_there, "Rekognition")
            ends = ["Rekognition"]
        elif service == "events":
            ends, word = [bus(drawing)], "tells"
        else:
            ends = [end for end in stack.found(resource) if end in drawing.boxes]
        for end in ends:
            if (end, name) not in drawing.arrows or not drawing.arrows[(end, name)]["is_flow"]:
                drawing.arrow(name, end, word, is_there)


def outside(drawing):
    """The people at the edges: who brings pictures, who asks, who looks."""
    people = [("(upload)", "InputBucket", "you, your program", "upload", True), ("(caller)", "Api", "with a token", "ask", True)]
    for person, box, text, title, _ in people:
        if box in drawing.boxes:
            drawing.box(person, "outside", text, drawing.boxes[box]["is_there"], title)
            drawing.arrow(person, box, "", drawing.boxes[box]["is_there"], True)
    if "Distribution" in drawing.boxes:
        drawing.box("(reader)", "outside", "everybody, or by link", drawing.boxes["Distribution"]["is_there"], "look")
        drawing.arrow("Distribution", "(reader)", "", drawing.boxes["Distribution"]["is_there"], True)


# ---- drawing ---------------------------------------------------------------------------------------------------------------------------

COLUMN, ROW, WIDTH, HEIGHT = 206, 140, 150, 80
LEFT, TOP = 20, 60
PILL, STRIP = 24, 20

STYLE = """
  svg { font-family: -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
  .page { fill: #ffffff; stroke: #d0d7de; }
  .box { fill: #ffffff; stroke-width: 1.6px; }
  .outside { fill: #f6f8fa; stroke-width: 1.2px; }
  .title { font-size: 14px; font-weight: 600; fill: #1f2328; }
  .service { font-size: 11px; fill: #ffffff; font-weight: 600; }
  .note, .word { font-size: 11px; fill: #57606a; }
  .word { paint-order: stroke; stroke: #ffffff; stroke-width: 9px; stroke-linejoin: round; }
  .flow { stroke: #1f2328; stroke-width: 2.2; fill: none; }
  .write { stroke: #57606a; stroke-width: 1.6; fill: none; }
  .read { stroke: #8c959f; stroke-width: 1.2; fill: none; }
  .heading { font-size: 17px; font-weight: 700; fill: #1f2328; }
  .dash { stroke-dasharray: 6 4; }
"""


def place(drawing):
    """The middle of each box; what has no place goes below."""
    places, free = {}, 0
    hung = {name for name, onto in drawing.hung.items() if onto in drawing.boxes}
    last = max(PLACES[name][1] for name in drawing.boxes if name in PLACES)
    for name in drawing.boxes:
        if name not in hung:
            if name not in PLACES:
                column, row = free % 7, last + 1 + free // 7
                free += 1
            else:
                column, row = PLACES[name]
            places[name] = (LEFT + WIDTH / 2 + column * COLUMN, TOP + HEIGHT / 2 + row * ROW)
    return places


def phrase(words):
    """Verbs in a few letters: who may read may list as well."""
    shown = sorted(word for word in words if word and (word != "lists" or not {"reads", "writes"} & set(words)))
    return ", ".join(shown)


def is_far(a, b):
    return abs(a[0] - b[0]) > 1.5 * COLUMN or abs(a[1] - b[1]) > 1.5 * ROW


def draw(drawing):
    places = place(drawing)
    tell_far(drawing, places)
    body = []
    for (start, end), arrow in drawing.arrows.items():
        if start in places and end in places and (arrow["is_flow"] or not is_far(places[start], places[end])):
            body.append(line(drawing, places, start, end, arrow))
    for name, middle in places.items():
        body.append(card(drawing.boxes[name], *middle))
    for name, onto in drawing.hung.items():
        if onto in places:
            body.append(pill(drawing.boxes[name], *places[onto]))
    right = max(x for x, _ in places.values()) + WIDTH / 2 + LEFT
    bottom = max(y for _, y in places.values()) + HEIGHT / 2 + 62
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {right:g} {bottom:g}" role="img" aria-label="The stack: what calls what">
<style>{STYLE}</style>
<defs>
  <marker id="flow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="6" markerHeight="6" orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#1f2328"/></marker>
  <marker id="write" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#57606a"/></marker>
  <marker id="read" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#8c959f"/></marker>
</defs>
<rect class="page" x="0.5" y="0.5" width="{right - 1:g}" height="{bottom - 1:g}" rx="10"/>
<text class="heading" x="{LEFT}" y="36">A picture's way: upload, queue, render, record, tell</text>
{legend(LEFT, bottom - 20)}
{chr(10).join(body)}
</svg>
"""


def tell_far(drawing, places):
    """A right whose arrow would cross the picture is written into its box."""
    for start in drawing.boxes:
        groups = {}
        for (begins, end), arrow in drawing.arrows.items():
            if begins == start and end in places and not arrow["is_flow"] and is_far(places[start], places[end]):
                groups.setdefault(phrase(arrow["words"]), []).append(drawing.boxes[end]["title"])
        for words, ends in groups.items():
            drawing.boxes[start]["also"] += wrapped(f"{words} {', '.join(ends)}", 27)


def legend(x, y):
    return f"""<path class="flow" d="M{x} {y - 4}h34" marker-end="url(#flow)"/><text class="note" x="{x + 42}" y="{y}">calls, or hands on</text>
<path class="write" d="M{x + 170} {y - 4}h34" marker-end="url(#write)"/><text class="note" x="{x + 212}" y="{y}">its role lets it do this</text>
<path class="read dash" d="M{x + 370} {y - 4}h34"/><text class="note" x="{x + 412}" y="{y}">not there until a parameter asks for it</text>"""


def line(drawing, places, start, end, arrow):
    (x1, y1), (x2, y2) = places[start], places[end]
    is_dashed = not (arrow["is_there"] and drawing.boxes[start]["is_there"] and drawing.boxes[end]["is_there"])
    style = "flow" if arrow["is_flow"] else "write" if {"writes", "calls", "tells"} & set(arrow["words"]) else "read"
    across, down = (1 if x2 > x1 else -1), (1 if y2 > y1 else -1)
    # A pill hangs below its box.
    y1_below = y1 + HEIGHT / 2 + (PILL + 8 if start in drawing.hung.values() else 0)
    if y1 == y2:
        path = f"M{x1 + across * WIDTH / 2:g} {y1:g}H{x2 - across * (WIDTH / 2 + 2):g}"
        middle = ((x1 + x2) / 2, y1 - 8)
    elif x1 == x2:
        begin = y1_below if down > 0 else y1 - HEIGHT / 2
        path = f"M{x1:g} {begin:g}V{y2 - down * (HEIGHT / 2 + 2):g}"
        middle = (x1, (begin + y2 - down * HEIGHT / 2) / 2)
    elif (x2, y1) in places.values():
        # Something stands beside: out of the top or the bottom, into the other.
        xa, ya, xb, yb = x1 + across * WIDTH / 4, y1 + down * HEIGHT / 2, x2 - across * WIDTH / 4, y2 - down * (HEIGHT / 2 + 2)
        path = f"M{xa:g} {ya:g}C{xa:g} {yb:g} {xb:g} {ya:g} {xb:g} {yb:g}"
        middle = ((xa + xb) / 2, (ya + yb) / 2 + 4)
    else:
        # Out of the side, into the top or the bottom.
        xa, xb, yb = x1 + across * WIDTH / 2, x2 - across * WIDTH / 4, y2 - down * (HEIGHT / 2 + 2)
        path = f"M{xa:g} {y1:g}C{xb:g} {y1:g} {xb:g} {y1:g} {xb:g} {yb:g}"
        middle = (xb, (y1 + yb) / 2 + 8 * down)
    words = phrase(arrow["words"])
    dash = " dash" if is_dashed else ""
    text = f'<text class="word" x="{middle[0]:g}" y="{middle[1]:g}" text-anchor="middle">{escape(words)}</text>' if words else ""
    return f'<path class="{style}{dash}" d="{path}" marker-end="url(#{style})"/>{text}'


def card(box, x, y):
    service, color = KINDS[box["kind"]]
    left, top = x - WIDTH / 2, y - HEIGHT / 2
    shape = "box" if service else "outside"
    dash = "" if box["is_there"] else " dash"
    parts = [
        f'<rect class="{shape}{dash}" x="{left:g}" y="{top:g}" width="{WIDTH}" height="{HEIGHT}" rx="{8 if service else 40}" stroke="{color}"/>'
    ]
    if service:
        parts.append(
            f'<path d="M{left:g} {top + STRIP:g}v-{STRIP - 8}a8 8 0 0 1 8 -8h{WIDTH - 16}a8 8 0 0 1 8 8v{STRIP - 8}z" fill="{color}"/>'
            f'<text class="service" x="{x:g}" y="{top + 14:g}" text-anchor="middle">{escape(service)}</text>'
        )
    lines = (box["also"] if len(box["also"]) > 1 else wrapped(box["note"], 27)[: 2 - len(box["also"])] + box["also"])[:2]
    first = y + 4 + (STRIP / 2 if service else 0) - 7 * len(lines)
    parts.append(f'<text class="title" x="{x:g}" y="{first + 1:g}" text-anchor="middle">{escape(box["title"])}</text>')
    for i, text in enumerate(lines):
        parts.append(f'<text class="note" x="{x:g}" y="{first + 17 + 13 * i:g}" text-anchor="middle">{escape(text)}</text>')
    return "".join(parts)


def pill(box, x, y):
    top = y + HEIGHT / 2 + 8
    return (
        f'<path class="read" d="M{x:g} {y + HEIGHT / 2:g}v8"/>'
        f'<rect class="box{"" if box["is_there"] else " dash"}" x="{x - WIDTH / 2:g}" y="{top:g}" width="{WIDTH}" height="{PILL}" rx="12" stroke="#b0387f"/>'
        f'<text class="note" x="{x:g}" y="{top + 16:g}" text-anchor="middle">{escape(box["title"])}</text>'
    )


def wrapped(text, width):
    """At most two lines of a text."""
    lines = textwrap.wrap(text, width)
    return lines if len(lines) <= 2 else [lines[0], lines[1].rstrip(",") + " …"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="fail if the picture is not what the templates give")
    picture = draw(read(HERE / "template.yaml"))
    if not parser.parse_args().check:
        PICTURE.write_text(picture, encoding="utf-8")
    elif not PICTURE.exists() or PICTURE.read_text(encoding="utf-8") != picture:
        sys.exit(f"{PICTURE.name} is not what template.yaml gives: run {Path(__file__).name}")


if __name__ == "__main__":
    main()
