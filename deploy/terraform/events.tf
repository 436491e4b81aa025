# What starts the workflow, and what becomes of executions that end badly.

resource "aws_cloudwatch_event_rule" "upload" {
  name        = "${var.project_name}-upload"
  description = "An object is put among the uploads"

  event_pattern = jsonencode({
    source      = ["aws.s3"]
    detail-type = ["Object Created"]
    detail = {
      bucket = { name = [local.names.input_bucket] }
      object = { key = [{ prefix = "uploads/" }] }
    }
  })
}

# The event's detail goes in as it is: a target's input transformer can copy a key, but not take it apart into user and
# image, which the state machine does.
resource "aws_cloudwatch_event_target" "upload" {
  rule       = aws_cloudwatch_event_rule.upload.name
  target_id  = "upload"
  arn        = aws_sfn_state_machine.main["upload"].arn
  role_arn   = aws_iam_role.events.arn
  input_path = "$.detail"

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

resource "aws_cloudwatch_event_rule" "failed_executions" {
  name        = "${var.project_name}-failed-executions"
  description = "An execution failed, timed out or was stopped"

  event_pattern = jsonencode({
    source      = ["aws.states"]
    detail-type = ["Step Functions Execution Status Change"]
    detail = {
      status          = ["FAILED", "TIMED_OUT", "ABORTED"]
      stateMachineArn = [for machine in aws_sfn_state_machine.main : machine.arn]
    }
  })
}

resource "aws_cloudwatch_event_target" "failed_executions" {
  rule      = aws_cloudwatch_event_rule.failed_executions.name
  target_id = "dead-letters"
  arn       = aws_sqs_queue.dead_letters.arn

  # A rule that sends before the queue lets it in loses what it sends.
  depends_on = [aws_sqs_queue_policy.dead_letters]
}
