# One key for everything that is at rest. A key of AWS's own would not do: alarms and rules cannot use it.

resource "aws_kms_key" "main" {
  description             = "${var.project_name}: buckets, table, topic, queue and logs"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = templatefile("${local.policies}/resource-key.json", local.names)
}

resource "aws_kms_alias" "main" {
  name          = "alias/${var.project_name}"
  target_key_id = aws_kms_key.main.key_id
}
