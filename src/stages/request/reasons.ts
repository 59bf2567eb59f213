import type { Reasons } from '../contract.js'

/** Every code `request` may deny with. Sentences are constant: nothing of the caller's text is ever in them. */
export const reasons = {
  bodyTooLarge: { code: 'request.body-too-large', status: 413, sentence: 'The body is larger than this route takes.' },
  bodyMissing: { code: 'request.body-missing', status: 400, sentence: 'This route needs a body.' },
  bodyUnexpected: { code: 'request.body-unexpected', status: 400, sentence: 'This method and route take no body.' },
  mediaType: {
    code: 'request.media-type',
    status: 415,
    sentence: 'The Content-Type is missing, malformed, repeated or not one this route takes.',
  },
  contentEncoding: {
    code: 'request.content-encoding',
    status: 415,
    sentence: 'A body with this Content-Encoding is not taken here; send it as it is.',
  },
  encodingInvalid: {
    code: 'request.encoding-invalid',
    status: 400,
    sentence: 'The body is not exactly one text in its Content-Encoding.',
  },
  encodingRatio: {
    code: 'request.encoding-ratio',
    status: 413,
    sentence: 'The body grows too much when it is decompressed.',
  },
  textEncoding: {
    code: 'request.text-encoding',
    status: 400,
    sentence: 'The body is not clean text in the declared character set (UTF-8 without byte order mark).',
  },
  jsonInvalid: { code: 'request.json-invalid', status: 400, sentence: 'The body is not valid JSON.' },
  jsonDuplicateKey: {
    code: 'request.json-duplicate-key',
    status: 400,
    sentence: 'A JSON object names one key twice, so two readers could see two values.',
  },
  jsonKeyEscaped: {
    code: 'request.json-key-escaped',
    status: 400,
    sentence: 'A key of the JSON body holds a quote, a backslash or a control character.',
  },
  jsonForbiddenKey: {
    code: 'request.json-forbidden-key',
    status: 400,
    sentence: 'A JSON key reaches for the prototype of objects (__proto__, constructor.prototype).',
  },
  jsonLoneSurrogate: {
    code: 'request.json-lone-surrogate',
    status: 400,
    sentence: 'A JSON string escapes half of a surrogate pair, which is no character.',
  },
  jsonNumber: {
    code: 'request.json-number',
    status: 400,
    sentence: 'A JSON number is out of range, or loses its fraction in double precision.',
  },
  tooDeep: { code: 'request.too-deep', status: 400, sentence: 'The body is nested deeper than this route takes.' },
  tooManyKeys: {
    code: 'request.too-many-keys',
    status: 400,
    sentence: 'The body holds more keys than this route takes.',
  },
  stringTooLong: {
    code: 'request.string-too-long',
    status: 400,
    sentence: 'The body holds a string longer than this route takes.',
  },
  formInvalid: {
    code: 'request.form-invalid',
    status: 400,
    sentence: 'The form is not cleanly encoded (percent sequences, UTF-8, no control characters).',
  },
  multipartInvalid: {
    code: 'request.multipart-invalid',
    status: 400,
    sentence: 'The multipart body has a boundary, header or part that readers could take differently.',
  },
  xmlInvalid: { code: 'request.xml-invalid', status: 400, sentence: 'The body is not well-formed XML.' },
  xmlDoctype: {
    code: 'request.xml-doctype',
    status: 400,
    sentence: 'XML with a document type declaration or entities of its own is not taken.',
  },
  bodyInvalid: { code: 'request.body-invalid', status: 400, sentence: 'The body does not fit its schema.' },
  pathEncoding: {
    code: 'request.path-encoding',
    status: 400,
    sentence: 'A path parameter is not cleanly percent-encoded UTF-8.',
  },
  pathInvalid: { code: 'request.path-invalid', status: 400, sentence: 'A path parameter does not fit its schema.' },
  queryEncoding: {
    code: 'request.query-encoding',
    status: 400,
    sentence: 'The query is not cleanly percent-encoded UTF-8.',
  },
  queryInvalid: { code: 'request.query-invalid', status: 400, sentence: 'A query parameter does not fit its schema.' },
  queryRepeated: {
    code: 'request.query-repeated',
    status: 400,
    sentence: 'A query parameter that has one value was given twice.',
  },
  queryUnknown: {
    code: 'request.query-unknown',
    status: 400,
    sentence: 'The query holds a parameter this route does not know.',
  },
  headerInvalid: { code: 'request.header-invalid', status: 400, sentence: 'A header does not fit its schema.' },
  headerRepeated: {
    code: 'request.header-repeated',
    status: 400,
    sentence: 'A header that has one value was given twice.',
  },
} as const satisfies Reasons
