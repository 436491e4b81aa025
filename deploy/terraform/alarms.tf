# What somebody is to be told of. Metrics of executions are sparse: no data is no failure.

locals {
  alarm_prefix  = "${var.project_name}-${var.environment}"
  state_machine = aws_sfn_state_machine.main["image-processing"].arn

  # Each alarm on a count of executions: more than the threshold in each of so many windows of five minutes.
  execution_alarms = {
    execution-failures  = { metric = "ExecutionsFailed", threshold = var.failures_threshold, windows = 2, description = "Image processing fails" }
    execution-timeouts  = { metric = "ExecutionsTimedOut", threshold = var.timeouts_threshold, windows = 2, description = "Image processing takes longer than it may" }
    execution-throttled = { metric = "ExecutionThrottled", threshold = 0, windows = 2, description = "State transitions are throttled: the account's quota is used up" }
    execution-aborted   = { metric = "ExecutionsAborted", threshold = 0, windows = 1, description = "Image processing is stopped by hand or by an update" }
  }
}

resource "aws_cloudwatch_metric_alarm" "executions" {
  for_each = local.execution_alarms

  alarm_name          = "${local.alarm_prefix}-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/States"
  metric_name         = each.value.metric
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = each.value.windows
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.notifications.arn]
  ok_actions          = [aws_sns_topic.notifications.arn]

  dimensions = {
    StateMachineArn = local.state_machine
  }
}

# A count alone never alarms where few images come, and always where many do.
resource "aws_cloudwatch_metric_alarm" "failure_ratio" {
  alarm_name          = "${local.alarm_prefix}-failure-ratio"
  alarm_description   = "A large share of image processing fails or times out"
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.failure_ratio_percent
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.notifications.arn]
  ok_actions          = [aws_sns_topic.notifications.arn]

  metric_query {
    id          = "ratio"
    label       = "Failed or timed out, in percent of what ended"
    expression  = "100 * (FILL(failed, 0) + FILL(timed_out, 0)) / (FILL(failed, 0) + FILL(timed_out, 0) + FILL(succeeded, 0))"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { failed = "ExecutionsFailed", timed_out = "ExecutionsTimedOut", succeeded = "ExecutionsSucceeded" }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/States"
        metric_name = metric_query.value
        stat        = "Sum"
        period      = 900

        dimensions = {
          StateMachineArn = local.state_machine
        }
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  alarm_name          = "${local.alarm_prefix}-dead-letters"
  alarm_description   = "Executions that ended badly, or uploads that could not be started, wait to be looked at"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.notifications.arn]
  ok_actions          = [aws_sns_topic.notifications.arn]

  dimensions = {
    QueueName = local.names.queue_name
  }
}
