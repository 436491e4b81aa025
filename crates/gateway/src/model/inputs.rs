//! The members of every action's input: names, types, bounds. From the API's model of 2016-11-23.

use super::{Member, Pattern, Shape, Text};

/// The members of the action's input; `None` for a name that is no action of the API.
pub(crate) fn of_action(name: &str) -> Option<&'static [Member]> {
    INPUTS.iter().find(|(action, _)| *action == name).map(|(_, members)| *members)
}

const fn text(min: usize, max: usize) -> Shape {
    Shape::Text(Text { min, max, pattern: None, sensitive: false })
}

const fn sensitive(min: usize, max: usize) -> Shape {
    Shape::Text(Text { min, max, pattern: None, sensitive: true })
}

const fn matching(min: usize, max: usize, pattern: Pattern) -> Shape {
    Shape::Text(Text { min, max, pattern: Some(pattern), sensitive: false })
}

const fn required(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: true }
}

const fn optional(name: &'static str, shape: Shape) -> Member {
    Member { name, shape, required: false }
}

/// Where the model has no upper bound.
const ANY: usize = usize::MAX;

const ARN: Shape = text(1, 256);
const LONG_ARN: Shape = text(1, 2000);
const NAME: Shape = text(1, 80);
const ALIAS_NAME: Shape = matching(1, 80, Pattern::AliasName);
const DEFINITION: Shape = sensitive(1, 1_048_576);
const DATA: Shape = sensitive(0, 262_144);
const ERROR: Shape = sensitive(0, 256);
const CAUSE: Shape = sensitive(0, 32_768);
const DESCRIPTION: Shape = sensitive(0, 256);
const STATE_NAME: Shape = sensitive(1, 80);
const TASK_TOKEN: Shape = text(1, 2048);
const TRACE_HEADER: Shape = matching(0, 256, Pattern::Ascii);
const PAGE_SIZE: Shape = Shape::Integer(0, 1_000);
const PAGE_TOKEN: Shape = text(1, 1_024);
const NATURAL: Shape = Shape::Integer(0, i64::MAX);
const TYPE: Shape = Shape::Word(&["STANDARD", "EXPRESS"]);
const INCLUDED_DATA: Shape = Shape::Word(&["ALL_DATA", "METADATA_ONLY"]);

const TAGS: Shape =
    Shape::List(&Shape::Structure(&[optional("key", text(1, 128)), optional("value", text(0, 256))]), 0, ANY);

const ENCRYPTION: Shape = Shape::Structure(&[
    optional("kmsKeyId", text(1, 2048)),
    optional("kmsDataKeyReusePeriodSeconds", Shape::Integer(60, 900)),
    required("type", Shape::Word(&["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"])),
]);

const LOGGING: Shape = Shape::Structure(&[
    optional("level", Shape::Word(&["ALL", "ERROR", "FATAL", "OFF"])),
    optional("includeExecutionData", Shape::Boolean),
    optional(
        "destinations",
        Shape::List(
            &Shape::Structure(&[optional(
                "cloudWatchLogsLogGroup",
                Shape::Structure(&[optional("logGroupArn", ARN)]),
            )]),
            0,
            ANY,
        ),
    ),
]);

const TRACING: Shape = Shape::Structure(&[optional("enabled", Shape::Boolean)]);

const ROUTING: Shape = Shape::List(
    &Shape::Structure(&[required("stateMachineVersionArn", ARN), required("weight", Shape::Integer(0, 100))]),
    1,
    2,
);

const MOCK: Shape = Shape::Structure(&[
    optional("result", DATA),
    optional("errorOutput", Shape::Structure(&[optional("error", ERROR), optional("cause", CAUSE)])),
    optional("fieldValidationMode", Shape::Word(&["STRICT", "PRESENT", "NONE"])),
]);

const STATE_CONFIGURATION: Shape = Shape::Structure(&[
    optional("retrierRetryCount", NATURAL),
    optional("errorCausedByState", STATE_NAME),
    optional("mapIterationFailureCount", NATURAL),
    optional("mapItemReaderData", DATA),
]);

/// AWS: the statuses in this order, as a recording shows it.
const STATUS: Shape =
    Shape::Word(&["SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING"]);

