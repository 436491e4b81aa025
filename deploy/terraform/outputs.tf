output "input_bucket" {
  description = "Put photos here, under uploads/<user>/<image>.<extension>."
  value       = aws_s3_bucket.main["input"].id
}

output "output_bucket" {
  description = "Resized and watermarked photos appear here, under processed/<user>/."
  value       = aws_s3_bucket.main["output"].id
}

output "table" {
  description = "The records of images."
  value       = aws_dynamodb_table.images.name
}

output "state_machine_arn" {
  description = "The image workflow."
  value       = aws_sfn_state_machine.main["image-processing"].arn
}

output "upload_state_machine_arn" {
  description = "Makes an execution of the image workflow of each upload."
  value       = aws_sfn_state_machine.main["upload"].arn
}

output "notification_topic_arn" {
  description = "Where failures and alarms are told."
  value       = aws_sns_topic.notifications.arn
}

output "dead_letter_queue_url" {
  description = "Executions that ended badly, and uploads that could not be started."
  value       = aws_sqs_queue.dead_letters.id
}

output "function_arns" {
  description = "The five functions."
  value       = { for name, function in aws_lambda_function.main : name => function.arn }
}
