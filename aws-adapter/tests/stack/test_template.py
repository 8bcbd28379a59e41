"""Every safety setting of the templates, read from them. What holds for all resources holds for those of the stack within."""

import json
import re

import pytest
import yaml

import template
from template import HERE, find, sides

ALL = template.load()
WITHIN = template.load(template.ANALYSIS)
RESOURCES = {**ALL["Resources"], **WITHIN["Resources"]}
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


def environment(function):
    """What a function is told."""
    return RESOURCES[function]["Properties"]["Environment"]["Variables"]


def machine(name):
    """A state machine's definition."""
    return json.loads((HERE / f"../../step-functions/{name}.asl.json").read_text())


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
    kept = [rule for rule in lifecycle if rule.get("Prefix") != "reports/"]
    assert not any(key.startswith("Expiration") or key == "Transitions" for rule in kept for key in rule)


@pytest.mark.parametrize("name", ["InputBucket", "OutputBucket"])
def test_a_bucket_is_reached_by_tls_alone(name):
    [policy] = [policy for policy in of("AWS::S3::BucketPolicy").values() if policy["Bucket"] == {"Ref": name}]
    statement, *others = [side for statement in policy["PolicyDocument"]["Statement"] for side in sides(statement)]
    # What the CDN may do has a test of its own.
    assert [other["Sid"] for other in others] == (["RenditionsForTheCdn"] if name == "OutputBucket" else [])
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

@pytest.mark.parametrize("name, dead_name, function", [
    ("JobsQueue", "DeadLetterQueue", "ProcessFunction"), ("AnalysisQueue", "AnalysisDeadLetterQueue", "AnalyseFunction"),
])
def test_a_queue_gives_a_function_time_and_a_message_some_tries(name, dead_name, function):
    queue, dead = RESOURCES[name]["Properties"], RESOURCES[dead_name]["Properties"]
    assert queue["VisibilityTimeout"] >= 6 * RESOURCES[function]["Properties"]["Timeout"]
    assert 3 <= queue["RedrivePolicy"]["maxReceiveCount"] <= 5
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dead_name, "Arn"]}
    # Its age counts from the first arrival.
    assert dead["MessageRetentionPeriod"] == 14 * 86400 > queue["MessageRetentionPeriod"]
    assert dead["RedriveAllowPolicy"]["redrivePermission"] == "byQueue"
    [source] = dead["RedriveAllowPolicy"]["sourceQueueArns"]
    assert source["Fn::Sub"].endswith(":" + queue["QueueName"]["Fn::Sub"])


def test_every_queue_is_encrypted():
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
    assert len(reached) == 5


def test_the_functions_take_batches_and_return_what_failed():
    process, publish = RESOURCES["ProcessMapping"]["Properties"], RESOURCES["PublishMapping"]["Properties"]
    for mapping, function in ((process, "ProcessFunction"), (publish, "PublishFunction")):
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert mapping["FunctionName"] == {"Ref": f"{function}.Alias"}
    analyse = RESOURCES["AnalyseMapping"]["Properties"]
    assert analyse["FunctionResponseTypes"] == ["ReportBatchItemFailures"] and analyse["FunctionName"] == {"Ref": "AnalyseFunction"}
    for mapping in (process, analyse):
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "MaximumConcurrency"}}
    assert PARAMETERS["MaximumConcurrency"]["MinValue"] == PARAMETERS["AnalysisConcurrency"]["MinValue"] == 2
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
        tokens = {"Fn::If": ["Tokens", {"Ref": "Authorizer"}, {"Ref": "AWS::NoValue"}]}
        expected = ("NONE", None) if key == "GET /livez" else ({"Ref": "ApiAuthorizer"}, tokens)
        assert (route["AuthorizationType"], route.get("AuthorizerId")) == expected, key
    # The parameter's values are the service's own words, of which none lets everybody in.
    assert (PARAMETERS["ApiAuthorizer"]["Default"], PARAMETERS["ApiAuthorizer"]["AllowedValues"]) == ("JWT", ["JWT", "AWS_IAM"])
    assert ALL["Conditions"]["Tokens"] == {"Fn::Equals": [{"Ref": "ApiAuthorizer"}, "JWT"]}


