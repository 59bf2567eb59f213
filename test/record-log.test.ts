import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { createLog, type Log } from '../src/record/log.js'
import { descriptorSink, fileSink, type Sink, streamSink } from '../src/record/sink.js'

const dropped = (count: number): string => `{"dropped":${count}}\n`
const lineOf = (number: number): string => `{"n":${number},"text":"${'x'.repeat(number % 90)}"}\n`

/** What a reader of the log can tell: the lines that came, the gaps it was told of, and whether each line is whole. */
function readBack(text: string): { numbers: number[]; missing: number } {
  const numbers: number[] = []
  let missing = 0
  if (text !== '' && !text.endsWith('\n')) throw new Error(`the last line is cut: ${text.slice(-80)}`)
  for (const line of text.split('\n').slice(0, -1)) {
    const parsed: { n?: number; dropped?: number } = JSON.parse(line)
    if (parsed.dropped === undefined) numbers.push(Number(parsed.n))
    else missing += parsed.dropped
  }
  return { numbers, missing }
}

/** Every line either stands in the log or is counted there: and both in the order in which they were written. */
function accountFor(t: Tap, text: string, sent: number, log: Log, unsaid = 0): void {
  const { numbers, missing } = readBack(text)
  t.ok(
    numbers.every((number, i) => i === 0 || number > (numbers[i - 1] ?? 0)),
    'in order, none twice',
  )
  t.equal(numbers.length + missing + unsaid, sent, 'written and dropped lines are all there were')
  t.equal(log.stats.droppedLines, missing + unsaid)
  t.equal(log.stats.writtenLines, numbers.length)
}
type Tap = Pick<typeof t, 'ok' | 'equal'>

/** A sink under control: it takes what it is told to, and keeps it. */
function slowSink(): Sink & {
  text: () => string
  next: (error: string | null, bytes?: number) => boolean
  waiting: () => boolean
} {
  const kept: Buffer[] = []
  let waiting: { bytes: Buffer; done: Parameters<Sink['write']>[1] } | null = null
  return {
    write(bytes, done) {
      if (waiting !== null) throw new Error('two writes at once')
      waiting = { bytes, done }
    },
    next(error, bytes = Number.POSITIVE_INFINITY) {
      if (waiting === null) return false
      const { bytes: given, done } = waiting
      waiting = null
      const taken = Math.min(bytes, given.length)
      kept.push(Buffer.from(given.subarray(0, taken)))
      done(error === null ? null : Object.assign(new Error(error), { code: error }), taken)
      return true
    },
    text: () => Buffer.concat(kept).toString(),
    waiting: () => waiting !== null,
  }
}

t.test('lines are gathered: one write for many', async (t) => {
  const sink = slowSink()
  const log = createLog({ sink, dropped, chunkBytes: 1_000, intervalMs: 60_000 })
  let sent = 0
  while (!sink.waiting()) log.write(lineOf(sent++))
  t.ok(sent > 10, `the first write came with line ${sent}`)
  for (let i = 0; i < 50; i++) log.write(lineOf(sent++))
  const flushed = log.flush(10_000)
  while (sink.next(null));
  t.equal(await flushed, 0)
  accountFor(t, sink.text(), sent, log)
})

t.test('a quiet log is written soon, without waiting for more', async (t) => {
  const arrived = new Promise<string>((resolve) => {
    const log = createLog({
      sink: { write: (bytes) => resolve(bytes.toString()) },
      dropped,
      intervalMs: 1,
    })
    log.write(lineOf(1))
  })
  // The log's own timer keeps no process alive, so the test does.
  const alive = setTimeout(() => {}, 10_000)
  t.equal(await arrived, lineOf(1))
  clearTimeout(alive)
})

