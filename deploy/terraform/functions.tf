# The five functions: one program each, made by `darkroom package`.

resource "aws_cloudwatch_log_group" "function" {
  for_each = local.functions

  name              = "/aws/lambda/${var.project_name}-${each.key}"
  retention_in_days = var.log_retention_days
  kms_key_id        = aws_kms_key.main.arn
}

resource "aws_lambda_function" "main" {
  # checkov:skip=CKV_AWS_115:A reservation takes from the account's concurrency, so it is a variable.
  # checkov:skip=CKV_AWS_116:Only the state machine calls, and waits for the answer: its own error path is the dead letter.
  # checkov:skip=CKV_AWS_117:The functions reach S3 and DynamoDB alone, by IAM; a VPC would add endpoints and guard nothing.
  # checkov:skip=CKV_AWS_272:Zip files are built from this repository; a signing profile is the account's own business.
  for_each = local.functions

  function_name                  = "${var.project_name}-${each.key}"
  role                           = aws_iam_role.function[each.key].arn
  runtime                        = "provided.al2023"
  architectures                  = ["arm64"]
  handler                        = "bootstrap"
  filename                       = "${local.functions_dir}/${each.key}.zip"
  source_code_hash               = filebase64sha256("${local.functions_dir}/${each.key}.zip")
  timeout                        = each.value.timeout_seconds
  memory_size                    = each.value.memory_mb
  reserved_concurrent_executions = var.function_concurrency
  kms_key_arn                    = aws_kms_key.main.arn

  environment {
    variables = {
      INPUT_BUCKET   = local.names.input_bucket
      OUTPUT_BUCKET  = local.names.output_bucket
      DYNAMODB_TABLE = local.names.table_name
    }
  }

  logging_config {
    log_format = "JSON"
    log_group  = aws_cloudwatch_log_group.function[each.key].name
  }

  tracing_config {
    mode = "Active"
  }

  # A function that starts before it may write its logs loses them.
  depends_on = [aws_iam_role_policy.function_runtime]
}
