# The record of each image: its status, what was made of it, and what went wrong.

resource "aws_dynamodb_table" "images" {
  name                        = local.names.table_name
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "imageId"
  range_key                   = "userId"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "imageId"
    type = "S"
  }

  attribute {
    name = "userId"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.main.arn
  }
}
