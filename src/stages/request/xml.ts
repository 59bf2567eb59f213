import { isUtf8 } from 'node:buffer'
import { SaxesParser } from 'saxes'
import { type Deny, deny } from '../contract.js'
import { isReadableCharset } from './multipart.js'
import { reasons } from './reasons.js'
import { type BodyParser, type StructureCaps, startsWithMark } from './strict-json.js'

const notText = deny(reasons.textEncoding)
const invalid = deny(reasons.xmlInvalid)
const doctype = deny(reasons.xmlDoctype)
/** As much of a name as stands in a place: a name may be as long as the body, and thousands of values lie below it. */
const maxNameLength = 64

/**
 * A parser of XML 1.0 that takes no document type declaration: without one there are no entities to expand or fetch
 * (billion laughs, external entities), and every text stands where it is read. Text, attributes, comments and processing
 * instructions all become values: what is forwarded is inspected. OWASP XML External Entity Prevention
 */
export function strictXml(caps: StructureCaps): BodyParser {
  const tooDeep = deny(reasons.tooDeep, { depth: caps.depth })
  const tooManyKeys = deny(reasons.tooManyKeys, { keys: caps.keys })
  const tooLong = deny(reasons.stringTooLong, { stringLength: caps.stringLength })
  return (bytes) => {
    if (!isUtf8(bytes) || startsWithMark(bytes)) return notText
    const values: { at: string; text: string }[] = []
    /** The places of the open elements, each written once. */
    const path: string[] = ['']
    let named = 0
    // Held in an object: handlers set it, and the compiler cannot follow a variable through them.
    const found: { fault: Deny | null } = { fault: null }
    const stop = (fault: Deny): never => {
      found.fault = fault
      throw new Error('refused')
    }
    const count = () => (++named > caps.keys ? stop(tooManyKeys) : undefined)
    const add = (at: string, text: string) => {
      if (caps.stringLength !== null && text.length > caps.stringLength) stop(tooLong)
      values.push({ at, text })
    }
    const below = (name: string) => `${path[path.length - 1] ?? ''}/${name}`
    const here = () => path[path.length - 1] || '/'

    const parser = new SaxesParser({ xmlns: false, position: false })
    parser.on('doctype', () => stop(doctype))
    parser.on('xmldecl', (declaration) => {
      if (!isReadableCharset(declaration.encoding)) stop(notText)
    })
    parser.on('opentagstart', (tag) => {
      count()
      path.push(below(tag.name.slice(0, maxNameLength)))
      if (path.length > caps.depth + 1) stop(tooDeep)
    })
    parser.on('attribute', (attribute) => {
      count()
      add(below(`@${attribute.name.slice(0, maxNameLength)}`), attribute.value)
    })
    parser.on('closetag', () => {
      path.pop()
    })
    parser.on('text', (text) => {
      if (/\S/.test(text)) add(here(), text)
    })
    parser.on('cdata', (text) => add(here(), text))
    parser.on('comment', (text) => {
      count()
      add(below('comment()'), text)
    })
    parser.on('processinginstruction', (instruction) => {
      count()
      add(below(`processing-instruction(${instruction.target.slice(0, maxNameLength)})`), instruction.body)
    })
    try {
      parser.write(bytes.toString('utf8')).close()
    } catch {
      return found.fault ?? invalid // saxes throws at the first thing that is not well-formed, undeclared entities too
    }
    return { kind: 'xml', values }
  }
}