const INPUTS: &[(&str, &[Member])] = &[
    (
        "CreateActivity",
        &[required("name", NAME), optional("tags", TAGS), optional("encryptionConfiguration", ENCRYPTION)],
    ),
    (
        "CreateStateMachine",
        &[
            required("name", NAME),
            required("definition", DEFINITION),
            required("roleArn", ARN),
            optional("type", TYPE),
            optional("loggingConfiguration", LOGGING),
            optional("tags", TAGS),
            optional("tracingConfiguration", TRACING),
            optional("publish", Shape::Boolean),
            optional("versionDescription", DESCRIPTION),
            optional("encryptionConfiguration", ENCRYPTION),
        ],
    ),
    (
        "CreateStateMachineAlias",
        &[
            optional("description", DESCRIPTION),
            required("name", ALIAS_NAME),
            required("routingConfiguration", ROUTING),
        ],
    ),
    ("DeleteActivity", &[required("activityArn", ARN)]),
    ("DeleteStateMachine", &[required("stateMachineArn", ARN)]),
    ("DeleteStateMachineAlias", &[required("stateMachineAliasArn", ARN)]),
    ("DeleteStateMachineVersion", &[required("stateMachineVersionArn", LONG_ARN)]),
    ("DescribeActivity", &[required("activityArn", ARN)]),
    ("DescribeExecution", &[required("executionArn", ARN), optional("includedData", INCLUDED_DATA)]),
    ("DescribeMapRun", &[required("mapRunArn", LONG_ARN)]),
    ("DescribeStateMachine", &[required("stateMachineArn", ARN), optional("includedData", INCLUDED_DATA)]),
    ("DescribeStateMachineAlias", &[required("stateMachineAliasArn", ARN)]),
    (
        "DescribeStateMachineForExecution",
        &[required("executionArn", ARN), optional("includedData", INCLUDED_DATA)],
    ),
    ("GetActivityTask", &[required("activityArn", ARN), optional("workerName", NAME)]),
    (
        "GetExecutionHistory",
        &[
            required("executionArn", ARN),
            optional("maxResults", PAGE_SIZE),
            optional("reverseOrder", Shape::Boolean),
            optional("nextToken", PAGE_TOKEN),
            optional("includeExecutionData", Shape::Boolean),
        ],
    ),
    ("ListActivities", &[optional("maxResults", PAGE_SIZE), optional("nextToken", PAGE_TOKEN)]),
    (
        "ListExecutions",
        &[
            optional("stateMachineArn", ARN),
            optional("statusFilter", STATUS),
            optional("maxResults", PAGE_SIZE),
            optional("nextToken", text(1, 3_096)),
            optional("mapRunArn", LONG_ARN),
            optional("redriveFilter", Shape::Word(&["REDRIVEN", "NOT_REDRIVEN"])),
        ],
    ),
    (
        "ListMapRuns",
        &[
            required("executionArn", ARN),
            optional("maxResults", PAGE_SIZE),
            optional("nextToken", PAGE_TOKEN),
        ],
    ),
    (
        "ListStateMachineAliases",
        &[
            required("stateMachineArn", ARN),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", PAGE_SIZE),
        ],
    ),
    (
        "ListStateMachineVersions",
        &[
            required("stateMachineArn", ARN),
            optional("nextToken", PAGE_TOKEN),
            optional("maxResults", PAGE_SIZE),
        ],
    ),
    ("ListStateMachines", &[optional("maxResults", PAGE_SIZE), optional("nextToken", PAGE_TOKEN)]),
    ("ListTagsForResource", &[required("resourceArn", ARN)]),
    (
        "PublishStateMachineVersion",
        &[
            required("stateMachineArn", ARN),
            optional("revisionId", text(0, ANY)),
            optional("description", DESCRIPTION),
        ],
    ),
    (
        "RedriveExecution",
        &[required("executionArn", ARN), optional("clientToken", matching(1, 64, Pattern::Visible))],
    ),
    (
        "SendTaskFailure",
        &[required("taskToken", TASK_TOKEN), optional("error", ERROR), optional("cause", CAUSE)],
    ),
    ("SendTaskHeartbeat", &[required("taskToken", TASK_TOKEN)]),
    ("SendTaskSuccess", &[required("taskToken", TASK_TOKEN), required("output", DATA)]),
    (
        "StartExecution",
        &[
            required("stateMachineArn", ARN),
            optional("name", NAME),
            optional("input", DATA),
            optional("traceHeader", TRACE_HEADER),
        ],
    ),
    (
        "StartSyncExecution",
        &[
            required("stateMachineArn", ARN),
            optional("name", NAME),
            optional("input", DATA),
            optional("traceHeader", TRACE_HEADER),
            optional("includedData", INCLUDED_DATA),
        ],
    ),
    ("StopExecution", &[required("executionArn", ARN), optional("error", ERROR), optional("cause", CAUSE)]),
    ("TagResource", &[required("resourceArn", ARN), required("tags", TAGS)]),
    (
        "TestState",
        &[
            required("definition", DEFINITION),
            optional("roleArn", ARN),
            optional("input", DATA),
            optional("inspectionLevel", Shape::Word(&["INFO", "DEBUG", "TRACE"])),
            optional("revealSecrets", Shape::Boolean),
            optional("variables", DATA),
            optional("stateName", STATE_NAME),
            optional("mock", MOCK),
            optional("context", DATA),
            optional("stateConfiguration", STATE_CONFIGURATION),
        ],
    ),
    (
        "UntagResource",
        &[required("resourceArn", ARN), required("tagKeys", Shape::List(&text(1, 128), 0, ANY))],
    ),
    (
        "UpdateMapRun",
        &[
            required("mapRunArn", LONG_ARN),
            optional("maxConcurrency", NATURAL),
            optional("toleratedFailurePercentage", Shape::Decimal(0, 100)),
            optional("toleratedFailureCount", NATURAL),
        ],
    ),
    (
        "UpdateStateMachine",
        &[
            required("stateMachineArn", ARN),
            optional("definition", DEFINITION),
            optional("roleArn", ARN),
            optional("loggingConfiguration", LOGGING),
            optional("tracingConfiguration", TRACING),
            optional("publish", Shape::Boolean),
            optional("versionDescription", DESCRIPTION),
            optional("encryptionConfiguration", ENCRYPTION),
        ],
    ),
    (
        "UpdateStateMachineAlias",
        &[
            required("stateMachineAliasArn", ARN),
            optional("description", DESCRIPTION),
            optional("routingConfiguration", ROUTING),
        ],
    ),
    (
        "ValidateStateMachineDefinition",
        &[
            required("definition", DEFINITION),
            optional("type", TYPE),
            optional("severity", Shape::Word(&["ERROR", "WARNING"])),
            optional("maxResults", Shape::Integer(0, 100)),
        ],
    ),
];