def test_with_aws_credentials_there_is_no_user_pool_and_no_authorizer():
    assert {"Condition": "Tokens"} in ALL["Conditions"]["OwnPool"]["Fn::And"]
    assert RESOURCES["Authorizer"]["Condition"] == "Tokens"
    for name, resource in RESOURCES.items():
        if resource["Type"].startswith("AWS::Cognito::"):
            assert resource["Condition"] == "OwnPool", name
    assert environment("ApiFunction")["IMGCORE_ADMIN_ROLE"] == {"Ref": "AdminRole"} and PARAMETERS["AdminRole"]["Default"] == ""
    for rule in ("IamHasNoIssuer", "AnAdminRoleIsIams"):
        assert len(ALL["Rules"][rule]["Assertions"]) == 1


def test_the_apis_own_name_takes_tls_1_2_alone():
    domain = RESOURCES["ApiDomain"]
    assert domain["Condition"] == RESOURCES["ApiDomainMapping"]["Condition"] == "HasDomain" and PARAMETERS["DomainName"]["Default"] == ""
    [configuration] = domain["Properties"]["DomainNameConfigurations"]
    assert configuration == {"CertificateArn": {"Ref": "CertificateArn"}, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}
    assert RESOURCES["ApiDomainMapping"]["Properties"] == {"ApiId": {"Ref": "Api"}, "DomainName": {"Ref": "ApiDomain"}, "Stage": {"Ref": "Stage"}}
    records = of("AWS::Route53::RecordSet")
    assert sorted(record["Type"] for record in records.values()) == ["A", "AAAA"]
    for name, record in records.items():
        assert RESOURCES[name]["Condition"] == "HasZone" and record["Name"] == {"Ref": "DomainName"}
        assert record["AliasTarget"]["DNSName"] == {"Fn::GetAtt": ["ApiDomain", "RegionalDomainName"]}
        assert record["AliasTarget"]["HostedZoneId"] == {"Fn::GetAtt": ["ApiDomain", "RegionalHostedZoneId"]}
    assert sides(ALL["Outputs"]["ApiUrl"]["Value"])[0] == {"Fn::Sub": "https://${DomainName}"}


def test_the_api_is_bounded_and_says_who_asked():
    stage = RESOURCES["Stage"]["Properties"]
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] and stage["DefaultRouteSettings"]["ThrottlingBurstLimit"]
    line = json.loads(stage["AccessLogSettings"]["Format"])
    assert {"time", "requestId", "subject", "caller", "ip", "path", "status"} <= set(line)
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


# The CDN.

def test_nothing_is_in_front_of_the_renditions_unless_it_is_asked_for():
    assert (PARAMETERS["Cdn"]["Default"], PARAMETERS["Cdn"]["AllowedValues"]) == ("none", ["none", "signed", "public"])
    for name, resource in RESOURCES.items():
        if resource["Type"].startswith("AWS::CloudFront::"):
            expected = "SignedCdn" if resource["Type"].endswith(("PublicKey", "KeyGroup")) else "HasCdn"
            assert resource["Condition"] == expected, name
    assert sides(environment("ApiFunction")["IMGCORE_CDN"])[-1] == ""


def test_the_distribution_gives_pictures_by_https_and_takes_nothing():
    [distribution] = of("AWS::CloudFront::Distribution").values()
    config = distribution["DistributionConfig"]
    behavior = config["DefaultCacheBehavior"]
    assert "CacheBehaviors" not in config
    assert behavior["ViewerProtocolPolicy"] == "https-only"
    assert behavior["AllowedMethods"] == behavior["CachedMethods"] == ["GET", "HEAD"]
    assert behavior["Compress"] is False
    # CachingOptimized, as AWS calls it.
    assert behavior["CachePolicyId"] == "658327ea-f89d-4fab-a63d-7e88639e58f6"
    assert "OriginRequestPolicyId" not in behavior
    named, unnamed = sides(config["ViewerCertificate"])
    assert config["ViewerCertificate"]["Fn::If"][0] == "NamedCdn"
    assert (named["MinimumProtocolVersion"], named["SslSupportMethod"]) == ("TLSv1.2_2021", "sni-only")
    assert named["AcmCertificateArn"] == {"Ref": "CdnCertificateArn"} and unnamed == {"CloudFrontDefaultCertificate": True}
    assert ":us-east-1:" in PARAMETERS["CdnCertificateArn"]["AllowedPattern"]


