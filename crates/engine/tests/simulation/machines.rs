//! The state machines that the simulation runs: together they have every kind of branch and every way to fail.

/// A definition and an input for it.
#[derive(Debug)]
pub struct Machine {
    /// For messages.
    pub name: &'static str,
    /// The definition.
    pub definition: &'static str,
    /// The input.
    pub input: &'static str,
}

/// All of them.
pub const ALL: &[Machine] = &[
    Machine {
        name: "a chain of tasks with retries and catches",
        definition: r#"{
            "StartAt": "A",
            "TimeoutSeconds": 900,
            "States": {
                "A": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:a", "TimeoutSeconds": 30,
                      "ResultPath": "$.a", "Assign": {"last": "a"},
                      "Retry": [{"ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "MaxAttempts": 2, "JitterStrategy": "FULL"},
                                {"ErrorEquals": ["States.Timeout"], "IntervalSeconds": 2, "MaxAttempts": 1}],
                      "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error", "Next": "Mend", "Assign": {"last": "caught"}}],
                      "Next": "B"},
                "B": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "TimeoutSeconds": 30,
                      "Parameters": {"FunctionName": "b", "Payload.$": "$"},
                      "ResultPath": null,
                      "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 3, "BackoffRate": 1.5}],
                      "Next": "Check"},
                "Check": {"Type": "Choice",
                          "Choices": [{"Variable": "$.a", "IsPresent": true, "Next": "Done"}],
                          "Default": "Mend"},
                "Mend": {"Type": "Pass", "Parameters": {"last.$": "$last", "all.$": "$"}, "Next": "Done"},
                "Done": {"Type": "Succeed"}
            }
        }"#,
        input: r#"{"id": 1}"#,
    },
    Machine {
        name: "parallel branches, one of which may fail",
        definition: r#"{
            "StartAt": "Both",
            "States": {
                "Both": {"Type": "Parallel",
                         "Branches": [
                            {"StartAt": "Left", "States": {
                                "Left": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:left", "TimeoutSeconds": 20, "Next": "LeftWait"},
                                "LeftWait": {"Type": "Wait", "Seconds": 2, "End": true}}},
                            {"StartAt": "Right", "States": {
                                "Right": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:right", "TimeoutSeconds": 20,
                                          "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}], "End": true}}}
                         ],
                         "Retry": [{"ErrorEquals": ["Flaky"], "MaxAttempts": 1, "IntervalSeconds": 3}],
                         "Catch": [{"ErrorEquals": ["Broken"], "Next": "Caught"}],
                         "ResultPath": "$.both",
                         "Next": "Done"},
                "Caught": {"Type": "Pass", "End": true},
                "Done": {"Type": "Succeed"}
            }
        }"#,
        input: "{}",
    },
    Machine {
        name: "a map of tasks, two at once",
        definition: r#"{
            "StartAt": "Each",
            "States": {
                "Each": {"Type": "Map", "ItemsPath": "$.items", "MaxConcurrency": 2,
                         "ItemSelector": {"item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index"},
                         "ItemProcessor": {"StartAt": "Work", "States": {
                             "Work": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:work", "TimeoutSeconds": 15,
                                      "Retry": [{"ErrorEquals": ["Flaky"], "MaxAttempts": 2}], "ResultPath": "$.done", "Next": "Tidy"},
                             "Tidy": {"Type": "Pass", "OutputPath": "$.index", "End": true}}},
                         "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}],
                         "End": true},
                "Sorry": {"Type": "Fail", "Error": "Sorry", "Cause": "an item failed"}
            }
        }"#,
        input: r#"{"items": [1, 2, 3, 4, 5]}"#,
    },
    Machine {
        name: "a map in a parallel in a map",
        definition: r#"{
            "StartAt": "Outer",
            "States": {
                "Outer": {"Type": "Map", "ItemProcessor": {"StartAt": "Fork", "States": {
                    "Fork": {"Type": "Parallel", "Branches": [
                        {"StartAt": "Inner", "States": {
                            "Inner": {"Type": "Map", "ItemProcessor": {"StartAt": "Leaf", "States": {
                                "Leaf": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:leaf", "TimeoutSeconds": 10, "End": true}}},
                                "End": true}}},
                        {"StartAt": "Side", "States": {"Side": {"Type": "Wait", "Seconds": 1, "End": true}}}],
                        "End": true}}},
                    "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],
                    "End": true}
            }
        }"#,
        input: "[[1, 2], [], [3]]",
    },
    Machine {
        name: "a loop that waits, within a time limit",
        definition: r#"{
            "StartAt": "Init",
            "TimeoutSeconds": 40,
            "States": {
                "Init": {"Type": "Pass", "Result": {"n": 0}, "Next": "Wait"},
                "Wait": {"Type": "Wait", "Seconds": 5, "Next": "Step"},
                "Step": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "Again"},
                "Again": {"Type": "Choice", "Choices": [{"Variable": "$.n", "NumericLessThan": 4, "Next": "Poll"}], "Default": "Done"},
                "Poll": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:poll", "ResultPath": null, "HeartbeatSeconds": 9, "TimeoutSeconds": 25, "Next": "Wait"},
                "Done": {"Type": "Succeed"}
            }
        }"#,
        input: "{}",
    },
    Machine {
        name: "an activity, and a call that is answered by its token",
        definition: r#"{
            "StartAt": "Ask",
            "States": {
                "Ask": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:000000000000:activity:ask",
                        "HeartbeatSeconds": 20, "TimeoutSeconds": 60, "ResultPath": "$.asked",
                        "Retry": [{"ErrorEquals": ["Flaky", "States.Timeout"], "MaxAttempts": 2}],
                        "Next": "Call"},
                "Call": {"Type": "Task", "Resource": "arn:aws:states:::sns:publish.waitForTaskToken",
                         "Parameters": {"TopicArn": "t", "Message": {"token.$": "$$.Task.Token"}},
                         "HeartbeatSeconds": 15, "TimeoutSeconds": 40,
                         "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],
                         "End": true}
            }
        }"#,
        input: r#"{"id": 1}"#,
    },
    Machine {
        name: "children that are waited for, side by side",
        definition: r#"{
            "StartAt": "Both",
            "States": {
                "Both": {"Type": "Map", "ItemsPath": "$.items", "ItemProcessor": {"StartAt": "Run", "States": {
                    "Run": {"Type": "Task", "Resource": "arn:aws:states:::states:startExecution.sync:2",
                            "Parameters": {"StateMachineArn": "child"}, "TimeoutSeconds": 50,
                            "Retry": [{"ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1}], "End": true}}},
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}],
                    "End": true},
                "Sorry": {"Type": "Fail", "Error": "Sorry"}
            }
        }"#,
        input: r#"{"items": [1, 2]}"#,
    },
    Machine {
        name: "JSONata of which some is decided away from the shard",
        definition: r#"{
            "QueryLanguage": "JSONata",
            "StartAt": "Make",
            "States": {
                "Make": {"Type": "Pass", "Output": {"list": "{% [1..3] %}", "id": "{% $uuid() %}"}, "Next": "Each"},
                "Each": {"Type": "Map", "Items": "{% $states.input.list[$ > 1] %}", "MaxConcurrency": 1,
                         "ItemProcessor": {"StartAt": "Work", "States": {
                             "Work": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:each",
                                      "Arguments": {"n": "{% $states.input %}"}, "TimeoutSeconds": 20,
                                      "Output": "{% $map([$states.result], function($r) { $string($r) }) %}",
                                      "Retry": [{"ErrorEquals": ["Flaky"], "MaxAttempts": 2}], "End": true}}},
                         "Catch": [{"ErrorEquals": ["States.ALL"], "Output": {"error": "{% $states.errorOutput.Error %}"},
                                    "Next": "Ask"}],
                         "Output": {"all": "{% $reduce($states.result, function($a, $b) { $a & $b }) %}"},
                         "Next": "Ask"},
                "Ask": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "TimeoutSeconds": 60,
                        "Arguments": {"MessageBody": {"token": "{% $states.context.Task.Token %}"}, "QueueUrl": "q"},
                        "Output": "{% $merge([$states.input, {'answer': $filter([1..5], function($n) { $n > 4 })}]) %}",
                        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Check"}], "Next": "Check"},
                "Check": {"Type": "Choice",
                          "Choices": [{"Condition": "{% $count($states.input.*) > 100 %}", "Next": "Wait"}],
                          "Default": "Wait"},
                "Wait": {"Type": "Wait", "Seconds": "{% $sum([1..2]) %}", "End": true}
            }
        }"#,
        input: r#"{"id": 1}"#,
    },
];

/// What the last of them starts.
pub const CHILD: Machine = Machine {
    name: "a child",
    definition: r#"{
        "StartAt": "Work",
        "States": {
            "Work": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:000000000000:function:work",
                     "TimeoutSeconds": 20, "Next": "Rest"},
            "Rest": {"Type": "Wait", "Seconds": 1, "End": true}
        }
    }"#,
    input: "{}",
};
