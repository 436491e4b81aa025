variable "project_name" {
  description = "What the names of everything begin with. Two environments in one account need two names."
  type        = string
  default     = "darkroom"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,22}[a-z0-9]$", var.project_name))
    error_message = "project_name is 3 to 24 lower-case letters, digits and hyphens, and begins with a letter: it becomes part of bucket names."
  }
}

variable "environment" {
  description = "The environment, as a tag and in the names of alarms."
  type        = string
  default     = "production"

  validation {
    condition     = can(regex("^[a-z0-9-]{1,20}$", var.environment))
    error_message = "environment is 1 to 20 lower-case letters, digits and hyphens."
  }
}

variable "region" {
  description = "The region that everything is made in."
  type        = string
  default     = "us-east-1"

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is the name of a region, such as eu-central-1."
  }
}

variable "tags" {
  description = "Further tags for everything."
  type        = map(string)
  default     = {}
}

variable "functions_dir" {
  description = "Where the functions' zip files are, as `darkroom package` makes them; null for dist/ in the repository."
  type        = string
  default     = null
}

variable "function_memory_mb" {
  description = "Memory of the functions that decode pictures, in MB. Processors come with it: 1769 MB are one."
  type        = number
  default     = 1769

  validation {
    condition     = var.function_memory_mb >= 256 && var.function_memory_mb <= 10240
    error_message = "function_memory_mb is 256 to 10240."
  }
}

variable "function_concurrency" {
  description = "How many executions of each function may run at once; -1 for no reservation."
  type        = number
  default     = -1

  validation {
    condition     = var.function_concurrency == -1 || var.function_concurrency >= 1
    error_message = "function_concurrency is -1, or 1 and more: with 0 nothing would run."
  }
}

variable "upload_expiration_days" {
  description = "After how many days an upload is deleted from the input bucket; 0 keeps it."
  type        = number
  default     = 0

  validation {
    condition     = var.upload_expiration_days >= 0 && floor(var.upload_expiration_days) == var.upload_expiration_days
    error_message = "upload_expiration_days is a whole number from 0."
  }
}

variable "noncurrent_version_days" {
  description = "How long an object that was replaced or deleted can be had back, in days."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_version_days >= 1
    error_message = "noncurrent_version_days is at least 1."
  }
}

variable "force_destroy_buckets" {
  description = "Whether `terraform destroy` deletes buckets that hold objects. For trials."
  type        = bool
  default     = false
}

variable "access_log_bucket" {
  description = "A bucket that takes the access logs of both buckets; null for no access logs."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Whether the table of records is protected from deletion."
  type        = bool
  default     = true
}

variable "log_level" {
  description = "What Step Functions logs of executions: ALL, ERROR, FATAL or OFF."
  type        = string
  default     = "ALL"

  validation {
    condition     = contains(["ALL", "ERROR", "FATAL", "OFF"], var.log_level)
    error_message = "log_level is ALL, ERROR, FATAL or OFF."
  }
}

variable "log_execution_data" {
  description = "Whether inputs and outputs of executions are logged, encrypted. They name users and files."
  type        = bool
  default     = true
}

variable "log_retention_days" {
  description = "How long logs are kept, in days."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is a number that CloudWatch Logs knows, such as 30, 90 or 365."
  }
}

variable "encrypt_executions" {
  description = "Whether inputs, outputs and definitions in Step Functions are encrypted with the project's own key. Fixed once it is made."
  type        = bool
  default     = false
}

variable "notification_emails" {
  description = "Who is told of failed images and alarms. Each has to confirm a mail from SNS."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.notification_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "notification_emails are e-mail addresses."
  }
}

variable "failures_threshold" {
  description = "More failed executions than this, in each of two windows of five minutes, are an alarm."
  type        = number
  default     = 5

  validation {
    condition     = var.failures_threshold >= 0
    error_message = "failures_threshold is at least 0."
  }
}

variable "timeouts_threshold" {
  description = "More timed-out executions than this, in each of two windows of five minutes, are an alarm."
  type        = number
  default     = 3

  validation {
    condition     = var.timeouts_threshold >= 0
    error_message = "timeouts_threshold is at least 0."
  }
}

variable "failure_ratio_percent" {
  description = "A larger share of executions than this, that fail or time out within fifteen minutes, is an alarm."
  type        = number
  default     = 20

  validation {
    condition     = var.failure_ratio_percent > 0 && var.failure_ratio_percent < 100
    error_message = "failure_ratio_percent is between 0 and 100."
  }
}
