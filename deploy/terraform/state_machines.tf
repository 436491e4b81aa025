# Both state machines are the files in workflows/, which run on one's own machine too.

locals {
  definitions = {
    image-processing = templatefile("${local.workflows}/image-processing.asl.json", local.names)
    upload           = templatefile("${local.workflows}/upload.asl.json", local.names)
  }
}

resource "aws_cloudwatch_log_group" "state_machine" {
  for_each = local.definitions

  # Under this prefix deliveries share one resource policy, of which an account can have ten.
  name              = "/aws/vendedlogs/states/${var.project_name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
}

resource "aws_sfn_state_machine" "main" {
  for_each = local.definitions

  name       = "${var.project_name}-${each.key}"
  type       = "STANDARD"
  role_arn   = aws_iam_role.state_machine[each.key].arn
  definition = each.value

  logging_configuration {
    level                  = var.log_level
    include_execution_data = var.log_execution_data
    log_destination        = "${aws_cloudwatch_log_group.state_machine[each.key].arn}:*"
  }

  tracing_configuration {
    enabled = true
  }

  dynamic "encryption_configuration" {
    for_each = var.encrypt_executions ? [aws_kms_key.main.arn] : []

    content {
      type                              = "CUSTOMER_MANAGED_KMS_KEY"
      kms_key_id                        = encryption_configuration.value
      kms_data_key_reuse_period_seconds = 300
    }
  }

  tags = {
    Service = "step-functions"
  }

  # Creating it checks that the role may deliver logs, and a definition's functions are to be there when it runs.
  depends_on = [
    aws_iam_role_policy.state_machine,
    aws_iam_role_policy.state_machine_observability,
    aws_iam_role_policy.state_machine_encryption,
    aws_lambda_function.main,
  ]
}
