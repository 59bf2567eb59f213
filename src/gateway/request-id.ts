import { randomFillSync } from 'node:crypto'

const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/**
 * Makes request ids in the form of a ULID: 10 characters of time, 16 of chance, sortable by arrival. Random bytes are
 * drawn in pages, because one system call per request is dear.
 */
export function requestIds(): (now: number) => string {
  const page = Buffer.alloc(4096)
  let used = page.length
  let time = -1
  let prefix = ''
  return (now) => {
    if (now !== time) {
      time = now
      prefix = encodeTime(now)
    }
    if (used + 16 > page.length) {
      randomFillSync(page)
      used = 0
    }
    let id = prefix
    for (let i = 0; i < 16; i++) id += alphabet[(page[used + i] ?? 0) & 31]
    used += 16
    return id
  }
}

function encodeTime(now: number): string {
  let rest = now
  let text = ''
  for (let i = 0; i < 10; i++) {
    text = `${alphabet[rest % 32]}${text}`
    rest = Math.floor(rest / 32)
  }
  return text
}
