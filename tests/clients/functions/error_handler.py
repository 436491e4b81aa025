# The specification's "Error Handler Lambda", with the import that it lacks.
import os
import json
import boto3
from datetime import datetime

def lambda_handler(event, context):
    """Handle errors in the Step Functions workflow"""
    
    image_id = event.get('imageId')
    user_id = event.get('userId')
    error = event.get('error')
    step = event.get('step')
    
    # Update DynamoDB with error status
    dynamodb = boto3.resource('dynamodb')
    table = dynamodb.Table(os.environ['DYNAMODB_TABLE'])
    
    try:
        table.update_item(
            Key={
                'imageId': image_id,
                'userId': user_id
            },
            UpdateExpression='SET #status = :status, errorInfo = :errorInfo, updatedAt = :updatedAt',
            ExpressionAttributeNames={
                '#status': 'status'
            },
            ExpressionAttributeValues={
                ':status': 'failed',
                ':errorInfo': {
                    'step': step,
                    'error': str(error),
                    'timestamp': datetime.utcnow().isoformat()
                },
                ':updatedAt': datetime.utcnow().isoformat()
            }
        )
        
        return {
            'statusCode': 200,
            'body': {
                'message': 'Error handled successfully',
                'imageId': image_id,
                'step': step,
                'error': str(error)
            }
        }
        
    except Exception as e:
        return {
            'statusCode': 500,
            'body': {
                'message': 'Failed to handle error',
                'error': str(e)
            }
        }
