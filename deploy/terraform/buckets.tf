# Uploads and what is made of them: private, encrypted, over TLS only, tidied up.

locals {
  buckets = {
    input  = local.names.input_bucket
    output = local.names.output_bucket
  }
}

resource "aws_s3_bucket" "main" {
  # checkov:skip=CKV_AWS_18:Access logs are written where access_log_bucket names a bucket for them.
  # checkov:skip=CKV_AWS_144:A second region is not part of this platform; versions and the key's window guard against loss.
  # checkov:skip=CKV2_AWS_62:Only uploads start something, and those of the input bucket are told to EventBridge.
  for_each = local.buckets

  bucket        = each.value
  force_destroy = var.force_destroy_buckets
}

resource "aws_s3_bucket_ownership_controls" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "main" {
  for_each = local.buckets

  bucket                  = aws_s3_bucket.main[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.main.arn
    }
  }
}

resource "aws_s3_bucket_versioning" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id

  rule {
    id     = "unfinished-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  rule {
    id     = "noncurrent-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_version_days
    }

    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = each.key == "input" && var.upload_expiration_days > 0 ? [var.upload_expiration_days] : []

    content {
      id     = "uploads"
      status = "Enabled"

      filter {
        prefix = "uploads/"
      }

      expiration {
        days = rule.value
      }
    }
  }

  # A rule about versions is refused by a bucket that keeps none.
  depends_on = [aws_s3_bucket_versioning.main]
}

resource "aws_s3_bucket_policy" "main" {
  for_each = local.buckets

  bucket = aws_s3_bucket.main[each.key].id
  policy = templatefile("${local.policies}/resource-bucket.json", { bucket = each.value })

  # Both change the bucket's policy settings, and one at a time is taken.
  depends_on = [aws_s3_bucket_public_access_block.main]
}

resource "aws_s3_bucket_logging" "main" {
  for_each = var.access_log_bucket == null ? {} : local.buckets

  bucket        = aws_s3_bucket.main[each.key].id
  target_bucket = var.access_log_bucket
  target_prefix = "${each.value}/"
}

resource "aws_s3_bucket_notification" "input" {
  bucket      = aws_s3_bucket.main["input"].id
  eventbridge = true
}
