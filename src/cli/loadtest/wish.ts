import { closeSync, openSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseDuration } from '../../values/duration.js'
import { nearest } from '../../values/nearest.js'
import { isLoopback } from '../address.js'
import { type Given, UsageFault } from '../command.js'
import type { Caller } from './callers.js'
import type { SampleWish } from './sample.js'
import { type Shape, shapes } from './shapes.js'

/** What is asked of a load test. */
export interface LoadWish {
  /** As the operator wrote it, for messages. */
  readonly named: string
  /** Absolute. */
  readonly folder: string
  /** `POST /orders`; null: all routes. */
  readonly route: string | null
  readonly limit: string | null
  readonly shape: Shape
  /** Null: long enough to see a window pass. */
  readonly durationMs: number | null
  readonly offered: number
  readonly quiet: number
  readonly tier: string | null
  readonly gateways: number
  readonly sample: SampleWish
  /** Running gateways; empty: gateways of our own. */
  readonly targets: readonly URL[]
  readonly callers: readonly Caller[] | null
  readonly json: boolean
  /** Absolute. */
  readonly html: string | null
}

/** Reads the flags. Throws UsageFault for what makes no test. */
export function readWish(given: Given, cwd: string): LoadWish {
  const route = given.arguments.join(' ')
  if (given.has('all') === (route !== '')) throw new UsageFault('Which limits? Name a route, or say --all.')
  const targets = given.texts('target').map((text) => readTarget(text, given.has('i-own-this')))
  const callersFile = given.text('callers-file')
  if (callersFile !== undefined && targets.length === 0) {
    throw new UsageFault('--callers-file is for --target: here credentials are made for the test.')
  }
  const named = given.text('policies') ?? 'policies'
  const body = given.text('body')
  const html = given.text('html')
  return {
    named,
    folder: resolve(cwd, named),
    route: route === '' ? null : route.replace(/^[a-z]+/, (method) => method.toUpperCase()),
    limit: given.text('limit') ?? null,
    shape: readShape(given.text('shape') ?? 'steady'),
    durationMs: readDuration(given.text('for')),
    offered: readNumber('offered', (given.text('offered') ?? '4x').replace(/x$/, ''), 0.1, 1_000),
    quiet: readNumber('callers', given.text('callers') ?? '2', 0, 50),
    tier: given.text('tier') ?? null,
    gateways: readNumber('gateways', given.text('gateways') ?? '1', 1, 8),
    sample: {
      target: given.text('send'),
      body: body === undefined ? null : readBody(resolve(cwd, body)),
      headers: Object.fromEntries(given.texts('header').map(readHeader)),
    },
    targets,
    callers: callersFile === undefined ? null : readCallers(resolve(cwd, callersFile)),
    json: given.has('json'),
    html: html === undefined ? null : writable(resolve(cwd, html)),
  }
}

function readShape(text: string): Shape {
  const shape = shapes.find((each) => each === text)
  if (shape !== undefined) return shape
  const meant = nearest(text, shapes)
  throw new UsageFault(
    `There is no shape ${text}. ${meant === undefined ? `Shapes: ${shapes.join(', ')}.` : `Did you mean ${meant}?`}`,
  )
}

function readDuration(text: string | undefined): number | null {
  if (text === undefined) return null
  const ms = parseDuration(text)
  if (ms === null || ms < 500 || ms > 3_600_000) {
    throw new UsageFault(`--for takes a duration of 500ms to 60m, such as 8s; it is "${text}".`)
  }
  return ms
}

function readNumber(flag: string, text: string, least: number, most: number): number {
  const number = Number(text)
  if (text.trim() !== '' && number >= least && number <= most) return number
  throw new UsageFault(`--${flag} takes a number from ${least} to ${most}; it is "${text}".`)
}

function readBody(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new UsageFault(`--body names a file; ${file} cannot be read: ${reasonOf(error)}.`)
  }
}

/** Asked before the load begins: a run of minutes must not end without its report. */
function writable(file: string): string {
  try {
    closeSync(openSync(file, 'a'))
    return file
  } catch (error) {
    throw new UsageFault(`--html names a file to write; ${file} cannot be written: ${reasonOf(error)}.`)
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : 'it failed')

function readHeader(text: string): readonly [string, string] {
  const colon = text.indexOf(':')
  if (colon < 1) throw new UsageFault(`--header takes "Name: value"; it is "${text}".`)
  return [text.slice(0, colon).trim().toLowerCase(), text.slice(colon + 1).trim()]
}

/** Load on somebody else's gateway is an attack: another machine is asked only by those who say that it is theirs. */
function readTarget(text: string, isOwned: boolean): URL {
  if (!URL.canParse(text)) throw new UsageFault(`--target takes a URL, such as http://127.0.0.1:8080; it is "${text}".`)
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new UsageFault(`--target speaks HTTP, not ${url.protocol}`)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isOwned || host === 'localhost' || isLoopback(host)) return url
  throw new UsageFault(`${url.host} is not this machine. If it is yours, and its functions may be called: --i-own-this`)
}

function readCallers(file: string): readonly Caller[] {
  let list: unknown
  try {
    list = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageFault(`${file} cannot be read as JSON: ${reasonOf(error)}.`)
  }
  if (!Array.isArray(list) || list.length === 0) throw new UsageFault(`${file} holds no list of callers.`)
  return list.map((entry: unknown, i): Caller => {
    const { name, headers }: { name?: unknown; headers?: unknown } = Object(entry)
    if (typeof headers !== 'object' || headers === null)
      throw new UsageFault(`Caller ${i + 1} in ${file} has no headers.`)
    const texts = Object.entries(headers).map(([key, value]) => [key.toLowerCase(), String(value)])
    const who = typeof name === 'string' ? name : `caller-${i + 1}`
    // Whoever they are to the gateway: each counts for itself.
    return { name: who, address: '', client: who, claims: { sub: who }, headers: Object.fromEntries(texts) }
  })
}
