# Names first: whatever stands in a definition or a policy is computed here, so that no template waits for a resource.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  account = data.aws_caller_identity.current.account_id
  region  = data.aws_region.current.region

  workflows     = "${path.module}/../../workflows"
  policies      = "${path.module}/../policies"
  functions_dir = coalesce(var.functions_dir, "${path.module}/../../dist")

  # The placeholders of the workflows and of the policies.
  names = {
    account        = local.account
    region         = local.region
    project_name   = var.project_name
    sns_topic_name = "${var.project_name}-notifications"
    queue_name     = "${var.project_name}-dead-letters"
    table_name     = "${var.project_name}-images"
    input_bucket   = "${var.project_name}-${local.account}-${local.region}-input"
    output_bucket  = "${var.project_name}-${local.account}-${local.region}-output"
  }

  # Each function: how long one call may take, as the workflow waits for it, and the memory in MB.
  functions = {
    validation    = { timeout_seconds = 60, memory_mb = var.function_memory_mb }
    resize        = { timeout_seconds = 300, memory_mb = var.function_memory_mb }
    watermark     = { timeout_seconds = 300, memory_mb = var.function_memory_mb }
    error-handler = { timeout_seconds = 30, memory_mb = 256 }
    cleanup       = { timeout_seconds = 60, memory_mb = 256 }
  }
}
