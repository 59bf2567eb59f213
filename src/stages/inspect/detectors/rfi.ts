import { has } from '../character-classes.js'
import type { Detector, View } from '../view.js'

/*
 * Stops: remote file inclusion – a URL in a parameter that names a script to load, usually with a `?` to cut off what the
 *   application appends.
 * How: the whole value is a URL whose path ends in `?`, or names a script or a text file to be included, by address.
 * Limits: a URL that an API takes on purpose passes unless it has that shape; https://example.com/image.png does.
 */
export const rfi: Detector = {
  name: 'rfi',
  anchors: [
    { words: ['http://', 'https://', 'ftp://', 'ftps://'], needs: has.endsInQuestion, check: remote },
    {
      words: [
        ...[...'123456789'].flatMap((digit) => [`http://${digit}`, `https://${digit}`, `ftp://${digit}`]),
        '\\\\',
      ],
      check: remote,
    },
    { words: ['.txt', '.php', '.phtml', '.inc'], needs: has.slash, check: (view) => remote(view, 0) },
    {
      words: ['include(', 'require(', 'include "', "include '", 'require_once', 'include_once'],
      check: (view, _start, end) =>
        !view.document && /^\s{0,3}\(?\s{0,3}["']?(?:https?|ftp|php|data):/.test(view.lower.slice(end, end + 20))
          ? 'remote include'
          : null,
    },
  ],
}

const script = /\.(?:txt|php[3457]?|phtml|asp|aspx|jsp|jspx|cgi|pl|inc|sh|py|cfm|gif|jpg|png|dat|log|csv)\?{1,4}$/

function remote(view: View, start: number): string | null {
  if (start !== 0 || view.document || view.home === 'header' || view.home === 'key') return null
  const text = view.whole
  if (/\s/.test(text)) return null
  if (text.startsWith('\\\\'))
    return /^\\\\[\d.]{7,15}\\[\w$-]{1,40}\\/.test(text) ||
      (view.home !== 'body' && /^\\\\[\w.-]{3,60}\\[\w$-]{1,40}\\[\w.-]{1,40}/.test(text))
      ? 'network share'
      : null
  const bare = text.replace(/\?{1,4}$/, '')
  if (bare !== text && (script.test(text) || (view.home === 'query' && !bare.includes('?')))) return 'remote include'
  if (
    /^(?:https?|ftps?):\/\/\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?::\d{1,5})?\/[\w/.-]{0,120}\.(?:txt|php[3457]?|phtml|asp|jsp|cgi|pl|inc|sh|py|exe|elf|bin)$/.test(
      text,
    )
  )
    return 'remote include'
  if (
    view.home === 'query' &&
    /(?:^|[_-])(?:file|include|inc|page|template|tpl|root|path|dir|document|folder|pg|style|doc|src|conf)(?:$|[_\]-])/.test(
      view.name,
    ) &&
    /^(?:[a-z]{2,8}:)?\/\/.{1,300}\.(?:txt|php[3457]?|phtml|inc)(?:\?.{0,80})?$/.test(text)
  )
    return 'remote include'
  return null
}