t.test('a sink that stalls costs a bounded memory and a counted number of lines', async (t) => {
  const sink = slowSink()
  const log = createLog({ sink, dropped, chunkBytes: 500, maxBytes: 5_000 })
  for (let i = 0; i < 2_000; i++) {
    log.write(lineOf(i))
    if (log.stats.heldBytes > 5_100) t.fail(`held ${log.stats.heldBytes}`)
  }
  t.ok(log.stats.droppedLines > 1_800)
  sink.next(null)
  log.write(lineOf(2_000))
  log.write(lineOf(2_001))
  const flushed = log.flush(10_000)
  while (sink.next(null));
  t.equal(await flushed, 0)
  accountFor(t, sink.text(), 2_002, log)
  t.match(sink.text(), /\{"dropped":[0-9]+\}\n\{"n":2000,/, 'the gap is told where it is')
  t.equal(log.stats.heldBytes, 0)
})

t.test('whatever a sink does, no line is lost uncounted, cut or doubled', async (t) => {
  let seed = 4711
  const random = (): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    return (seed >>> 8) / 2 ** 24
  }
  for (let round = 0; round < 60; round++) {
    const sink = slowSink()
    const log = createLog({ sink, dropped, chunkBytes: 300, maxBytes: 2_000, intervalMs: 60_000, retryMs: 0 })
    let sent = 0
    for (let i = 0; i < 400; i++) {
      const choice = random()
      if (choice < 0.7) log.write(random() < 0.1 ? `{"n":${sent++},"text":"grüße 日本 😀"}\n` : lineOf(sent++))
      else if (choice < 0.85) sink.next(null, Math.floor(random() * 400))
      else if (choice < 0.95) sink.next('ENOSPC', random() < 0.5 ? 0 : Math.floor(random() * 300))
      else await new Promise(setImmediate)
    }
    const flushed = log.flush(10_000)
    while (await Promise.race([flushed.then(() => false), new Promise<boolean>((go) => setImmediate(go, true))]))
      sink.next(null)
    const { numbers, missing } = readBack(sink.text())
    if (
      numbers.length + missing !== sent ||
      log.stats.droppedLines !== missing ||
      log.stats.writtenLines !== numbers.length
    ) {
      t.fail(`round ${round}: ${numbers.length} + ${missing} of ${sent}, ${JSON.stringify(log.stats)}`)
    }
    if (numbers.some((number, i) => i > 0 && number <= (numbers[i - 1] ?? 0))) t.fail(`round ${round}: out of order`)
    if (log.stats.heldBytes !== 0) t.fail(`round ${round}: ${log.stats.heldBytes} bytes held`)
  }
  t.pass('60 rounds of stalls, part writes and errors')
})

t.test('a full disk loses what does not fit, says how much, and writes again once there is room', async (t) => {
  const folder = t.testdir()
  const full = openSync('/dev/full', 'w')
  const disk = openSync(join(folder, 'log.json'), 'a')
  t.teardown(() => {
    closeSync(full)
    closeSync(disk)
  })
  let isFull = true
  const sink: Sink = { write: (bytes, done) => descriptorSink(isFull ? full : disk).write(bytes, done) }
  const told: (string | null)[] = []
  const onFault = (fault: string | null) => void told.push(fault)
  const log = createLog({ sink, dropped, maxBytes: 20_000, chunkBytes: 2_000, retryMs: 1, onFault })
  let sent = 0
  while (log.stats.droppedLines < 500) {
    log.write(lineOf(sent++))
    if (sent % 50 === 0) await new Promise(setImmediate)
  }
  while (log.stats.fault === null) await new Promise(setImmediate)
  t.equal(log.stats.fault, 'ENOSPC')
  t.ok(log.stats.heldBytes <= 20_100)
  isFull = false
  while (log.stats.fault !== null || log.stats.heldBytes > 10_000) await new Promise(setImmediate)
  for (let i = 0; i < 10; i++) log.write(lineOf(sent++))
  t.equal(await log.flush(10_000), 0)
  t.same(told, ['ENOSPC', null], 'told when it began and when it was over')
  accountFor(t, readFileSync(join(folder, 'log.json'), 'utf8'), sent, log)
})

t.test('a disk that stays full does not keep the process from stopping', async (t) => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const log = createLog({ sink: descriptorSink(full), dropped })
  for (let i = 0; i < 100; i++) log.write(lineOf(i))
  t.equal(await log.flush(50), 100, 'as many as were lost')
  t.match(log.stats, { droppedLines: 100, writtenLines: 0, heldBytes: 0, fault: 'ENOSPC' })
})

t.test('a pipe that nobody reads loses no line uncounted, and flows again when somebody does', async (t) => {
  const reader = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => reader.kill('SIGKILL'))
  let text = ''
  reader.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  reader.kill('SIGSTOP')
  const log = createLog({ sink: streamSink(reader.stdin), dropped, maxBytes: 100_000, retryMs: 1 })
  let sent = 0
  while (log.stats.droppedLines < 1_000) {
    log.write(lineOf(sent++))
    if (sent % 100 === 0) await new Promise(setImmediate)
  }
  t.ok(log.stats.heldBytes <= 100_100, 'memory is bounded')
  t.ok(reader.stdin.writableLength <= 40_000, 'one write is under way, not a queue of them')
  reader.kill('SIGCONT')
  while (log.stats.heldBytes > 50_000) await new Promise(setImmediate)
  for (let i = 0; i < 10; i++) log.write(lineOf(sent++))
  t.equal(await log.flush(10_000), 0)
  const ended = new Promise((resolve) => reader.stdout.once('end', resolve))
  reader.stdin.end()
  await ended
  accountFor(t, text, sent, log)
})