def test_the_distribution_alone_reads_the_bucket_and_of_it_renditions_alone():
    [distribution] = of("AWS::CloudFront::Distribution").values()
    [origin] = distribution["DistributionConfig"]["Origins"]
    assert origin["OriginAccessControlId"] == {"Fn::GetAtt": ["OriginAccess", "Id"]} and origin["S3OriginConfig"] == {"OriginAccessIdentity": ""}
    control = RESOURCES["OriginAccess"]["Properties"]["OriginAccessControlConfig"]
    assert (control["SigningBehavior"], control["SigningProtocol"], control["OriginAccessControlOriginType"]) == ("always", "sigv4", "s3")
    conditional = RESOURCES["OutputBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"][1]
    assert conditional["Fn::If"][0] == "HasCdn"
    [statement] = sides(conditional)
    assert (statement["Effect"], statement["Principal"]) == ("Allow", {"Service": "cloudfront.amazonaws.com"})
    assert (statement["Action"], statement["Resource"]) == ("s3:GetObject", {"Fn::Sub": "${OutputBucket.Arn}/renditions/*"})
    source = "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"
    assert statement["Condition"] == {"StringEquals": {"aws:SourceArn": {"Fn::Sub": source}}}


def test_signed_means_that_the_distribution_asks_for_a_signature():
    [distribution] = of("AWS::CloudFront::Distribution").values()
    behavior = distribution["DistributionConfig"]["DefaultCacheBehavior"]
    # By the wish itself: where a key were missing, nothing would be open.
    assert ALL["Conditions"]["SignedCdn"] == {"Fn::Equals": [{"Ref": "Cdn"}, "signed"]}
    assert behavior["TrustedKeyGroups"] == {"Fn::If": ["SignedCdn", [{"Ref": "CdnKeyGroup"}], {"Ref": "AWS::NoValue"}]}
    assert RESOURCES["CdnKeyGroup"]["Properties"]["KeyGroupConfig"]["Items"] == [{"Ref": "CdnKey"}]
    assert RESOURCES["CdnKey"]["Properties"]["PublicKeyConfig"]["EncodedKey"] == {"Ref": "CdnPublicKey"}
    variables = environment("ApiFunction")
    assert variables["IMGCORE_CDN_KEY_PAIR"] == {"Fn::If": ["SignedCdn", {"Ref": "CdnKey"}, ""]}
    assert variables["IMGCORE_CDN_SECRET"] == {"Fn::If": ["SignedCdn", {"Ref": "CdnPrivateKeySecret"}, ""]}
    for rule in ("ASignerHasBothKeys", "KeysAreForSigning", "TheCdnsNameHasACertificate"):
        assert len(ALL["Rules"][rule]["Assertions"]) == 1
    pattern = re.compile(PARAMETERS["CdnPublicKey"]["AllowedPattern"])
    assert pattern.match("-----BEGIN PUBLIC KEY-----\nMIIB+/=\n-----END PUBLIC KEY-----\n")
    assert not pattern.match("-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n")


def test_one_role_reads_one_secret():
    for name in of("AWS::IAM::Role"):
        for statement in statements(name):
            if any(action.startswith("secretsmanager:") for action in listed(statement["Action"])):
                assert (name, statement["Action"]) == ("ApiRole", "secretsmanager:GetSecretValue")
                assert statement["Resource"] == {"Ref": "CdnPrivateKeySecret"}
                break
        else:
            assert name != "ApiRole"


