# Who is told of failures, and where failed executions wait to be looked at.

resource "aws_sns_topic" "notifications" {
  name              = local.names.sns_topic_name
  kms_master_key_id = aws_kms_key.main.arn
}

resource "aws_sns_topic_policy" "notifications" {
  arn    = aws_sns_topic.notifications.arn
  policy = templatefile("${local.policies}/resource-topic.json", local.names)
}

resource "aws_sns_topic_subscription" "email" {
  for_each = var.notification_emails

  topic_arn = aws_sns_topic.notifications.arn
  protocol  = "email"
  endpoint  = each.value
}

resource "aws_sqs_queue" "dead_letters" {
  name                              = local.names.queue_name
  message_retention_seconds         = 1209600
  kms_master_key_id                 = aws_kms_key.main.arn
  kms_data_key_reuse_period_seconds = 300
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.id
  policy    = templatefile("${local.policies}/resource-queue.json", local.names)
}
