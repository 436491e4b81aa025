# Who may do what. The policies are the files in deploy/policies/, which are checked and tried without AWS too.

locals {
  with_key = merge(local.names, { key_arn = aws_kms_key.main.arn })

  # What each state machine may do for its Tasks.
  state_machine_policies = {
    image-processing = templatefile("${local.policies}/state-machine.json", local.names)
    upload           = templatefile("${local.policies}/upload.json", local.names)
  }
}

resource "aws_iam_role" "state_machine" {
  for_each = local.state_machine_policies

  name               = "${var.project_name}-${each.key}-state-machine"
  description        = "The state machine ${var.project_name}-${each.key}"
  assume_role_policy = templatefile("${local.policies}/trust-states.json", local.names)
}

resource "aws_iam_role_policy" "state_machine" {
  for_each = local.state_machine_policies

  name   = "tasks"
  role   = aws_iam_role.state_machine[each.key].id
  policy = each.value
}

resource "aws_iam_role_policy" "state_machine_observability" {
  for_each = local.state_machine_policies

  name   = "observability"
  role   = aws_iam_role.state_machine[each.key].id
  policy = templatefile("${local.policies}/observability.json", local.names)
}

# Publishing to a topic that is encrypted takes the key, and so do encrypted executions.
resource "aws_iam_role_policy" "state_machine_encryption" {
  for_each = local.state_machine_policies

  name   = "encryption"
  role   = aws_iam_role.state_machine[each.key].id
  policy = templatefile("${local.policies}/encryption.json", local.with_key)
}

resource "aws_iam_role" "function" {
  for_each = local.functions

  name               = "${var.project_name}-${each.key}-function"
  description        = "The function ${var.project_name}-${each.key}"
  assume_role_policy = templatefile("${local.policies}/trust-lambda.json", local.names)
}

resource "aws_iam_role_policy" "function" {
  for_each = {
    validation    = templatefile("${local.policies}/function-validation.json", local.names)
    resize        = templatefile("${local.policies}/function-resize.json", local.names)
    watermark     = templatefile("${local.policies}/function-watermark.json", local.names)
    error-handler = templatefile("${local.policies}/function-error-handler.json", local.names)
    cleanup       = templatefile("${local.policies}/function-cleanup.json", local.names)
  }

  name   = "work"
  role   = aws_iam_role.function[each.key].id
  policy = each.value
}

resource "aws_iam_role_policy" "function_runtime" {
  for_each = local.functions

  name   = "runtime"
  role   = aws_iam_role.function[each.key].id
  policy = templatefile("${local.policies}/function-runtime.json", merge(local.names, { function_name = "${var.project_name}-${each.key}" }))
}

resource "aws_iam_role_policy" "function_encryption" {
  for_each = local.functions

  name   = "encryption"
  role   = aws_iam_role.function[each.key].id
  policy = templatefile("${local.policies}/encryption.json", local.with_key)
}

resource "aws_iam_role" "events" {
  name               = "${var.project_name}-upload-rule"
  description        = "The rule ${var.project_name}-upload"
  assume_role_policy = templatefile("${local.policies}/trust-events.json", local.names)
}

resource "aws_iam_role_policy" "events" {
  name   = "start"
  role   = aws_iam_role.events.id
  policy = templatefile("${local.policies}/events.json", local.names)
}
