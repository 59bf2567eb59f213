import { deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { inspectStage, json } from '../support/inspect-stage.js'

const attack = "1' OR 'a'='a"
const harmless = "O'Brien & Sons, 5 o'clock"
const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** An event of each platform around one text that a caller chose, as the platform writes it, and where it stands. */
const events: readonly [name: string, event: (text: string) => unknown, at: string][] = [
  [
    'S3',
    (text) => ({
      Records: [{ eventSource: 'aws:s3', s3: { object: { key: encodeURIComponent(text).replaceAll('%20', '+') } } }],
    }),
    'body:/Records/0/s3/object/key',
  ],
  [
    'SNS',
    (text) => ({
      Records: [{ EventSource: 'aws:sns', Sns: { Subject: 'x', Message: JSON.stringify({ note: text }) } }],
    }),
    'body:/Records/0/Sns/Message',
  ],
  [
    'SNS over HTTP',
    (text) => ({ Type: 'Notification', Message: text, TopicArn: 'arn:aws:sns:eu-west-1:1:a' }),
    'body:/Message',
  ],
  [
    'SQS',
    (text) => ({
      Records: [{ eventSource: 'aws:sqs', body: JSON.stringify({ Message: JSON.stringify({ a: text }) }) }],
    }),
    'body:/Records/0/body',
  ],
  [
    'SQS attributes',
    (text) => ({ Records: [{ messageAttributes: { a: { binaryValue: base64(text) } } }] }),
    'body:/Records/0/messageAttributes/a/binaryValue',
  ],
  [
    'Kinesis',
    (text) => ({ Records: [{ kinesis: { partitionKey: 'p', data: base64(text) } }] }),
    'body:/Records/0/kinesis/data',
  ],
  [
    'Firehose',
    (text) => ({
      deliveryStreamArn: 'arn:aws:firehose:eu-west-1:1:x',
      records: [{ recordId: '1', data: base64(JSON.stringify({ a: text })) }],
    }),
    'body:/records/0/data',
  ],
  [
    'DynamoDB',
    (text) => ({ Records: [{ dynamodb: { NewImage: { note: { S: text } } } }] }),
    'body:/Records/0/dynamodb/NewImage/note/S',
  ],
  [
    'DynamoDB binary',
    (text) => ({ Records: [{ dynamodb: { NewImage: { note: { B: base64(text) } } } }] }),
    'body:/Records/0/dynamodb/NewImage/note/B',
  ],
  [
    'EventBridge',
    (text) => ({ 'detail-type': 'x', source: 'shop', detail: { order: { note: text } } }),
    'body:/detail/order/note',
  ],
  [
    'CloudWatch Logs',
    (text) => ({ awslogs: { data: gzipSync(JSON.stringify({ logEvents: [{ message: text }] })).toString('base64') } }),
    'body:/awslogs/data',
  ],
  [
    'SES',
    (text) => ({ Records: [{ eventSource: 'aws:ses', ses: { mail: { commonHeaders: { subject: text } } } }] }),
    'body:/Records/0/ses/mail/commonHeaders/subject',
  ],
  [
    'Kafka value',
    (text) => ({
      eventSource: 'aws:kafka',
      records: { 'orders-0': [{ topic: 'orders', value: base64(text), headers: [] }] },
    }),
    'body:/records/orders-0/0/value',
  ],
  [
    'Kafka header',
    (text) => ({
      records: { 'orders-0': [{ topic: 'orders', value: 'AA==', headers: [{ h: [...Buffer.from(text)] }] }] },
    }),
    'body:/records/orders-0/0/headers/0/h',
  ],
  ['ActiveMQ', (text) => ({ eventSource: 'aws:mq', messages: [{ data: base64(text) }] }), 'body:/messages/0/data'],
  [
    'RabbitMQ',
    (text) => ({ rmqMessagesByQueue: { 'q::/': [{ data: base64(text) }] } }),
    'body:/rmqMessagesByQueue/q::~1/0/data',
  ],
  ['a function URL’s own event', (text) => ({ isBase64Encoded: true, body: base64(text) }), 'body:/body'],
  [
    'GitHub push',
    (text) => ({ ref: 'refs/heads/main', commits: [{ message: text, author: { name: 'a' } }] }),
    'body:/commits/0/message',
  ],
  [
    'GitLab issue',
    (text) => ({ object_kind: 'issue', object_attributes: { title: text } }),
    'body:/object_attributes/title',
  ],
  ['CloudEvents', (text) => ({ specversion: '1.0', type: 'x', data: { note: text } }), 'body:/data/note'],
  [
    'CloudEvents binary data',
    (text) => ({ specversion: '1.0', type: 'x', data_base64: base64(text) }),
    'body:/data_base64',
  ],
  [
    'a batch of CloudEvents',
    (text) => [
      { specversion: '1.0', data: {} },
      { specversion: '1.0', data_base64: base64(text) },
    ],
    'body:/1/data_base64',
  ],
  [
    'Pub/Sub push',
    (text) => ({ subscription: 's', message: { messageId: '1', data: base64(text) } }),
    'body:/message/data',
  ],
  [
    'Event Grid',
    (text) => [
      {
        eventType: 'Microsoft.Storage.BlobCreated',
        subject: 'x',
        data: { url: `https://x.blob.core.windows.net/c/${encodeURIComponent(text)}` },
      },
    ],
    'body:/0/data/url',
  ],
  ['Cosmos DB', (text) => [{ id: '1', _rid: 'x', note: text }], 'body:/0/note'],
  ['a blob', (text) => ({ BlobTrigger: `c/${text}`, Uri: 'https://x.blob.core.windows.net/c/a' }), 'body:/BlobTrigger'],
  ['a storage queue', (text) => ({ MessageText: base64(text) }), 'body:/MessageText'],
  [
    'Avro or Protobuf in Kinesis',
    (text) => ({
      Records: [
        {
          kinesis: {
            data: Buffer.concat([
              Buffer.from([0, 1, 0xff, 0xfe, 2]),
              Buffer.from(text),
              Buffer.from([0, 0x80, 3]),
            ]).toString('base64'),
          },
        },
      ],
    }),
    'body:/Records/0/kinesis/data',
  ],
  [
    'zlib in Kinesis',
    (text) => ({ Records: [{ kinesis: { data: deflateSync(text).toString('base64') } }] }),
    'body:/Records/0/kinesis/data',
  ],
]

t.test('what a caller planted in an event is found as its platform encodes it', async (t) => {
  const { judge } = inspectStage('inspect: { profile: event }')
  for (const [name, event, at] of events) {
    const denial = judge(json(event(attack)))
    t.equal(denial?.reason.code, 'inspect.sqli', name)
    t.equal(denial?.evidence['at'], at, `${name}: its place`)
    t.equal(judge(json(event(harmless))), null, `${name}: its twin`)
  }
})

t.test('short values are found too, which no guess would take for an encoding', async (t) => {
  const short = { Records: [{ kinesis: { data: base64("'or 1=1") } }] }
  t.equal(inspectStage('inspect: { profile: event }').judge(json(short))?.reason.code, 'inspect.sqli')
  t.match(inspectStage('inspect: { profile: event }').judge(json(short))?.evidence, { decoded: 'kinesis, base64' })
})

t.test('CloudEvents in headers are inspected like any header', async (t) => {
  const { judge } = inspectStage('inspect: { profile: event }')
  t.equal(judge({ headers: ['ce-subject', encodeURIComponent(attack)] })?.evidence['at'], 'header:/ce-subject')
  t.equal(judge({ headers: ['ce-subject', 'orders/5', 'ce-source', '/shop'] }), null)
})

t.test('an exception reaches a field of an event', async (t) => {
  const { judge } = inspectStage(
    'inspect: { profile: event, exceptions: { data: { rule: sqli, at: "body:/Records/*/kinesis/data", owner: ana, until: 2099-01-01 } } }',
  )
  t.equal(judge(json({ Records: [{ kinesis: { data: base64("'or 1=1") } }] })), null)
})

t.test('an event that unpacks to more than anybody sends is refused', async (t) => {
  const { judge } = inspectStage('inspect: { profile: event }')
  const bomb = deflateSync(Buffer.alloc(8 * 1024 * 1024, 97)).toString('base64')
  t.equal(judge(json({ Records: [{ kinesis: { data: bomb } }] }))?.reason.code, 'inspect.encoding')
  const large = deflateSync(Buffer.alloc(3 * 1024 * 1024, 97)).toString('base64')
  const many = Array.from({ length: 5 }, () => ({ kinesis: { data: large } }))
  t.equal(judge(json({ Records: many }))?.reason.code, 'inspect.encoding', 'many large ones as one larger')
  t.equal(judge(json({ Records: [{ kinesis: { data: large } }] })), null)
})

t.test('things that only look like events are left as they are', async (t) => {
  const { judge } = inspectStage('inspect: { profile: event }')
  for (const value of [
    null,
    5,
    'x',
    [],
    {},
    { Records: 5 },
    { Records: [null] },
    { records: { a: [{ topic: 1, headers: [[1, 'x']] }] } },
    { message: { data: 'not base64!' } },
  ]) {
    t.equal(judge(json(value)), null, JSON.stringify(value))
  }
})
