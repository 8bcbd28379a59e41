"""Every safety setting of the template, read from the template."""

import json
import re

import pytest
import yaml

import template
from template import HERE, find, sides

ALL = template.load()
RESOURCES = ALL["Resources"]
PARAMETERS = ALL["Parameters"]
FUNCTIONS = ("process", "publish", "api")

# Beside X-Ray's: what log delivery to a state machine takes.
WITHOUT_RESOURCES = {
    "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
    "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
}


def of(kind):
    """The properties of all resources of a type."""
    return {name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == kind}


def statements(role):
    """What a function's role may do, with both sides of every condition."""
    policies = RESOURCES[role]["Properties"]["Policies"]
    return [side for policy in policies for statement in policy["PolicyDocument"]["Statement"] for side in sides(statement)]


def listed(value):
    return value if isinstance(value, list) else [value]


def actions(role):
    """What a role may do, without its own log, its trace and the customer's key."""
    beside = ("Log", "Trace", "UseTheKey")
    return {action for statement in statements(role) if statement["Sid"] not in beside for action in listed(statement["Action"])}


# Storage.

@pytest.mark.parametrize("name", ["InputBucket", "OutputBucket"])
def test_a_bucket_is_encrypted_private_and_kept(name):
    bucket = RESOURCES[name]
    properties = bucket["Properties"]
    [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert sorted(sides(rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"])) == ["AES256", "aws:kms"]
    block = properties["PublicAccessBlockConfiguration"]
    assert len(block) == 4 and all(value is True for value in block.values())
    assert properties["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    lifecycle = properties["LifecycleConfiguration"]["Rules"]
    assert any("AbortIncompleteMultipartUpload" in rule for rule in lifecycle)
    assert all(rule["Status"] == "Enabled" for rule in lifecycle)
    # No lifecycle ends what is current: neither an original nor what a record names.
    assert not any(key.startswith("Expiration") or key == "Transitions" for rule in lifecycle for key in rule)


@pytest.mark.parametrize("name", ["InputBucket", "OutputBucket"])
def test_a_bucket_is_reached_by_tls_alone(name):
    [policy] = [policy for policy in of("AWS::S3::BucketPolicy").values() if policy["Bucket"] == {"Ref": name}]
    [statement] = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert statement["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_the_input_keeps_versions_and_forgets_them_in_time():
    properties = RESOURCES["InputBucket"]["Properties"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert any("NoncurrentVersionExpiration" in rule for rule in properties["LifecycleConfiguration"]["Rules"])


def test_the_table_is_that_of_the_code_and_guarded():
    table = RESOURCES["Table"]
    properties = table["Properties"]
    code = (HERE / "../../src/catalog/dynamodb.rs").read_text()
    assert PARAMETERS["TableName"]["Default"] == "ImageMetadata" and properties["TableName"] == {"Ref": "TableName"}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["KeySchema"] == [{"AttributeName": "imageId", "KeyType": "HASH"}]
    indexes = {index["IndexName"]: index for index in properties["GlobalSecondaryIndexes"]}
    keys = {name: [(key["AttributeName"], key["KeyType"]) for key in index["KeySchema"]] for name, index in indexes.items()}
    by_state, by_owner = re.findall(r'const BY_\w+: &str = "([a-z-]+)"', code)
    assert keys == {by_state: [("listShard", "HASH"), ("listOrder", "RANGE")], by_owner: [("owner", "HASH"), ("listOrder", "RANGE")]}
    assert indexes[by_state]["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert indexes[by_owner]["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["status"]}
    for name in ("imageId", "listShard", "listOrder", "owner"):
        assert {"AttributeName": name, "AttributeType": "S"} in properties["AttributeDefinitions"] and f'"{name}"' in code
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


# The flow.

def test_the_queue_gives_a_function_time_and_a_message_some_tries():
    queue, dead = RESOURCES["JobsQueue"]["Properties"], RESOURCES["DeadLetterQueue"]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * RESOURCES["ProcessFunction"]["Properties"]["Timeout"]
    assert 3 <= queue["RedrivePolicy"]["maxReceiveCount"] <= 5
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
    # Its age counts from the first arrival.
    assert dead["MessageRetentionPeriod"] == 14 * 86400 > queue["MessageRetentionPeriod"]
    assert dead["RedriveAllowPolicy"]["redrivePermission"] == "byQueue"
    assert RESOURCES["UntoldQueue"]["Properties"]["MessageRetentionPeriod"] == 14 * 86400
    assert all(queue["SqsManagedSseEnabled"] is True for queue in of("AWS::SQS::Queue").values())


def test_queues_take_messages_from_their_source_alone_and_by_tls():
    reached = []
    for policy in of("AWS::SQS::QueuePolicy").values():
        reached += [queue["Ref"] for queue in policy["Queues"]]
        tls, *others = [side for statement in policy["PolicyDocument"]["Statement"] for side in sides(statement)]
        assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
        for statement in others:
            assert statement["Action"] == "sqs:SendMessage" and statement["Condition"]["ArnEquals"]["aws:SourceArn"]
            assert set(statement["Principal"]) == {"Service"}
    assert sorted(reached) == sorted(of("AWS::SQS::Queue"))


def test_the_functions_take_batches_and_return_what_failed():
    process, publish = RESOURCES["ProcessMapping"]["Properties"], RESOURCES["PublishMapping"]["Properties"]
    for mapping, function in ((process, "ProcessFunction"), (publish, "PublishFunction")):
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["FunctionName"] == {"Ref": f"{function}.Alias"}
    assert process["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    assert PARAMETERS["MaximumConcurrency"]["MinValue"] == 2
    [pattern] = [json.loads(one["Pattern"]) for one in publish["FilterCriteria"]["Filters"]]
    told = pattern["dynamodb"]["NewImage"]["status"]["S"]
    assert sorted(told) == ["DELETED", "FAILED", "REJECTED", "SUCCEEDED"] and pattern["eventName"] == ["INSERT", "MODIFY"]
    assert publish["BisectBatchOnFunctionError"] is True and publish["MaximumRetryAttempts"] > 0
    assert publish["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": ["UntoldQueue", "Arn"]}}}
    assert publish["EventSourceArn"] == {"Fn::GetAtt": ["Table", "StreamArn"]} and publish["StartingPosition"] == "TRIM_HORIZON"


def test_an_existing_bucket_is_never_configured():
    for name, resource in RESOURCES.items():
        if resource["Type"].startswith("AWS::S3::"):
            assert {"Ref": "ExistingInputBucket"} not in list(find(resource, "Bucket")) + list(find(resource, "BucketName")), name
    assert RESOURCES["UploadsRule"]["Condition"] == "ForeignInput" and RESOURCES["InputBucket"]["Condition"] == "OwnInput"
    assert list(find(RESOURCES, "NotificationConfiguration")) == [RESOURCES["InputBucket"]["Properties"]["NotificationConfiguration"]]


def test_the_output_is_refused_as_input():
    [rule] = ALL["Rules"]["TheOutputIsNotTheInput"]["Assertions"]
    assert rule["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "OutputBucketName"}, {"Ref": "ExistingInputBucket"}]}]}


# The API.

def test_every_route_is_described_and_asks_for_a_token():
    described = yaml.safe_load((HERE / "../../openapi.yaml").read_text())["paths"]
    wanted = {f"{method.upper()} {path}" for path, methods in described.items() for method in methods if method != "parameters"}
    routes = {route["RouteKey"]: route for route in of("AWS::ApiGatewayV2::Route").values()}
    assert set(routes) == wanted
    for key, route in routes.items():
        expected = ("NONE", None) if key == "GET /livez" else ("JWT", {"Ref": "Authorizer"})
        assert (route["AuthorizationType"], route.get("AuthorizerId")) == expected, key


def test_the_api_is_bounded_and_says_who_asked():
    stage = RESOURCES["Stage"]["Properties"]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] and stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]
    line = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"time", "requestId", "subject", "ip", "path", "status"} <= set(line)
    authorizer = RESOURCES["Authorizer"]["Properties"]
    assert authorizer["AuthorizerType"] == "JWT"
    own, foreign = sides(authorizer["JwtConfiguration"]["Issuer"])
    assert "cognito-idp" in own["Fn::Sub"] and foreign == {"Ref": "Issuer"}
    assert sides(authorizer["JwtConfiguration"]["Audience"][0]) == [{"Ref": "UserPoolClient"}, {"Ref": "Audience"}]


def test_no_web_page_may_call_unless_it_is_named():
    assert PARAMETERS["AllowedOrigins"]["Default"] == ""
    rules = [side for rule in find(RESOURCES, "CorsConfiguration") for side in sides(rule)]
    assert len(rules) == 3
    for rule in rules:
        origins = list(find(rule, "AllowedOrigins")) + list(find(rule, "AllowOrigins"))
        assert origins == [{"Ref": "AllowedOrigins"}]


def test_nobody_signs_up_alone_and_no_client_has_a_secret():
    pool, client = RESOURCES["UserPool"]["Properties"], RESOURCES["UserPoolClient"]["Properties"]
    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True} and pool["DeletionProtection"] == "ACTIVE"
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] >= 12
    assert client["GenerateSecret"] is False and client["PreventUserExistenceErrors"] == "ENABLED"
    assert "ALLOW_USER_PASSWORD_AUTH" not in client["ExplicitAuthFlows"]


# Functions and their rights.

@pytest.mark.parametrize("role", FUNCTIONS)
def test_a_function_is_shifted_watched_and_logged(role):
    common = ALL["Globals"]["Function"]
    function = RESOURCES[f"{role.title()}Function"]["Properties"]
    assert PARAMETERS["Architecture"]["Default"] == "arm64" and common["Architectures"] == [{"Ref": "Architecture"}]
    assert (common["Tracing"], common["AutoPublishAlias"], common["LoggingConfig"]["LogFormat"]) == ("Active", "live", "JSON")
    assert common["Environment"]["Variables"]["MALLOC_MMAP_THRESHOLD_"] == "1048576"
    assert function["AutoPublishAliasAllProperties"] is True
    assert function["Environment"]["Variables"]["IMGCORE_ROLE"] == role
    assert PARAMETERS["Canary"]["Default"] == "true"
    preference = function["DeploymentPreference"]
    assert preference["Enabled"] == {"Ref": "Canary"} and len(preference["Alarms"]) == 1
    assert RESOURCES[preference["Alarms"][0]["Ref"]]["Type"] == "AWS::CloudWatch::Alarm"
    logs = RESOURCES[function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
    assert logs["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/${{AWS::StackName}}-{role}"}
    assert function["Role"] == {"Fn::GetAtt": [f"{role.title()}Role", "Arn"]}
    # Without a role and policies of its own, SAM would give it managed ones.
    assert "Policies" not in function and "Events" not in function


def test_every_log_is_forgotten_in_time():
    groups = of("AWS::Logs::LogGroup")
    assert len(groups) == 5
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_roles_may_do_what_the_code_does_and_nothing_else():
    assert actions("ProcessRole") == {
        "s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion",
        "dynamodb:GetItem", "dynamodb:PutItem", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
    }
    assert actions("ApiRole") == {
        "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions", "s3:PutObject", "s3:DeleteObject",
        "s3:DeleteObjectVersion", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query",
    }
    assert actions("PublishRole") == {
        "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams", "events:PutEvents", "sqs:SendMessage",
    }


def test_the_state_machine_knows_every_code_and_logs_no_key():
    machine = json.loads((HERE / "../../step-functions/image.asl.json").read_text())
    words = set(re.findall(r'\w+ = "([a-z_]+)",', (HERE / "../../src/error.rs").read_text()))
    named = {error for errors in find(machine, "ErrorEquals") for error in errors if "." not in error}
    assert named and named <= words, named - words
    properties = RESOURCES["ImageMachine"]["Properties"]
    assert properties["Logging"]["IncludeExecutionData"] is False and properties["Tracing"] == {"Enabled": True}
    assert actions("ImageMachineRole") - WITHOUT_RESOURCES == {"lambda:InvokeFunction"}


def test_no_role_has_a_managed_policy_or_more_than_it_names():
    roles = of("AWS::IAM::Role")
    assert not list(find(RESOURCES, "ManagedPolicyArns")) and not of("AWS::IAM::ManagedPolicy") and not of("AWS::IAM::Policy")
    for name, role in roles.items():
        assert role["Path"] == {"Ref": "RolePath"} and {"Ref": "PermissionsBoundary"} in sides(role["PermissionsBoundary"])
        for statement in statements(name):
            for action in listed(statement["Action"]):
                # The key's, for which AWS names families.
                assert "*" not in action or statement["Sid"] == "UseTheKey", (name, action)
            for resource in listed(statement["Resource"]):
                if resource == "*":
                    assert all(action.startswith("xray:") or action in WITHOUT_RESOURCES for action in statement["Action"]), name
    text = template.PATH.read_text()
    assert "FullAccess" not in text and "arn:aws:iam::aws:policy" not in text
    # Each `*` says why.
    assert text.count('Resource: "*"') == len(re.findall(r"# `\*`: IAM has no resources for .*\.\n +- Sid: ", text)) == 5


def test_nothing_is_written_into_the_input_but_uploads():
    for role in ("ProcessRole", "ApiRole"):
        for statement in statements(role):
            if "s3:PutObject" in listed(statement["Action"]):
                places = [place["Fn::Sub"] for resource in listed(statement["Resource"]) for place in sides(resource)]
                assert all(place.endswith(("/uploads/*", "${OutputBucket.Arn}/renditions/*")) for place in places), places


# Operating it.

def test_every_alarm_is_heard_and_explained():
    alarms = of("AWS::CloudWatch::Alarm")
    watched = {(alarm["MetricName"], json.dumps(alarm["Dimensions"])) for alarm in alarms.values()}
    assert len(watched) == len(alarms)
    for metric, queue in (("ApproximateNumberOfMessagesVisible", "DeadLetterQueue"), ("ApproximateNumberOfMessagesVisible", "UntoldQueue"),
                          ("ApproximateAgeOfOldestMessage", "JobsQueue")):
        assert any(name == metric and queue in dimensions for name, dimensions in watched), queue
    operations = (HERE / "../../OPERATIONS.md").read_text()
    for name, alarm in alarms.items():
        assert {"Ref": "AlarmTopic"} in alarm["AlarmActions"], name
        [section] = re.findall(r'OPERATIONS\.md, "([^"]+)"', alarm["AlarmDescription"])
        assert f"## {section}\n" in operations, section


def test_a_budget_and_an_address_are_one_parameter_away():
    assert RESOURCES["Budget"]["Condition"] == "HasBudget"
    assert RESOURCES["AlarmSubscription"]["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}


def test_names_carry_the_stacks_name_so_that_two_stages_live_in_one_account():
    named = ("BucketName", "QueueName", "FunctionName", "LogGroupName", "AlarmName", "TopicName", "DashboardName", "UserPoolName", "BudgetName")
    for key in named:
        for resource in RESOURCES.values():
            name = resource["Properties"].get(key) or resource["Properties"].get("Budget", {}).get(key)
            if name is None or resource["Type"] in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"):
                continue
            assert "AWS::StackName" in json.dumps(name), name
    assert not list(find(RESOURCES, "RoleName"))


def test_the_dashboard_is_json():
    body = re.sub(r"\$\{[^}]+\}", "x", RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    titles = " ".join(widget["properties"]["title"] for widget in json.loads(body)["widgets"])
    for word in ("Arrivals", "Outcomes by code", "oldest", "Duration by stage", "What costs"):
        assert word in titles, word


def test_every_suppressed_check_is_argued():
    suppressed = [one for skip in find(RESOURCES, "skip") for one in skip]
    assert suppressed
    assert all(len(one["comment"].split()) >= 8 and one["comment"].endswith(".") for one in suppressed)


def test_what_the_readme_needs_is_answered():
    assert {"ApiUrl", "InputBucket", "OutputBucket", "Table", "DeadLetterQueueUrl", "UserPoolId", "UserPoolClientId", "DashboardUrl"} <= set(ALL["Outputs"])