t.test('a reader that goes away is no reason to die', async (t) => {
  const reader = spawn('cat', { stdio: ['pipe', 'ignore', 'inherit'] })
  const log = createLog({ sink: streamSink(reader.stdin), dropped, maxBytes: 10_000, chunkBytes: 1_000, retryMs: 1 })
  log.write(lineOf(1))
  t.equal(await log.flush(10_000), 0)
  const gone = new Promise((resolve) => reader.once('exit', resolve))
  reader.kill('SIGKILL')
  await gone
  for (let i = 0; i < 1_000; i++) log.write(lineOf(i))
  const lost = await log.flush(50)
  t.ok(lost > 0)
  t.equal(log.stats.droppedLines + log.stats.writtenLines, 1_001)
  t.match(log.stats, { fault: 'EPIPE', heldBytes: 0 })
  const ended = new PassThrough()
  ended.end()
  const late = createLog({ sink: streamSink(ended), dropped })
  late.write(lineOf(1))
  t.equal(await late.flush(50), 1, 'nor is a stream that was ended')
})

t.test('a log file can be taken away and is opened anew when asked', async (t) => {
  const folder = t.testdir()
  const path = join(folder, 'log.json')
  const sink = fileSink(path)
  const log = createLog({ sink, dropped, retryMs: 1 })
  log.write(lineOf(1))
  await log.flush(10_000)
  renameSync(path, `${path}.1`)
  log.write(lineOf(2))
  await log.flush(10_000)
  sink.reopen()
  log.write(lineOf(3))
  await log.flush(10_000)
  t.equal(readFileSync(`${path}.1`, 'utf8'), lineOf(1) + lineOf(2))
  t.equal(readFileSync(path, 'utf8'), lineOf(3))
  t.equal(statSync(path).mode & 0o777 & 0o027, 0, 'not for everybody to read')
  rmSync(folder, { recursive: true })
  sink.reopen()
  log.write(lineOf(4))
  t.equal(await log.flush(50), 1, 'a folder that is gone is a fault like others')
  t.equal(log.stats.fault, 'ENOENT')
})

/** Runs a process whose standard output is the log; it tells its figures on standard error and has to end by itself. */
function runLogger(stdout: number | 'pipe', lines: number, flushMs: number) {
  const program = `
    import { createLog } from ${JSON.stringify(new URL('../src/record/log.js', import.meta.url).href)}
    import { standardSink } from ${JSON.stringify(new URL('../src/record/sink.js', import.meta.url).href)}
    const log = createLog({ sink: standardSink(process.stdout), dropped: (n) => '{"dropped":' + n + '}\\n', maxBytes: 500_000 })
    let longest = 0
    let last = performance.now()
    let sent = 0
    const turn = () => {
      const now = performance.now()
      longest = Math.max(longest, now - last)
      last = now
      for (let i = 0; i < 200 && sent < ${lines}; i++) log.write('{"n":' + sent++ + ',"text":"' + 'x'.repeat(80) + '"}\\n')
      if (sent < ${lines}) return setImmediate(turn)
      log.flush(${flushMs}).then((lost) => {
        process.stderr.write(JSON.stringify({ ...log.stats, lost, longest }), () => process.exit(0))
      })
    }
    turn()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', stdout, 'pipe'] })
  let told = ''
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    told += piece
  })
  const ended = new Promise<{
    code: number | null
    writtenLines: number
    droppedLines: number
    lost: number
    longest: number
  }>((resolve, reject) => {
    child.once('exit', (code) => {
      try {
        resolve({ code, ...JSON.parse(told) })
      } catch {
        reject(new Error(`exit ${code}: ${told}`))
      }
    })
  })
  return { child, ended }
}

t.test('a process whose output is a full disk works on and stops when told', async (t) => {
  const full = openSync('/dev/full', 'w')
  t.teardown(() => closeSync(full))
  const end = await runLogger(full, 20_000, 100).ended
  t.match(end, { code: 0, writtenLines: 0, droppedLines: 20_000 })
})

t.test('a process whose output nobody reads works on and stops when told', async (t) => {
  const { child, ended } = runLogger('pipe', 50_000, 100)
  t.teardown(() => child.kill('SIGKILL'))
  const end = await ended
  t.equal(end.code, 0)
  t.equal(end.writtenLines + end.droppedLines, 50_000)
  t.ok(end.droppedLines > 10_000, `${end.droppedLines} dropped`)
})

t.test('a process whose output is a file writes every line', async (t) => {
  const path = join(t.testdir(), 'log.json')
  const file = openSync(path, 'a')
  t.teardown(() => closeSync(file))
  const end = await runLogger(file, 20_000, 10_000).ended
  const { numbers, missing } = readBack(readFileSync(path, 'utf8'))
  t.equal(numbers.length + missing, 20_000)
  t.match(end, { code: 0, writtenLines: numbers.length, droppedLines: missing, lost: 0 })
})