def test_what_the_distribution_answers_says_how_it_is_to_be_taken():
    config = RESOURCES["CdnHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    assert config["SecurityHeadersConfig"]["ContentTypeOptions"] == {"Override": True}
    assert config["SecurityHeadersConfig"]["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31536000
    assert config["CorsConfig"]["Fn::If"][0] == "HasOrigins"
    [cors] = sides(config["CorsConfig"])
    assert cors["AccessControlAllowOrigins"] == {"Items": {"Ref": "AllowedOrigins"}} and cors["AccessControlAllowCredentials"] is False
    assert cors["AccessControlAllowMethods"] == {"Items": ["GET", "HEAD"]}


# The analysis.

def test_no_picture_is_sent_to_rekognition_unless_it_is_asked_for():
    assert PARAMETERS["Analyses"]["Default"] == "" and RESOURCES["Analysis"]["Condition"] == "HasAnalysis"
    assert ALL["Conditions"]["HasAnalysis"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Analyses"}, ""]}]}
    lists = WITHIN["Parameters"]["Analyses"]["AllowedValues"]
    assert PARAMETERS["Analyses"]["AllowedValues"] == ["", *lists] and len(set(lists)) == 7
    granted = {}
    for statement in RESOURCES["AnalyseRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]:
        for side in sides(statement):
            if side["Sid"].startswith("LookFor"):
                granted[statement["Fn::If"][0]] = side["Action"]
    assert granted == {"Faces": "rekognition:DetectFaces", "Text": "rekognition:DetectText", "Moderation": "rekognition:DetectModerationLabels"}
    for condition in granted:
        named = {equal["Fn::Equals"][1] for equal in WITHIN["Conditions"][condition]["Fn::Or"]}
        assert named == {one for one in lists if condition.lower() in one.split(",")}, condition


def test_the_stack_within_is_told_all_that_it_asks_for():
    given = RESOURCES["Analysis"]["Properties"]["Parameters"]
    assert set(given) == set(WITHIN["Parameters"])
    assert given["Name"] == {"Ref": "AWS::StackName"}
    for name in ("KmsKeyArn", "PermissionsBoundary", "RolePath", "LogRetentionDays", "Architecture", "EventBusName", "Analyses"):
        assert given[name] == {"Ref": name}
    assert (template.PATH.parent / RESOURCES["Analysis"]["Properties"]["TemplateURL"]).samefile(template.ANALYSIS)
    # Whoever deploys need allow no macro in it.
    assert "Transform" not in WITHIN


def test_what_is_analysed_was_rendered_by_this_stack():
    rule = RESOURCES["ProcessedRule"]["Properties"]
    assert rule["EventPattern"] == {
        "source": ["imgcore"], "detail-type": ["ImageProcessed"], "detail": {"bucket": [{"Ref": "InputBucket"}], "status": ["SUCCEEDED"]},
    }
    [target] = rule["Targets"]
    assert target["Arn"] == {"Fn::GetAtt": ["AnalysisQueue", "Arn"]} and target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["AnalysisDeadLetterQueue", "Arn"]}}
    [source] = [statement for statement in RESOURCES["AnalysisQueuesPolicy"]["Properties"]["PolicyDocument"]["Statement"] if statement["Sid"] == "FromTheRule"]
    assert source["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["ProcessedRule", "Arn"]}}}


def test_the_function_that_analyses_is_as_the_others():
    common, analyse, process = ALL["Globals"]["Function"], RESOURCES["AnalyseFunction"]["Properties"], RESOURCES["ProcessFunction"]["Properties"]
    for name in ("Runtime", "Handler", "Architectures"):
        assert analyse[name] == common[name]
    assert analyse["TracingConfig"] == {"Mode": common["Tracing"]}
    assert analyse["LoggingConfig"] == {**common["LoggingConfig"], "LogGroup": {"Ref": "AnalyseLogs"}}
    assert (analyse["Code"], analyse["Timeout"], analyse["MemorySize"]) == (process["CodeUri"], process["Timeout"], {"Ref": "Memory"})
    assert RESOURCES["AnalyseLogs"]["Properties"]["LogGroupName"] == {"Fn::Sub": "/aws/lambda/${Name}-analyse"}
    variables = environment("AnalyseFunction")
    assert variables["IMGCORE_ROLE"] == "analyse" and variables["IMGCORE_ANALYSES"] == {"Ref": "Analyses"}
    assert variables["MALLOC_MMAP_THRESHOLD_"] == common["Environment"]["Variables"]["MALLOC_MMAP_THRESHOLD_"]
    assert set(variables) - {"IMGCORE_ANALYSES"} == set(environment("ProcessFunction")) | set(common["Environment"]["Variables"])


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
    assert len(groups) == 7
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_roles_may_do_what_the_code_does_and_nothing_else():
    assert actions("ProcessRole") == {
        "s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject", "s3:GetObjectVersion",
        "dynamodb:GetItem", "dynamodb:PutItem", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
    }
    assert actions("ApiRole") == {
        "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions", "s3:PutObject", "s3:DeleteObject",
        "s3:DeleteObjectVersion", "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query",
        "secretsmanager:GetSecretValue",
    }
    assert actions("AnalyseRole") == {
        "s3:GetObject", "s3:ListBucket", "s3:GetObjectVersion", "dynamodb:GetItem", "dynamodb:PutItem",
        "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
        "rekognition:DetectFaces", "rekognition:DetectText", "rekognition:DetectModerationLabels",
    }
    assert actions("PublishRole") == {
        "dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams", "events:PutEvents", "sqs:SendMessage",
    }


@pytest.mark.parametrize("name", ["image", "backfill"])
def test_a_state_machine_knows_every_code_and_logs_no_key(name):
    words = set(re.findall(r'\w+ = "([a-z_]+)",', (HERE / "../../src/error.rs").read_text()))
    named = {error for errors in find(machine(name), "ErrorEquals") for error in errors if "." not in error}
    assert named and named <= words, named - words
    properties = RESOURCES[f"{name.title()}Machine"]["Properties"]
    assert properties["DefinitionUri"] == f"step-functions/{name}.asl.json"
    assert properties["Logging"]["IncludeExecutionData"] is False and properties["Tracing"] == {"Enabled": True}
    # Everything that is to be put in is given, and the other way round.
    text = (HERE / f"../../step-functions/{name}.asl.json").read_text()
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(properties["DefinitionSubstitutions"])


def test_the_state_machine_analyses_what_was_rendered_and_only_where_that_is_on():
    states = machine("image")["States"]
    assert actions("ImageMachineRole") - WITHOUT_RESOURCES == {"lambda:InvokeFunction"}
    assert states["Render"]["ResultSelector"]["analysis"] == "${Analysis}"
    [failed, on] = states["Ended"]["Choices"]
    assert failed["Next"] == "Failed" and states["Ended"]["Default"] == "Done"
    assert on == {"Next": "Analyse", "And": [
        {"Variable": "$.rendered.image.status", "StringEquals": "SUCCEEDED"}, {"Variable": "$.rendered.analysis", "StringEquals": "on"},
    ]}
    substitutions = RESOURCES["ImageMachine"]["Properties"]["DefinitionSubstitutions"]
    assert substitutions["Analysis"] == {"Fn::If": ["HasAnalysis", "on", "off"]}
    [nothing] = states["Analysed"]["Choices"]
    assert nothing == {"Variable": "$.analysed.found.analysis", "IsNull": True, "Next": "Done"} and states["Analysed"]["Default"] == "Record"
    for name in ("Analyse", "Record"):
        # What was rendered stays so.
        assert states[name]["Catch"] == [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "RenderedOnly"}]
        assert {"storage_unavailable", "internal", "cancelled"} <= {error for retry in states[name]["Retry"] for error in retry["ErrorEquals"]}
    assert states["RenderedOnly"]["Type"] == "Succeed"
    onward = lambda state: [state.get("Next"), state.get("Default"), *[choice["Next"] for choice in state.get("Choices", [])]]
    assert [name for name, state in states.items() if "Record" in onward(state)] == ["Analysed"]
    assert [name for name, state in states.items() if "Analyse" in onward(state)] == ["Ended"]


# What of the backfill the emulator does not do is asserted here: rates, reports, manifests.

@pytest.mark.parametrize("source", ["Bucket", "Inventory", "Failures"])
def test_a_backfill_tries_every_object_at_a_rate_and_reports(source):
    state = machine("backfill")["States"][source]
    assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert state["MaxConcurrencyPath"] == "$.concurrency" and "MaxConcurrency" not in state and "ItemBatcher" not in state
    assert state["ToleratedFailurePercentage"] == 100 and "Catch" not in state
    assert state["ResultWriter"]["Resource"].endswith(":s3:putObject")
    assert state["ResultWriter"]["Parameters"] == {"Bucket": "${OutputBucket}", "Prefix": "reports/backfill"}
    # The list of all answers would not fit into a state.
    assert state["ResultPath"] is None and len(state["Label"]) <= 40
    child = state["ItemProcessor"]["States"]
    assert child["Process"]["Parameters"] == {"FunctionName": "${ProcessFunction}", "Payload.$": "$.call"}
    assert child["Failed"]["Type"] == "Fail" and child["Nothing"]["Type"] == child["Done"]["Type"] == "Succeed"
    # A child of this kind ends after five minutes: a lease and a time-out of the function fit in.
    [lease] = [retry for retry in child["Process"]["Retry"] if retry["ErrorEquals"] == ["not_ready"]]
    waits = [min(lease["IntervalSeconds"] * lease["BackoffRate"] ** n, lease["MaxDelaySeconds"]) for n in range(lease["MaxAttempts"])]
    assert 130 <= sum(waits) <= 300 - RESOURCES["ProcessFunction"]["Properties"]["Timeout"]


def test_a_backfill_reads_what_s3_lists_as_s3_writes_it():
    states = machine("backfill")["States"]
    bucket, inventory, failures = (states[name] for name in ("Bucket", "Inventory", "Failures"))
    assert bucket["ItemReader"]["Resource"].endswith(":s3:listObjectsV2") and bucket["ItemReader"]["Parameters"]["Prefix.$"] == "$.prefix"
    assert bucket["ItemSelector"]["call"] == {"bucket.$": "$.bucket", "key.$": "$$.Map.Item.Value.Key"}
    assert inventory["ItemReader"]["ReaderConfig"] == {"InputType": "MANIFEST"}
    assert inventory["ItemSelector"]["call"] == {"bucket.$": "$$.Map.Item.Value.Bucket", "urlEncodedKey.$": "$$.Map.Item.Value.Key"}
    assert failures["ItemReader"]["ReaderConfig"] == {"InputType": "JSON", "Transformation": "LOAD_AND_FLATTEN"}
    assert failures["ItemReader"]["Parameters"]["Bucket"] == "${OutputBucket}"
    assert states["Defaults"]["Result"]["concurrency"] >= 1


def test_a_backfill_ends_with_counts_and_badly_if_one_failed():
    states = machine("backfill")["States"]
    assert states["Counts"]["Resource"].endswith(":aws-sdk:sfn:describeMapRun")
    assert {"total", "succeeded", "failed", "timedOut", "aborted"} <= {name.removesuffix(".$") for name in states["Counts"]["ResultSelector"]}
    bad = {choice["Variable"] for choice in states["AllDone"]["Choices"] if (choice["NumericGreaterThan"], choice["Next"]) == (0, "SomeFailed")}
    assert bad == {"$.failed", "$.timedOut", "$.aborted"} and states["SomeFailed"]["Type"] == "Fail"


def test_a_backfill_may_read_lists_write_reports_and_run_itself():
    assert actions("BackfillMachineRole") - WITHOUT_RESOURCES == {
        "lambda:InvokeFunction", "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload",
        "states:StartExecution", "states:DescribeExecution", "states:StopExecution", "states:RedriveExecution",
        "states:ListMapRuns", "states:DescribeMapRun",
    }
    for statement in statements("BackfillMachineRole"):
        places = [place for resource in listed(statement["Resource"]) for place in sides(resource)]
        if "s3:PutObject" in listed(statement["Action"]):
            assert places == [{"Fn::Sub": "${OutputBucket.Arn}/reports/backfill/*"}]
        if any(action.startswith("states:") for action in listed(statement["Action"])):
            assert all("${AWS::StackName}-backfill" in place["Fn::Sub"] for place in places), places


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
                    free = lambda action: action.startswith("xray:") or action in WITHOUT_RESOURCES or action.startswith("rekognition:Detect")
                    assert all(free(action) for action in listed(statement["Action"])), name
    for path, stars in ((template.PATH, 7), (template.ANALYSIS, 4)):
        text = path.read_text()
        assert "FullAccess" not in text and "arn:aws:iam::aws:policy" not in text
        # Each `*` says why.
        assert text.count('Resource: "*"') == len(re.findall(r"# `\*`: IAM has no resources for .*\.\n +- Sid: ", text)) == stars


def test_nothing_is_written_into_the_input_but_uploads():
    for role in of("AWS::IAM::Role"):
        for statement in statements(role):
            if "s3:PutObject" in listed(statement["Action"]):
                places = [place["Fn::Sub"] for resource in listed(statement["Resource"]) for place in sides(resource)]
                assert all(place.endswith(("/uploads/*", "${OutputBucket.Arn}/renditions/*", "${OutputBucket.Arn}/reports/backfill/*")) for place in places), places


# Operating it.

def test_every_alarm_is_heard_and_explained():
    alarms = of("AWS::CloudWatch::Alarm")
    watched = {(alarm["MetricName"], json.dumps(alarm["Dimensions"])) for alarm in alarms.values()}
    assert len(watched) == len(alarms)
    for metric, queue in (("ApproximateNumberOfMessagesVisible", "DeadLetterQueue"), ("ApproximateNumberOfMessagesVisible", "UntoldQueue"),
                          ("ApproximateNumberOfMessagesVisible", "AnalysisDeadLetterQueue"), ("ApproximateAgeOfOldestMessage", "JobsQueue")):
        assert any(name == metric and queue in dimensions for name, dimensions in watched), queue
    operations = (HERE / "../../OPERATIONS.md").read_text()
    for name, alarm in alarms.items():
        topic = "AlarmTopicArn" if name in WITHIN["Resources"] else "AlarmTopic"
        assert {"Ref": topic} in alarm["AlarmActions"], name
        [section] = re.findall(r'OPERATIONS\.md, "([^"]+)"', alarm["AlarmDescription"])
        assert f"## {section}\n" in operations, section


def test_a_budget_and_an_address_are_one_parameter_away():
    assert RESOURCES["Budget"]["Condition"] == "HasBudget"
    assert RESOURCES["AlarmSubscription"]["Properties"]["Endpoint"] == {"Ref": "AlarmEmail"}


def test_names_carry_the_stacks_name_so_that_two_stages_live_in_one_account():
    # The stack within has a name that nobody has given; its resources carry that of the stack around it.
    assert not re.search(r"AWS::StackName", template.ANALYSIS.read_text())
    named = ("BucketName", "QueueName", "FunctionName", "LogGroupName", "AlarmName", "TopicName", "DashboardName", "UserPoolName", "BudgetName")
    for key in named:
        for logical, resource in RESOURCES.items():
            name = resource["Properties"].get(key) or resource["Properties"].get("Budget", {}).get(key)
            if name is None or resource["Type"] in ("AWS::Lambda::EventSourceMapping", "AWS::Lambda::Permission"):
                continue
            assert ("${Name}" if logical in WITHIN["Resources"] else "AWS::StackName") in json.dumps(name), name
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
    for path in (template.PATH, template.ANALYSIS):
        text = path.read_text()
        assert text.count("ignore_checks: [") == len(re.findall(r"# (\w\d+): .{20,}\.\n +cfn-lint: \{ config: \{ ignore_checks: \[\1\]", text))


def test_what_the_readme_needs_is_answered():
    assert {"ApiUrl", "InputBucket", "OutputBucket", "Table", "DeadLetterQueueUrl", "UserPoolId", "UserPoolClientId", "DashboardUrl"} <= set(ALL["Outputs"])
