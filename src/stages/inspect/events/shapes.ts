/** How a platform writes a value that a caller of its own chose. */
export type Written = 'base64' | 'url' | 'bytes'

/**
 * A field of an event, found by the shape of what surrounds it: its place with `*` for any item or key, the key that must
 * stand beside the first star (or at the top), and how the field is written. Everything else of an event is text as it
 * stands and is inspected as any value; JSON and gzip inside are undone wherever they turn up.
 */
export interface EventField {
  readonly platform: string
  readonly at: readonly string[]
  readonly beside: string
  readonly written: Written
}

const field = (platform: string, at: string, beside: string, written: Written): EventField => ({
  platform,
  at: at.split('.'),
  beside,
  written,
})

/** The fields that platforms encode. Each vendor documents its event under the name given first. */
export const eventFields: readonly EventField[] = [
  // AWS Lambda developer guide, "Process Amazon S3 event notifications": keys are URL encoded, blanks as plus signs.
  field('s3', 'Records.*.s3.object.key', 's3', 'url'),
  field('kinesis', 'Records.*.kinesis.data', 'kinesis', 'base64'),
  field('firehose', 'records.*.data', 'data', 'base64'),
  field('dynamodb', 'Records.*.dynamodb.NewImage.*.B', 'dynamodb', 'base64'),
  field('dynamodb', 'Records.*.dynamodb.OldImage.*.B', 'dynamodb', 'base64'),
  field('dynamodb', 'Records.*.dynamodb.Keys.*.B', 'dynamodb', 'base64'),
  field('dynamodb', 'Records.*.dynamodb.NewImage.*.BS.*', 'dynamodb', 'base64'),
  field('dynamodb', 'Records.*.dynamodb.NewImage.*.M.*.B', 'dynamodb', 'base64'),
  field('sqs', 'Records.*.messageAttributes.*.binaryValue', 'messageAttributes', 'base64'),
  field('sns', 'Records.*.Sns.MessageAttributes.*.Value', 'Sns', 'base64'),
  field('sns', 'MessageAttributes.*.Value', 'MessageAttributes', 'base64'),
  field('ses', 'content', 'mail', 'base64'),
  field('cloudwatch-logs', 'awslogs.data', 'awslogs', 'base64'),
  field('kafka', 'records.*.*.key', 'topic', 'base64'),
  field('kafka', 'records.*.*.value', 'topic', 'base64'),
  field('kafka', 'records.*.*.headers.*.*', 'topic', 'bytes'),
  field('mq', 'messages.*.data', 'data', 'base64'),
  field('mq', 'rmqMessagesByQueue.*.*.data', 'data', 'base64'),
  // API Gateway, load balancers and function URLs, when one function hands its event to another.
  field('http', 'body', 'isBase64Encoded', 'base64'),
  field('http', 'rawPath', 'isBase64Encoded', 'url'),
  field('http', 'rawQueryString', 'isBase64Encoded', 'url'),
  // CloudEvents 1.0, JSON format, section 3.1.1, alone and in a batch
  field('cloudevents', 'data_base64', 'specversion', 'base64'),
  field('cloudevents', '*.data_base64', 'specversion', 'base64'),
  // Google Cloud Pub/Sub, push subscriptions; alone and as a function of the first generation gets it
  field('pubsub', 'message.data', 'message', 'base64'),
  field('pubsub', 'data.message.data', 'data', 'base64'),
  field('pubsub', 'data.data', 'data', 'base64'),
  field('gcs', 'name', 'bucket', 'url'),
  field('gcs', 'data.name', 'data', 'url'),
  // Azure Event Grid: the URL of a blob, and messages of a storage queue
  field('event-grid', '*.data.url', 'eventType', 'url'),
  field('event-grid', 'data.url', 'data', 'url'),
  field('event-grid', '*.subject', 'eventType', 'url'),
  field('event-grid', 'subject', 'subject', 'url'),
  field('blob', 'BlobTrigger', 'BlobTrigger', 'url'),
  field('blob', 'Uri', 'BlobTrigger', 'url'),
  field('queue', 'MessageText', 'MessageText', 'base64'),
]
